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
    clients::{Client, Load, Store},
    history::{Call, Record},
    hurried::Hurried,
    kept::Kept,
    laws,
    readers::{Readable, Readers},
    row::Row,
};

/// How long a store may take to serve again after a fault.
const PATIENCE: Duration = Duration::from_secs(60);

/// Clients at work.
pub struct Clients {
    record: &'static Record,
    goes_on: Arc<AtomicBool>,
    running: JoinSet<()>,
}

impl Clients {
    /// All of a load's clients.
    pub fn start<S: Store>(store: &S, load: Load) -> Self {
        // It is as old as the process: some hundred kilobytes a fault.
        let record: &'static Record = Box::leak(Box::default());
        let (goes_on, mut running) = (Arc::new(AtomicBool::new(true)), JoinSet::new());
        for number in 0..load.clients {
            let (store, goes_on) = (store.clone(), Arc::clone(&goes_on));
            // Those that line up, and those that come from elsewhere.
            match number % 2 {
                0 => running.spawn(at_work(Client::new(store, record, number, load), goes_on)),
                _ => running.spawn(at_work(Client::new(Hurried(store), record, number, load), goes_on)),
            };
        }
        Self { record, goes_on, running }
    }

    /// Waits until the store answers again: until some writes that have begun from now on were acknowledged.
    pub async fn are_answered(&mut self) -> anyhow::Result<()> {
        let (begun, (before, _)) = (Instant::now(), self.record.progress(usize::MAX));
        while self.record.progress(before).1 < 20 {
            // One that ends now has panicked.
            if let Some(ended) = self.running.try_join_next() {
                ended?;
            }
            let last = || self.record.last_words();
            ensure!(
                begun.elapsed() < PATIENCE,
                "no 20 writes were acknowledged within {PATIENCE:?}; the last words: {}",
                last()
            );
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Ends them, when each has settled what it was not told; returns what they did.
    pub async fn stop(mut self) -> anyhow::Result<Vec<Call>> {
        self.goes_on.store(false, SeqCst);
        while let Some(ended) = self.running.join_next().await {
            ended?;
        }
        Ok(self.record.calls())
    }
}

async fn at_work<S: Store>(mut client: Client<'static, S>, goes_on: Arc<AtomicBool>) {
    client.run(|| goes_on.load(SeqCst)).await;
    client.settle().await;
}

/// Clients at work, and two readers.
pub struct UnderLoad<S> {
    clients: Clients,
    readers: Readers<S>,
}

impl<S: Store + Readable> UnderLoad<S> {
    /// As [`Clients::start`], with readers.
    pub fn start(store: &S, load: Load) -> Self {
        Self { readers: Readers::start(store), clients: Clients::start(store, load) }
    }

    /// As [`Clients::are_answered`].
    pub async fn answers(&mut self) -> anyhow::Result<()> {
        self.clients.are_answered().await
    }

    /// Ends it, when each client has settled what it was not told, and says what broke a law.
    pub async fn end(self, address: &str, rounds: usize) -> anyhow::Result<Row> {
        let (calls, kept) = (self.clients.stop().await?, Kept::of_mongo(address).await?);
        let mut broken = laws::check(&calls, &kept);
        broken.extend(self.readers.end(&kept).await?);
        let mut row = Row { rounds, ..Row::default() };
        row.add(&calls, broken);
        row.silence(&calls);
        Ok(row)
    }
}
