//! Streams that were moved out of MongoDB: a document for each in `<collection>_archive`.
//!
//! ```text
//! { _id: ObjectId, file: "2026.ndjson", events: Long, at: Date }
//! ```

use bson::{Document, doc};
use futures_util::{Stream, TryStreamExt, stream};
use mongodb::{
    ClientSession, Collection,
    error::{Error, TRANSIENT_TRANSACTION_ERROR},
    options::ReadConcern,
};
use tokio::time::sleep;

use super::{
    failure::{code, wants_a_replica_set},
    setup::EXISTS,
    store::MongoStore,
};
use crate::store::{
    archive::{Archive, Archived},
    codec::{Codec, Id, id_of_key, stored_number},
    document::as_stored,
    error::{StoreError, Unreadable},
    retry::Retries,
};

impl<C: Codec> MongoStore<C> {
    pub(super) fn archive_collection(&self) -> Collection<Document> {
        self.beside(&format!("{}_archive", self.events.name()))
    }

    /// Deletes the events and notes where they are; how many there were, if not as many as expected.
    async fn move_in(&self, session: &mut ClientSession, id: &Id<C>, to: &Archived) -> Result<Option<u64>, Error> {
        let note = doc! { "file": &to.file, "events": as_stored(to.events), "at": to.at };
        let deleted =
            self.events.delete_many(doc! { C::key_field(): C::key(id) }).session(&mut *session).await?.deleted_count;
        if deleted != to.events {
            return Ok(Some(deleted));
        }
        let notes = self.archive_collection();
        notes.replace_one(doc! { "_id": C::key(id) }, note).upsert(true).session(&mut *session).await?;
        Ok(None)
    }
}

impl<C: Codec> Archive<C> for MongoStore<C> {
    async fn archived(&self, id: &Id<C>) -> Result<Option<Archived>, StoreError> {
        let found = self.archive_collection().find_one(doc! { "_id": C::key(id) }).await;
        let found = found.map_err(|error| self.failed(error))?;
        found.map(|note| Ok(read::<C>(&note)?.1)).transpose()
    }

    fn archives(&self) -> impl Stream<Item = Result<(Id<C>, Archived), StoreError>> + Send {
        let found = async {
            let notes = self.archive_collection().find(doc! {}).sort(doc! { "_id": 1 }).await;
            Ok::<_, StoreError>(notes.map_err(|error| self.failed(error))?.map_err(|error| self.failed(error)))
        };
        stream::once(found).try_flatten().and_then(async |note| Ok(read::<C>(&note)?))
    }

    async fn archive(&self, id: &Id<C>, to: &Archived) -> Result<(), StoreError> {
        let failed = |error: Error| match wants_a_replica_set(&error) {
            true => StoreError::NotAReplicaSet { store: self.name.clone(), events: 2 },
            false => self.failed(error),
        };
        // Not in the transaction: one over several shards can't make a collection.
        match self.database().create_collection(self.archive_collection().name()).await {
            Err(error) if code(&error) != Some(EXISTS) => return Err(failed(error)),
            _ => {}
        }
        let retries = Retries::SEND;
        for send in 1.. {
            let mut session = self.begin(ReadConcern::majority()).await.map_err(failed)?;
            let moved = match self.move_in(&mut session, id, to).await {
                Ok(Some(found)) => {
                    // The server ends it in any case.
                    session.abort_transaction().await.ok();
                    return Err(StoreError::Conflict { expected: to.events, found });
                }
                moved => self.end(session, moved.map(drop)).await,
            };
            match moved {
                Err(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) && send < retries.attempts => {
                    sleep(retries.pause(send)).await;
                }
                moved => return moved.map_err(failed),
            }
        }
        Ok(())
    }

    async fn unarchive(&self, id: &Id<C>) -> Result<bool, StoreError> {
        let removed = self.archive_collection().delete_one(doc! { "_id": C::key(id) }).await;
        removed.map(|removed| removed.deleted_count > 0).map_err(|error| self.failed(error))
    }
}

fn read<C: Codec>(note: &Document) -> Result<(Id<C>, Archived), Unreadable> {
    let read = || {
        let id = id_of_key::<C>(note.get("_id")?)?;
        let events = note.get("events").and_then(stored_number).and_then(|events| u64::try_from(events).ok())?;
        Some((id, Archived { file: note.get_str("file").ok()?.to_owned(), events, at: *note.get_datetime("at").ok()? }))
    };
    read().ok_or_else(|| Unreadable {
        document: note.get("_id").map_or_else(|| "(none)".to_owned(), ToString::to_string),
        version: None,
        why: "it is no note of a stream that was archived: { _id, file, events, at }".into(),
    })
}
