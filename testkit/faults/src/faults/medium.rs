//! A disk that is full: of a server, which ends then, and of an embedded file, whose calls fail and say why. When there is room
//! again, all goes on.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;
use basket_cli::EmbeddedStore;
use basket_mongo::{MongoStore, store::maintenance::Maintenance};
use bson::doc;
use testkit::own_server::{OwnServer, initiate};
use tokio::time::{sleep, timeout};

use super::Setting;
use crate::{
    clients::{Ask, Load},
    history::{Call, Told},
    kept::Kept,
    laws::{self, Broken, Law},
    list::Lists,
    readers,
    row::Row,
    under_load::{Clients, UnderLoad},
};

/// Clients at once.
const WRITERS: usize = 16;

/// What each of them does.
const ASKS: &[Ask] = &[Ask::Append, Ask::Append, Ask::Across, Ask::Claim, Ask::Save, Ask::Read];

/// Why it may not be tried.
const NO_MOUNT: &str = "no file system may be mounted here";

/// A file system in memory, mounted at a folder.
struct Medium(PathBuf);

impl Medium {
    /// One of this size; `None` where it may not be mounted.
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        let options = format!("size={size}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "basket"]).arg(folder).output();
        mount.is_ok_and(|mount| mount.status.success()).then(|| Self(folder.to_owned()))
    }

    /// Leaves so many bytes free, or fewer.
    fn fill(&self, free: usize) -> anyhow::Result<()> {
        let mut ballast = File::create(self.0.join("ballast"))?;
        while ballast.write_all(&[1; 4096]).is_ok() {}
        let full = ballast.metadata()?.len();
        Ok(ballast.set_len(full.saturating_sub(free as u64))?)
    }

    fn free(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.0.join("ballast"))?)
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.0).output().ok();
    }
}

pub(super) async fn full_under_a_server(setting: Setting) -> anyhow::Result<Row> {
    let Some(mut server) = OwnServer::program() else {
        return Ok(Row::not_run("there is no mongod on the PATH"));
    };
    server.kill("KILL");
    // Its journal takes 100 MB at a time.
    let Some(medium) = Medium::mount(server.folder(), "640m") else { return Ok(Row::not_run(NO_MOUNT)) };
    server.run();
    initiate(&format!("127.0.0.1:{}", server.port())).await?;
    let mut random = fastrand::Rng::with_seed(setting.seed);
    let store = MongoStore::<Lists>::at(&server.address()).await?;
    let mut load = UnderLoad::start(&store, Load { clients: WRITERS, streams: 16, ..setting.load(ASKS) });
    let mut ended = 0;
    for _ in 0..setting.rounds {
        load.answers().await?;
        medium.fill(random.usize(0..1 << 20))?;
        sleep(Duration::from_millis(random.u64(0..500))).await;
        // It writes its checkpoint now, and not within a minute; and ends by itself when it can't.
        let admin = server.database("admin", "directConnection=true&serverSelectionTimeoutMS=500").await;
        timeout(Duration::from_secs(5), admin.run_command(doc! { "fsync": 1 })).await.ok();
        sleep(Duration::from_millis(200)).await;
        ended += usize::from(server.has_ended());
        medium.free()?;
        if server.has_ended() {
            server.run();
        }
        load.answers().await.context("the server does not come back")?;
    }
    let mut row = load.end(&server.address(), setting.rounds).await?;
    row.note = format!("in {ended} rounds the server has ended itself");
    // Before the medium is.
    server.kill("KILL");
    drop(medium);
    Ok(row)
}

pub(super) async fn full_under_a_file(setting: Setting) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let Some(medium) = Medium::mount(folder.path(), "64m") else { return Ok(Row::not_run(NO_MOUNT)) };
    let mut random = fastrand::Rng::with_seed(setting.seed);
    let store = EmbeddedStore::<Lists>::at(folder.path().join("lists.db"));
    let mut clients = Clients::start(&store, Load { clients: WRITERS, streams: 16, ..setting.load(ASKS) });
    clients.are_answered().await?;
    for _ in 0..setting.rounds {
        medium.fill(random.usize(0..1 << 17))?;
        sleep(Duration::from_millis(random.u64(50..500))).await;
        medium.free()?;
        clients.are_answered().await?;
    }
    let calls = clients.stop().await?;
    let kept = Kept::of_store(&store).await?;
    let mut broken = laws::check(&calls, &kept);
    broken.extend(store.faults().await?.into_iter().map(|fault| Broken { law: Law::Whole, how: format!("{fault:?}") }));
    readers::catch_up(&store).await?;
    broken.extend(readers::is_fold(&store, &kept).await?);
    broken.extend(calls.iter().filter_map(|call| unclear(call, "full")));
    let mut row = Row { rounds: setting.rounds, ..Row::default() };
    row.add(&calls, broken);
    row.silence(&calls);
    Ok(row)
}

/// Whether the store has refused a call without the word that says why.
pub(super) fn unclear(call: &Call, word: &str) -> Option<Broken> {
    match &call.told {
        // What a decision refuses, because another one was first, is no matter of the store.
        Told::NotKept(why) if !why.contains(word) && *why != std::fmt::Error.to_string() => {
            Some(Broken { law: Law::Served, how: format!("'{why}' does not say '{word}'") })
        }
        _ => None,
    }
}
