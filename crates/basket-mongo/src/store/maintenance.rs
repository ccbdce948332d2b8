//! Counting a store's documents, checking its index, and importing documents of another store. `verify`, `export` and
//! `import` use it; no command of the domain does.

use std::future::Future;

use bson::{RawDocument, RawDocumentBuf};

use super::{
    codec::{Codec, what},
    entry::Entry,
    error::StoreError,
    exchange::is_same,
    log::EventLog,
};

/// An event with its document, as a store writes it.
pub type Read<C> = (Entry<C>, RawDocumentBuf);

/// Something odd about a store, apart from its documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whether the store can work with it.
    pub is_warning: bool,
    /// What is odd, and what to do about it.
    pub why: String,
}

/// A store that can be checked, and filled from another one. All of it fails if the store does not answer.
pub trait Maintenance<C: Codec>: EventLog<C> {
    /// About how many documents there are, to show progress.
    fn count(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// What is wrong with the store apart from its documents, such as a missing index; empty if all is well.
    fn faults(&self) -> impl Future<Output = Result<Vec<Fault>, StoreError>> + Send;

    /// Adds documents of another store, all of them or none, and returns how many were new; with `write: false` it only
    /// returns how many would be. Those that are there already stay as they are, so that an import can be repeated.
    /// They come in the order of an [`Import`](super::exchange::Import): only the first stream may begin after version 1.
    ///
    /// # Errors
    /// [`StoreError::Diverged`] if the store has another event at the same place: histories are never merged.
    fn import(&self, events: &[Read<C>], write: bool) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// Whether an event is new here; `found` is what the store has in its place. Fails with [`StoreError::Diverged`] if that is
/// another event.
pub fn is_new<C: Codec>(
    store: &str,
    (entry, document): &Read<C>,
    found: Option<&RawDocument>,
) -> Result<bool, StoreError> {
    match found {
        None => Ok(true),
        Some(found) if is_same::<C>(found, document)? => Ok(false),
        Some(_) => Err(StoreError::Diverged {
            what: what::<C>(),
            id: entry.stream.to_string(),
            version: entry.version,
            store: store.to_owned(),
        }),
    }
}
