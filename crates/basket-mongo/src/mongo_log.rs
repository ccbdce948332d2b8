//! The documents of a MongoDB collection as they are: read in batches, taken in from elsewhere, and whether the index is
//! there that keeps them apart. [`log`](crate::log) makes the rest of it.

use std::collections::{BTreeMap, HashMap};

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use mongodb::{IndexModel, error::Error, raw_batch_cursor::RawBatch};
use tokio::time::sleep;

use crate::{
    Codec, EventLog, Meta, MongoStore, Scope, StoreError,
    codec::{Id, integral},
    connection::{Fate, explain, fate, is_no_collection, wants_a_replica_set},
    document::{next, read_entry},
    event_store::pause,
    mongo_store::{BATCH, SENDS},
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

    async fn count(&self) -> Result<u64, StoreError> {
        self.collection().estimated_document_count().await.map_err(|error| explain(&error, Self::name(self)))
    }

    async fn faults(&self) -> Result<Vec<String>, StoreError> {
        let failed = |error| explain(&error, Self::name(self));
        let indexes: Vec<_> = match self.collection().list_indexes().await {
            Ok(indexes) => indexes.try_collect().await.map_err(failed)?,
            // The collection is made by the first append, and its index with it.
            Err(error) if is_no_collection(&error) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let same_keys = |index: &IndexModel| {
            let keys = RawDocumentBuf::try_from(&index.keys).unwrap_or_default();
            let keys = keys.iter().flatten().map(|(field, order)| (field.as_str(), integral(order)));
            keys.eq([(C::KEY, Some(1)), ("version", Some(1))])
        };
        let unique = indexes.iter().find(|index| same_keys(index)).map(|index| {
            let options = index.options.clone().unwrap_or_default();
            (options.unique == Some(true), options.partial_filter_expression.is_none() && options.sparse != Some(true))
        });
        let make = format!("db.{}.createIndex({{ {}: 1, version: 1 }}, {{ unique: true }})", C::COLLECTION, C::KEY);
        Ok(match unique {
            Some((true, true)) => Vec::new(),
            Some(_) => vec![format!(
                "the index on {} and version is not unique for every document, so two writers can take one version; \
                 drop it and make it anew: {make}",
                C::KEY
            )],
            None => vec![format!(
                "the unique index on {} and version is missing, so two writers can take one version; make it: {make}",
                C::KEY
            )],
        })
    }

    async fn import(&self, documents: &[RawDocumentBuf], write: bool) -> Result<u64, StoreError> {
        if write {
            self.ensure_unique_index().await?;
        }
        let (mut send, mut new) = (1, None);
        loop {
            let missing = self.missing(documents).await?;
            // A repetition finds what an earlier attempt has written whose answer got lost.
            let new = *new.get_or_insert(missing.len() as u64);
            if missing.is_empty() || !write {
                return Ok(new);
            }
            match self.insert(&missing).await {
                Ok(()) => return Ok(new),
                Err(error) if wants_a_replica_set(&error) => {
                    return Err(StoreError::NotAReplicaSet { store: Self::name(self).into(), events: missing.len() });
                }
                Err(error) if send == SENDS || fate(&error) == Fate::Refused => {
                    return Err(explain(&error, Self::name(self)));
                }
                Err(_) => sleep(pause(send)).await,
            }
            send += 1;
        }
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

impl<C: Codec> MongoStore<C> {
    /// Those of the documents that are not there yet.
    async fn missing(&self, documents: &[RawDocumentBuf]) -> Result<Vec<Document>, StoreError> {
        let entries = documents.iter().map(|document| read_entry::<C>(document)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = entries.first() else { return Ok(Vec::new()) };
        let mut last_of = HashMap::<String, (Bson, i64)>::new();
        for entry in &entries {
            last_of.insert(entry.stream.to_string(), (C::key(&entry.stream), next(entry.version - 1)));
        }
        // The first may go on from far behind; those after it begin with their first event, and are asked for together
        // where they end alike.
        let mut clauses = Vec::new();
        if let Some((key, last)) = last_of.remove(&first.stream.to_string()) {
            clauses.push(doc! { C::KEY: key, "version": { "$gte": next(first.version - 1), "$lte": last } });
        }
        let mut ending = BTreeMap::<i64, Vec<Bson>>::new();
        last_of.into_values().for_each(|(key, last)| ending.entry(last).or_default().push(key));
        clauses.extend(
            ending.into_iter().map(|(last, keys)| doc! { C::KEY: { "$in": keys }, "version": { "$lte": last } }),
        );
        let filter = doc! { "$or": clauses };
        let failed = |error| explain(&error, Self::name(self));
        let raw = self.collection().clone_with_type::<RawDocumentBuf>();
        let mut cursor = raw.find(filter).await.map_err(failed)?;
        let mut found = HashMap::new();
        while let Some(document) = cursor.try_next().await.map_err(failed)? {
            let entry = read_entry::<C>(&document)?;
            found.insert((entry.stream.to_string(), entry.version), document);
        }
        let mut missing = Vec::new();
        for (document, entry) in documents.iter().zip(&entries) {
            let there = found.get(&(entry.stream.to_string(), entry.version));
            if let Some(new) = self.new_here(document, there.map(AsRef::as_ref))? {
                missing.push(Document::try_from(new).map_err(|error| failed(error.into()))?);
            }
        }
        Ok(missing)
    }
}

fn owned(batch: &RawBatch) -> Result<Vec<Result<RawDocumentBuf, Error>>, Error> {
    let documents = batch.doc_slices()?.into_iter().map(|document| {
        let document = document?.as_document().ok_or_else(|| Error::custom("an answer holds no document"))?;
        Ok(document.to_owned())
    });
    Ok(documents.collect())
}
