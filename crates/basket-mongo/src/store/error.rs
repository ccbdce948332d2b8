//! Everything that can come out of a store, one variant for each thing that a caller can act on.
//! A refusal of the domain is not among them: it passes through [`CommandError`] as it is.

use std::{
    error::Error,
    fmt::{self, Display},
};

use bson::DateTime;

use super::{
    codec::{Codec, Id, what},
    command::Require,
    entry::CommitId,
};

/// The error of a driver or of the system behind one of ours; [`source`](Error::source) returns it.
pub type Cause = Box<dyn Error + Send + Sync>;

/// A document that is not the event expected at its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document with _id {document}{} can't be read: {why}", .version.map(|v| format!(" (version {v})")).unwrap_or_default())]
pub struct Unreadable {
    /// Its `_id`, as mongosh writes it.
    pub document: String,
    /// Its `version`, if that is a whole number.
    pub version: Option<i64>,
    /// What is wrong with it, and what was expected.
    pub why: String,
}

/// Why a store did not do what it was asked. Nothing was appended, but for [`OutcomeUnknown`](Self::OutcomeUnknown).
///
/// In every variant, `what` is the kind of stream (its key without `_id`) and `id` the stream; `store` is the store's name
/// without credentials, `why` what it or the driver answered, and `source` the driver's own error, if there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are described above, or in their variant")]
pub enum StoreError {
    /// No event has this id.
    #[error("there is no {what} '{id}' in {store}")]
    NotFound { what: &'static str, id: String, store: String },
    /// The stream has no version `asked`; its newest event is version `head`.
    #[error("{what} '{id}' has versions 1 to {head}; there is no version {asked}")]
    NoSuchVersion { what: &'static str, id: String, asked: u64, head: u64 },
    /// Nothing had happened to the stream at the time `asked`; its first event was recorded at `created`.
    #[error("{what} '{id}' was not there at {asked}; its first event is of {created}", asked = rfc3339(*.asked), created = rfc3339(*.created))]
    NotYetThere { what: &'static str, id: String, asked: DateTime, created: DateTime },
    /// Another writer came first, or the version never was: the append expected version `expected`, and the stream's newest
    /// event is version `found`. Load again and decide again.
    #[error("expected version {expected}, found {found}: another writer came first; load again and decide again")]
    Conflict { expected: u64, found: u64 },
    /// An event that the [`Query`](crate::Query) asks for, or one with a tag of it, was appended after it was read. Read again
    /// and decide again.
    #[error("an event that was asked for was appended to {store} meanwhile; read again and decide again")]
    Outdated { store: String },
    /// Another process reads the feed now; nothing was written for it.
    #[error("another process has taken over the feed '{feed}' of {store}")]
    Fenced { store: String, feed: String },
    /// The store has lost events that a feed has read, as after a restore of an older backup: its read model must be built again.
    #[error("{store} has no longer all the events that '{feed}' has read; was an older state of it restored?")]
    Restored { store: String, feed: String },
    /// The rows of a feed are of another program: their shape is `found`, and `expected` was asked for.
    #[error("the rows of '{feed}' in {store} have shape {found}, and this program makes shape {expected}")]
    OtherShape { store: String, feed: String, found: i32, expected: i32 },
    /// The query asks for events by type alone, and the codec does not guard the appends of this one.
    #[error("a query can't ask for every '{name}' without a tag: the codec of {store} does not name it in GUARDED")]
    NotGuarded { store: String, name: String },
    /// The events to import are of another history than the stored ones, from `version` on; nothing was written.
    #[error(
        "{what} '{id}' has another event at version {version} in {store}: the histories differ, and are never merged"
    )]
    Diverged { what: &'static str, id: String, version: u64, store: String },
    /// A document is not what it should be. Nothing was skipped, and the stream is not read any further.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The store did not answer, or not in time.
    #[error("{store} can't be reached ({why})")]
    Unreachable { store: String, why: String, source: Option<Cause> },
    /// The certificate of the server is not one to trust. rustls decides, which wants one of X.509 version 3, given to this host
    /// by an authority that is known here.
    #[error("{store} has a certificate that is not accepted ({why})")]
    Certificate { store: String, why: String, source: Option<Cause> },
    /// The store answered and refused access.
    #[error("{store} refuses access ({why})")]
    Denied { store: String, why: String, source: Option<Cause> },
    /// A commit of several `events`, or one that counts on other streams or on a query, needs a transaction, and so a replica set;
    /// it is never written in pieces.
    #[error("{store} is not a replica set, so it can't {}", in_one(*.events))]
    NotAReplicaSet { store: String, events: usize },
    /// The server has forgotten what happened since the last event shown: its oplog is too small for a pause as long as
    /// this one. Going on from now would miss events.
    #[error("{store} no longer knows what happened since the last event shown ({why})")]
    HistoryLost { store: String, why: String, source: Option<Cause> },
    /// The append was sent, and no answer came, or not in time. A caller that still has the root settles it with
    /// [`save_as`](crate::EventStore::save_as) and this commit, which finds the events or appends them; a
    /// [command](crate::Command) is put again, with the same request or to [settle](crate::Command::settle) this commit.
    #[error("{store} did not say whether commit {commit} was kept ({why})")]
    OutcomeUnknown { store: String, commit: CommitId, why: String, source: Option<Cause> },
    /// The address of the store, or a setting in it, is invalid.
    #[error("the address of the store is not understood: {why}")]
    Address { why: String },
    /// The collection would lose events, or can't have the unique index that keeps two writers from taking the same version;
    /// nothing was written.
    #[error("{store} can't keep events in '{collection}' ({why})")]
    Unsuitable { store: String, collection: String, why: String, source: Option<Cause> },
    /// The store's file is damaged: a part of it is missing, or something else was written over it.
    #[error("{store} is damaged ({why})")]
    Damaged { store: String, why: String, source: Option<Cause> },
    /// Another process has the store's file for itself.
    #[error("{store}: {why}")]
    Busy { store: String, why: String, source: Option<Cause> },
    /// Any other error of the store's driver.
    #[error("{store}: {why}")]
    Other { store: String, why: String, source: Option<Cause> },
}

/// Why a [command](crate::Command) appended nothing, or may have. `E` are the aggregate's events, `R` its refusals.
#[derive(Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are described in their variant")]
pub enum CommandError<E, R> {
    /// The aggregate refused the command; nothing changed.
    Refused(R),
    /// The stream `id` is not what the caller [requires](crate::Command::require): it is at version `found`. `since` are the
    /// events that the caller does not know, at most [`MOST_EVENTS`](Self::MOST_EVENTS) of them, oldest first; nothing changed.
    Stale { id: String, required: Require, found: u64, since: Vec<E> },
    /// Other writers were faster in all `attempts`; nothing changed.
    Contended { id: String, attempts: u32 },
    /// The store failed. Only after [`StoreError::OutcomeUnknown`] may the events have been kept; to put the command again is
    /// always safe to [settle](crate::Command::settle) this `commit`.
    Store { commit: CommitId, error: StoreError },
}

impl<E, R> CommandError<E, R> {
    /// The most events that a [`Stale`](Self::Stale) carries.
    pub const MOST_EVENTS: usize = 100;

    /// Whether the same command may succeed later, though nothing about it is changed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Stale { .. } => false,
            Self::Contended { .. } => true,
            Self::Store { error, .. } => error.is_transient(),
        }
    }

    /// The commit that was, or would have been, sent; none if the answer is known.
    pub fn commit(&self) -> Option<CommitId> {
        match self {
            Self::Store { commit, .. } => Some(*commit),
            _ => None,
        }
    }
}

impl<E, R: Display> Display for CommandError<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Stale { id, required: Require::New, found, .. } => {
                write!(f, "'{id}' is there already, at version {found}")
            }
            Self::Stale { id, required: Require::Version(version), found, .. } => {
                write!(f, "'{id}' is at version {found}, and not at {version}, which was required")
            }
            Self::Stale { id, required: Require::Existing, .. } => write!(f, "there is no '{id}'"),
            Self::Contended { id, attempts } => {
                write!(f, "'{id}' is so busy that {attempts} attempts met another writer; try again later")
            }
            Self::Store { error, .. } => error.fmt(f),
        }
    }
}

/// Its words are those of the store's error, so its source is that one's source.
impl<E: fmt::Debug, R: fmt::Debug + Display> Error for CommandError<E, R> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store { error, .. } => error.source(),
            _ => None,
        }
    }
}

impl StoreError {
    /// Whether the same call may succeed later: after a pause, once the store is back, or once the stream was loaded again.
    /// [`OutcomeUnknown`](Self::OutcomeUnknown) is among them: repeat it under the same commit or request.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Conflict { .. }
                | Self::Outdated { .. }
                | Self::Unreachable { .. }
                | Self::OutcomeUnknown { .. }
                | Self::Busy { .. }
        )
    }

    /// The name of its variant, for a log or a metric: a word that holds nothing of the stream or the server. That of
    /// [`Other`](Self::Other) is `_OTHER`, as OpenTelemetry has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NotFound",
            Self::NoSuchVersion { .. } => "NoSuchVersion",
            Self::NotYetThere { .. } => "NotYetThere",
            Self::Conflict { .. } => "Conflict",
            Self::Outdated { .. } => "Outdated",
            Self::Fenced { .. } => "Fenced",
            Self::Restored { .. } => "Restored",
            Self::OtherShape { .. } => "OtherShape",
            Self::NotGuarded { .. } => "NotGuarded",
            Self::Diverged { .. } => "Diverged",
            Self::Unreadable(_) => "Unreadable",
            Self::Unreachable { .. } => "Unreachable",
            Self::Certificate { .. } => "Certificate",
            Self::Denied { .. } => "Denied",
            Self::NotAReplicaSet { .. } => "NotAReplicaSet",
            Self::HistoryLost { .. } => "HistoryLost",
            Self::OutcomeUnknown { .. } => "OutcomeUnknown",
            Self::Address { .. } => "Address",
            Self::Unsuitable { .. } => "Unsuitable",
            Self::Damaged { .. } => "Damaged",
            Self::Busy { .. } => "Busy",
            Self::Other { .. } => "_OTHER",
        }
    }

    /// Nothing has happened to this stream.
    pub fn not_found<C: Codec>(store: &str, id: &Id<C>) -> Self {
        Self::NotFound { what: what::<C>(), id: id.to_string(), store: store.to_owned() }
    }

    /// The stream ends at `head`, before the version asked for.
    pub fn no_such_version<C: Codec>(id: &Id<C>, asked: u64, head: u64) -> Self {
        Self::NoSuchVersion { what: what::<C>(), id: id.to_string(), asked, head }
    }

    /// Something that no driver reported.
    pub fn other(store: &str, why: impl Into<String>) -> Self {
        Self::Other { store: store.to_owned(), why: why.into(), source: None }
    }
}

/// What needs a transaction.
fn in_one(events: usize) -> String {
    match events {
        0 | 1 => "check what this commit counts on and write it in one transaction".to_owned(),
        events => format!("keep {events} events together or not at all"),
    }
}

fn rfc3339(time: DateTime) -> String {
    time.try_to_rfc3339_string().unwrap_or_else(|_| time.to_string())
}
