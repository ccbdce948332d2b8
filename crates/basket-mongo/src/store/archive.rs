//! Streams that have ended and were moved out of a store, to a file of an [`Export`](super::exchange::Export): the events are
//! deleted, and a note says where they are. Who finds no event of a stream asks here; so the road of a stream that is there is
//! as it was. An import of the file brings the events back.
//!
//! A read model keeps the row of a stream that was moved, and its numbers count the events; so it can't say well how far behind it is
//! ([`FeedState::behind`](super::feed::FeedState::behind)) until it is rebuilt, and takes a lost history for a restored backup.

use std::{future::Future, ops::Deref};

use bson::DateTime;
use futures_util::Stream;

use super::{
    codec::{Codec, Id},
    error::StoreError,
    log::EventLog,
};

/// Where a stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// The file, as it was named when the stream was moved.
    pub file: String,
    /// How many events it has: the version of the last.
    pub events: u64,
    /// When it was moved, by the clock of the program that moved it.
    pub at: DateTime,
}

/// A store from which streams can be moved. All of it fails if the store does not answer.
pub trait Archive<C: Codec>: EventLog<C> {
    /// Where a stream was moved to; `None` if it was not.
    fn archived(&self, id: &Id<C>) -> impl Future<Output = Result<Option<Archived>, StoreError>> + Send;

    /// All streams that were moved, by key.
    fn archives(&self) -> impl Stream<Item = Result<(Id<C>, Archived), StoreError>> + Send;

    /// Deletes the events of a stream and notes where they are, in one transaction. **The file must hold them, on the disk.**
    ///
    /// A writer that has loaded the stream before, and appends to it in this moment, leaves an event behind the archived ones. So
    /// move only streams that no one writes to; if it happens, the import of the file makes the stream whole again.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the stream does not have just so many events; nothing was deleted.
    fn archive(&self, id: &Id<C>, to: &Archived) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes the note, once the events are back. Whether there was one.
    fn unarchive(&self, id: &Id<C>) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

impl<C: Codec, P: Deref<Target: Archive<C>> + Sync + Send> Archive<C> for P {
    fn archived(&self, id: &Id<C>) -> impl Future<Output = Result<Option<Archived>, StoreError>> + Send {
        (**self).archived(id)
    }

    fn archives(&self) -> impl Stream<Item = Result<(Id<C>, Archived), StoreError>> + Send {
        (**self).archives()
    }

    fn archive(&self, id: &Id<C>, to: &Archived) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).archive(id, to)
    }

    fn unarchive(&self, id: &Id<C>) -> impl Future<Output = Result<bool, StoreError>> + Send {
        (**self).unarchive(id)
    }
}
