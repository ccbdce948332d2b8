//! The contract in memory, with a clock that stands still until it is set: for tests of a service that is built on a store.
//! It keeps the documents that [`MongoStore`](crate::MongoStore) would, so a codec is tested with it, and it passes the same
//! contract suite. Nothing outlives it.

mod feeds;
mod keys;
mod rows;
pub mod simulation;
mod snapshots;

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use basket_domain::{EventSourced, Subject};
use bson::{DateTime, RawDocument, RawDocumentBuf, doc};
use futures_util::{Stream, stream};

use self::feeds::Feed;
use crate::store::{
    codec::{Codec, Event, Id},
    document::{RecordedEvent, as_stored, new_events, read_entry, stream_of},
    entry::{Commit, CommitId, Entry},
    error::{StoreError, Unreadable},
    event_store::{EventStore, Expected, Outcome, Sought},
    log::{EventLog, Scope, entries, seek},
    maintenance::{Fault, Maintenance, Read, is_new},
    query::Query,
    together::{Answer, Part, Together, Token},
};

const NAME: &str = "memory";

/// The events of all aggregates of one kind, in memory. A clone is the same store.
///
/// ```
/// use basket_domain::BasketId;
/// use basket_mongo::{Baskets, EventLog, EventStore, MemoryStore, Moment};
/// use bson::DateTime;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let baskets = MemoryStore::<Baskets>::default();
/// let id: BasketId = "5ab69073421aa917e62b4734".parse()?;
/// baskets.set_time(DateTime::parse_rfc3339_str("2026-01-01T12:00:00Z")?);
/// baskets.command(&id).run(|basket| basket.create(id)).await?;
///
/// let noon = baskets.past(&id, Moment::Version(1)).await?;
/// assert_eq!(noon.recorded_at.try_to_rfc3339_string()?, "2026-01-01T12:00:00Z");
/// # Ok(())
/// # }
/// ```
///
/// A read model is tested with it, too:
///
/// ```
/// # use basket_domain::BasketId;
/// # use basket_mongo::{Baskets, Entry, EventStore, Feeds, MemoryStore, Projection, Subscription};
/// # use basket_mongo::store::{feed::Shape, projection::{project, rows}};
/// # use bson::{Document, doc};
/// # struct Busy;
/// # impl Projection<Baskets> for Busy {
/// #     fn name(&self) -> &'static str { "busy" }
/// #     fn shape(&self) -> Shape { Shape { number: 1, indexes: &["events"] } }
/// #     fn fold(&self, stream: &[Entry<Baskets>]) -> Document { doc! { "events": stream.len() as i64 } }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let id: BasketId = "5ab69073421aa917e62b4734".parse()?;
/// let baskets = MemoryStore::<Baskets>::default();
/// baskets.command(&id).run(|basket| basket.create(id)).await?;
///
/// let mut reader = Subscription::open(&baskets, Busy.name(), Busy.shape(), Default::default()).await?;
/// while !project(&mut reader, &Busy).await?.1 {}
///
/// assert_eq!(rows(&baskets, &Busy, Default::default()).await?, [(id, doc! { "events": 1_i64 })]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MemoryStore<C> {
    kept: Arc<Mutex<Kept>>,
    codec: PhantomData<fn() -> C>,
}

#[derive(Debug)]
struct Kept {
    now: DateTime,
    /// By the key of their stream, as text, and their version.
    events: BTreeMap<(String, u64), Stored>,
    /// Where each of them is in `events`, in the order of the appends.
    order: Vec<(String, u64)>,
    /// By name.
    feeds: BTreeMap<String, Feed>,
    /// By their subject.
    keys: BTreeMap<Subject, keys::Kept>,
    /// By the key of their stream, as text.
    snapshots: BTreeMap<String, RawDocumentBuf>,
}

#[derive(Debug)]
struct Stored {
    /// Its place in the order of the appends, from 1.
    position: i64,
    document: RawDocumentBuf,
}

impl<C> Clone for MemoryStore<C> {
    fn clone(&self) -> Self {
        Self { kept: Arc::clone(&self.kept), codec: PhantomData }
    }
}

/// An empty store, at the beginning of the year 2000.
impl<C> Default for MemoryStore<C> {
    fn default() -> Self {
        let now = DateTime::from_millis(946_684_800_000);
        let (events, feeds) = (BTreeMap::new(), BTreeMap::new());
        let (keys, snapshots) = (BTreeMap::new(), BTreeMap::new());
        let kept = Kept { now, events, order: Vec::new(), feeds, keys, snapshots };
        Self { kept: Arc::new(Mutex::new(kept)), codec: PhantomData }
    }
}

impl<C> MemoryStore<C> {
    /// Sets the clock: all that is appended from now on is recorded at this time, and a feed that has read all has done so then.
    pub fn set_time(&self, now: DateTime) {
        self.kept().now = now;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing here panics in the middle of a change.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The stream's events from a version on.
    fn stream(&self, key: &str, version: u64) -> impl DoubleEndedIterator<Item = &RawDocumentBuf> {
        self.events.range((key.to_owned(), version)..=(key.to_owned(), u64::MAX)).map(|(_, stored)| &stored.document)
    }

    fn head(&self, key: &str) -> u64 {
        let newest = self.events.range((key.to_owned(), 0)..=(key.to_owned(), u64::MAX)).next_back();
        newest.map_or(0, |((_, version), _)| *version)
    }

    fn insert(&mut self, key: String, version: u64, document: RawDocumentBuf) {
        self.order.push((key.clone(), version));
        let position = self.appended();
        self.events.insert((key, version), Stored { position, document });
    }

    /// How many events were appended, which is the position of the newest one.
    fn appended(&self) -> i64 {
        as_stored(self.order.len() as u64)
    }
}

fn key_of<C: Codec>(id: &Id<C>) -> String {
    C::key(id).to_string()
}

fn other(error: impl std::fmt::Display) -> StoreError {
    StoreError::other(NAME, error.to_string())
}

impl<C: Codec> EventStore<C::Aggregate> for MemoryStore<C> {
    fn name(&self) -> &str {
        NAME
    }

    async fn get(&self, id: &Id<C>) -> Result<EventSourced<C::Aggregate>, StoreError> {
        let mut root = EventSourced::new(id.clone());
        for document in self.kept().stream(&key_of::<C>(id), 0) {
            root = RecordedEvent::from_document(document.as_ref().into())?.replay_onto::<C>(root)?;
        }
        match root.version() {
            0 => Err(StoreError::not_found::<C>(NAME, id)),
            _ => Ok(root),
        }
    }

    async fn append(
        &self,
        id: &Id<C>,
        expected: Expected,
        commit: &Commit,
        events: &[Event<C>],
    ) -> Result<Outcome, StoreError> {
        let (Expected::Loaded(version) | Expected::Claimed(version)) = expected;
        self.append_together(commit, &[Part { id, version, events }], &[]).await
    }

    async fn seek(&self, id: &Id<C>, commit: &Commit) -> Result<Sought<C::Aggregate>, StoreError> {
        seek(self, id, commit).await
    }

    async fn entries(&self, scope: Scope<Id<C>>, limit: usize) -> Result<Vec<Entry<C>>, StoreError> {
        entries(self, scope, limit).await
    }
}

impl<C: Codec> Together<C::Aggregate> for MemoryStore<C> {
    async fn ask(&self, query: &Query) -> Result<Answer<C::Aggregate>, StoreError> {
        query.guards::<C>(NAME)?;
        let kept = self.kept();
        let found = kept.events.values().filter(|stored| is_match(query, &stored.document));
        let entries: Result<_, Unreadable> = found.map(|stored| read_entry::<C>(&stored.document)).collect();
        Ok(Answer { token: Token(doc! { "position": kept.appended() }), entries: entries? })
    }

    async fn append_together(
        &self,
        commit: &Commit,
        parts: &[Part<'_, C::Aggregate>],
        asked: &[(&Query, &Token)],
    ) -> Result<Outcome, StoreError> {
        if parts.iter().all(|part| part.events.is_empty()) {
            return Ok(Outcome::Unchanged);
        }
        let mut kept = self.kept();
        for Part { id, version, .. } in parts {
            let found = kept.head(&key_of::<C>(id));
            if found == *version {
                continue;
            }
            let next = kept.events.get(&(key_of::<C>(id), version.saturating_add(1)));
            let is_ours = next.is_some_and(|next| is_of(&next.document, commit.id));
            return if is_ours { Ok(Outcome::Before) } else { Err(StoreError::Conflict { expected: *version, found }) };
        }
        for (query, token) in asked {
            let seen = token.0.get_i64("position").unwrap_or(0);
            if kept.events.values().any(|stored| stored.position > seen && is_match(query, &stored.document)) {
                return Err(StoreError::Outdated { store: NAME.into() });
            }
        }
        let mut new = Vec::new();
        for Part { id, version, events } in parts {
            for (next, event) in (version + 1..).zip(new_events::<C>(*version, commit, kept.now, events)) {
                let document = RawDocumentBuf::try_from(&event.document::<C>(id)).map_err(other)?;
                new.push((key_of::<C>(id), next, document));
            }
        }
        new.into_iter().for_each(|(key, version, document)| kept.insert(key, version, document));
        Ok(Outcome::Now)
    }
}

fn is_of(document: &RawDocument, commit: CommitId) -> bool {
    document.get_object_id("commit").ok() == Some(commit)
}

fn is_match(query: &Query, document: &RawDocument) -> bool {
    let tags = document.get_array("tags").ok().into_iter().flatten().flatten();
    let tags: Vec<_> = tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
    document.get_str("type").is_ok_and(|name| query.matches(name, &tags))
}

impl<C: Codec> EventLog<C> for MemoryStore<C> {
    fn documents(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        let kept = self.kept();
        let documents: Vec<_> = match &scope {
            Scope::From(id, version) => kept.stream(&key_of::<C>(id), *version).cloned().collect(),
            Scope::NewestFirst(id) => kept.stream(&key_of::<C>(id), 0).rev().cloned().collect(),
            Scope::All => kept.events.values().map(|stored| stored.document.clone()).collect(),
            Scope::Matching(query) => {
                let found = kept.events.values().filter(|stored| is_match(query, &stored.document));
                found.map(|stored| stored.document.clone()).collect()
            }
        };
        stream::iter(documents.into_iter().map(Ok))
    }

    fn ids(&self) -> impl Stream<Item = Result<Id<C>, StoreError>> + Send {
        let kept = self.kept();
        let mut first: Vec<_> = kept.events.iter().map(|((key, _), stored)| (key, stored)).collect();
        first.dedup_by_key(|(key, _)| *key);
        let ids = first.into_iter().map(|(_, stored)| stream_of::<C>(&stored.document).map_err(other));
        stream::iter(ids.collect::<Vec<_>>())
    }
}

impl<C: Codec> Maintenance<C> for MemoryStore<C> {
    async fn count(&self) -> Result<u64, StoreError> {
        Ok(self.kept().events.len() as u64)
    }

    async fn faults(&self) -> Result<Vec<Fault>, StoreError> {
        Ok(Vec::new())
    }

    async fn import(&self, events: &[Read<C>], write: bool) -> Result<u64, StoreError> {
        let mut kept = self.kept();
        let mut new = Vec::new();
        for read in events {
            let (entry, document) = read;
            let place = (key_of::<C>(&entry.stream), entry.version);
            let found = kept.events.get(&place).map(|stored| stored.document.as_ref());
            if is_new::<C>(NAME, read, found)? {
                new.push((place, document.clone()));
            }
        }
        let count = new.len() as u64;
        new.into_iter().filter(|_| write).for_each(|((key, version), document)| kept.insert(key, version, document));
        Ok(count)
    }
}
