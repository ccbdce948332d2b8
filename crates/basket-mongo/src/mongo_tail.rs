//! The tail of a MongoDB collection: a time T of which the majority has everything, the collection read as it is after T,
//! then the change stream from T on. What both of them show is told once: within a stream, versions only grow.
//! A lost connection is waited for, and the change stream goes on behind the last token it gave. [`tail`](crate::tail) has
//! the words for it.

use std::{collections::HashMap, pin::Pin, time::Duration};

use bson::{RawDocumentBuf, Timestamp, doc};
use futures_util::{Stream, TryStreamExt, stream};
use mongodb::{
    change_stream::{
        ChangeStream,
        event::{ChangeStreamEvent, OperationType, ResumeToken},
    },
    error::Error,
};
use tokio::time::sleep;

use crate::{
    Codec, Entry, EventLog, MongoStore, News, Since, StoreError, Tail, codec::Id, connection::explain,
    document::read_entry, tail::NewsOf,
};

impl<C: Codec> Tail<C> for MongoStore<C> {
    fn tail(&self, since: Since<Id<C>>) -> impl Stream<Item = Result<NewsOf<C>, StoreError>> + Send {
        let follower =
            Follower { store: self, seen: Seen::new::<C>(&since), since, phase: Phase::Start, begun: false, lost: 0 };
        stream::try_unfold(follower, |mut follower| async move { Ok(Some((follower.news().await?, follower))) })
    }
}

type Changes = ChangeStream<ChangeStreamEvent<RawDocumentBuf>>;
type Kept<'a, C> = Pin<Box<dyn Stream<Item = Result<Entry<C>, StoreError>> + Send + 'a>>;

/// Whoever follows a collection.
struct Follower<'a, C: Codec> {
    store: &'a MongoStore<C>,
    since: Since<Id<C>>,
    seen: Seen,
    phase: Phase<'a, C>,
    /// Whether the store has ever answered.
    begun: bool,
    /// How often in a row it has not; 0 while it does.
    lost: u32,
}

/// How far it has come.
enum Phase<'a, C: Codec> {
    /// Nothing was read, or what was kept has to be read again.
    Start,
    /// What was kept is being read; all of it up to this time will be met.
    CatchUp(Timestamp, Kept<'a, C>),
    /// The change stream has to be opened here.
    Closed(Place),
    /// It is open, and would have to be opened here again.
    Open(Box<Changes>, Place),
}

/// A place in the order of the commits.
#[derive(Clone)]
enum Place {
    After(Timestamp),
    Behind(ResumeToken),
}

impl<'a, C: Codec> Follower<'a, C> {
    async fn news(&mut self) -> Result<NewsOf<C>, StoreError> {
        loop {
            match self.step().await {
                Ok(None) => {}
                Ok(Some(news)) => return Ok(news),
                Err(error @ StoreError::Unreachable { .. }) if self.begun => {
                    self.go_back();
                    self.lost += 1;
                    if self.lost == 1 {
                        return Ok(News::Lost(error));
                    }
                    sleep(patience(self.lost)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// One thing after the other; whatever fails here can be tried again after [`go_back`](Self::go_back).
    async fn step(&mut self) -> Result<Option<NewsOf<C>>, StoreError> {
        match &mut self.phase {
            Phase::Start => {
                let time = self.store.majority_time().await?;
                self.begun = true;
                self.phase = match self.since.kept() {
                    Some(scope) => Phase::CatchUp(time, Box::pin(self.store.log(scope))),
                    None => Phase::Closed(Place::After(time)),
                };
                Ok(None)
            }
            Phase::CatchUp(time, kept) => match kept.try_next().await? {
                Some(entry) => Ok(self.seen.in_catch_up::<C>(&entry).then_some(News::Event(entry))),
                None => {
                    self.seen.complete_at(self.store.majority_time().await?);
                    self.phase = Phase::Closed(Place::After(*time));
                    Ok(None)
                }
            },
            Phase::Closed(place) => {
                let changes = self.store.changes(self.since.stream(), place).await?;
                self.phase = Phase::Open(Box::new(changes), place.clone());
                self.lost = 0;
                Ok(Some(News::Watching))
            }
            Phase::Open(changes, place) => {
                let failed = |error: Error| explain(&error, self.store.name());
                let change = changes.next_if_any().await.map_err(failed)?;
                // Also where nothing of ours happened: a token that is kept for long leaves the server's memory.
                if let Some(token) = changes.resume_token() {
                    *place = Place::Behind(token);
                }
                match change {
                    Some(change) => self.told(&change),
                    None if changes.is_alive() => Ok(None),
                    None => Err(self.gone()),
                }
            }
        }
    }

    fn told(&mut self, change: &ChangeStreamEvent<RawDocumentBuf>) -> Result<Option<NewsOf<C>>, StoreError> {
        match (&change.operation_type, &change.full_document) {
            (OperationType::Insert, Some(document)) => {
                let entry = read_entry::<C>(document)?;
                Ok(self.seen.live::<C>(&entry, change.cluster_time).then_some(News::Event(entry)))
            }
            _ => Err(self.gone()),
        }
    }

    fn go_back(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Start) {
            Phase::Start | Phase::CatchUp(..) => Phase::Start,
            Phase::Closed(place) | Phase::Open(_, place) => Phase::Closed(place),
        };
        self.seen.begin_again();
    }

    fn gone(&self) -> StoreError {
        let why = format!("'{}' was dropped or renamed while it was watched; watch again", C::COLLECTION);
        StoreError::Other { store: self.store.name().to_owned(), why }
    }
}

impl<C: Codec> MongoStore<C> {
    /// A time up to which the majority has everything: what a majority read that comes after it will see.
    ///
    /// Of a majority read the server tells the time of the majority's newest write, which can't be rolled back; of any
    /// other command, that of its own newest, which a majority read may not see yet.
    async fn majority_time(&self) -> Result<Timestamp, StoreError> {
        let read = doc! {
            "find": C::COLLECTION, "limit": 1, "singleBatch": true, "projection": { "_id": 1 },
            "readConcern": { "level": "majority" },
        };
        let database = self.collection().client().database(&self.collection().namespace().db);
        let answer = database.run_command(read).await.map_err(|error| explain(&error, self.name()))?;
        // A server by itself keeps no order of commits.
        answer.get_timestamp("operationTime").map_err(|_| StoreError::NoChangeStream { store: self.name().to_owned() })
    }

    /// What is inserted behind a place, in the order of the commits.
    async fn changes(&self, stream: Option<&Id<C>>, place: &Place) -> Result<Changes, StoreError> {
        let ours = match stream {
            None => doc! { "operationType": "insert" },
            Some(id) => doc! { "operationType": "insert", format!("fullDocument.{}", C::KEY): C::key(id) },
        };
        let filter = doc! { "$match": { "$or": [ours, { "operationType": "invalidate" }] } };
        let events = self.collection().clone_with_type::<RawDocumentBuf>();
        let watch = events.watch().pipeline([filter]);
        let watch = match place {
            Place::After(time) => watch.start_at_operation_time(next(*time)),
            Place::Behind(token) => watch.start_after(token.clone()),
        };
        watch.await.map_err(|error| explain(&error, self.name()))
    }
}

/// What was told already, where a catch-up and the change stream may both show it.
struct Seen {
    /// The newest version told of each stream, by its key in BSON.
    versions: HashMap<Vec<u8>, u64>,
    /// The lowest version asked for.
    lowest: u64,
    /// A time after which nothing can be in `versions`: then they are let go.
    complete_at: Option<Timestamp>,
    /// Whether what was kept is read once more.
    again: bool,
}

impl Seen {
    fn new<C: Codec>(since: &Since<Id<C>>) -> Self {
        Self { versions: HashMap::new(), lowest: since.version(), complete_at: None, again: false }
    }

    /// Whether an event that was kept is to be told.
    fn in_catch_up<C: Codec>(&mut self, entry: &Entry<C>) -> bool {
        let key = key::<C>(&entry.stream);
        if self.again && self.has(&key, entry.version) {
            return false;
        }
        self.versions.insert(key, entry.version);
        true
    }

    fn complete_at(&mut self, time: Timestamp) {
        self.complete_at = Some(time);
    }

    fn begin_again(&mut self) {
        self.again = true;
    }

    /// Whether an event of the change stream is to be told.
    fn live<C: Codec>(&mut self, entry: &Entry<C>, time: Option<Timestamp>) -> bool {
        if self.complete_at.is_some_and(|complete| time.is_some_and(|time| time > complete)) {
            self.versions = HashMap::new();
        }
        let told = !self.versions.is_empty() && self.has(&key::<C>(&entry.stream), entry.version);
        entry.version >= self.lowest && !told
    }

    fn has(&self, key: &[u8], version: u64) -> bool {
        self.versions.get(key).is_some_and(|told| version <= *told)
    }
}

fn key<C: Codec>(id: &Id<C>) -> Vec<u8> {
    bson::serialize_to_vec(&doc! { "": C::key(id) }).unwrap_or_default()
}

/// The first moment after another; the server counts within a second.
fn next(time: Timestamp) -> Timestamp {
    match time.increment.checked_add(1) {
        Some(increment) => Timestamp { increment, ..time },
        None => Timestamp { time: time.time.saturating_add(1), increment: 0 },
    }
}

/// How long to wait before the next attempt; a server that is down costs the driver its own patience besides.
fn patience(attempt: u32) -> Duration {
    let longest = 100_u64 << attempt.min(4);
    Duration::from_millis(fastrand::u64(longest / 2..longest))
}
