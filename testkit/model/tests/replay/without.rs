//! A store around the store, for feeds: it lacks a safeguard, and shows as many events at once as the model does.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use basket_domain::{Basket, BasketEvent, BasketId, EventSourced};
use basket_mongo::{
    Baskets, Codec, Commit, Entry, EventLog, EventStore, Expected, Feeds, MongoStore, Outcome, Scope, StoreError,
    store::{
        event_store::Sought,
        feed::{
            Change, Claim, Claimed, FeedState, Mark, Passed, Position, RowQuery, Rows, Shape, Shown, Totals, Which,
        },
    },
};
use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::{Stream, StreamExt, stream};
use model::safeguards::Safeguard;
use tokio::sync::Notify;

/// Events in one batch of the model.
const BATCH: usize = 2;

pub struct Without {
    pub inner: MongoStore<Baskets>,
    pub lacks: Option<Safeguard>,
    /// Whether the last event is shown again.
    pub repeats: AtomicBool,
    /// The place before the last event that was shown.
    before_last: Mutex<Option<Position>>,
    /// The version before the first of each stream that it has shown at last: all that is known of a stream without its mark.
    known: Mutex<Vec<(Bson, Mark)>>,
    /// Half of a change is written.
    pub half: Notify,
}

impl Without {
    pub fn new(inner: MongoStore<Baskets>, lacks: Option<Safeguard>) -> Self {
        let (repeats, before_last, known, half) = Default::default();
        Self { inner, lacks, repeats, before_last, known, half }
    }

    async fn show(&self, position: Option<Position>) -> Vec<Result<Passed<Baskets>, StoreError>> {
        let position = match self.repeats.swap(false, SeqCst) {
            true => self.before_last.lock().unwrap().take(),
            false => position,
        };
        let mut passed = Box::pin(self.inner.after(position.clone()));
        let (mut all, mut before, mut many, mut pauses) = (Vec::new(), position, 0, 0);
        self.known.lock().unwrap().clear();
        while many < BATCH && pauses < 3 {
            let one = passed.next().await.unwrap();
            if let Ok(one) = &one {
                if let Some(Shown::Event(entry)) = &one.shown {
                    let (key, version) = (Baskets::key(&entry.stream), entry.version - 1);
                    let mut known = self.known.lock().unwrap();
                    if !known.iter().any(|(stream, _)| *stream == key) {
                        known.push((key, Mark { version, ..Mark::default() }));
                    }
                    (*self.before_last.lock().unwrap(), many) = (before.take(), many + 1);
                }
                (before, pauses) = (Some(one.position.clone()), pauses + usize::from(one.is_last));
            }
            all.push(one);
        }
        all
    }
}

impl EventStore<Basket> for Without {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn get(&self, id: &BasketId) -> Result<EventSourced<Basket>, StoreError> {
        self.inner.get(id).await
    }

    async fn append(
        &self,
        id: &BasketId,
        expected: Expected,
        commit: &Commit,
        events: &[BasketEvent],
    ) -> Result<Outcome, StoreError> {
        self.inner.append(id, expected, commit, events).await
    }

    async fn seek(&self, id: &BasketId, commit: &Commit) -> Result<Sought<Basket>, StoreError> {
        self.inner.seek(id, commit).await
    }

    async fn entries(&self, scope: Scope<BasketId>, limit: usize) -> Result<Vec<Entry<Baskets>>, StoreError> {
        self.inner.entries(scope, limit).await
    }
}

impl EventLog<Baskets> for Without {
    fn documents(&self, scope: Scope<BasketId>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        self.inner.documents(scope)
    }

    fn ids(&self) -> impl Stream<Item = Result<BasketId, StoreError>> + Send {
        self.inner.ids()
    }
}

impl Feeds<Baskets> for Without {
    fn after(&self, position: Option<Position>) -> impl Stream<Item = Result<Passed<Baskets>, StoreError>> + Send {
        stream::once(self.show(position)).flat_map(stream::iter)
    }

    async fn claim(
        &self,
        feed: &str,
        holder: &str,
        shape: Shape,
        lease: Duration,
        by_force: bool,
    ) -> Result<Claimed, StoreError> {
        self.inner.claim(feed, holder, shape, lease, by_force).await
    }

    async fn keep(&self, claim: &Claim, change: &Change) -> Result<(), StoreError> {
        let (mut claim, mut change) = (claim.clone(), change.clone());
        match self.lacks {
            Some(Safeguard::Fence) => {
                let feeds = self.inner.collection().client().database(&self.inner.collection().namespace().db);
                let feeds = feeds.collection::<Document>("baskets_feeds");
                let feed = feeds.find_one(doc! { "_id": &claim.rows.feed }).await.unwrap().unwrap();
                claim.fence = feed.get_i64("fence").unwrap();
            }
            Some(Safeguard::Mark) => {
                let keys = change.marks.iter().map(|moved| moved.key.clone()).collect();
                for (key, mark) in self.inner.marks(&claim.rows, keys).await? {
                    change
                        .marks
                        .iter_mut()
                        .filter(|moved| moved.key == key)
                        .for_each(|moved| moved.from = mark.version);
                }
            }
            Some(Safeguard::OneTransaction) => {
                let totals = std::mem::take(&mut change.totals);
                self.inner.keep(&claim, &Change { totals, ..Change::default() }).await?;
                self.half.notify_one();
                tokio::task::yield_now().await;
            }
            _ => {}
        }
        self.inner.keep(&claim, &change).await
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.inner.release(claim).await
    }

    async fn marks(&self, rows: &Rows, keys: Vec<Bson>) -> Result<Vec<(Bson, Mark)>, StoreError> {
        match self.lacks {
            Some(Safeguard::Mark) => Ok(self.known.lock().unwrap().clone()),
            _ => self.inner.marks(rows, keys).await,
        }
    }

    fn rows(&self, rows: Rows, query: RowQuery) -> impl Stream<Item = Result<(Bson, Mark), StoreError>> + Send {
        self.inner.rows(rows, query)
    }

    async fn totals(&self, rows: &Rows, which: &Which) -> Result<Totals, StoreError> {
        self.inner.totals(rows, which).await
    }

    async fn replace(&self, feed: &str, by: &Claim) -> Result<(), StoreError> {
        self.inner.replace(feed, by).await
    }

    async fn forget(&self, feed: &str) -> Result<(), StoreError> {
        self.inner.forget(feed).await
    }

    async fn feeds(&self) -> Result<Vec<FeedState>, StoreError> {
        self.inner.feeds().await
    }
}
