//! Commands: the one way to change a stream. Load, decide, append; if another writer came first, again from the start. What a
//! call may want is said before [`run`](Command::run), and it returns what has happened.
//! [`together`](super::together) puts a command to several streams, or on the answer to a query.

use std::{fmt, ops::Range, time::Duration};

use basket_domain::{Aggregate, EventSourced};
use tokio::{sync::OnceCell, time::sleep};

use super::{
    codec::Storable,
    entry::{Commit, CommitId, EntryOf, Meta},
    error::{CommandError, StoreError},
    event_store::{EventStore, Expected, Outcome},
    lines::Turns,
    log::Scope,
    retry::Retries,
    until::Until,
};

/// What a stream must be for a command, by what its caller knows of it: the `If-Match` and `If-None-Match` of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Require {
    /// It is at this version: nothing has happened since the caller saw it.
    Version(u64),
    /// Nothing has happened to it: the command creates it. This is checked when it is written, so a command that appends nothing
    /// is not checked.
    New,
    /// Something has happened to it.
    Existing,
}

/// A command on its way to the streams `T` of the store `S`.
///
/// ```
/// use basket_domain::{BasketId, Product};
/// use basket_mongo::{Baskets, EventStore, MemoryStore, Outcome};
/// use std::{num::NonZeroU32, time::Duration};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let baskets = MemoryStore::<Baskets>::default();
/// # let id: BasketId = "5ab69073421aa917e62b4734".parse()?;
/// # let rocks = Product::new("rocks")?;
/// // One call creates, or changes what is there.
/// let created = baskets.command(&id).run(|basket| basket.create(id)).await?;
/// assert_eq!((created.outcome, created.versions), (Outcome::Now, 1..2));
///
/// // The same request again, from any process and at any later time, does nothing more and says what it did.
/// for outcome in [Outcome::Now, Outcome::Before] {
///     let command = baskets.command(&id).once("req-7").actor("ann").deadline(Duration::from_secs(1));
///     let done = command.run(|basket| basket.add_item(&rocks, NonZeroU32::MIN)).await?;
///     assert_eq!((done.outcome, done.versions), (outcome, 2..3));
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a command does nothing before it is run"]
pub struct Command<'a, S: ?Sized, T> {
    pub(super) store: &'a S,
    pub(super) to: T,
    pub(super) put: Put,
}

/// The one stream of a command.
pub struct One<'a, A: Aggregate>(pub(super) &'a A::Id);

/// How a command is put: all that is not about its streams.
pub(super) struct Put {
    pub(super) commit: Commit,
    /// Whether the commit may be there, because it was sent before.
    settle: bool,
    require: Option<Require>,
    pub(super) within: Duration,
    pub(super) retries: Retries,
    turns: OnceCell<Turns>,
}

/// What a command has done to a stream.
pub struct Done<A: Aggregate> {
    /// Whether it was done now.
    pub outcome: Outcome,
    /// The aggregate as it is now.
    pub root: EventSourced<A>,
    /// What was appended, now or before; empty if nothing was.
    pub events: Vec<A::Event>,
    /// The versions of these events; it starts with 1 if the command has created the stream.
    pub versions: Range<u64>,
    /// The commit that appended them; `None` if nothing was appended.
    pub commit: Option<CommitId>,
    /// The meta of that commit; of a request that was carried out before, that of the first time. So a caller sees whether this was
    /// the same request, or another one of the same name. Empty, if nothing was appended.
    pub meta: Meta,
    /// How often it was decided, from 1: more than once if other writers came first.
    pub attempts: u32,
}

/// What comes out of a command.
pub type Handled<T, A, R> = Result<T, CommandError<<A as Aggregate>::Event, R>>;

impl<'a, S: ?Sized, T> Command<'a, S, T> {
    pub(super) fn new(store: &'a S, to: T) -> Self {
        let commit = Commit::default();
        let turns = OnceCell::new();
        let put = Put { commit, settle: false, require: None, within: Duration::MAX, retries: Retries::COMMAND, turns };
        Self { store, to, put }
    }

    /// Carries out a request once in each stream, whoever asks and how often: the name, any text, is stored with the events,
    /// and a later command of the same name appends nothing. It returns the events of the first, [`Outcome::Before`].
    ///
    /// What appended nothing, a refusal or [`Outcome::Unchanged`], is not remembered: it is decided again.
    pub fn once(mut self, request: impl Into<String>) -> Self {
        self.put.commit.meta.request = Some(request.into());
        self
    }

    /// Puts a command again that has failed with this commit: finds its events, or appends them under it, once.
    pub fn settle(mut self, commit: CommitId) -> Self {
        (self.put.commit.id, self.put.settle) = (commit, true);
        self
    }

    /// Refuses with [`CommandError::Stale`] (or [`StoreError::NotFound`]) if the stream is not what its caller knows.
    /// A request that was carried out before is answered all the same.
    pub fn require(mut self, require: Require) -> Self {
        self.put.require = Some(require);
        self
    }

    /// Ends with an error after so long, from [`run`](Self::run) on. [`CommandError::commit`] settles it.
    pub fn deadline(mut self, within: Duration) -> Self {
        self.put.within = within;
        self
    }

    /// How often it is decided, and how long it waits in between; [`Retries::COMMAND`] if nothing is said.
    pub fn retries(mut self, retries: Retries) -> Self {
        self.put.retries = retries;
        self
    }

    /// Who gives the command: a person or a program.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.put.commit.meta.actor = Some(actor.into());
        self
    }

    /// Why, in the actor's words.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.put.commit.meta.reason = Some(reason.into());
        self
    }

    /// The conversation that it is part of.
    pub fn correlation(mut self, correlation: impl Into<String>) -> Self {
        self.put.commit.meta.correlation = Some(correlation.into());
        self
    }

    /// What it is the answer to: the id of a message or an event.
    pub fn causation(mut self, causation: impl Into<String>) -> Self {
        self.put.commit.meta.causation = Some(causation.into());
        self
    }

    /// All that is stored beside the events, the [request](Self::once) and the [headers](Meta::set_headers) among it, in place
    /// of what was said before.
    pub fn meta(mut self, meta: Meta) -> Self {
        self.put.commit.meta = meta;
        self
    }
}

impl<A: Storable, S: EventStore<A> + ?Sized> Command<'_, S, One<'_, A>> {
    /// Decides and appends, and decides again if another writer came first, so `decide` may run several times; it should only
    /// look at the state it is given. A stream to which nothing has happened has the default state, so that one call creates or
    /// changes it.
    ///
    /// # Errors
    /// The refusal as it is; [`CommandError::Contended`] if another writer came first in every attempt.
    pub async fn run<R>(self, decide: impl Fn(&A) -> Result<Vec<A::Event>, R>) -> Handled<Done<A>, A, R> {
        let Self { store, to: One(id), put } = self;
        let store = Until::new(store, put.within);
        for attempt in 1..=put.retries.attempts {
            let mut root = match put.load(&store, id, attempt).await? {
                Loaded::Ready(root) => root,
                Loaded::Done(done) => return Ok(done),
            };
            root.decide(&decide).map_err(CommandError::Refused)?;
            let expected = Expected::Loaded(root.saved_version());
            match store.append(id, expected, &put.commit, root.new_events()).await {
                // The same commit has come by another way meanwhile: to load again finds what it did.
                Ok(Outcome::Before) => {}
                Ok(outcome) => return Ok(put.done(outcome, root, attempt)),
                Err(StoreError::Conflict { .. }) => sleep(put.retries.pause(attempt)).await,
                Err(other) => return Err(put.failed(other)),
            }
        }
        Err(CommandError::Contended { id: id.to_string(), attempts: put.retries.attempts })
    }
}

/// A stream that a command is about to be decided on.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once, in code that learners write")]
pub(super) enum Loaded<A: Aggregate> {
    Ready(EventSourced<A>),
    /// The command was carried out before.
    Done(Done<A>),
}

impl Put {
    /// The stream as it is, if it is what the caller requires.
    pub(super) async fn load<A: Storable, R>(
        &self,
        store: &impl EventStore<A>,
        id: &A::Id,
        attempt: u32,
    ) -> Handled<Loaded<A>, A, R> {
        // The unique key says whether it is new, so only who is refused by it has to read.
        if self.require == Some(Require::New) && attempt == 1 && !self.settle {
            return Ok(Loaded::Ready(EventSourced::new(id.clone())));
        }
        self.line_up(store, &[id]).await?;
        let sought = match self.settle || self.commit.meta.request.is_some() {
            true => store.seek(id, &self.commit).await,
            false => store.get(id).await.map(|root| (root, Vec::new())),
        };
        let may_be_new = matches!(self.require, None | Some(Require::New | Require::Version(0)));
        let (root, before) = match sought {
            Err(StoreError::NotFound { .. }) if may_be_new => (EventSourced::new(id.clone()), Vec::new()),
            // What is not there now and comes later takes the version after this one, and so ends in a conflict.
            sought => sought.map_err(|error| self.failed(error))?,
        };
        if !before.is_empty() {
            return Ok(Loaded::Done(done_before(before, root, attempt)));
        }
        let found = root.version();
        let known = match self.require {
            Some(Require::Version(version)) if version != found => version,
            Some(Require::New) if found > 0 => 0,
            _ => return Ok(Loaded::Ready(root)),
        };
        let unknown = match known < found {
            true => store.entries(Scope::From(id.clone(), known + 1), CommandError::<A::Event, R>::MOST_EVENTS).await,
            false => Ok(Vec::new()),
        };
        let since = unknown.map_err(|error| self.failed(error))?.into_iter().map(|entry| entry.event).collect();
        let required = self.require.unwrap_or(Require::Version(known));
        Err(CommandError::Stale { id: id.to_string(), required, found, since })
    }

    /// Waits for its turn at these streams, once, and keeps it until the command is done.
    pub(super) async fn line_up<A: Storable, R>(
        &self,
        store: &impl EventStore<A>,
        ids: &[&A::Id],
    ) -> Result<(), CommandError<A::Event, R>> {
        let turns = self.turns.get_or_try_init(|| store.line_up(ids)).await;
        turns.map(drop).map_err(|error| self.failed(error))
    }

    /// What was done to a stream whose new events were appended.
    pub(super) fn done<A: Storable>(&self, outcome: Outcome, mut root: EventSourced<A>, attempts: u32) -> Done<A> {
        let versions = root.saved_version() + 1..root.version() + 1;
        let Commit { id, meta } = self.commit.clone();
        let (commit, meta) = if versions.is_empty() { (None, Meta::default()) } else { (Some(id), meta) };
        let events = root.take_new_events();
        Done { outcome, root, events, versions, commit, meta, attempts }
    }

    pub(super) fn failed<E, R>(&self, error: StoreError) -> CommandError<E, R> {
        CommandError::Store { commit: self.commit.id, error }
    }
}

/// What was done by an earlier call, whose events these are.
pub(super) fn done_before<A: Storable>(before: Vec<EntryOf<A>>, root: EventSourced<A>, attempts: u32) -> Done<A> {
    let first = before.first().map_or(root.version(), |entry| entry.version);
    Done {
        outcome: Outcome::Before,
        root,
        versions: first..first + before.len() as u64,
        commit: before.first().map(|entry| entry.commit),
        meta: before.first().map(|entry| entry.meta.clone()).unwrap_or_default(),
        events: before.into_iter().map(|entry| entry.event).collect(),
        attempts,
    }
}

impl<A: Aggregate<Id: fmt::Debug, Event: fmt::Debug> + fmt::Debug> fmt::Debug for Done<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outcome, root, events, versions, commit, meta, attempts } = self;
        let mut done = f.debug_struct("Done");
        done.field("outcome", outcome).field("root", root).field("events", events).field("versions", versions);
        done.field("commit", commit).field("meta", meta).field("attempts", attempts).finish()
    }
}
