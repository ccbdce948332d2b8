//! Events on their way into a store, from an export or a backup: in batches that are bounded by their bytes, so that memory does
//! not grow with the file.

use basket_mongo::{CommitId, Maintenance, StoreError, store::maintenance::Read};

use crate::domain::Domain;

/// Batches of whole commits, each written as a whole or not at all.
pub(crate) struct Batches<'a, D: Domain, S> {
    store: &'a S,
    /// Whether to write, or only to count.
    write: bool,
    /// Events of whole commits.
    batch: Vec<Read<D>>,
    /// Those of a commit that may go on.
    open: Vec<Read<D>>,
    commit: Option<CommitId>,
    /// The size of all these documents.
    bytes: usize,
    /// How many events were new.
    pub(crate) added: u64,
}

/// A batch is written once it has so many events, or so many bytes; it has more only if one commit has.
const EVENTS: usize = 1_000;
pub(super) const BYTES: usize = 4 * 1024 * 1024;

impl<'a, D: Domain, S: Maintenance<D>> Batches<'a, D, S> {
    pub(crate) fn new(store: &'a S, write: bool) -> Self {
        Self { store, write, batch: Vec::new(), open: Vec::new(), commit: None, bytes: 0, added: 0 }
    }

    /// Adds the next event, in the order of streams and versions.
    pub(crate) async fn add(&mut self, event: Read<D>) -> Result<(), StoreError> {
        if self.commit != Some(event.0.commit) {
            self.batch.append(&mut self.open);
            self.commit = Some(event.0.commit);
            if self.batch.len() >= EVENTS || self.bytes >= BYTES {
                self.write().await?;
            }
        }
        self.bytes += event.1.as_bytes().len();
        self.open.push(event);
        Ok(())
    }

    /// No commit goes on.
    pub(crate) async fn end(&mut self) -> Result<(), StoreError> {
        self.batch.append(&mut self.open);
        self.commit = None;
        self.write().await
    }

    /// Writes the whole commits.
    pub(super) async fn write(&mut self) -> Result<(), StoreError> {
        self.added += self.store.import(&self.batch, self.write).await?;
        self.batch.clear();
        self.bytes = self.open.iter().map(|event| event.1.as_bytes().len()).sum();
        Ok(())
    }
}
