//! Commands of one process to one stream line up. Without that, of many writers at once each would load and decide, one of them
//! would come first, and the work of all others was for nothing. It is a courtesy and no lock: writers of other processes know
//! nothing of it, and the version of the stream alone decides who came first.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{Mutex as First, OwnedMutexGuard},
    time::timeout,
};

/// A command that waits in a line goes on without a turn when nobody has had one for so long. The first in the line may be a future
/// that nobody polls, or it may wait for a server that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The lines of one store and its clones: one for each stream that a command is at.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<BTreeMap<Vec<u8>, Arc<Line>>>>);

/// The turn of a command at its streams, until it is dropped.
#[derive(Debug, Default)]
pub struct Turns(Vec<Turn>);

#[derive(Debug, Default)]
struct Line {
    first: Arc<First<()>>,
    /// How many have had their turn.
    served: AtomicU64,
}

/// A place in a line; its first place with a guard.
#[derive(Debug)]
struct Turn {
    lines: Lines,
    key: Vec<u8>,
    /// None when it has left.
    line: Option<Arc<Line>>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Lines {
    /// Waits for a turn at each of these streams, which are named by their keys in bytes.
    ///
    /// The turns are taken in the order of the keys, so that no two commands wait for each other.
    pub async fn line_up(&self, mut keys: Vec<Vec<u8>>) -> Turns {
        keys.sort();
        keys.dedup();
        let mut turns = Turns::default();
        for key in keys {
            let mut turn = self.place(key);
            if let Some(line) = turn.line.clone() {
                turn.guard = line.wait().await;
            }
            turns.0.push(turn);
        }
        turns
    }

    /// At how many streams there is a command, or waits for one.
    pub fn streams(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn place(&self, key: Vec<u8>) -> Turn {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = Arc::clone(lines.entry(key.clone()).or_default());
        Turn { lines: self.clone(), key, line: Some(line), guard: None }
    }
}

impl Line {
    /// Waits as long as the line moves.
    async fn wait(&self) -> Option<OwnedMutexGuard<()>> {
        let mut first = pin!(Arc::clone(&self.first).lock_owned());
        loop {
            let served = self.served.load(Relaxed);
            match timeout(PATIENCE, &mut first).await {
                Ok(guard) => return Some(guard),
                Err(_) if self.served.load(Relaxed) == served => return None,
                Err(_) => {}
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Who leaves without a turn has not moved the line.
        if let (Some(line), Some(_)) = (&self.line, &self.guard) {
            line.served.fetch_add(1, Relaxed);
        }
        self.guard = None;
        let mut lines = self.lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.line = None;
        // The last one that counts is the map's own: the line is empty.
        if lines.get(&self.key).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.key);
        }
    }
}
