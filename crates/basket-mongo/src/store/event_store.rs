//! What a store of events can do, whatever it is made of: `get`, `append`, and on top of these two `save` and `handle`.
//! [`MongoStore`](crate::MongoStore) is one; the CLI's embedded file is another, and both pass one contract suite.

use std::{future::Future, time::Duration};

use basket_domain::EventSourced;

use super::{
    codec::Storable,
    entry::CommitId,
    error::{HandleError, StoreError},
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

/// Streams of events, one for each aggregate.
///
/// Futures are `Send`, so that a caller may spawn them. All of them can be dropped: an append is kept whole or not at all.
pub trait EventStore<A: Storable>: Sync {
    /// Loads an aggregate: reads its events in order of version and folds them. Fails with [`StoreError::NotFound`] if there
    /// are none; [`StoreError::Unreadable`] names an invalid document.
    fn get(&self, id: &A::Id) -> impl Future<Output = Result<EventSourced<A>, StoreError>> + Send;

    /// Appends one commit, all of `events` or none, right after the expected version. The same call again, with the same
    /// `commit` after the same version, appends nothing more. No events, no commit. Fails with [`StoreError::Conflict`] if
    /// the stream is not at the expected version.
    fn append(
        &self,
        id: &A::Id,
        expected: Expected,
        commit: CommitId,
        events: &[A::Event],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Saves the new events of an aggregate as one commit; they are not new any more then. It fails as
    /// [`append`](Self::append) does, and the new events stay new.
    fn save(&self, root: &mut EventSourced<A>) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.save_as(CommitId::new(), root)
    }

    /// [`save`](Self::save) under a commit id of your own: that of a [`StoreError::OutcomeUnknown`], to settle it with the
    /// same root that could not be saved. A root that was loaded again is another commit: it may hold the events already.
    /// It fails as [`save`](Self::save) does.
    fn save_as(
        &self,
        commit: CommitId,
        root: &mut EventSourced<A>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            let expected = Expected::Claimed(root.saved_version());
            self.append(root.id(), expected, commit, root.new_events()).await?;
            root.mark_saved();
            Ok(())
        }
    }

    /// Puts a command to an aggregate: load, decide, append. If another writer came first, it loads and decides again, so
    /// `command` may run several times; it should only look at the state it is given. Returns the aggregate afterwards.
    ///
    /// # Errors
    /// The refusal as it is; [`HandleError::Contended`] after [`MAX_ATTEMPTS`] conflicts in a row.
    fn handle<R: Send>(
        &self,
        id: &A::Id,
        command: impl Fn(&A) -> Result<Vec<A::Event>, R> + Send + Sync,
    ) -> impl Future<Output = Result<EventSourced<A>, HandleError<R>>> + Send {
        async move {
            for attempt in 0..MAX_ATTEMPTS {
                let mut root = self.get(id).await?;
                root.decide(&command).map_err(HandleError::Refused)?;
                let expected = Expected::Loaded(root.saved_version());
                match self.append(id, expected, CommitId::new(), root.new_events()).await {
                    Ok(()) => {
                        root.mark_saved();
                        return Ok(root);
                    }
                    Err(StoreError::Conflict { .. }) => tokio::time::sleep(pause(attempt)).await,
                    Err(other) => return Err(other.into()),
                }
            }
            Err(HandleError::Contended { id: id.to_string(), attempts: MAX_ATTEMPTS })
        }
    }
}

/// How often [`EventStore::handle`] decides before it gives up: enough for dozens of writers on one stream.
pub const MAX_ATTEMPTS: u32 = 64;

/// How long to wait after an attempt: at random below a bound that doubles from 2 to 128 milliseconds, so that writers that
/// met once don't meet again ("full jitter", Marc Brooker, 2015).
pub(crate) fn pause(attempt: u32) -> Duration {
    let bound = 2_000_u64 << attempt.min(6);
    Duration::from_micros(fastrand::u64(..bound))
}
