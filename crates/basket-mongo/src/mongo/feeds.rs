//! Feeds in MongoDB: a document for each in `<collection>_feeds`, and two collections for each, beside that of the events: its
//! rows, with the marks, and its totals. `feed` in the contract says what they are for.
//!
//! The leases are on the server's clock; what keeps an old reader from writing is the fence, and no clock.

use std::{collections::VecDeque, time::Duration};

use bson::{Bson, DateTime, Document, doc};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use mongodb::{
    ClientSession, Collection, IndexModel,
    error::Error,
    options::{Hint, ReadConcern, ReturnDocument},
};

use super::{
    driven::driven,
    failure::{Fate, code, fate, wants_a_replica_set},
    following,
    store::{BATCH, MongoStore},
};
use crate::store::{
    codec::{Codec, stored_number},
    document::as_stored,
    error::StoreError,
    feed::{
        Change, Claim, Claimed, FeedState, Feeds, Mark, Passed, Position, RowQuery, Rows, Shape, Totals, Which,
        first_fence, has_moved,
    },
    maintenance::Maintenance,
};

/// Rows in one command.
const ROWS: usize = 500;

impl<C: Codec> MongoStore<C> {
    /// A collection beside that of the events, read and written as that one is.
    pub(super) fn beside(&self, name: &str) -> Collection<Document> {
        let (reads, writes) = (self.events.read_concern().cloned(), self.events.write_concern().cloned());
        let options = mongodb::options::CollectionOptions::builder().read_concern(reads).write_concern(writes).build();
        self.database().collection_with_options(name, options)
    }

    pub(super) fn feeds_collection(&self) -> Collection<Document> {
        self.beside(&format!("{}_feeds", self.events.name()))
    }

    pub(super) fn rows_name(&self, rows: &Rows) -> String {
        rows.name::<C>(self.events.name())
    }

    pub(super) fn totals_name(&self, rows: &Rows) -> String {
        format!("{}_totals", self.rows_name(rows))
    }

    /// Makes the collections of a feed, with their indexes: before there is much to index, and not in a transaction.
    async fn make(&self, rows: &Rows, shape: Shape) -> Result<(), Error> {
        let name = self.rows_name(rows);
        let index = |keys| IndexModel::builder().keys(keys).build();
        let mut indexes: Vec<_> =
            shape.indexes.iter().map(|field| index(doc! { format!("row.{field}"): 1, "_id": 1 })).collect();
        let sparse = mongodb::options::IndexOptions::builder().sparse(true).build();
        indexes.push(IndexModel::builder().keys(doc! { "parked.document": 1 }).options(sparse).build());
        self.beside(&name).create_indexes(indexes).await?;
        match self.database().create_collection(self.totals_name(rows)).await {
            Err(error) if code(&error) == Some(48) => Ok(()),
            made => made,
        }
    }

    /// Writes a change in a transaction; whether the fence was the newest.
    async fn keep_in(&self, session: &mut ClientSession, claim: &Claim, change: &Change) -> Result<(), Error> {
        let (filter, update) = checkpoint(claim, change);
        let feeds = self.feeds_collection();
        if feeds.update_one(filter, update).session(&mut *session).await?.matched_count == 0 {
            return Err(Error::custom(Fenced));
        }
        for rows in change.marks.chunks(ROWS) {
            let updates: Vec<_> = rows
                .iter()
                .map(|moved| {
                    let mut kept = doc! { "_id": &moved.key, "version": as_stored(moved.to.version) };
                    kept.extend(moved.to.row.clone().map(|row| ("row".to_owned(), row.into())));
                    if let Some(parked) = &moved.to.parked {
                        let version = parked.version;
                        kept.insert(
                            "parked",
                            doc! { "document": &parked.document, "version": version, "why": &parked.why },
                        );
                    }
                    let place = doc! { "_id": &moved.key, "version": as_stored(moved.from) };
                    doc! { "q": place, "u": kept, "upsert": moved.from == 0 }
                })
                .collect();
            self.update(session, &self.rows_name(&claim.rows), updates, rows.len()).await?;
        }
        let totals: Vec<_> = change
            .totals
            .iter()
            .filter_map(|(key, numbers)| {
                let numbers: Document = numbers
                    .iter()
                    .filter(|(_, number)| **number != 0)
                    .map(|(name, number)| (name.clone(), Bson::Int64(*number)))
                    .collect();
                (!numbers.is_empty()).then(|| doc! { "q": { "_id": key }, "u": { "$inc": numbers }, "upsert": true })
            })
            .collect();
        for totals in totals.chunks(ROWS) {
            self.update(session, &self.totals_name(&claim.rows), totals.to_vec(), totals.len()).await?;
        }
        Ok(())
    }

    /// Runs some updates, each of which must find its document, or may make it.
    async fn update(
        &self,
        session: &mut ClientSession,
        collection: &str,
        updates: Vec<Document>,
        expected: usize,
    ) -> Result<(), Error> {
        let answer =
            self.database().run_command(doc! { "update": collection, "updates": updates }).session(session).await?;
        let errors = answer.get_array("writeErrors").map_or(0, Vec::len);
        let found = answer.get("n").and_then(stored_number);
        match errors == 0 && found == i64::try_from(expected).ok() {
            true => Ok(()),
            false => Err(Error::custom(Moved)),
        }
    }

    /// An error of a write for a feed.
    fn not_kept(&self, error: Error, feed: &str) -> StoreError {
        let (is_fenced, is_moved) = (error.get_custom::<Fenced>().is_some(), error.get_custom::<Moved>().is_some());
        match fate(&error, C::key_field()) {
            _ if is_fenced => StoreError::Fenced { store: self.name.clone(), feed: feed.to_owned() },
            _ if is_moved => has_moved(&self.name),
            _ if wants_a_replica_set(&error) => StoreError::NotAReplicaSet { store: self.name.clone(), events: 0 },
            // It is read again what became of it; a write conflict is another reader, whom the fence then shows.
            Fate::Unknown | Fate::NotWritten | Fate::Taken => {
                let why = super::failure::words(&error);
                StoreError::Unreachable { store: self.name.clone(), why, source: Some(error.into()) }
            }
            Fate::Refused => self.failed(error),
        }
    }
}

/// Another reader has taken over.
#[derive(Debug)]
struct Fenced;

/// A mark is not where it should be.
#[derive(Debug)]
struct Moved;

/// The document of a feed that this claim may still write, and what becomes of it. Times are the server's.
fn checkpoint(claim: &Claim, change: &Change) -> (Document, Vec<Document>) {
    let filter = doc! { "_id": &claim.rows.feed, "fence": claim.fence };
    let more = |name: &str, number: u64| doc! { "$add": [format!("${name}"), as_stored(number)] };
    let mut set = doc! {
        "until": { "$add": ["$$NOW", millis(claim.lease)] },
        "events": more("events", change.events()),
        "retries": more("retries", change.retries),
        "healed": more("healed", change.healed),
    };
    if change.again {
        set.insert("position", Bson::Null);
    } else if let Some(position) = &change.position {
        set.insert("position", doc! { "$literal": position.to_string() });
    }
    if change.is_last {
        set.insert("as_of", "$$NOW");
    }
    set.extend(change.rate.map(|rate| ("rate".to_owned(), rate.into())));
    (filter, vec![doc! { "$set": set }])
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl<C: Codec + 'static> Feeds<C> for MongoStore<C> {
    fn after(&self, position: Option<Position>) -> impl Stream<Item = Result<Passed<C>, StoreError>> + Send {
        driven(self.clone(), |store| following::after(store, position).boxed())
    }

    async fn claim(
        &self,
        feed: &str,
        holder: &str,
        shape: Shape,
        lease: Duration,
        by_force: bool,
    ) -> Result<Claimed, StoreError> {
        let failed = |error| self.failed(error);
        let feeds = self.feeds_collection();
        let new = doc! {
            "generation": 1_i64, "shape": shape.number, "fence": first_fence(), "holder": "", "until": DateTime::from_millis(0),
            "events": 0_i64, "retries": 0_i64, "healed": 0_i64,
        };
        let make = doc! { "$setOnInsert": new };
        let taken = loop {
            let found = feeds.find_one_and_update(doc! { "_id": feed }, make.clone()).upsert(true);
            let found = found.return_document(ReturnDocument::After).await.map_err(failed)?.unwrap_or_default();
            // Only from the fence that was found: a call that was dropped may reach the server after the next one of the same
            // reader, and would fence it.
            let mut free = doc! { "_id": feed, "fence": number(&found, "fence") };
            if !by_force {
                let is_free =
                    [doc! { "$lte": ["$until", "$$NOW"] }, doc! { "$eq": ["$holder", { "$literal": holder }] }];
                free.insert("$expr", doc! { "$or": is_free.to_vec() });
            }
            let take = doc! { "$set": {
                "fence": { "$add": ["$fence", 1_i64] }, "holder": { "$literal": holder },
                "until": { "$add": ["$$NOW", millis(lease)] },
            } };
            let taken = feeds.find_one_and_update(free, vec![take]).return_document(ReturnDocument::After).await;
            if let Some(taken) = taken.map_err(failed)? {
                break taken;
            }
            let held = feeds.find_one(doc! { "_id": feed }).await.map_err(failed)?.unwrap_or_default();
            if number(&held, "fence") == number(&found, "fence") {
                return Ok(Claimed::Held { by: held.get_str("holder").unwrap_or_default().to_owned() });
            }
        };
        let rows = Rows { feed: feed.to_owned(), generation: number(&taken, "generation") };
        self.make(&rows, shape).await.map_err(failed)?;
        Ok(Claimed::Ours(Box::new(Claim {
            fence: number(&taken, "fence"),
            shape: i32::try_from(number(&taken, "shape")).unwrap_or_default(),
            position: self.position_of(&taken)?,
            rows,
            lease,
        })))
    }

    async fn keep(&self, claim: &Claim, change: &Change) -> Result<(), StoreError> {
        let not_kept = |error| self.not_kept(error, &claim.rows.feed);
        if change.marks.is_empty() && change.totals.is_empty() {
            let (filter, update) = checkpoint(claim, change);
            return match self.feeds_collection().update_one(filter, update).await.map_err(not_kept)?.matched_count {
                0 => Err(not_kept(Error::custom(Fenced))),
                _ => Ok(()),
            };
        }
        let mut session = self.begin(ReadConcern::majority()).await.map_err(not_kept)?;
        let kept = self.keep_in(&mut session, claim, change).await;
        self.end(session, kept).await.map_err(not_kept)
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let ours = doc! { "_id": &claim.rows.feed, "fence": claim.fence };
        let free = doc! { "$set": { "until": DateTime::from_millis(0), "holder": "" } };
        self.feeds_collection().update_one(ours, free).await.map(drop).map_err(|error| self.failed(error))
    }

    async fn marks(&self, rows: &Rows, keys: Vec<Bson>) -> Result<Vec<(Bson, Mark)>, StoreError> {
        let found = self.find_rows(rows.clone(), doc! { "_id": { "$in": keys } }, RowQuery::default()).await?;
        found.try_collect().await
    }

    fn rows(&self, rows: Rows, query: RowQuery) -> impl Stream<Item = Result<(Bson, Mark), StoreError>> + Send {
        let mut filter = Document::new();
        if let Some((field, least)) = query.at_least {
            filter.insert(format!("row.{field}"), doc! { "$gte": least });
        }
        if let Some((field, text)) = &query.has {
            filter.insert(format!("row.{field}"), text);
        }
        match query.is_parked {
            true => filter.insert("parked.document", doc! { "$exists": true }),
            false => filter.insert("row", doc! { "$exists": true }),
        };
        stream::once(self.find_rows(rows, filter, query)).try_flatten()
    }

    async fn totals(&self, rows: &Rows, which: &Which) -> Result<Totals, StoreError> {
        let failed = |error| self.failed(error);
        let totals = self.beside(&self.totals_name(rows));
        let filter = match which {
            Which::All => doc! {},
            Which::Beginning(start) => doc! { "_id": { "$gte": start, "$lt": format!("{start}\u{10ffff}") } },
            Which::Of(keys) => doc! { "_id": { "$in": keys } },
        };
        let found: Vec<Document> =
            totals.find(filter).batch_size(BATCH).await.map_err(failed)?.try_collect().await.map_err(failed)?;
        let of_one = |document: Document| {
            let key = document.get_str("_id").unwrap_or_default().to_owned();
            let numbers = document.into_iter().filter_map(|(name, value)| Some((name, value.as_i64()?)));
            (key, numbers.filter(|(_, number)| *number != 0).collect())
        };
        Ok(found
            .into_iter()
            .map(of_one)
            .filter(|(_, numbers): &(_, std::collections::BTreeMap<_, _>)| !numbers.is_empty())
            .collect())
    }

    async fn replace(&self, feed: &str, by: &Claim) -> Result<(), StoreError> {
        let failed = |error| self.failed(error);
        let feeds = self.feeds_collection();
        let old = feeds.find_one(doc! { "_id": feed }).await.map_err(failed)?;
        let generation = old.as_ref().map_or(0, |old| number(old, "generation"));
        let new = Rows { feed: feed.to_owned(), generation: generation.saturating_add(1) };
        let next = feeds.find_one(doc! { "_id": &by.rows.feed, "fence": by.fence }).await.map_err(failed)?;
        let Some(mut next) = next else { return Err(self.not_kept(Error::custom(Fenced), feed)) };
        // The rows move to their new name before any feed shows them: a rename is no part of a transaction.
        for (from, to) in
            [(self.rows_name(&by.rows), self.rows_name(&new)), (self.totals_name(&by.rows), self.totals_name(&new))]
        {
            let name = |collection: String| format!("{}.{collection}", self.events.namespace().db);
            let rename = doc! { "renameCollection": name(from), "to": name(to), "dropTarget": true };
            self.events.client().database("admin").run_command(rename).await.map_err(failed)?;
        }
        let fence = old.as_ref().map_or_else(first_fence, |old| number(old, "fence")).saturating_add(1);
        next.extend(doc! { "_id": feed, "generation": new.generation, "fence": fence, "holder": "", "until": DateTime::from_millis(0) });
        feeds.replace_one(doc! { "_id": feed }, next).upsert(true).await.map_err(failed)?;
        feeds.delete_one(doc! { "_id": &by.rows.feed }).await.map_err(failed)?;
        if old.is_some() {
            self.drop_rows(&Rows { feed: feed.to_owned(), generation }).await?;
        }
        Ok(())
    }

    async fn forget(&self, feed: &str) -> Result<(), StoreError> {
        let failed = |error| self.failed(error);
        let old = self.feeds_collection().find_one_and_delete(doc! { "_id": feed }).await.map_err(failed)?;
        match old {
            Some(old) => self.drop_rows(&Rows { feed: feed.to_owned(), generation: number(&old, "generation") }).await,
            None => Ok(()),
        }
    }

    async fn feeds(&self) -> Result<Vec<FeedState>, StoreError> {
        let failed = |error| self.failed(error);
        let read = doc! { "$addFields": { "is_held": { "$gt": ["$until", "$$NOW"] } } };
        let found = self.feeds_collection().aggregate([read, doc! { "$sort": { "_id": 1 } }]).await.map_err(failed)?;
        let found: VecDeque<Document> = found.try_collect().await.map_err(failed)?;
        let mut feeds = Vec::new();
        let count = if found.is_empty() { 0 } else { self.count().await? };
        for feed in found {
            let rows = Rows {
                feed: feed.get_str("_id").unwrap_or_default().to_owned(),
                generation: number(&feed, "generation"),
            };
            let parked = self.beside(&self.rows_name(&rows));
            let parked = parked.count_documents(doc! { "parked.document": { "$exists": true } });
            let parked = parked.hint(Hint::Keys(doc! { "parked.document": 1 })).await.map_err(failed)?;
            let natural = |name| u64::try_from(number(&feed, name)).unwrap_or_default();
            let is_held = feed.get_bool("is_held").unwrap_or(false);
            feeds.push(FeedState {
                shape: i32::try_from(number(&feed, "shape")).unwrap_or_default(),
                holder: feed.get_str("holder").ok().filter(|_| is_held).map(str::to_owned),
                rate: feed.get_f64("rate").ok().filter(|_| is_held),
                position: self.position_of(&feed)?,
                events: natural("events"),
                behind: count.saturating_sub(natural("events")),
                as_of: feed.get_datetime("as_of").ok().copied(),
                retries: natural("retries"),
                healed: natural("healed"),
                parked,
                rows,
            });
        }
        Ok(feeds)
    }
}

impl<C: Codec> MongoStore<C> {
    async fn find_rows(
        &self,
        rows: Rows,
        filter: Document,
        query: RowQuery,
    ) -> Result<impl Stream<Item = Result<(Bson, Mark), StoreError>> + Send, StoreError> {
        let way = if query.descending { -1 } else { 1 };
        let mut order = Document::new();
        order.extend(query.sort.map(|field| (format!("row.{field}"), way.into())));
        order.insert("_id", way);
        let collection = self.beside(&self.rows_name(&rows));
        let mut find = collection.find(filter).sort(order).batch_size(BATCH).allow_disk_use(true);
        if let Some(limit) = query.limit {
            find = find.limit(i64::try_from(limit).unwrap_or(i64::MAX).max(1));
        }
        let found = find.await.map_err(|error| self.failed(error))?;
        Ok(found.map_err(|error| self.failed(error)).map_ok(|mut document| {
            let parked = document.remove("parked").and_then(|parked| bson::deserialize_from_bson(parked).ok());
            let version = u64::try_from(number(&document, "version")).unwrap_or_default();
            let row = match document.remove("row") {
                Some(Bson::Document(row)) => Some(row),
                _ => None,
            };
            (document.remove("_id").unwrap_or(Bson::Null), Mark { version, row, parked })
        }))
    }

    async fn drop_rows(&self, rows: &Rows) -> Result<(), StoreError> {
        for name in [self.rows_name(rows), self.totals_name(rows)] {
            self.beside(&name).drop().await.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn position_of(&self, feed: &Document) -> Result<Option<Position>, StoreError> {
        let position = feed.get_str("position").ok().map(str::parse).transpose();
        position.map_err(|why: String| StoreError::other(&self.name, why))
    }
}

/// A whole number of a feed's document; 0 if it has none.
fn number(document: &Document, name: &str) -> i64 {
    document.get(name).and_then(stored_number).unwrap_or_default()
}
