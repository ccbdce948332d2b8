//! A deadline for the calls of a store, whichever it is: [`Until`] is a store around another one. A frozen server, or a majority
//! that does not confirm, otherwise keeps a caller waiting for as long as it likes.

use std::{future::Future, time::Duration};

use basket_domain::{EventSourced, Subject};
use bson::{Bson, RawDocumentBuf};
use futures_util::{Stream, TryStreamExt, stream};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    archive::{Archive, Archived},
    codec::{Codec, Id, Storable},
    entry::{Commit, CommitId, EntryOf},
    error::StoreError,
    event_store::{EventStore, Expected, Outcome, Sought},
    feed::{Change, Claim, Claimed, FeedState, Feeds, Mark, Passed, Position, RowQuery, Rows, Shape, Totals, Which},
    keys::{Kept, Keys, WrappedKey},
    lines::Turns,
    log::{EventLog, Scope},
    maintenance::{Fault, Maintenance, Read},
    query::Query,
    snapshot::{Snapshot, Snapshots},
    tail::{NewsOf, Since, Tail},
    together::{Answer, Part, Together, Token},
};

/// A store whose calls all end within a time that began when this was made. A [command](EventStore::command) is several calls,
/// with all its attempts, and they end together; its own [deadline](crate::Command::deadline) is one of these.
///
/// An append that gets no answer in time fails with [`StoreError::OutcomeUnknown`], whose commit settles it; everything else
/// with [`StoreError::Unreachable`], and nothing was written then, but by an import, which can be repeated.
///
/// ```no_run
/// # use basket_mongo::{Baskets, EventStore, MongoStore, Until};
/// # async fn example(id: basket_domain::BasketId) -> Result<(), Box<dyn std::error::Error>> {
/// let baskets = MongoStore::<Baskets>::at("mongodb://127.0.0.1:27017/basket_db").await?;
/// let basket = Until::new(&baskets, std::time::Duration::from_secs(1)).get(&id).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Until<S> {
    store: S,
    name: String,
    within: Duration,
    /// None if no clock will reach it.
    deadline: Option<Instant>,
}

impl<S> Until<S> {
    /// This store, for so long from now; [`Duration::MAX`] is for ever.
    pub fn new<A: Storable>(store: S, within: Duration) -> Self
    where
        S: EventStore<A>,
    {
        Self { name: store.name().to_owned(), store, within, deadline: Instant::now().checked_add(within) }
    }

    /// The store without the deadline.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Another store, until the same moment.
    pub fn over<A: Storable, T: EventStore<A>>(&self, store: T) -> Until<T> {
        Until { name: store.name().to_owned(), store, within: self.within, deadline: self.deadline }
    }

    /// What the call returns, if it does so in time. For calls that are no part of a trait here.
    pub async fn in_time<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let Some(deadline) = self.deadline else { return call.await };
        timeout_at(deadline, call).await.unwrap_or_else(|_| Err(self.late()))
    }

    fn late(&self) -> StoreError {
        StoreError::Unreachable { store: self.name.clone(), why: self.why(), source: None }
    }

    fn why(&self) -> String {
        format!("no answer within {:?}", self.within)
    }

    /// The items of a stream, as long as they come in time.
    fn while_in_time<T: Send>(
        &self,
        items: impl Stream<Item = Result<T, StoreError>> + Send,
    ) -> impl Stream<Item = Result<T, StoreError>> + Send
    where
        S: Sync,
    {
        stream::try_unfold(Box::pin(items), |mut items| async {
            Ok(self.in_time(items.try_next()).await?.map(|item| (item, items)))
        })
    }
}

impl<S: Sync> Until<S> {
    /// What an append returns, if it does so in time.
    async fn append_in_time(
        &self,
        commit: CommitId,
        append: impl Future<Output = Result<Outcome, StoreError>>,
    ) -> Result<Outcome, StoreError> {
        let Some(deadline) = self.deadline else { return append.await };
        if deadline <= Instant::now() {
            return Err(self.late());
        }
        timeout_at(deadline, append).await.unwrap_or_else(|_| {
            Err(StoreError::OutcomeUnknown { store: self.name.clone(), commit, why: self.why(), source: None })
        })
    }
}

impl<A: Storable, S: EventStore<A>> EventStore<A> for Until<S> {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(&self, id: &A::Id) -> Result<EventSourced<A>, StoreError> {
        self.in_time(self.store.get(id)).await
    }

    async fn append(
        &self,
        id: &A::Id,
        expected: Expected,
        commit: &Commit,
        events: &[A::Event],
    ) -> Result<Outcome, StoreError> {
        self.append_in_time(commit.id, self.store.append(id, expected, commit, events)).await
    }

    async fn seek(&self, id: &A::Id, commit: &Commit) -> Result<Sought<A>, StoreError> {
        self.in_time(self.store.seek(id, commit)).await
    }

    async fn entries(&self, scope: Scope<A::Id>, limit: usize) -> Result<Vec<EntryOf<A>>, StoreError> {
        self.in_time(self.store.entries(scope, limit)).await
    }

    /// Half of the time that is left, at most: who is not let in by then goes on without a turn, and in time.
    async fn line_up(&self, ids: &[&A::Id]) -> Result<Turns, StoreError> {
        let Some(deadline) = self.deadline else { return self.store.line_up(ids).await };
        let left = deadline.saturating_duration_since(Instant::now());
        timeout(left / 2, self.store.line_up(ids)).await.unwrap_or_else(|_| Ok(Turns::default()))
    }
}

impl<A: Storable, S: Together<A>> Together<A> for Until<S> {
    async fn ask(&self, query: &Query) -> Result<Answer<A>, StoreError> {
        self.in_time(self.store.ask(query)).await
    }

    async fn append_together(
        &self,
        commit: &Commit,
        parts: &[Part<'_, A>],
        asked: &[(&Query, &Token)],
    ) -> Result<Outcome, StoreError> {
        self.append_in_time(commit.id, self.store.append_together(commit, parts, asked)).await
    }
}

impl<C: Codec, S: EventLog<C> + Sync> EventLog<C> for Until<S> {
    fn documents(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        self.while_in_time(self.store.documents(scope))
    }

    fn ids(&self) -> impl Stream<Item = Result<Id<C>, StoreError>> + Send {
        self.while_in_time(self.store.ids())
    }
}

impl<C: Codec, S: Tail<C> + Sync> Tail<C> for Until<S> {
    fn tail(&self, since: Since<Id<C>>) -> impl Stream<Item = Result<NewsOf<C>, StoreError>> + Send {
        self.while_in_time(self.store.tail(since))
    }
}

impl<C: Codec, S: Feeds<C> + Sync> Feeds<C> for Until<S> {
    fn after(&self, position: Option<Position>) -> impl Stream<Item = Result<Passed<C>, StoreError>> + Send {
        self.while_in_time(self.store.after(position))
    }

    async fn claim(
        &self,
        feed: &str,
        holder: &str,
        shape: Shape,
        lease: Duration,
        by_force: bool,
    ) -> Result<Claimed, StoreError> {
        self.in_time(self.store.claim(feed, holder, shape, lease, by_force)).await
    }

    async fn keep(&self, claim: &Claim, change: &Change) -> Result<(), StoreError> {
        self.in_time(self.store.keep(claim, change)).await
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.in_time(self.store.release(claim)).await
    }

    async fn marks(&self, rows: &Rows, keys: Vec<Bson>) -> Result<Vec<(Bson, Mark)>, StoreError> {
        self.in_time(self.store.marks(rows, keys)).await
    }

    fn rows(&self, rows: Rows, query: RowQuery) -> impl Stream<Item = Result<(Bson, Mark), StoreError>> + Send {
        self.while_in_time(self.store.rows(rows, query))
    }

    async fn totals(&self, rows: &Rows, which: &Which) -> Result<Totals, StoreError> {
        self.in_time(self.store.totals(rows, which)).await
    }

    async fn replace(&self, feed: &str, by: &Claim) -> Result<(), StoreError> {
        self.in_time(self.store.replace(feed, by)).await
    }

    async fn forget(&self, feed: &str) -> Result<(), StoreError> {
        self.in_time(self.store.forget(feed)).await
    }

    async fn feeds(&self) -> Result<Vec<FeedState>, StoreError> {
        self.in_time(self.store.feeds()).await
    }

    async fn wait_for(&self, feed: &str, id: &Id<C>, version: u64, within: Duration) -> Result<(), StoreError> {
        let left = self.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        self.store.wait_for(feed, id, version, within.min(left)).await
    }
}

impl<C: Codec, S: Maintenance<C> + Sync> Maintenance<C> for Until<S> {
    async fn count(&self) -> Result<u64, StoreError> {
        self.in_time(self.store.count()).await
    }

    async fn faults(&self) -> Result<Vec<Fault>, StoreError> {
        self.in_time(self.store.faults()).await
    }

    async fn import(&self, events: &[Read<C>], write: bool) -> Result<u64, StoreError> {
        self.in_time(self.store.import(events, write)).await
    }
}

impl<C: Codec, S: Archive<C> + Sync> Archive<C> for Until<S> {
    async fn archived(&self, id: &Id<C>) -> Result<Option<Archived>, StoreError> {
        self.in_time(self.store.archived(id)).await
    }

    fn archives(&self) -> impl Stream<Item = Result<(Id<C>, Archived), StoreError>> + Send {
        self.while_in_time(self.store.archives())
    }

    async fn archive(&self, id: &Id<C>, to: &Archived) -> Result<(), StoreError> {
        self.in_time(self.store.archive(id, to)).await
    }

    async fn unarchive(&self, id: &Id<C>) -> Result<bool, StoreError> {
        self.in_time(self.store.unarchive(id)).await
    }
}

impl<S: Keys> Keys for Until<S> {
    async fn key(&self, subject: &Subject) -> Result<Kept, StoreError> {
        self.in_time(self.store.key(subject)).await
    }

    async fn keep_key(&self, subject: &Subject, fresh: WrappedKey) -> Result<Kept, StoreError> {
        self.in_time(self.store.keep_key(subject, fresh)).await
    }

    async fn delete_key(&self, subject: &Subject) -> Result<Kept, StoreError> {
        self.in_time(self.store.delete_key(subject)).await
    }

    async fn replace_key(&self, subject: &Subject, old: &WrappedKey, new: WrappedKey) -> Result<bool, StoreError> {
        self.in_time(self.store.replace_key(subject, old, new)).await
    }

    fn subjects(&self) -> impl Stream<Item = Result<Subject, StoreError>> + Send {
        self.while_in_time(self.store.subjects())
    }
}

impl<C: Codec, S: Snapshots<C> + Sync> Snapshots<C> for Until<S> {
    async fn snapshot(&self, id: &Id<C>) -> Result<Option<RawDocumentBuf>, StoreError> {
        self.in_time(self.store.snapshot(id)).await
    }

    fn snapshots(&self) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        self.while_in_time(self.store.snapshots())
    }

    async fn keep_snapshot(&self, id: &Id<C>, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.in_time(self.store.keep_snapshot(id, snapshot)).await
    }

    async fn drop_snapshots(&self, id: Option<&Id<C>>) -> Result<u64, StoreError> {
        self.in_time(self.store.drop_snapshots(id)).await
    }
}
