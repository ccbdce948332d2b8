//! Sixteen processes use one file, and some or all of them are killed at the same moment, again and again. Where all are, the next
//! ones find the file and its log as the killed ones have left them.

use std::time::{Duration, Instant};

use anyhow::ensure;
use basket_cli::EmbeddedStore;
use basket_mongo::store::maintenance::Maintenance;
use tokio::time::sleep;

use super::Setting;
use crate::{
    kept::Kept,
    laws::{self, Broken, Law},
    list::Lists,
    process::{Process, Task, Work},
    readers,
    row::Row,
};

/// Processes at once.
const CROWD: usize = 16;

pub(super) async fn killed(setting: Setting) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let (mut random, mut number) = (fastrand::Rng::with_seed(setting.seed), 0);
    let path = folder.path().join("lists.db");
    let mut crowd = Vec::<Process>::new();
    let (mut calls, mut at_work, mut dead) = (Vec::new(), 0, 0);
    for _ in 0..setting.rounds {
        while crowd.len() < CROWD {
            number += 1;
            let (store, record) = (path.display().to_string(), folder.path().join(number.to_string()));
            // What one kill in the middle can tear apart: commits of several events, and of several streams.
            let work = if number % 2 == 0 { Work::All } else { Work::Across };
            let task = Task { store, number, seed: setting.seed, streams: 4, work, wound: setting.wound };
            crowd.push(Process::start(&task, &record, |_| {})?);
        }
        let started = Instant::now();
        while !crowd.iter().all(Process::has_begun) {
            ensure!(started.elapsed() < Duration::from_secs(60), "a client does not begin");
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_micros(random.u64(0..300_000))).await;
        random.shuffle(&mut crowd);
        // All of them in every other round.
        let left = if random.bool() { 0 } else { random.usize(1..CROWD) };
        dead += usize::from(left == 0);
        for of_process in Process::kill_all(crowd.split_off(left))? {
            at_work += usize::from(of_process.last().is_some_and(|call| call.ended.is_none()));
            calls.extend(of_process);
        }
    }
    calls.extend(Process::kill_all(crowd)?.concat());
    let store = EmbeddedStore::<Lists>::at(&path);
    let kept = Kept::of_store(&store).await?;
    let mut broken = laws::check(&calls, &kept);
    broken.extend(store.faults().await?.into_iter().map(|fault| Broken { law: Law::Whole, how: format!("{fault:?}") }));
    readers::catch_up(&store).await?;
    broken.extend(readers::is_fold(&store, &kept).await?);
    let mut row = Row { rounds: setting.rounds, ..Row::default() };
    row.add(&calls, broken);
    row.note = format!(
        "{number} processes; {at_work} of them were killed in the middle of a call, and in {dead} rounds all at once"
    );
    Ok(row)
}
