//! Snapshots in memory, as documents, by the key of their stream. `snapshot` in the contract says what they are for.

use bson::{RawDocument, RawDocumentBuf};
use futures_util::{Stream, stream};

use super::{MemoryStore, key_of, other};
use crate::store::{
    codec::{Codec, Id},
    document::as_stored,
    error::StoreError,
    snapshot::{Snapshot, Snapshots},
};

impl<C: Codec> Snapshots<C> for MemoryStore<C> {
    async fn snapshot(&self, id: &Id<C>) -> Result<Option<RawDocumentBuf>, StoreError> {
        Ok(self.kept().snapshots.get(&key_of::<C>(id)).cloned())
    }

    fn snapshots(&self) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        stream::iter(self.kept().snapshots.values().cloned().map(Ok).collect::<Vec<_>>())
    }

    async fn keep_snapshot(&self, id: &Id<C>, snapshot: &Snapshot) -> Result<(), StoreError> {
        let (mut kept, key) = (self.kept(), key_of::<C>(id));
        if kept.snapshots.get(&key).is_none_or(|found| is_before(found, snapshot)) {
            kept.snapshots.insert(key, snapshot.document(C::key(id)).map_err(other)?);
        }
        Ok(())
    }

    async fn drop_snapshots(&self, id: Option<&Id<C>>) -> Result<u64, StoreError> {
        let snapshots = &mut self.kept().snapshots;
        let before = snapshots.len();
        match id {
            Some(id) => drop(snapshots.remove(&key_of::<C>(id))),
            None => snapshots.clear(),
        }
        Ok((before - snapshots.len()) as u64)
    }
}

fn is_before(found: &RawDocument, snapshot: &Snapshot) -> bool {
    found.get_i64("version").is_ok_and(|version| version < as_stored(snapshot.version))
        && found.get_i32("schema").is_ok_and(|schema| schema <= snapshot.schema)
}
