//! Reading the documents of a MongoDB collection as they are, in batches; [`log`](crate::log) makes the rest of it.

use bson::{RawDocumentBuf, doc};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use mongodb::{error::Error, raw_batch_cursor::RawBatch};

use crate::{
    Codec, EventLog, Meta, MongoStore, Scope, StoreError, codec::Id, connection::explain, document::next,
    mongo_store::BATCH,
};

impl<C: Codec> EventLog<C> for MongoStore<C> {
    fn name(&self) -> String {
        Self::name(self).to_owned()
    }

    fn signed(&self, meta: Meta) -> Self {
        let mut signed = self.clone();
        signed.meta = meta;
        signed
    }

    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn documents(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        let oldest_first =
            |filter| self.collection().find(filter).sort(doc! { C::KEY: 1, "version": 1 }).batch_size(BATCH);
        let find = match scope {
            // All of them, so that one with a version that is none is met as well.
            Scope::From(id, ..=1) => oldest_first(doc! { C::KEY: C::key(&id) }),
            Scope::From(id, version) => {
                oldest_first(doc! { C::KEY: C::key(&id), "version": { "$gte": next(version - 1) } })
            }
            Scope::NewestFirst(id) => self.collection().find(doc! { C::KEY: C::key(&id) }).sort(doc! { "version": -1 }),
            Scope::All => oldest_first(doc! {}),
        };
        // Without the index, the server sorts; on its disk, where memory is short.
        let batches = stream::once(async move { find.allow_disk_use(true).batch().await }).try_flatten();
        batches
            .map(|batch| Ok::<_, Error>(stream::iter(owned(&batch?)?)))
            .try_flatten()
            .map_err(|error| explain(&error, Self::name(self)))
    }
}

fn owned(batch: &RawBatch) -> Result<Vec<Result<RawDocumentBuf, Error>>, Error> {
    let documents = batch.doc_slices()?.into_iter().map(|document| {
        let document = document?.as_document().ok_or_else(|| Error::custom("an answer holds no document"))?;
        Ok(document.to_owned())
    });
    Ok(documents.collect())
}
