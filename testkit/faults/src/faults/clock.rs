//! The clock of the writers, or of the server, jumps: an hour back, a year ahead, and to and fro. Versions and not times say what came
//! first, so nothing that a client is told depends on it. The clock is libfaketime's; how long something takes is not changed by it.

use std::{
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;
use basket_cli::EmbeddedStore;
use basket_mongo::{EventLog, MongoStore, Scope};
use bson::DateTime;
use futures_util::TryStreamExt;
use testkit::{
    mongo::{REPLICA_SET, server},
    own_server::{OwnServer, initiate},
};
use tokio::time::{sleep, timeout};

use super::{Setting, medium::unclear};
use crate::{
    clients::{Ask, Load, Store},
    kept::Kept,
    laws,
    list::Lists,
    process::{Process, Task, Work},
    readers::{self, Readable},
    row::Row,
    under_load::UnderLoad,
};

/// Where Debian and its kin have it, on each kind of machine.
const LIBRARY: &str = "faketime/libfaketime.so.1";

/// Where the clock of writers jumps to, from what it is.
const JUMPS: &[&str] = &["-1h", "+1y", "+0", "-1y", "+2h"];

/// Where that of a server does. MongoDB refuses clients whose newest time is more than a year ahead of its own, and so its own past.
const JUMPS_OF_SERVER: &[&str] = &["+364d", "-1h", "+0", "+1h", "-1h"];

/// What the clients of the server do.
const ASKS: &[Ask] = &[Ask::Append, Ask::Append, Ask::Across, Ask::Claim, Ask::Save, Ask::Read];

/// How long a process may take to look at its clock again, and some time to work by it.
const A_WHILE: RangeInclusive<u64> = 1_000..=1_500;

/// Why it may not be tried.
const NO_LIBRARY: &str = "libfaketime is not installed";

/// A clock of some processes that can be set.
struct Clock {
    library: PathBuf,
    file: tempfile::NamedTempFile,
}

impl Clock {
    /// None where there is no libfaketime.
    fn new() -> anyhow::Result<Option<Self>> {
        let folders = fs::read_dir("/usr/lib")?.flatten().map(|folder| folder.path().join(LIBRARY));
        let Some(library) = folders.into_iter().find(|library| library.exists()) else { return Ok(None) };
        let clock = Self { library, file: tempfile::NamedTempFile::new()? };
        clock.set("+0")?;
        Ok(Some(clock))
    }

    /// Sets it so far from the real time.
    fn set(&self, offset: &str) -> anyhow::Result<()> {
        // In one step: who reads it meanwhile must not find half of it.
        let next = self.file.path().with_extension("next");
        fs::write(&next, format!("{offset}\n"))?;
        Ok(fs::rename(next, self.file.path())?)
    }

    /// Has a process use it.
    fn variables(&self) -> [(&'static str, String); 4] {
        let shown = |path: &Path| path.display().to_string();
        [
            ("LD_PRELOAD", shown(&self.library)),
            ("FAKETIME_TIMESTAMP_FILE", shown(self.file.path())),
            ("FAKETIME_CACHE_DURATION", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }
}

pub(super) async fn of_writers(setting: Setting) -> anyhow::Result<Row> {
    let Some(clock) = Clock::new()? else { return Ok(Row::not_run(NO_LIBRARY)) };
    let name = format!("faults_{}_{}", setting.seed, fastrand::u32(..));
    let address = format!("{}{name}", server(REPLICA_SET));
    let store = MongoStore::<Lists>::at(&address).await?;
    let row = jumps(setting, &clock, &address, &store).await;
    store.collection().client().database(&name).drop().await?;
    row
}

pub(super) async fn of_writers_to_a_file(setting: Setting) -> anyhow::Result<Row> {
    let Some(clock) = Clock::new()? else { return Ok(Row::not_run(NO_LIBRARY)) };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("lists.db");
    jumps(setting, &clock, &path.display().to_string(), &EmbeddedStore::at(&path)).await
}

/// Six writers and a read model; the clock of the first three and of the model jumps.
async fn jumps<S: Store + Readable>(setting: Setting, clock: &Clock, address: &str, store: &S) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let mut random = fastrand::Rng::with_seed(setting.seed);
    let mut processes = Vec::new();
    for number in 0..7 {
        let work = if number == 0 { Work::Project } else { Work::All };
        let task = Task { store: address.into(), number, seed: setting.seed, streams: 4, work, wound: setting.wound };
        let jumping = |command: &mut Command| {
            if number < 4 {
                command.envs(clock.variables());
            }
        };
        processes.push(Process::start(&task, &folder.path().join(number.to_string()), jumping)?);
    }
    while !processes.iter().all(Process::has_begun) {
        sleep(Duration::from_millis(5)).await;
    }
    for round in 0..setting.rounds {
        clock.set(JUMPS[round % JUMPS.len()])?;
        sleep(Duration::from_millis(random.u64(A_WHILE))).await;
    }
    // The lease of a read model is by its clock: it would end in a year.
    clock.set("+0")?;
    sleep(Duration::from_millis(*A_WHILE.end())).await;
    let calls = Process::kill_all(processes)?.concat();
    // What was on its way then, a busy server may write now.
    sleep(Duration::from_secs(1)).await;
    let kept = Kept::of_store(store).await?;
    let mut broken = laws::check(&calls, &kept);
    readers::catch_up(store).await?;
    broken.extend(readers::is_fold(store, &kept).await?);
    // Nothing but a slow machine is in their way.
    broken.extend(calls.iter().filter_map(|call| unclear(call, "can't be reached")));
    let mut row = Row { rounds: setting.rounds, ..Row::default() };
    row.add(&calls, broken);
    let years = years(store).await?;
    row.note = format!("the events were recorded in the years {years}, by their own clocks");
    Ok(row)
}

/// The first and the last year in which an event was recorded.
async fn years<S: EventLog<Lists>>(store: &S) -> anyhow::Result<String> {
    let times: Vec<_> = store.log(Scope::All).map_ok(|entry| entry.recorded_at).try_collect().await?;
    let year = |time: Option<&DateTime>| {
        let text = time.and_then(|time| time.try_to_rfc3339_string().ok()).unwrap_or_default();
        text.split('-').next().unwrap_or_default().to_owned()
    };
    Ok(format!("{} to {}", year(times.iter().min()), year(times.iter().max())))
}

pub(super) async fn of_a_server(setting: Setting) -> anyhow::Result<Row> {
    let Some(clock) = Clock::new()? else { return Ok(Row::not_run(NO_LIBRARY)) };
    let Some(mut server) = OwnServer::program() else {
        return Ok(Row::not_run("there is no mongod on the PATH"));
    };
    server.kill("KILL");
    server.variables = clock.variables().map(|(name, value)| (name.to_owned(), value)).to_vec();
    server.run();
    initiate(&format!("127.0.0.1:{}", server.port())).await?;
    let mut random = fastrand::Rng::with_seed(setting.seed);
    let store = MongoStore::<Lists>::at(&server.address()).await?;
    let mut load = UnderLoad::start(&store, Load { clients: 16, streams: 8, ..setting.load(ASKS) });
    load.answers().await?;
    let mut stuck = 0;
    for round in 0..setting.rounds {
        clock.set(JUMPS_OF_SERVER[round % JUMPS_OF_SERVER.len()])?;
        sleep(Duration::from_millis(random.u64(A_WHILE))).await;
        if timeout(Duration::from_secs(5), load.answers()).await.is_err() {
            stuck += 1;
            server.kill("KILL");
            server.run();
            load.answers().await.context("the server does not come back")?;
        }
    }
    // Nothing may wait for an old clock while the clients settle what is open.
    server.kill("KILL");
    server.run();
    load.answers().await.context("the server does not come back")?;
    let mut row = load.end(&server.address(), setting.rounds).await?;
    row.note = format!("in {stuck} rounds the server gave no answer until it was started again");
    Ok(row)
}
