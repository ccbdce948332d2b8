//! One call of a store, from its beginning until it ends or is dropped: its span, and what is counted of it.

use std::{fmt::Display, sync::Arc, time::Instant};

#[cfg(feature = "metrics")]
use metrics::{Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};
#[cfg(feature = "tracing")]
use tracing::{Instrument, Span, field::Empty, info_span};

use super::{
    super::{
        entry::{Commit, CommitId},
        error::StoreError,
        event_store::Outcome,
    },
    Target,
};

/// What a call is about; only what is said of it is in its span.
#[derive(Default, Clone, Copy)]
pub(super) struct About<'a> {
    /// The method of the store.
    pub(super) call: &'static str,
    /// The command that it is for MongoDB.
    pub(super) command: &'static str,
    /// What the collection's name ends with, if it is another one than that of the events.
    pub(super) beside: &'static str,
    pub(super) stream: Option<&'a dyn Display>,
    pub(super) feed: Option<&'a str>,
    pub(super) expected: Option<u64>,
    pub(super) events: Option<u64>,
    pub(super) commit: Option<CommitId>,
}

impl About<'_> {
    pub(super) fn append(call: &'static str, commit: &Commit, events: usize) -> Self {
        Self { call, command: "insert", events: Some(events as u64), commit: Some(commit.id), ..Self::default() }
    }
}

/// What came of a call.
#[derive(Default, Clone, Copy)]
pub(super) struct Seen {
    /// Of an append.
    outcome: Option<&'static str>,
    events: Option<u64>,
    /// Whether these are all events of a stream.
    is_load: bool,
    error: Option<&'static str>,
}

impl Seen {
    pub(super) fn loaded(version: u64) -> Self {
        Self { events: Some(version), is_load: true, ..Self::default() }
    }

    pub(super) fn read(events: usize) -> Self {
        Self { events: Some(events as u64), ..Self::default() }
    }

    pub(super) fn appended(outcome: &Outcome) -> Self {
        Self { outcome: Some(outcome_word(*outcome)), ..Self::default() }
    }

    fn failed(error: &StoreError, is_append: bool) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::read(0),
            error => {
                Self { error: Some(error.kind()), outcome: is_append.then(|| failure_word(error)), ..Self::default() }
            }
        }
    }
}

pub(super) fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Now => "now",
        Outcome::Before => "before",
        Outcome::Unchanged => "unchanged",
    }
}

pub(super) fn failure_word(error: &StoreError) -> &'static str {
    match error {
        StoreError::Conflict { .. } | StoreError::Outdated { .. } => "conflict",
        StoreError::OutcomeUnknown { .. } => "unknown",
        _ => "failed",
    }
}

/// A call that has begun.
pub(super) struct Call {
    target: Arc<Target>,
    command: &'static str,
    beside: &'static str,
    is_append: bool,
    begun: Instant,
    /// What is counted when it ends: until it has returned, that it was dropped. What became of a dropped append is unknown.
    seen: Seen,
    #[cfg(feature = "tracing")]
    span: Span,
}

impl Call {
    pub(super) fn new(target: &Arc<Target>, about: About<'_>) -> Self {
        let is_append = about.commit.is_some();
        Self {
            #[cfg(feature = "tracing")]
            span: span(target, about),
            target: Arc::clone(target),
            command: about.command,
            beside: about.beside,
            is_append,
            begun: Instant::now(),
            seen: Seen { error: Some("Cancelled"), outcome: is_append.then_some("unknown"), ..Seen::default() },
        }
    }

    /// Waits for the store, and looks at what it returns.
    pub(super) async fn of<T>(
        mut self,
        work: impl Future<Output = Result<T, StoreError>>,
        look: impl FnOnce(&T) -> Seen,
    ) -> Result<T, StoreError> {
        #[cfg(feature = "tracing")]
        let work = work.instrument(self.span.clone());
        let done = work.await;
        self.seen = match &done {
            Ok(done) => look(done),
            Err(error) => Seen::failed(error, self.is_append),
        };
        done
    }
}

/// Also where the caller has stopped waiting.
impl Drop for Call {
    fn drop(&mut self) {
        #[cfg(feature = "tracing")]
        self.record();
        #[cfg(feature = "metrics")]
        self.count();
    }
}

#[cfg(feature = "tracing")]
fn span(target: &Target, about: About<'_>) -> Span {
    let About { call, command, beside, stream, feed, expected, events, commit } = about;
    let Target { system, namespace, collection, address, port } = target;
    info_span!(
        "event_store",
        otel.name = %format_args!("{command} {collection}{beside}"),
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = *system,
        db.namespace = namespace.as_deref(),
        db.collection.name = %format_args!("{collection}{beside}"),
        db.operation.name = command,
        server.address = address.as_deref(),
        server.port = *port,
        error.r#type = Empty,
        event_store.call = call,
        event_store.stream = stream.map(display),
        event_store.feed = feed,
        event_store.expected_version = expected,
        event_store.events = events,
        event_store.commit = commit.map(display),
        event_store.outcome = Empty,
    )
}

#[cfg(feature = "tracing")]
impl Call {
    fn record(&self) {
        let Seen { outcome, events, error, is_load: _ } = self.seen;
        fail(&self.span, error);
        self.span.record("event_store.outcome", outcome);
        self.span.record("event_store.events", events);
    }
}

/// Marks a span as failed.
#[cfg(feature = "tracing")]
pub(super) fn fail(span: &Span, error: Option<&str>) {
    span.record("error.type", error);
    span.record("otel.status_code", error.map(|_| "ERROR"));
}

#[cfg(feature = "metrics")]
impl Call {
    fn count(&self) {
        let Target { system, collection, .. } = &*self.target;
        let Seen { outcome, events, is_load, error } = self.seen;
        let collection = Label::new("db.collection.name", format!("{collection}{}", self.beside));
        if let Some(outcome) = outcome {
            counter!("event_store.appends", vec![collection.clone(), Label::new("outcome", outcome)]).increment(1);
        }
        if let Some(events) = events.filter(|_| is_load) {
            histogram!("event_store.load.events", vec![collection.clone()]).record(events as f64);
        }
        let mut labels =
            vec![Label::new("db.system.name", *system), collection, Label::new("db.operation.name", self.command)];
        labels.extend(error.map(|error| Label::new("error.type", error)));
        histogram!("db.client.operation.duration", labels).record(self.begun.elapsed());
    }
}

/// Says what the metrics mean.
#[cfg(feature = "metrics")]
pub(super) fn describe() {
    describe_histogram!("db.client.operation.duration", Unit::Seconds, "Duration of database client operations.");
    describe_counter!("event_store.appends", Unit::Count, "Appends, by outcome.");
    describe_histogram!("event_store.load.events", Unit::Count, "Events of the streams that were loaded.");
    describe_counter!("event_store.commands", Unit::Count, "Commands, by outcome.");
    describe_histogram!("event_store.command.attempts", Unit::Count, "How often a command was decided.");
    describe_counter!("event_store.feed.events", Unit::Count, "Events that a feed has read.");
    describe_counter!("event_store.feed.retries", Unit::Count, "How often a feed has tried something again.");
    describe_counter!("event_store.feed.healed", Unit::Count, "How often a feed has read a lost history again.");
    describe_gauge!("event_store.feed.lag.events", Unit::Count, "Events that a feed has not read.");
    describe_gauge!("event_store.feed.lag.seconds", Unit::Seconds, "Time since a feed had read all events.");
    describe_gauge!("event_store.feed.parked", Unit::Count, "Streams that a feed has parked.");
}
