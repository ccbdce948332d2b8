//! The right to write is taken from clients at work, and given back: on a server that of their user, on a file that of the user whose
//! processes they are. Meanwhile each write is refused, says why, and has written nothing.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::Context;
use basket_cli::EmbeddedStore;
use basket_mongo::{MongoStore, store::maintenance::Maintenance};
use bson::doc;
use testkit::own_server::OwnServer;
use tokio::time::sleep;

use super::{Setting, medium::unclear};
use crate::{
    clients::{Ask, Load},
    history::{self, Call, Told},
    kept::Kept,
    laws::{self, Broken, Law},
    list::Lists,
    process::{Process, Task, Work},
    readers::Readers,
    row::Row,
    under_load::Clients,
};

/// What each client does.
const ASKS: &[Ask] = &[Ask::Append, Ask::Append, Ask::Across, Ask::Claim, Ask::Save, Ask::Read];

/// A user without any rights of their own. Root may write everything.
const NOBODY: u32 = 65_534;

pub(super) async fn of_a_user(setting: Setting) -> anyhow::Result<Row> {
    let Some(mut server) = OwnServer::start_program().await else {
        return Ok(Row::not_run("there is no mongod on the PATH"));
    };
    let user = |name: &str, roles: &[&str]| doc! { "createUser": name, "pwd": "s3cret", "roles": roles };
    server.lock([user("owner", &["dbOwner"]), user("ann", &["read", "readWrite"])]).await;
    let mut random = fastrand::Rng::with_seed(setting.seed);
    let owner = MongoStore::<Lists>::at(&server.address_of("owner")).await?;
    let store = MongoStore::<Lists>::at(&server.address_of("ann")).await?;
    let (readers, mut clients) =
        (Readers::start(&owner), Clients::start(&store, Load { clients: 16, streams: 8, ..setting.load(ASKS) }));
    let database = owner.collection().client().database("basket_db");
    clients.are_answered().await?;
    for _ in 0..setting.rounds {
        for change in ["revokeRolesFromUser", "grantRolesToUser"] {
            database.run_command(doc! { change: "ann", "roles": ["readWrite"] }).await?;
            sleep(Duration::from_millis(random.u64(50..400))).await;
        }
        clients.are_answered().await?;
    }
    let calls = clients.stop().await?;
    let kept = Kept::of_mongo(&server.address_of("owner")).await?;
    let mut broken = laws::check(&calls, &kept);
    broken.extend(readers.end(&kept).await?);
    Ok(row(setting, &calls, broken, "refuses access"))
}

pub(super) async fn of_a_file(setting: Setting) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let medium = folder.path().join("medium");
    fs::create_dir(&medium)?;
    allow(folder.path(), 0o755)?;
    allow(&medium, 0o777)?;
    let path = medium.join("lists.db");
    let mut random = fastrand::Rng::with_seed(setting.seed);
    let mut processes = Vec::new();
    for number in 0..4 {
        let store = path.display().to_string();
        let task = Task { store, number, seed: setting.seed, streams: 4, work: Work::All, wound: setting.wound };
        let record = folder.path().join(number.to_string());
        let as_nobody = |command: &mut Command| {
            command.uid(NOBODY);
        };
        let Ok(process) = Process::start(&task, &record, as_nobody) else {
            return Ok(Row::not_run("another user may not run the binary of this build"));
        };
        processes.push(process);
    }
    while !path.exists() || !processes.iter().all(Process::has_begun) {
        sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..setting.rounds {
        sleep(Duration::from_millis(random.u64(50..400))).await;
        allow(&path, 0o444)?;
        allow(&medium, 0o555)?;
        sleep(Duration::from_millis(random.u64(50..400))).await;
        allow(&medium, 0o777)?;
        allow(&path, 0o644)?;
    }
    let restored = history::now();
    sleep(Duration::from_secs(1)).await;
    let calls = Process::kill_all(processes)?.concat();
    let store = EmbeddedStore::<Lists>::at(&path);
    let mut broken = laws::check(&calls, &Kept::of_store(&store).await?);
    broken.extend(store.faults().await?.into_iter().map(|fault| Broken { law: Law::Whole, how: format!("{fault:?}") }));
    let is_served = |call: &Call| call.begun > restored && matches!(call.told, Told::Kept(_));
    if !calls.iter().any(is_served) {
        broken.push(Broken { law: Law::Served, how: "nothing is written, though it may be again".into() });
    }
    Ok(row(setting, &calls, broken, "read-only"))
}

fn row(setting: Setting, calls: &[Call], mut broken: Vec<Broken>, word: &str) -> Row {
    broken.extend(calls.iter().filter_map(|call| unclear(call, word)));
    let mut row = Row { rounds: setting.rounds, ..Row::default() };
    row.add(calls, broken);
    let refused = |call: &&Call| matches!(&call.told, Told::NotKept(why) if why.contains(word));
    row.note = format!("{} calls were refused for want of the right", calls.iter().filter(refused).count());
    row
}

fn allow(path: &Path, mode: u32) -> anyhow::Result<()> {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).with_context(|| path.display().to_string())
}
