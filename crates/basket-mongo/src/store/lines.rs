//! Commands of one process to one stream line up. Without that, of many writers at once each would load and decide, one of them
//! would come first, and the work of all others was for nothing. It is a courtesy and no lock: writers of other processes know
//! nothing of it, and the version of the stream alone decides who came first.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Mutex as Line, OwnedMutexGuard};

/// The lines of one store and its clones: one for each stream that a command is at.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<ByKey>>);

type ByKey = BTreeMap<Vec<u8>, Arc<Line<()>>>;

/// The turn of a command at its streams, until it is dropped.
#[derive(Debug, Default)]
pub struct Turns(Vec<Turn>);

#[derive(Debug)]
struct Turn {
    place: Place,
    /// None while it waits.
    guard: Option<OwnedMutexGuard<()>>,
}

/// A place in a line.
#[derive(Debug)]
struct Place {
    lines: Lines,
    key: Vec<u8>,
    line: Arc<Line<()>>,
}

impl Lines {
    /// Waits until nobody is before it at any of these streams, each named by its key in bytes.
    ///
    /// Who lines up at several does so in the order of the keys, so that no two commands wait for each other.
    pub async fn line_up(&self, mut keys: Vec<Vec<u8>>) -> Turns {
        keys.sort();
        keys.dedup();
        let mut turns = Turns::default();
        for key in keys {
            let mut turn = Turn { place: self.place(key), guard: None };
            turn.guard = Some(Arc::clone(&turn.place.line).lock_owned().await);
            turns.0.push(turn);
        }
        turns
    }

    /// At how many streams there is a command, or waits for one.
    pub fn streams(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn place(&self, key: Vec<u8>) -> Place {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = Arc::clone(lines.entry(key.clone()).or_default());
        Place { lines: self.clone(), key, line }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let Place { lines, key, line } = &self.place;
        let mut lines = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Ours, and that in the map: nobody else is in this line.
        if Arc::strong_count(line) == 2 {
            lines.remove(key);
        }
    }
}
