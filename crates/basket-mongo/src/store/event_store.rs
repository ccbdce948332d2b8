//! What a store of events can do, whatever it is made of: `get` and `append`, and on top of these two `save`.
//! [`MongoStore`](crate::MongoStore) is one, [`MemoryStore`](crate::MemoryStore) is for tests, and the CLI's embedded file is
//! another; all pass one contract suite. [`command`](super::command) puts commands to the streams of any of them.

use std::future::{Future, ready};

use basket_domain::EventSourced;

use super::{
    codec::Storable,
    command::{Command, One},
    entry::{Commit, EntryOf},
    error::StoreError,
    lines::Turns,
    log::Scope,
};

/// The version that an append counts on, and how far it can be trusted.
///
/// The difference saves a read: the head of a stream only grows, so a version that this store has shown can't be beyond
/// it, and the unique key alone decides. A version from anywhere else may be, and would leave a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The version that a [`get`](EventStore::get) from this store has found.
    Loaded(u64),
    /// A version from anywhere else: a header, a file, an aggregate replayed elsewhere. Compared with the head first.
    Claimed(u64),
}

/// What became of something that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The events were appended by this call.
    Now,
    /// They were there before: the same commit, or the same request, has appended them. This call has appended nothing.
    Before,
    /// There was nothing to append.
    Unchanged,
}

/// An aggregate, and those of its events that were sought.
pub type Sought<A> = (EventSourced<A>, Vec<EntryOf<A>>);

/// Streams of events, one for each aggregate.
///
/// Futures are `Send`, so that a caller may spawn them. All of them can be dropped: an append is kept whole or not at all.
/// Whatever holds a store is one, too: a reference, an `Arc`, and [`DynEventStore`](crate::DynEventStore).
pub trait EventStore<A: Storable>: Sync {
    /// The store's name for people, without credentials.
    fn name(&self) -> &str;

    /// Loads an aggregate: reads its events in order of version and folds them. Fails with [`StoreError::NotFound`] if there
    /// are none; [`StoreError::Unreadable`] names an invalid document.
    fn get(&self, id: &A::Id) -> impl Future<Output = Result<EventSourced<A>, StoreError>> + Send;

    /// Appends one commit, all of `events` or none, right after the expected version. The same call again, with the same
    /// commit after the same version, appends nothing more, and says so: [`Outcome::Before`]. No events, no commit. Fails with
    /// [`StoreError::Conflict`] if the stream is not at the expected version.
    fn append(
        &self,
        id: &A::Id,
        expected: Expected,
        commit: &Commit,
        events: &[A::Event],
    ) -> impl Future<Output = Result<Outcome, StoreError>> + Send;

    /// Loads an aggregate as [`get`](Self::get) does and, in the same pass, finds its events that this commit, or another one for
    /// the same request, has appended. Two passes would not do: the second may show a time before the first, after an election.
    fn seek(&self, id: &A::Id, commit: &Commit) -> impl Future<Output = Result<Sought<A>, StoreError>> + Send;

    /// The entries of a scope in its order, at most so many, each read by itself.
    fn entries(
        &self,
        scope: Scope<A::Id>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<EntryOf<A>>, StoreError>> + Send;

    /// Lets a command wait until other commands of this process are done with these streams, which saves it from deciding in
    /// vain. By default, a store lets no command wait.
    fn line_up(&self, ids: &[&A::Id]) -> impl Future<Output = Result<Turns, StoreError>> + Send {
        let _ = ids;
        ready(Ok(Turns::default()))
    }

    /// Saves the new events of an aggregate as one commit; they are not new any more then. It fails as
    /// [`append`](Self::append) does, and the new events stay new.
    fn save(&self, root: &mut EventSourced<A>) -> impl Future<Output = Result<Outcome, StoreError>> + Send {
        async move { self.save_as(&Commit::default(), root).await }
    }

    /// [`save`](Self::save) as a commit of your own: that of a [`StoreError::OutcomeUnknown`], to settle it with the
    /// same root that could not be saved. A root that was loaded again is another commit: it may hold the events already.
    /// It fails as [`save`](Self::save) does.
    fn save_as(
        &self,
        commit: &Commit,
        root: &mut EventSourced<A>,
    ) -> impl Future<Output = Result<Outcome, StoreError>> + Send {
        async move {
            let expected = Expected::Claimed(root.saved_version());
            let outcome = self.append(root.id(), expected, commit, root.new_events()).await?;
            root.mark_saved();
            Ok(outcome)
        }
    }

    /// A command to one stream, to be [run](Command::run): load, decide, append, and again if another writer came first.
    fn command<'a>(&'a self, id: &'a A::Id) -> Command<'a, Self, One<'a, A>> {
        Command::new(self, One(id))
    }
}
