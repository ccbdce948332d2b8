//! A client that is killed at random moments of what it does, on MongoDB and on a file. Four do so at a time, on the same streams,
//! and each is followed by another one.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::ensure;
use basket_cli::EmbeddedStore;
use basket_mongo::MongoStore;
use testkit::mongo::{REPLICA_SET, server};
use tokio::time::sleep;

use super::Setting;
use crate::{
    clients::{Ask, Load, Store},
    history::Call,
    kept::Kept,
    laws,
    list::Lists,
    process::{Process, Task, Work},
    readers::{self, Readable},
    row::Row,
    under_load::Clients,
};

/// Processes at once.
const LANES: usize = 4;

/// How long one is left alone at most, from its first line on, in milliseconds: some calls, or the start of a read model and
/// some batches.
fn longest(work: Work) -> u64 {
    if work == Work::Project { 800 } else { 200 }
}

pub(super) async fn appending(setting: Setting) -> anyhow::Result<Row> {
    on_mongo(setting, Work::Append).await
}

pub(super) async fn across(setting: Setting) -> anyhow::Result<Row> {
    on_mongo(setting, Work::Across).await
}

pub(crate) async fn projecting(setting: Setting) -> anyhow::Result<Row> {
    on_mongo(setting, Work::Project).await
}

pub(super) async fn appending_to_a_file(setting: Setting) -> anyhow::Result<Row> {
    on_a_file(setting, Work::Append).await
}

pub(super) async fn across_a_file(setting: Setting) -> anyhow::Result<Row> {
    on_a_file(setting, Work::Across).await
}

pub(super) async fn projecting_a_file(setting: Setting) -> anyhow::Result<Row> {
    on_a_file(setting, Work::Project).await
}

async fn on_mongo(setting: Setting, work: Work) -> anyhow::Result<Row> {
    let address = format!("{}faults_{}_{}", server(REPLICA_SET), setting.seed, fastrand::u32(..));
    let store = MongoStore::<Lists>::at(&address).await?;
    let row = killed(setting, work, &address, &store).await;
    store.collection().client().database(&store.collection().namespace().db).drop().await?;
    row
}

async fn on_a_file(setting: Setting, work: Work) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("lists.db");
    killed(setting, work, &path.display().to_string(), &EmbeddedStore::at(&path)).await
}

async fn killed<S: Store + Readable>(setting: Setting, work: Work, address: &str, store: &S) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    // Of what is projected, someone must write: to so many streams that few get another event, which would show what was missed.
    let writers = (work == Work::Project).then(|| {
        Clients::start(
            store,
            Load { clients: 2, streams: 1_000, ..setting.load(&[Ask::Append, Ask::Across, Ask::Save]) },
        )
    });
    let lanes = (0..LANES).map(|lane| kill_one_after_the_other(lane, setting, work, address, folder.path()));
    let done = futures_util::future::try_join_all(lanes).await?;
    let (mut calls, mut at_work) = (Vec::new(), 0);
    for (of_lane, killed) in done {
        calls.extend(of_lane);
        at_work += killed;
    }
    if let Some(writers) = writers {
        calls.extend(writers.stop().await?);
    }
    let kept = Kept::of_store(store).await?;
    let mut broken = laws::check(&calls, &kept);
    if work == Work::Project {
        readers::catch_up(store).await?;
        broken.extend(readers::is_fold(store, &kept).await?);
    }
    let mut row = Row { rounds: setting.rounds, ..Row::default() };
    row.add(&calls, broken);
    row.note = format!("in {at_work} rounds it was in the middle of a call");
    Ok(row)
}

/// Kills one process after the other; returns all they did, and how many were in the middle of a call.
async fn kill_one_after_the_other(
    lane: usize,
    setting: Setting,
    work: Work,
    store: &str,
    folder: &Path,
) -> anyhow::Result<(Vec<Call>, usize)> {
    let mut random = fastrand::Rng::with_seed(setting.seed ^ lane as u64);
    let (mut calls, mut at_work) = (Vec::new(), 0);
    for round in (lane..setting.rounds).step_by(LANES) {
        let number = 1_000 + round;
        let task = Task { store: store.into(), number, seed: setting.seed, streams: 4, work, wound: setting.wound };
        let process = Process::start(&task, &folder.join(lane.to_string()), |_| {})?;
        let started = Instant::now();
        while !process.has_begun() {
            ensure!(started.elapsed() < Duration::from_secs(30), "a client does not begin");
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_micros(random.u64(0..longest(work) * 1_000))).await;
        let of_process = process.kill()?;
        at_work += usize::from(work == Work::Project || of_process.last().is_some_and(|call| call.ended.is_none()));
        calls.extend(of_process);
    }
    Ok((calls, at_work))
}
