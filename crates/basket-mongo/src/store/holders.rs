//! Whatever holds a store is a store: a reference, a `Box`, an `Arc`. [`DynEventStore`] is the form for those who choose a store at
//! run time, or keep several in one list.

use std::{future::Future, ops::Deref, time::Duration};

use basket_domain::EventSourced;
use bson::{Bson, RawDocumentBuf};
use futures_util::{Stream, future::BoxFuture};

use super::{
    codec::{Codec, Id, Storable},
    entry::{Commit, EntryOf},
    error::StoreError,
    event_store::{EventStore, Expected, Outcome, Sought},
    feed::{Change, Claim, Claimed, FeedState, Feeds, Mark, Passed, Position, RowQuery, Rows, Shape, Totals, Which},
    lines::Turns,
    log::{EventLog, Scope},
    maintenance::{Fault, Maintenance, Read},
    query::Query,
    snapshot::{Snapshot, Snapshots},
    together::{Answer, Part, Together, Token},
};

impl<A: Storable, P: Deref<Target: EventStore<A>> + Sync> EventStore<A> for P {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn get(&self, id: &A::Id) -> impl Future<Output = Result<EventSourced<A>, StoreError>> + Send {
        (**self).get(id)
    }

    fn append(
        &self,
        id: &A::Id,
        expected: Expected,
        commit: &Commit,
        events: &[A::Event],
    ) -> impl Future<Output = Result<Outcome, StoreError>> + Send {
        (**self).append(id, expected, commit, events)
    }

    fn seek(&self, id: &A::Id, commit: &Commit) -> impl Future<Output = Result<Sought<A>, StoreError>> + Send {
        (**self).seek(id, commit)
    }

    fn entries(
        &self,
        scope: Scope<A::Id>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<EntryOf<A>>, StoreError>> + Send {
        (**self).entries(scope, limit)
    }

    fn line_up(&self, ids: &[&A::Id]) -> impl Future<Output = Result<Turns, StoreError>> + Send {
        (**self).line_up(ids)
    }
}

impl<A: Storable, P: Deref<Target: Together<A>> + Sync> Together<A> for P {
    fn ask(&self, query: &Query) -> impl Future<Output = Result<Answer<A>, StoreError>> + Send {
        (**self).ask(query)
    }

    fn append_together(
        &self,
        commit: &Commit,
        parts: &[Part<'_, A>],
        asked: &[(&Query, &Token)],
    ) -> impl Future<Output = Result<Outcome, StoreError>> + Send {
        (**self).append_together(commit, parts, asked)
    }
}

impl<C: Codec, P: Deref<Target: EventLog<C>> + Sync + Send> EventLog<C> for P {
    fn documents(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        (**self).documents(scope)
    }

    fn ids(&self) -> impl Stream<Item = Result<Id<C>, StoreError>> + Send {
        (**self).ids()
    }
}

impl<C: Codec, P: Deref<Target: Feeds<C>> + Sync + Send> Feeds<C> for P {
    fn after(&self, position: Option<Position>) -> impl Stream<Item = Result<Passed<C>, StoreError>> + Send {
        (**self).after(position)
    }

    fn claim(
        &self,
        feed: &str,
        holder: &str,
        shape: Shape,
        lease: Duration,
        by_force: bool,
    ) -> impl Future<Output = Result<Claimed, StoreError>> + Send {
        (**self).claim(feed, holder, shape, lease, by_force)
    }

    fn keep(&self, claim: &Claim, change: &Change) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).keep(claim, change)
    }

    fn release(&self, claim: &Claim) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).release(claim)
    }

    fn marks(
        &self,
        rows: &Rows,
        keys: Vec<Bson>,
    ) -> impl Future<Output = Result<Vec<(Bson, Mark)>, StoreError>> + Send {
        (**self).marks(rows, keys)
    }

    fn rows(&self, rows: Rows, query: RowQuery) -> impl Stream<Item = Result<(Bson, Mark), StoreError>> + Send {
        (**self).rows(rows, query)
    }

    fn totals(&self, rows: &Rows, which: &Which) -> impl Future<Output = Result<Totals, StoreError>> + Send {
        (**self).totals(rows, which)
    }

    fn replace(&self, feed: &str, by: &Claim) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).replace(feed, by)
    }

    fn forget(&self, feed: &str) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).forget(feed)
    }

    fn feeds(&self) -> impl Future<Output = Result<Vec<FeedState>, StoreError>> + Send {
        (**self).feeds()
    }

    fn feed(&self, name: &str) -> impl Future<Output = Result<Option<FeedState>, StoreError>> + Send {
        (**self).feed(name)
    }

    fn wait_for(
        &self,
        feed: &str,
        id: &Id<C>,
        version: u64,
        within: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).wait_for(feed, id, version, within)
    }
}

impl<C: Codec, P: Deref<Target: Maintenance<C>> + Sync + Send> Maintenance<C> for P {
    fn count(&self) -> impl Future<Output = Result<u64, StoreError>> + Send {
        (**self).count()
    }

    fn faults(&self) -> impl Future<Output = Result<Vec<Fault>, StoreError>> + Send {
        (**self).faults()
    }

    fn import(&self, events: &[Read<C>], write: bool) -> impl Future<Output = Result<u64, StoreError>> + Send {
        (**self).import(events, write)
    }
}

impl<C: Codec, P: Deref<Target: Snapshots<C>> + Sync + Send> Snapshots<C> for P {
    fn snapshot(&self, id: &Id<C>) -> impl Future<Output = Result<Option<RawDocumentBuf>, StoreError>> + Send {
        (**self).snapshot(id)
    }

    fn snapshots(&self) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        (**self).snapshots()
    }

    fn keep_snapshot(&self, id: &Id<C>, snapshot: &Snapshot) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).keep_snapshot(id, snapshot)
    }

    fn drop_snapshots(&self, id: Option<&Id<C>>) -> impl Future<Output = Result<u64, StoreError>> + Send {
        (**self).drop_snapshots(id)
    }
}

/// A store of events behind a pointer: every [`Together`] is one.
///
/// ```
/// # use basket_domain::{Basket, BasketId};
/// # use basket_mongo::{Baskets, DynEventStore, EventStore, MemoryStore};
/// # use std::sync::Arc;
/// # async fn example(id: BasketId) -> Result<(), Box<dyn std::error::Error>> {
/// let baskets: Arc<dyn DynEventStore<Basket>> = Arc::new(MemoryStore::<Baskets>::default());
/// baskets.command(&id).run(|basket| basket.create(id)).await?;
/// # Ok(())
/// # }
/// ```
#[allow(missing_docs, reason = "each is the method of its name")]
pub trait DynEventStore<A: Storable + 'static>: Send + Sync {
    fn dyn_name(&self) -> &str;
    fn dyn_get<'a>(&'a self, id: &'a A::Id) -> BoxFuture<'a, Result<EventSourced<A>, StoreError>>;
    fn dyn_append<'a>(
        &'a self,
        id: &'a A::Id,
        expected: Expected,
        commit: &'a Commit,
        events: &'a [A::Event],
    ) -> BoxFuture<'a, Result<Outcome, StoreError>>;
    fn dyn_seek<'a>(&'a self, id: &'a A::Id, commit: &'a Commit) -> BoxFuture<'a, Result<Sought<A>, StoreError>>;
    fn dyn_entries(&self, scope: Scope<A::Id>, limit: usize) -> BoxFuture<'_, Entries<A>>;
    fn dyn_line_up<'a>(&'a self, ids: &'a [&'a A::Id]) -> BoxFuture<'a, Result<Turns, StoreError>>;
    fn dyn_ask<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Answer<A>, StoreError>>;
    fn dyn_append_together<'a>(
        &'a self,
        commit: &'a Commit,
        parts: &'a [Part<'a, A>],
        asked: &'a [(&'a Query, &'a Token)],
    ) -> BoxFuture<'a, Result<Outcome, StoreError>>;
}

/// What [`EventStore::entries`] returns.
type Entries<A> = Result<Vec<EntryOf<A>>, StoreError>;

impl<A: Storable + 'static, S: Together<A> + Send> DynEventStore<A> for S {
    fn dyn_name(&self) -> &str {
        self.name()
    }

    fn dyn_get<'a>(&'a self, id: &'a A::Id) -> BoxFuture<'a, Result<EventSourced<A>, StoreError>> {
        Box::pin(self.get(id))
    }

    fn dyn_append<'a>(
        &'a self,
        id: &'a A::Id,
        expected: Expected,
        commit: &'a Commit,
        events: &'a [A::Event],
    ) -> BoxFuture<'a, Result<Outcome, StoreError>> {
        Box::pin(self.append(id, expected, commit, events))
    }

    fn dyn_seek<'a>(&'a self, id: &'a A::Id, commit: &'a Commit) -> BoxFuture<'a, Result<Sought<A>, StoreError>> {
        Box::pin(self.seek(id, commit))
    }

    fn dyn_entries(&self, scope: Scope<A::Id>, limit: usize) -> BoxFuture<'_, Entries<A>> {
        Box::pin(self.entries(scope, limit))
    }

    fn dyn_line_up<'a>(&'a self, ids: &'a [&'a A::Id]) -> BoxFuture<'a, Result<Turns, StoreError>> {
        Box::pin(self.line_up(ids))
    }

    fn dyn_ask<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Answer<A>, StoreError>> {
        Box::pin(self.ask(query))
    }

    fn dyn_append_together<'a>(
        &'a self,
        commit: &'a Commit,
        parts: &'a [Part<'a, A>],
        asked: &'a [(&'a Query, &'a Token)],
    ) -> BoxFuture<'a, Result<Outcome, StoreError>> {
        Box::pin(self.append_together(commit, parts, asked))
    }
}

impl<A: Storable + 'static> EventStore<A> for dyn DynEventStore<A> + '_ {
    fn name(&self) -> &str {
        self.dyn_name()
    }

    async fn get(&self, id: &A::Id) -> Result<EventSourced<A>, StoreError> {
        self.dyn_get(id).await
    }

    async fn append(
        &self,
        id: &A::Id,
        expected: Expected,
        commit: &Commit,
        events: &[A::Event],
    ) -> Result<Outcome, StoreError> {
        self.dyn_append(id, expected, commit, events).await
    }

    async fn seek(&self, id: &A::Id, commit: &Commit) -> Result<Sought<A>, StoreError> {
        self.dyn_seek(id, commit).await
    }

    async fn entries(&self, scope: Scope<A::Id>, limit: usize) -> Entries<A> {
        self.dyn_entries(scope, limit).await
    }

    async fn line_up(&self, ids: &[&A::Id]) -> Result<Turns, StoreError> {
        self.dyn_line_up(ids).await
    }
}

impl<A: Storable + 'static> Together<A> for dyn DynEventStore<A> + '_ {
    async fn ask(&self, query: &Query) -> Result<Answer<A>, StoreError> {
        self.dyn_ask(query).await
    }

    async fn append_together(
        &self,
        commit: &Commit,
        parts: &[Part<'_, A>],
        asked: &[(&Query, &Token)],
    ) -> Result<Outcome, StoreError> {
        self.dyn_append_together(commit, parts, asked).await
    }
}
