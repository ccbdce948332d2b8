//! Loading with snapshots: [`Snapshotted`] is a store around another one, so that no store and no command needs to know of them.
//! Who has none pays nothing; who has them pays one more read by key for each load, and a write for so many events.
//! `load` is the load itself, `compare` what `verify` asks; a [`Warning`] is what its operator should know.

mod compare;
mod load;
mod warning;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use basket_domain::EventSourced;
use bson::RawDocumentBuf;
use futures_util::Stream;
use tokio::runtime::Handle;

use self::load::{Loaded, keep};
pub use self::{
    compare::Compared,
    warning::{Warning, Why},
};
use super::{
    codec::{Codec, Event, Id},
    entry::{Commit, Entry},
    error::StoreError,
    event_store::{EventStore, Expected, Outcome, Sought},
    lines::Turns,
    log::{EventLog, Scope},
    query::Query,
    snapshot::{Snapshots, StateCodec},
    together::{Answer, Part, Together, Token},
};

/// A store whose loads begin at a snapshot, where there is one that this program can use. Commands are carried out through it as
/// through any store; one with a [request](crate::Command::once) or a commit to [settle](crate::Command::settle) reads the whole
/// stream, since these may stand anywhere in it.
///
/// ```
/// use basket_domain::BasketId;
/// use basket_mongo::{Baskets, EventStore, MemoryStore, Snapshotted};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::<Baskets>::default();
/// let baskets = Snapshotted::new(store, Baskets::STATE, |warning| eprintln!("warning: {warning}")).every(1_000);
/// # let id: BasketId = "5ab69073421aa917e62b4734".parse()?;
/// baskets.command(&id).run(|basket| basket.create(id)).await?;
/// # Ok(())
/// # }
/// ```
pub struct Snapshotted<S, C: Codec> {
    store: S,
    state: StateCodec<C>,
    /// So many events of a stream are read before its snapshot is looked for.
    after: u64,
    warn: Arc<dyn Fn(&Warning) + Send + Sync>,
    taking: Option<Taking<C>>,
}

/// When snapshots are taken, and what writes them.
struct Taking<C: Codec> {
    every: u64,
    write: Arc<Write<C>>,
}

type Write<C> = dyn Fn(&Loaded<C>) + Send + Sync;

impl<S: Clone, C: Codec> Clone for Snapshotted<S, C> {
    fn clone(&self) -> Self {
        let Self { store, state, after, warn, taking } = self;
        let taking = taking.as_ref().map(|Taking { every, write }| Taking { every: *every, write: Arc::clone(write) });
        Self { store: store.clone(), state: *state, after: *after, warn: Arc::clone(warn), taking }
    }
}

/// What has become of a snapshot that was to be [taken](Snapshotted::take).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was taken now, at this version.
    Now(u64),
    /// There was one of this version already, which is the newest.
    Before(u64),
    /// A newer program has taken one, of another schema; it stays.
    OfNewerProgram,
}

impl<S, C: Codec> Snapshotted<S, C> {
    /// This store, with loads that begin at a snapshot. None is taken, but by [`take`](Self::take), or with [`every`](Self::every).
    /// `warn` gets what an operator should know, for the program's log: of a snapshot that can't be used, at each load. It is called
    /// in the middle of it, and must not block.
    pub fn new(store: S, state: StateCodec<C>, warn: impl Fn(&Warning) + Send + Sync + 'static) -> Self {
        Self { store, state, after: 0, warn: Arc::new(warn), taking: None }
    }

    /// Looks for a snapshot only after so many events of a stream were read: a stream that has no more is then loaded as without
    /// snapshots, and a longer one pays for its first batch (5,000 events on MongoDB). Otherwise, or with 0, each load looks for it
    /// first, which takes the load of two events about twice as long.
    pub fn after(mut self, events: u64) -> Self {
        self.after = events;
        self
    }

    /// The store without snapshots.
    pub fn store(&self) -> &S {
        &self.store
    }
}

impl<C: Codec, S: Snapshots<C>> Snapshotted<S, C> {
    /// Takes a snapshot after each load that has folded at least so many events (1,000 is a good number), and after one that has
    /// ignored the snapshot that was there. The load pays for writing the state as a document. The rest is done by a task of its
    /// own, one at a time; a load meanwhile leaves it to the next one. No load waits for it, or fails for it.
    pub fn every(mut self, events: u64) -> Self
    where
        S: Clone + 'static,
        C: 'static,
    {
        let (store, state, warn) = (self.store.clone(), self.state, Arc::clone(&self.warn));
        let busy = Arc::new(AtomicBool::new(false));
        let write = move |loaded: &Loaded<C>| {
            if busy.swap(true, Ordering::Acquire) {
                return;
            }
            let (free, store, warn) = (Free(Arc::clone(&busy)), store.clone(), Arc::clone(&warn));
            let (id, replaces) = (loaded.root.id().clone(), loaded.unusable.is_some());
            let snapshot = match Handle::try_current() {
                Ok(_) => loaded.snapshot(&state, store.name()),
                Err(none) => Err(StoreError::other(store.name(), none.to_string())),
            };
            let not_taken = move |id: &Id<C>, error| warn(&Warning::new::<C>(id, Why::NotTaken(error)));
            match snapshot {
                Err(error) => not_taken(&id, error),
                Ok(snapshot) => drop(tokio::spawn(async move {
                    let _free = free;
                    if let Err(error) = keep(&store, &id, &snapshot, replaces).await {
                        not_taken(&id, error);
                    }
                })),
            }
        };
        self.taking = Some(Taking { every: events, write: Arc::new(write) });
        self
    }

    /// Takes a snapshot of a stream now, whatever its length. Fails as a load, or if the store can't keep it.
    pub async fn take(&self, id: &Id<C>) -> Result<Taken, StoreError> {
        let loaded = self.load(id, 0).await?;
        match (&loaded.unusable, loaded.root.version()) {
            (Some(unusable), _) if unusable.is_of_newer_program() => Ok(Taken::OfNewerProgram),
            (None, version) if loaded.folded == 0 => Ok(Taken::Before(version)),
            (unusable, version) => {
                let snapshot = loaded.snapshot(&self.state, self.store.name())?;
                keep(&self.store, id, &snapshot, unusable.is_some()).await?;
                Ok(Taken::Now(version))
            }
        }
    }
}

impl<C: Codec, S: Snapshots<C>> EventStore<C::Aggregate> for Snapshotted<S, C> {
    fn name(&self) -> &str {
        self.store.name()
    }

    async fn get(&self, id: &Id<C>) -> Result<EventSourced<C::Aggregate>, StoreError> {
        let loaded = self.load(id, self.after).await?;
        if let Some(Taking { every, write }) = &self.taking
            && loaded.is_due(*every)
        {
            write(&loaded);
        }
        Ok(loaded.root)
    }

    async fn append(
        &self,
        id: &Id<C>,
        expected: Expected,
        commit: &Commit,
        events: &[Event<C>],
    ) -> Result<Outcome, StoreError> {
        self.store.append(id, expected, commit, events).await
    }

    /// What is sought may be before the snapshot, so this reads the whole stream.
    async fn seek(&self, id: &Id<C>, commit: &Commit) -> Result<Sought<C::Aggregate>, StoreError> {
        self.store.seek(id, commit).await
    }

    async fn entries(&self, scope: Scope<Id<C>>, limit: usize) -> Result<Vec<Entry<C>>, StoreError> {
        self.store.entries(scope, limit).await
    }

    async fn line_up(&self, ids: &[&Id<C>]) -> Result<Turns, StoreError> {
        self.store.line_up(ids).await
    }
}

impl<C: Codec, S: Snapshots<C> + Together<C::Aggregate>> Together<C::Aggregate> for Snapshotted<S, C> {
    async fn ask(&self, query: &Query) -> Result<Answer<C::Aggregate>, StoreError> {
        self.store.ask(query).await
    }

    async fn append_together(
        &self,
        commit: &Commit,
        parts: &[Part<'_, C::Aggregate>],
        asked: &[(&Query, &Token)],
    ) -> Result<Outcome, StoreError> {
        self.store.append_together(commit, parts, asked).await
    }
}

impl<C: Codec, S: Snapshots<C>> EventLog<C> for Snapshotted<S, C> {
    fn documents(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        self.store.documents(scope)
    }

    fn ids(&self) -> impl Stream<Item = Result<Id<C>, StoreError>> + Send {
        self.store.ids()
    }
}

/// Lets the next snapshot be taken, however its task ends.
struct Free(Arc<AtomicBool>);

impl Drop for Free {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
