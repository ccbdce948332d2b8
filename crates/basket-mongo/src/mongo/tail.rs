//! The tail of a MongoDB collection: get a time T up to which the majority has everything, read the collection after T, then
//! open the change stream from T on. An event that both show is reported once: within a stream, versions only grow. After a
//! lost connection, the change stream goes on after its last token. [`tail`](crate::store::tail) is the contract.

use std::{
    collections::{HashMap, HashSet},
    pin::Pin,
    time::Duration,
};

use bson::{Document, RawDocument, RawDocumentBuf, Timestamp, doc};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use mongodb::change_stream::{
    ChangeStream,
    event::{ChangeStreamEvent, OperationType, ResumeToken},
};
use tokio::time::sleep;

use super::{
    append::PLACEHOLDER,
    driven::driven,
    look::look,
    store::{MongoStore, STANDALONE},
};
use crate::store::{
    codec::{Codec, Id, key_bytes},
    document::{as_stored, read_entry},
    error::StoreError,
    log::EventLog,
    tail::{News, NewsOf, Since, Tail},
};

/// How often to ask again for a time that is not signed yet: seven seconds to fourteen.
const KEYS_ARE_MADE: u32 = 10;

impl<C: Codec + 'static> Tail<C> for MongoStore<C> {
    fn tail(&self, since: Since<Id<C>>) -> impl Stream<Item = Result<NewsOf<C>, StoreError>> + Send {
        driven(self.clone(), |store| {
            // A server by itself has no change stream.
            let follow = async move {
                Ok::<_, StoreError>(match store.server_info().await?.topology.as_str() {
                    STANDALONE => look(store, since).left_stream(),
                    _ => follow(store, since).right_stream(),
                })
            };
            stream::once(follow).try_flatten().boxed()
        })
    }
}

fn follow<C: Codec>(
    store: &MongoStore<C>,
    since: Since<Id<C>>,
) -> impl Stream<Item = Result<NewsOf<C>, StoreError>> + Send {
    let follower = Follower { store, seen: Seen::new(&since), since, phase: Phase::Start, begun: false, lost: 0 };
    stream::try_unfold(follower, |mut follower| async move { Ok(Some((follower.news().await?, follower))) })
}

pub(super) type Changes = ChangeStream<ChangeStreamEvent<RawDocumentBuf>>;
type Kept<'a> = Pin<Box<dyn Stream<Item = Result<RawDocumentBuf, StoreError>> + Send + 'a>>;

/// One reader that follows a collection.
struct Follower<'a, C: Codec> {
    store: &'a MongoStore<C>,
    since: Since<Id<C>>,
    seen: Seen<C>,
    phase: Phase<'a>,
    /// Whether the store has ever answered.
    begun: bool,
    /// Failures in a row; 0 while it answers.
    lost: u32,
}

/// How far it has come.
enum Phase<'a> {
    /// Nothing was read, or the stored events must be read again.
    Start,
    /// The stored events are being read, at least all up to this time.
    CatchUp(Timestamp, Kept<'a>),
    /// The change stream must be opened here.
    Closed(Position),
    /// It is open; after an error, it is opened again here.
    Open(Box<Changes>, Position),
}

/// A place in the order of the commits.
#[derive(Clone)]
pub(super) enum Position {
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
                    sleep(pause(self.lost)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next step. One that fails can be tried again after [`go_back`](Self::go_back).
    async fn step(&mut self) -> Result<Option<NewsOf<C>>, StoreError> {
        match &mut self.phase {
            Phase::Start => {
                let time = self.store.majority_time().await?;
                self.begun = true;
                self.phase = match self.since.kept() {
                    Some(scope) => Phase::CatchUp(time, Box::pin(self.store.documents(scope))),
                    None => Phase::Closed(Position::After(time)),
                };
                Ok(None)
            }
            Phase::CatchUp(time, kept) => match kept.try_next().await? {
                Some(document) => Ok(self.seen.in_catch_up(&document)),
                None => {
                    self.seen.complete_at = Some(self.store.majority_time().await?);
                    self.phase = Phase::Closed(Position::After(*time));
                    Ok(None)
                }
            },
            Phase::Closed(place) => {
                let changes = self.store.changes(self.since.stream(), place).await?;
                self.phase = Phase::Open(Box::new(changes), place.clone());
                self.lost = 0;
                Ok(Some(News::Watching { every: None }))
            }
            Phase::Open(changes, place) => {
                let change = changes.next_if_any().await.map_err(|error| self.store.failed(error))?;
                // Also without an event of ours: the server forgets old tokens.
                if let Some(token) = changes.resume_token() {
                    *place = Position::Behind(token);
                }
                match change {
                    Some(change) => self.changed(&change),
                    None if changes.is_alive() => Ok(None),
                    None => Err(self.gone()),
                }
            }
        }
    }

    fn changed(&mut self, change: &ChangeStreamEvent<RawDocumentBuf>) -> Result<Option<NewsOf<C>>, StoreError> {
        match (&change.operation_type, &change.full_document) {
            (OperationType::Insert, Some(document)) => Ok(self.seen.live(document, change.cluster_time)),
            _ => Err(self.gone()),
        }
    }

    fn go_back(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Start) {
            Phase::Start | Phase::CatchUp(..) => Phase::Start,
            Phase::Closed(place) | Phase::Open(_, place) => Phase::Closed(place),
        };
        self.seen.again = true;
    }

    fn gone(&self) -> StoreError {
        let why = format!("'{}' was dropped or renamed while it was watched; watch again", self.store.events.name());
        StoreError::other(&self.store.name, why)
    }
}

impl<C: Codec> MongoStore<C> {
    /// A time up to which the majority has everything, so that a later majority read sees it.
    ///
    /// With a majority read, the server returns the time of the majority's newest write, which can't be rolled back; with any
    /// other command, that of its own newest write, which a majority read may not see yet. In a sharded cluster it is the time of
    /// the shard that has come furthest, so a second read waits until the majority of each shard has reached it.
    ///
    /// A server with access control signs its times: one that has just started gives none until it has its keys.
    pub(super) async fn majority_time(&self) -> Result<Timestamp, StoreError> {
        let read = async |concern: Document| {
            let find = doc! {
                "find": self.events.name(), "limit": 1, "singleBatch": true, "projection": { "_id": 1 }, "readConcern": concern,
            };
            self.database().run_command(find).await.map_err(|error| self.failed(error))
        };
        for attempt in 0..=KEYS_ARE_MADE {
            let answer = read(doc! { "level": "majority" }).await?;
            if let Ok(time) = answer.get_timestamp("operationTime") {
                read(doc! { "level": "majority", "afterClusterTime": time }).await?;
                return Ok(time);
            }
            sleep(pause(attempt)).await;
        }
        let why = "it gives no operationTime, as one that has just started and has no keys to sign it with";
        Err(StoreError::Unreachable { store: self.name.clone(), why: why.into(), source: None })
    }

    /// What is inserted after a position, in the order of the commits.
    pub(super) async fn changes(&self, stream: Option<&Id<C>>, place: &Position) -> Result<Changes, StoreError> {
        let mut ours = doc! { "operationType": "insert", format!("fullDocument.{PLACEHOLDER}"): null };
        ours.extend(stream.map(|id| (format!("fullDocument.{}", C::key_field()), C::key(id))));
        let filter = doc! { "$match": { "$or": [ours, { "operationType": "invalidate" }] } };
        let events = self.collection().clone_with_type::<RawDocumentBuf>();
        let watch = events.watch().pipeline([filter]);
        let watch = match place {
            Position::After(time) => watch.start_at_operation_time(next(*time)),
            Position::Behind(token) => watch.start_after(token.clone()),
        };
        watch.await.map_err(|error| self.failed(error))
    }
}

/// What was reported already, if the catch-up and the change stream may both show it.
struct Seen<C: Codec> {
    /// The newest version reported of each stream, by its key in BSON.
    versions: HashMap<Vec<u8>, u64>,
    /// The same of the stream that is being read: the stored events of a stream come one after the other.
    newest: Option<(Id<C>, u64)>,
    /// What was reported as unreadable, by its `_id`.
    unreadable: HashSet<String>,
    /// The lowest version asked for.
    lowest: u64,
    /// Nothing after this time is in `versions` and `unreadable`, so they are dropped then.
    complete_at: Option<Timestamp>,
    /// Whether the stored events are read a second time.
    again: bool,
}

impl<C: Codec> Seen<C> {
    fn new(since: &Since<Id<C>>) -> Self {
        Self {
            versions: HashMap::new(),
            newest: None,
            unreadable: HashSet::new(),
            lowest: since.version(),
            complete_at: None,
            again: false,
        }
    }

    /// What to report of a stored document.
    fn in_catch_up(&mut self, document: &RawDocument) -> Option<NewsOf<C>> {
        let entry = match read_entry::<C>(document) {
            Ok(entry) => entry,
            Err(unreadable) => return self.unreadable.insert(id_of(document)).then_some(News::Unreadable(unreadable)),
        };
        if self.again && self.has(&entry.stream, entry.version) {
            return None;
        }
        match &mut self.newest {
            Some((stream, version)) if *stream == entry.stream => *version = entry.version,
            _ => {
                self.keep_newest();
                self.newest = Some((entry.stream.clone(), entry.version));
            }
        }
        Some(News::Event(entry))
    }

    /// What to report of a document in the change stream.
    fn live(&mut self, document: &RawDocument, time: Option<Timestamp>) -> Option<NewsOf<C>> {
        self.keep_newest();
        if self.complete_at.is_some_and(|complete| time.is_some_and(|time| time > complete)) {
            (self.versions, self.unreadable) = (HashMap::new(), HashSet::new());
        }
        let entry = match read_entry::<C>(document) {
            Ok(entry) => entry,
            Err(unreadable) => {
                let is_asked_for = unreadable.version.is_none_or(|version| version >= as_stored(self.lowest));
                let is_new = is_asked_for && !self.unreadable.contains(&id_of(document));
                return is_new.then_some(News::Unreadable(unreadable));
            }
        };
        let reported = !self.versions.is_empty() && self.has(&entry.stream, entry.version);
        (entry.version >= self.lowest && !reported).then_some(News::Event(entry))
    }

    fn keep_newest(&mut self) {
        if let Some((stream, version)) = self.newest.take() {
            self.versions.insert(key_bytes(&C::key(&stream)), version);
        }
    }

    fn has(&self, stream: &Id<C>, version: u64) -> bool {
        match &self.newest {
            Some((read, newest)) if read == stream => version <= *newest,
            _ => self.versions.get(&key_bytes(&C::key(stream))).is_some_and(|newest| version <= *newest),
        }
    }
}

/// The whole `_id` of a document, of any type.
pub(super) fn id_of(document: &RawDocument) -> String {
    format!("{:?}", document.get("_id"))
}

/// The next timestamp; `increment` counts within a second.
fn next(time: Timestamp) -> Timestamp {
    match time.increment.checked_add(1) {
        Some(increment) => Timestamp { increment, ..time },
        None => Timestamp { time: time.time.saturating_add(1), increment: 0 },
    }
}

/// How long to wait before the next attempt, besides the time that the driver looks for a server.
fn pause(attempt: u32) -> Duration {
    let longest = 100_u64 << attempt.min(4);
    Duration::from_millis(fastrand::u64(longest / 2..longest))
}
