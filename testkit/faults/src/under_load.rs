//! Clients and readers that go on while a fault is tried, and what has become of all they did.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    clients::{Ask, Client, Store},
    history::Record,
    kept::Kept,
    laws,
    readers::{Readable, Readers},
    row::Row,
};

/// How long a store may take to serve again after a fault.
const PATIENCE: Duration = Duration::from_secs(60);

/// What goes on.
pub struct UnderLoad<S> {
    record: &'static Record,
    goes_on: Arc<AtomicBool>,
    clients: JoinSet<()>,
    readers: Readers<S>,
}

impl<S: Store + Readable> UnderLoad<S> {
    /// So many clients, which do what `asks` says on so many streams at a time, and two readers.
    pub fn start(store: &S, clients: usize, seed: u64, asks: &'static [Ask], streams: u64) -> Self {
        // It is as old as the process: some hundred kilobytes a fault.
        let record: &'static Record = Box::leak(Box::default());
        let goes_on = Arc::new(AtomicBool::new(true));
        let readers = Readers::start(store);
        let mut running = JoinSet::new();
        for number in 0..clients {
            let (store, goes_on) = (store.clone(), Arc::clone(&goes_on));
            running.spawn(async move {
                let mut client = Client::new(store, record, number, seed, asks, streams);
                client.run(|| goes_on.load(SeqCst)).await;
                client.settle().await;
            });
        }
        Self { record, goes_on, clients: running, readers }
    }

    /// Waits until the store answers again: until some writes that have begun from now on were acknowledged.
    pub async fn answers(&self) -> anyhow::Result<()> {
        let (begun, (before, _)) = (Instant::now(), self.record.progress(usize::MAX));
        while self.record.progress(before).1 < 20 {
            ensure!(begun.elapsed() < PATIENCE, "no write was acknowledged within {PATIENCE:?}");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Ends it, when each client has settled what it was not told, and says what broke a law.
    pub async fn end(mut self, address: &str, rounds: usize) -> anyhow::Result<Row> {
        self.goes_on.store(false, SeqCst);
        while let Some(ended) = self.clients.join_next().await {
            ended?;
        }
        let (calls, kept) = (self.record.calls(), Kept::of_mongo(address).await?);
        let mut broken = laws::check(&calls, &kept);
        broken.extend(self.readers.end(&kept).await?);
        let mut row = Row { rounds, ..Row::default() };
        row.add(&calls, broken);
        row.silence(&calls);
        Ok(row)
    }
}
