//! The collection of event documents. Its searches compare texts byte by byte, whatever the collection's own collation says:
//! otherwise `Ann` and `ann` could be one stream to `find` and two to the unique index. And no load shows an older state than one
//! before it has shown.
//!
//! A read of the majority is not enough for that: after an election or a restart, a primary may know for a moment only an older
//! state as that of the majority, and would answer with it. So [`Events::find`] asks for the time of the newest write and read before it
//! ([causal consistency](https://www.mongodb.com/docs/manual/core/causal-consistency-read-write-concerns/)), which costs no
//! command more. It is known within one process, by a store and its clones.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bson::{Document, RawDocument, RawDocumentBuf, Timestamp, doc};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection,
    action::{Find, FindOne},
    error::Error,
    options::{Collation, Hint},
    raw_batch_cursor::{RawBatch, SessionRawBatchCursor},
    results::InsertOneResult,
};
use serde::de::DeserializeOwned;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::JoinSet,
};

use super::store::MongoStore;
use crate::store::codec::Codec;

/// A [`Collection`] of documents of the type `T`, with searches of its own.
#[derive(Debug)]
pub(super) struct Events<T: Send + Sync = Document> {
    collection: Collection<T>,
    /// The newest time that was written or seen: a time of the servers' own clock, as one number; 0 for none.
    newest: Arc<AtomicU64>,
    turns: Arc<Semaphore>,
}

impl<T: Send + Sync> Clone for Events<T> {
    fn clone(&self) -> Self {
        let (newest, turns) = (Arc::clone(&self.newest), Arc::clone(&self.turns));
        Self { collection: self.collection.clone(), newest, turns }
    }
}

impl<T: Send + Sync + DeserializeOwned> Events<T> {
    /// A search within a session of the caller's.
    pub(super) fn find_in(&self, filter: Document) -> Find<'_, T> {
        self.collection.find(filter).collation(byte_by_byte())
    }

    /// The same for one document.
    pub(super) fn find_one(&self, filter: Document) -> FindOne<'_, T> {
        self.collection.find_one(filter).collation(byte_by_byte())
    }

    /// The same documents, not parsed.
    pub(super) fn raw(&self) -> Events<RawDocumentBuf> {
        let (newest, turns) = (Arc::clone(&self.newest), Arc::clone(&self.turns));
        Events { collection: self.collection.clone_with_type(), newest, turns }
    }
}

impl<T: Send + Sync> Events<T> {
    pub(super) fn new(collection: Collection<T>) -> Self {
        Self { collection, newest: Arc::default(), turns: turns(None) }
    }

    /// Waits until fewer writes are under way than there are connections.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// A session whose reads see all that was written and seen.
    pub(super) async fn session(&self) -> Result<ClientSession, Error> {
        let mut session = self.collection.client().start_session().await?;
        let newest = self.newest.load(Relaxed);
        if newest > 0 {
            session.advance_operation_time(Timestamp { time: (newest >> 32) as u32, increment: newest as u32 });
        }
        Ok(session)
    }

    /// Notes the time of what was read or written in a session, if that went well: of what failed, the majority may know nothing.
    pub(super) fn saw(&self, session: &ClientSession) {
        if let Some(Timestamp { time, increment }) = session.operation_time() {
            self.newest.fetch_max(u64::from(time) << 32 | u64::from(increment), Relaxed);
        }
    }
}

impl Events {
    /// A search, whose documents come in batches.
    pub(super) fn find(&self, filter: Document) -> Search<'_> {
        Search { events: self, find: self.find_in(filter), ahead: false }
    }

    /// Inserts a document by itself.
    pub(super) async fn insert_one(&self, document: &Document) -> Result<InsertOneResult, Error> {
        let mut session = self.session().await?;
        let inserted = self.collection.insert_one(document).session(&mut session).await?;
        self.saw(&session);
        Ok(inserted)
    }

    /// The document with the newest version.
    pub(super) async fn find_newest(&self, filter: Document) -> Result<Option<RawDocumentBuf>, Error> {
        let (raw, mut session) = (self.raw(), self.session().await?);
        let newest = raw.find_one(filter).sort(doc! { "version": -1 }).session(&mut session).await?;
        self.saw(&session);
        Ok(newest)
    }
}

/// For all else.
impl<T: Send + Sync> Deref for Events<T> {
    type Target = Collection<T>;

    fn deref(&self) -> &Collection<T> {
        &self.collection
    }
}

/// A search that is about to be made; see [`Find`].
pub(super) struct Search<'a> {
    events: &'a Events,
    find: Find<'a, Document>,
    /// Whether the next batch is fetched before it is asked for.
    ahead: bool,
}

impl<'a> Search<'a> {
    fn with(self, set: impl FnOnce(Find<'a, Document>) -> Find<'a, Document>) -> Self {
        Self { find: set(self.find), ..self }
    }

    pub(super) fn sort(self, sort: Document) -> Self {
        self.with(|find| find.sort(sort))
    }

    pub(super) fn skip(self, skip: u64) -> Self {
        self.with(|find| find.skip(skip))
    }

    /// For who may stop early: the next batch is fetched when it is asked for.
    pub(super) fn batches_of(self, size: u32) -> Self {
        self.with(|find| find.batch_size(size))
    }

    /// For who will read all that is found: the next batch is on its way while one is read.
    pub(super) fn batch_size(self, size: u32) -> Self {
        Self { ahead: true, ..self.batches_of(size) }
    }

    /// From a place of the index with these keys on.
    pub(super) fn from(self, index: Document, place: Document) -> Self {
        self.with(|find| find.hint(Hint::Keys(index)).min(place))
    }

    /// Without the index, the server sorts; on disk, if its memory is not enough.
    pub(super) fn on_disk(self) -> Self {
        self.with(|find| find.allow_disk_use(true))
    }

    pub(super) async fn batch(self) -> Result<Batches, Error> {
        let mut session = self.events.session().await?;
        let cursor = self.find.session(&mut session).batch().await?;
        let found = Found { cursor, session };
        let next = self.ahead.then(JoinSet::new);
        Ok(Batches { events: self.events.clone(), found: Some(found), next })
    }
}

/// The batches that a search has found. With a batch size, the next one is on its way while one is read: the server and the fold
/// work at the same time, and two batches are in memory, or three while the documents of one are copied.
pub(super) struct Batches {
    events: Events,
    /// Before the first batch, and after the last.
    found: Option<Found>,
    /// What fetches the next one, in at most one task, which ends when this is dropped.
    next: Option<JoinSet<Fetched>>,
}

type Fetched = (Found, Result<Option<RawBatch>, Error>);

/// What a search has found, in its session.
struct Found {
    cursor: SessionRawBatchCursor,
    session: ClientSession,
}

impl Found {
    async fn try_next(&mut self) -> Result<Option<RawBatch>, Error> {
        self.cursor.stream(&mut self.session).try_next().await
    }
}

impl Batches {
    /// The next one; none after the last.
    pub(super) async fn try_next(&mut self) -> Result<Option<RawBatch>, Error> {
        let fetched = match &mut self.next {
            Some(next) => next.join_next().await,
            None => None,
        };
        let batch = match (fetched, &mut self.found) {
            (Some(Ok((found, batch))), _) => {
                self.found = Some(found);
                batch
            }
            (Some(Err(ended)), _) => Err(Error::custom(ended)),
            (None, Some(found)) => found.try_next().await,
            (None, None) => Err(Error::custom("a search that has failed is read on")),
        }?;
        self.found.iter().for_each(|found| self.events.saw(&found.session));
        if let (Some(next), Some(true)) = (&mut self.next, batch.as_ref().map(has_more))
            && let Some(mut found) = self.found.take()
        {
            next.spawn(async move {
                let batch = found.try_next().await;
                (found, batch)
            });
        }
        Ok(batch)
    }
}

/// Whether the server has more than this batch; with the last one, it says that the cursor is no more.
fn has_more(batch: &RawBatch) -> bool {
    let id = |reply: &RawDocument| reply.get_document("cursor").ok()?.get_i64("id").ok();
    id(batch.as_raw_document()).is_some_and(|id| id != 0)
}

/// As many writes at a time as there are connections; none is no bound.
///
/// An insert waits in the server for a transaction that has written the same key, and keeps its connection meanwhile. If as many
/// inserts as there are connections waited for one whose next step needs a connection, none would end before the server ends
/// the transaction, a minute later.
pub(super) fn turns(connections: Option<u32>) -> Arc<Semaphore> {
    let most = connections.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0);
    Arc::new(Semaphore::new(most.unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS)))
}

impl<C: Codec> MongoStore<C> {
    /// The store, whose writes take their turns with others of the same connections.
    pub(super) fn taking(mut self, turns: &Arc<Semaphore>) -> Self {
        self.events.turns = Arc::clone(turns);
        self
    }

    pub(super) fn turns(&self) -> &Arc<Semaphore> {
        &self.events.turns
    }
}

/// MongoDB's own comparison, which it calls simple.
pub(super) fn byte_by_byte() -> Collation {
    Collation::builder().locale("simple").build()
}
