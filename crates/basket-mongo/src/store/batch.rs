//! A batch of a [`subscription`](super::subscription): events, and the streams that they are of, with what was kept of each
//! before and what is to be kept now.

use std::collections::HashMap;

use bson::{Bson, Document};

use super::{
    codec::{Codec, Id, id_of_key, key_bytes},
    entry::Entry,
    feed::{Mark, Moved, Parked, Position},
};

/// Events to answer, and then to [keep](super::subscription::Subscription::keep).
pub struct Batch<C: Codec> {
    /// The events, each for the first time.
    pub entries: Vec<Entry<C>>,
    /// Whether there was nothing more to read after them.
    pub is_last: bool,
    pub(super) position: Option<Position>,
    /// Events in it that had been kept before.
    pub(super) known: u64,
    pub(super) streams: HashMap<Vec<u8>, Touched>,
}

/// A stream in a batch.
pub(super) struct Touched {
    pub(super) key: Bson,
    pub(super) before: Mark,
    pub(super) version: u64,
    pub(super) parked: Option<Parked>,
    pub(super) row: Option<Document>,
}

impl<C: Codec> Batch<C> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), is_last: false, position: None, known: 0, streams: HashMap::new() }
    }

    /// How many events are read with it: also those that a row was folded from, though they come after the batch.
    pub fn events(&self) -> u64 {
        self.streams.values().map(|stream| stream.version.saturating_sub(stream.before.version)).sum()
    }

    /// The streams that it has events of: their ids, and what was kept of them before.
    pub fn streams(&self) -> Vec<(Id<C>, Mark)> {
        let moved = self.streams.values().filter(|stream| stream.version > stream.before.version);
        moved.filter_map(|stream| Some((id_of_key::<C>(&stream.key)?, stream.before.clone()))).collect()
    }

    /// What is kept of a stream from now on, which was read up to this version.
    pub fn set_row(&mut self, id: &Id<C>, version: u64, row: Document) {
        if let Some(stream) = self.streams.get_mut(&key_bytes(&C::key(id))) {
            (stream.version, stream.row) = (version.max(stream.version), Some(row));
        }
    }

    /// Leaves events out that were not answered, as if they had not been read: they come again after this batch is kept.
    pub fn put_off(&mut self, entries: impl IntoIterator<Item = Entry<C>>) {
        for entry in entries {
            if let Some(stream) = self.stop_before(&entry) {
                stream.parked.clone_from(&stream.before.parked);
            }
            (self.position, self.is_last) = (None, false);
        }
    }

    /// Parks the stream of an event that can't be answered: it counts as read up to the event before.
    pub fn park(&mut self, entry: &Entry<C>, why: String) {
        let parked = Parked { document: entry.document.to_string(), version: i64::try_from(entry.version).ok(), why };
        if let Some(stream) = self.stop_before(entry) {
            stream.parked = Some(parked);
        }
    }

    fn stop_before(&mut self, entry: &Entry<C>) -> Option<&mut Touched> {
        let stream = self.streams.get_mut(&key_bytes(&C::key(&entry.stream)))?;
        stream.version = stream.version.min(entry.version.saturating_sub(1));
        Some(stream)
    }

    /// Whether nothing is to be kept of it but the position.
    pub(super) fn is_empty(&self) -> bool {
        !self.streams.values().any(Touched::is_moved)
    }

    /// The marks that move.
    pub(super) fn moved(self) -> Vec<Moved> {
        let moved = self.streams.into_values().filter(Touched::is_moved);
        let moved = moved.map(|Touched { key, before, version, parked, row }| Moved {
            key,
            from: before.version,
            to: Mark { version, row: row.or(before.row), parked },
        });
        moved.collect()
    }
}

impl Touched {
    pub(super) fn new(key: Bson, before: Mark) -> Self {
        Self { key, version: before.version, parked: before.parked.clone(), before, row: None }
    }

    fn is_moved(&self) -> bool {
        self.version != self.before.version || self.parked != self.before.parked
    }
}
