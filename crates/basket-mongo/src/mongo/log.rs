//! The documents of a MongoDB collection as they are: read in batches, imported from another store, and the check of the
//! unique index. [`log`](crate::store::log) has the rest.

use std::collections::{BTreeMap, HashMap};

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::{Stream, TryStreamExt, stream};
use tokio::time::{Duration, Instant, sleep};

use super::{
    append::Writes,
    events::byte_by_byte,
    failure::{Fate, fate, is_held, wants_a_replica_set},
    reading::Reading,
    store::MongoStore,
};
use crate::store::{
    codec::{Codec, Id},
    document::{as_stored, id_of, read_entry},
    entry::CommitId,
    error::StoreError,
    log::{EventLog, Scope},
    maintenance::{Fault, Maintenance, Read, is_new},
    retry::Retries,
};

/// How long an import waits for other transactions. One that was killed leaves its own behind, and is run again at once; the
/// server ends that after a minute, if it is not told otherwise.
const LEFT_BEHIND: Duration = Duration::from_secs(70);

/// How long it waits in between.
const HELD: Retries = Retries { attempts: u32::MAX, longest: Duration::from_millis(500) };

impl<C: Codec> EventLog<C> for MongoStore<C> {
    fn documents(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        let batches = stream::try_unfold(Reading::new(self, scope), move |mut reading| async move {
            let batch = reading.next().await.map_err(|error| self.failed(error))?;
            Ok::<_, StoreError>(batch.map(|batch| (stream::iter(batch.into_iter().map(Ok)), reading)))
        });
        batches.try_flatten()
    }

    fn ids(&self) -> impl Stream<Item = Result<Id<C>, StoreError>> + Send {
        // The index has them in this order, so the server skips from one to the next.
        let streams = [
            doc! { "$sort": { C::key_field(): 1, "version": 1 } },
            doc! { "$group": { "_id": format!("${}", C::key_field()), "document": { "$first": "$_id" } } },
            doc! { "$sort": { "_id": 1 } },
        ];
        let ids = async move {
            let failed = |error| self.failed(error);
            let found = self.events.aggregate(streams).allow_disk_use(true).with_type::<RawDocumentBuf>();
            let found = found.collation(byte_by_byte()).await.map_err(failed)?;
            Ok::<_, StoreError>(found.map_err(failed).and_then(async |found: RawDocumentBuf| {
                let field = |name| found.get(name).ok().flatten();
                Ok(id_of::<C>(field("document"), field("_id"))?)
            }))
        };
        stream::once(ids).try_flatten()
    }
}

impl<C: Codec> Maintenance<C> for MongoStore<C> {
    async fn count(&self) -> Result<u64, StoreError> {
        self.collection().estimated_document_count().await.map_err(|error| self.failed(error))
    }

    async fn faults(&self) -> Result<Vec<Fault>, StoreError> {
        let found = self.suitability().await?;
        Ok(found.map(|found| found.faults::<C>(self.events.name())).unwrap_or_default())
    }

    async fn import(&self, events: &[Read<C>], write: bool) -> Result<u64, StoreError> {
        if write {
            self.ensure_unique_index().await?;
        }
        let (mut send, mut held, mut new, mut lost, begun) = (1, 0, None, None, Instant::now());
        loop {
            let missing = self.missing(events).await?;
            // A repetition also finds what an earlier attempt wrote whose answer was lost.
            let new = *new.get_or_insert(missing.len() as u64);
            if missing.is_empty() || !write {
                return Ok(new);
            }
            let (events, writes) = (missing.len(), Writes::of::<C>(missing));
            let Err(error) = self.write(CommitId::new(), &writes).await else { return Ok(new) };
            let fate = fate(&error, C::key_field());
            if wants_a_replica_set(&error) {
                return Err(StoreError::NotAReplicaSet { store: self.name.clone(), events });
            }
            if is_held(&error) && begun.elapsed() < LEFT_BEHIND {
                held += 1;
                sleep(HELD.pause(held)).await;
                continue;
            }
            if fate == Fate::Refused || send == Retries::SEND.attempts {
                return Err(self.failed(lost.unwrap_or(error)));
            }
            // What the majority has not confirmed yet refuses its repetition, which explains nothing.
            if fate == Fate::Unknown {
                lost = Some(error);
            }
            sleep(Retries::SEND.pause(send)).await;
            send += 1;
        }
    }
}

impl<C: Codec> MongoStore<C> {
    /// Those of the documents that are not there yet.
    async fn missing(&self, events: &[Read<C>]) -> Result<Vec<Document>, StoreError> {
        let Some((first, _)) = events.first() else { return Ok(Vec::new()) };
        let mut last_of = HashMap::<String, (Bson, i64)>::new();
        // A name is made once for each run of a stream: there are far fewer of them than events.
        for (entry, _) in events.chunk_by(|(one, _), (next, _)| one.stream == next.stream).filter_map(<[_]>::last) {
            last_of.insert(entry.stream.to_string(), (C::key(&entry.stream), as_stored(entry.version)));
        }
        // The first stream may begin at a high version. The others begin at version 1, so those with the same last version
        // share one clause.
        let mut clauses = Vec::new();
        if let Some((key, last)) = last_of.remove(&first.stream.to_string()) {
            clauses.push(doc! { C::key_field(): key, "version": { "$gte": as_stored(first.version), "$lte": last } });
        }
        let mut ending = BTreeMap::<i64, Vec<Bson>>::new();
        last_of.into_values().for_each(|(key, last)| ending.entry(last).or_default().push(key));
        clauses.extend(
            ending
                .into_iter()
                .map(|(last, keys)| doc! { C::key_field(): { "$in": keys }, "version": { "$lte": last } }),
        );
        let filter = doc! { "$or": clauses };
        let failed = |error| self.failed(error);
        let raw = self.events.raw();
        let mut cursor = raw.find(filter).await.map_err(failed)?;
        let mut found = HashMap::new();
        while let Some(document) = cursor.try_next().await.map_err(failed)? {
            let entry = read_entry::<C>(&document)?;
            found.insert((entry.stream.to_string(), entry.version), document);
        }
        let mut missing = Vec::new();
        for event in events {
            let (entry, document) = event;
            let there = (!found.is_empty()).then(|| found.get(&(entry.stream.to_string(), entry.version))).flatten();
            if is_new::<C>(&self.name, event, there.map(AsRef::as_ref))? {
                missing.push(Document::try_from(document).map_err(|error| failed(error.into()))?);
            }
        }
        Ok(missing)
    }
}
