//! What a store does, for whoever listens: [`Observed`] is a store around another one that opens a span for each call (feature
//! `tracing`) and counts what came of it (feature `metrics`). Where nobody listens, both do next to nothing; without the features,
//! neither this nor a dependency of it is there.
//!
//! The names are those of OpenTelemetry's conventions for databases where they have one, and begin with `event_store.` otherwise.
//! A span is a call of the store, with all its retries; the driver's own commands are spans of the driver, if it has any.
//!
//! # Spans
//! All are named `event_store`, and for OpenTelemetry (`otel.name`) as the command that the call is for MongoDB, `insert baskets`;
//! their kind is `client`. A [command](fn@command) is a span `command` around them.
//!
//! | field | what it is |
//! | --- | --- |
//! | `db.system.name`, `db.namespace`, `db.collection.name` | the [`Target`] |
//! | `server.address`, `server.port` | the server, if the address has only one: of several, the driver chooses |
//! | `db.operation.name` | `find`, `insert`, `update` or `findAndModify` |
//! | `error.type` | [`StoreError::kind`], if the call failed, and `otel.status_code` is `ERROR` then. That a stream is not there is no failure. `Cancelled` if it was dropped before its end |
//! | `event_store.call` | the method: `get`, `seek`, `entries`, `append`, `ask`, `append_together`, `claim`, `keep` |
//! | `event_store.events` | how many events were appended, loaded (the version of the stream) or read by a feed |
//! | `event_store.expected_version`, `event_store.commit`, `event_store.outcome` | of an append; the outcomes are those of the metric |
//! | `event_store.feed` | the feed |
//! | `event_store.stream` | the stream's id, only [if asked for](Observed::naming_streams): it may be personal, such as an e-mail address |
//! | `event_store.command`, `event_store.attempts` | the command's name, and how often it was decided |
//!
//! No value of an event is in any of them, no name of an actor, no credentials and no text of an error.
//!
//! # Metrics
//! Each label has few values; a stream's id is never one, nor is the database: there may be one for each tenant.
//!
//! | metric | kind, unit | labels | what it counts |
//! | --- | --- | --- | --- |
//! | `db.client.operation.duration` | histogram, seconds | `db.system.name`, `db.collection.name`, `db.operation.name`, `error.type` | how long calls took |
//! | `event_store.appends` | counter | `db.collection.name`, `outcome` | appends: `now`, `before` and `unchanged` as in [`Outcome`]; `conflict` (decide again); `unknown` (no answer, or not in time); `failed` |
//! | `event_store.load.events` | histogram, events | `db.collection.name` | how many events the loaded streams have |
//! | `event_store.commands` | counter | `command`, `outcome` | [commands](fn@command), with `refused`, `stale`, `contended` and `cancelled` besides |
//! | `event_store.command.attempts` | histogram, attempts | `command` | how often a command was decided, if it was carried out or gave up |
//! | `event_store.feed.events` | counter, events | `db.collection.name`, `feed` | events that this process has read for a feed |
//! | `event_store.feed.retries`, `event_store.feed.healed` | counter | the same | as in [`FeedState`] |
//! | `event_store.feed.lag.events` | gauge, events | the same | [`FeedState::behind`]: those to come, and those of parked streams |
//! | `event_store.feed.lag.seconds` | gauge, seconds | the same | 0 if nothing is to come, and otherwise the time since it had read all, by this machine's clock |
//! | `event_store.feed.parked` | gauge, streams | the same | [`FeedState::parked`] |
//!
//! The gauges are set by each call of [`Feeds::feeds`] or [`Feeds::feed`], in any process, as the reader itself may be dead: call
//! it as often as they are to change. A recorder must be installed before [`Observed::new`] for it to get the descriptions.
//!
//! # Example
//! ```
//! # use basket_domain::{BasketId, Product};
//! # use basket_mongo::{Baskets, EventStore, MemoryStore, store::observed::{self, Observed, Target}};
//! # use std::num::NonZeroU32;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (id, socks) = (BasketId::from_bytes([7; 12]), Product::new("socks")?);
//! # let store = MemoryStore::<Baskets>::default();
//! // Of a MongoStore, `store.observed()` is the same.
//! let baskets = Observed::new(store, Target::new("memory", "baskets"));
//!
//! baskets.command(&id).run(|basket| basket.create(id)).await?; // spans find baskets, insert baskets
//! let add = baskets.command(&id).run(|basket| basket.add_item(&socks, NonZeroU32::MIN));
//! let done = observed::command("add item", add).await?; // and a span around these, with the number of attempts
//! # assert_eq!(done.versions, 2..3);
//! # Ok(())
//! # }
//! ```
//!
//! [`FeedState`]: super::feed::FeedState
//! [`FeedState::behind`]: super::feed::FeedState::behind
//! [`FeedState::parked`]: super::feed::FeedState::parked
//! [`Feeds::feeds`]: super::feed::Feeds::feeds
//! [`Feeds::feed`]: super::feed::Feeds::feed

// Some of what is known of a call is only for spans, or only for metrics.
#[cfg_attr(not(all(feature = "metrics", feature = "tracing")), allow(dead_code))]
mod call;
#[cfg_attr(not(all(feature = "metrics", feature = "tracing")), allow(dead_code))]
mod commands;
mod feeds;
mod passing;

use std::sync::Arc;

use basket_domain::EventSourced;

use self::call::{About, Call, Seen};
pub use self::commands::{Tried, command};
use super::{
    codec::Storable,
    entry::{Commit, EntryOf},
    error::StoreError,
    event_store::{EventStore, Expected, Outcome, Sought},
    lines::Turns,
    log::Scope,
    query::Query,
    together::{Answer, Part, Together, Token},
};

/// A store whose calls are observed; the module says how. What returns a stream of documents passes as it is. Put it around the others
/// ([`Snapshotted`](super::snapshotted::Snapshotted), [`Until`](super::until::Until)), so that it sees what their callers see.
#[derive(Debug, Clone)]
pub struct Observed<S> {
    store: S,
    target: Arc<Target>,
    names_streams: bool,
}

/// What is called: the database as OpenTelemetry names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `db.system.name`: `mongodb`, `sqlite` or a name of your own.
    pub system: &'static str,
    /// `db.namespace`: the database.
    pub namespace: Option<String>,
    /// `db.collection.name`: the collection (or table) of the events.
    pub collection: String,
    /// `server.address`: the host, without credentials.
    pub address: Option<String>,
    /// `server.port`
    pub port: Option<u16>,
}

impl Target {
    /// A database of which nothing more is known.
    pub fn new(system: &'static str, collection: impl Into<String>) -> Self {
        Self { system, namespace: None, collection: collection.into(), address: None, port: None }
    }
}

impl<S> Observed<S> {
    /// This store, observed; describes the metrics to the recorder that is installed by now.
    pub fn new(store: S, target: Target) -> Self {
        #[cfg(feature = "metrics")]
        call::describe();
        Self { store, target: Arc::new(target), names_streams: false }
    }

    /// Says in each span which stream it is about. An id may be personal, and traces are often kept elsewhere and for long.
    pub fn naming_streams(self) -> Self {
        Self { names_streams: true, ..self }
    }

    /// The store that is not observed.
    pub fn store(&self) -> &S {
        &self.store
    }

    fn call(&self, about: About<'_>) -> Call {
        Call::new(&self.target, About { stream: about.stream.filter(|_| self.names_streams), ..about })
    }
}

/// A call that reads.
fn read(call: &'static str) -> About<'static> {
    About { call, command: "find", ..About::default() }
}

impl<A: Storable, S: EventStore<A>> EventStore<A> for Observed<S> {
    fn name(&self) -> &str {
        self.store.name()
    }

    async fn get(&self, id: &A::Id) -> Result<EventSourced<A>, StoreError> {
        let call = self.call(About { stream: Some(id), ..read("get") });
        call.of(self.store.get(id), |root| Seen::loaded(root.version())).await
    }

    async fn append(
        &self,
        id: &A::Id,
        expected: Expected,
        commit: &Commit,
        events: &[A::Event],
    ) -> Result<Outcome, StoreError> {
        let (Expected::Loaded(version) | Expected::Claimed(version)) = expected;
        let about =
            About { stream: Some(id), expected: Some(version), ..About::append("append", commit, events.len()) };
        self.call(about).of(self.store.append(id, expected, commit, events), Seen::appended).await
    }

    async fn seek(&self, id: &A::Id, commit: &Commit) -> Result<Sought<A>, StoreError> {
        let call = self.call(About { stream: Some(id), ..read("seek") });
        call.of(self.store.seek(id, commit), |(root, _)| Seen::loaded(root.version())).await
    }

    async fn entries(&self, scope: Scope<A::Id>, limit: usize) -> Result<Vec<EntryOf<A>>, StoreError> {
        self.call(read("entries")).of(self.store.entries(scope, limit), |entries| Seen::read(entries.len())).await
    }

    async fn line_up(&self, ids: &[&A::Id]) -> Result<Turns, StoreError> {
        self.store.line_up(ids).await
    }
}

impl<A: Storable, S: Together<A>> Together<A> for Observed<S> {
    async fn ask(&self, query: &Query) -> Result<Answer<A>, StoreError> {
        self.call(read("ask")).of(self.store.ask(query), |answer| Seen::read(answer.entries.len())).await
    }

    async fn append_together(
        &self,
        commit: &Commit,
        parts: &[Part<'_, A>],
        asked: &[(&Query, &Token)],
    ) -> Result<Outcome, StoreError> {
        let events = parts.iter().map(|part| part.events.len()).sum();
        let call = self.call(About::append("append_together", commit, events));
        call.of(self.store.append_together(commit, parts, asked), Seen::appended).await
    }
}
