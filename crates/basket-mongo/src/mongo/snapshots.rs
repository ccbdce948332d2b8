//! Snapshots in MongoDB: a document for each stream that has one, in `<collection>_snapshots`. Nothing else reads or writes that
//! collection; it can be dropped at any time.

use bson::{Document, RawDocumentBuf, doc};
use futures_util::{Stream, TryStreamExt, stream};

use super::{
    events::Events,
    failure::{Fate, fate},
    store::MongoStore,
};
use crate::store::{
    codec::{Codec, Id},
    document::as_stored,
    error::StoreError,
    snapshot::{Snapshot, Snapshots},
};

impl<C: Codec> MongoStore<C> {
    pub(super) fn snapshots_collection(&self) -> Events {
        Events::new(self.beside(&format!("{}_snapshots", self.events.name())))
    }
}

fn by_key<C: Codec>(id: &Id<C>) -> Document {
    doc! { "_id": C::key(id) }
}

impl<C: Codec> Snapshots<C> for MongoStore<C> {
    async fn snapshot(&self, id: &Id<C>) -> Result<Option<RawDocumentBuf>, StoreError> {
        let snapshots = self.snapshots_collection().raw();
        snapshots.find_one(by_key::<C>(id)).await.map_err(|error| self.failed(error))
    }

    fn snapshots(&self) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        let found = async move {
            let snapshots = self.snapshots_collection().raw();
            let found = snapshots.find(doc! {}).sort(doc! { "_id": 1 }).await.map_err(|error| self.failed(error))?;
            Ok::<_, StoreError>(found.map_err(|error| self.failed(error)))
        };
        stream::once(found).try_flatten()
    }

    async fn keep_snapshot(&self, id: &Id<C>, snapshot: &Snapshot) -> Result<(), StoreError> {
        let document = snapshot.document(C::key(id)).map_err(|why| StoreError::other(&self.name, why))?;
        let mut earlier = by_key::<C>(id);
        earlier.insert("version", doc! { "$lt": as_stored(snapshot.version) });
        earlier.insert("schema", doc! { "$lte": snapshot.schema });
        match self.snapshots_collection().raw().replace_one(earlier, &document).upsert(true).await {
            // There is one that stays.
            Err(error) if fate(&error, C::key_field()) == Fate::Taken => Ok(()),
            kept => kept.map(drop).map_err(|error| self.failed(error)),
        }
    }

    async fn drop_snapshots(&self, id: Option<&Id<C>>) -> Result<u64, StoreError> {
        let which = id.map(by_key::<C>).unwrap_or_default();
        let dropped = self.snapshots_collection().delete_many(which).await;
        dropped.map(|dropped| dropped.deleted_count).map_err(|error| self.failed(error))
    }
}
