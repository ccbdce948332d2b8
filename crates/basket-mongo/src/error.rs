//! Everything that can come out of a store, one variant for each thing that a caller can act on.
//! A refusal of the domain is not among them: it passes through [`HandleError`] as it is.

use bson::DateTime;

use crate::{CommitId, document::Unreadable};

/// Why a store did not do what it was asked. Nothing was appended, but for [`OutcomeUnknown`](Self::OutcomeUnknown).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No event has this id.
    #[error("there is no {what} '{id}' in {store}")]
    NotFound {
        /// The name of the key, without its `_id`.
        what: &'static str,
        /// The id asked for.
        id: String,
        /// The store that was asked, without credentials.
        store: String,
    },
    /// The stream has not come that far.
    #[error("{what} '{id}' has versions 1 to {head}; there is no version {asked}")]
    NoSuchVersion {
        /// The name of the key, without its `_id`.
        what: &'static str,
        /// The stream.
        id: String,
        /// The version asked for.
        asked: u64,
        /// The version of its newest event.
        head: u64,
    },
    /// Nothing had happened to the stream at that time.
    #[error("{what} '{id}' was not there at {asked}; its first event is of {created}", asked = rfc3339(*.asked), created = rfc3339(*.created))]
    NotYetThere {
        /// The name of the key, without its `_id`.
        what: &'static str,
        /// The stream.
        id: String,
        /// The time asked for.
        asked: DateTime,
        /// When its first event was recorded.
        created: DateTime,
    },
    /// Another writer came first, or the version never was. Load again and decide afresh.
    #[error("expected version {expected}, found {found}: somebody else has written; load again and decide afresh")]
    Conflict {
        /// The version that the append counted on.
        expected: u64,
        /// The version of the stream's newest event.
        found: u64,
    },
    /// The events to take in are of another history than those that are there; nothing was written.
    #[error(
        "{what} '{id}' has another event at version {version} in {store}: the histories differ, and are never merged"
    )]
    Diverged {
        /// The name of the key, without its `_id`.
        what: &'static str,
        /// The stream.
        id: String,
        /// The first version that differs.
        version: u64,
        /// The store, without credentials.
        store: String,
    },
    /// A document is not what it should be. Nothing was skipped, and the stream is not read any further.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The store did not answer, or not in time.
    #[error("{store} can't be reached ({why}); start it, or check its address")]
    Unreachable {
        /// The store, without credentials.
        store: String,
        /// What was tried and what came back.
        why: String,
    },
    /// The store answered and turned us away.
    #[error("{store} refuses access ({why}); check the user, the password and `authSource`")]
    Denied {
        /// The store, without credentials.
        store: String,
        /// What it said.
        why: String,
    },
    /// A commit of several events needs a transaction, and so a replica set; it is never written in pieces.
    #[error(
        "{store} is not a replica set, so it can't keep {events} events together or not at all; \
         start a replica set of one with `make mongo`, or `mongod --replSet`"
    )]
    NotAReplicaSet {
        /// The store, without credentials.
        store: String,
        /// How many events the commit has.
        events: usize,
    },
    /// A server by itself tells nobody what happens in it; a member of a replica set does.
    #[error(
        "{store} is not a replica set, so it can't be watched; \
         start a replica set of one with `make mongo`, or `mongod --replSet`"
    )]
    NoChangeStream {
        /// The store, without credentials.
        store: String,
    },
    /// The server has forgotten what happened since the last event that was told (its oplog is too small for a pause as
    /// long as this one); going on from now would miss it.
    #[error(
        "{store} no longer knows what happened since the last event shown ({why}); \
         watch again from the version after it, or from the beginning"
    )]
    HistoryLost {
        /// The store, without credentials.
        store: String,
        /// What the server said.
        why: String,
    },
    /// The connection broke after the append was sent, and the store could not be asked. Whoever still has the root
    /// settles it with [`save_as`](crate::EventStore::save_as) and this commit, which finds the events or appends them;
    /// whoever has not, as after [`handle`](crate::EventStore::handle), loads again and looks before deciding again.
    #[error("{store} did not say whether commit {commit} was kept ({why}); look before you repeat the command")]
    OutcomeUnknown {
        /// The store, without credentials.
        store: String,
        /// The commit in question.
        commit: CommitId,
        /// What came in between.
        why: String,
    },
    /// The address of the store, or a setting in it, is not understood.
    #[error("the address of the store is not understood: {why}")]
    Address {
        /// What is wrong with it, without credentials.
        why: String,
    },
    /// The unique index can't be made, so two writers could take the same version; nothing was written.
    #[error("{store} can't give '{collection}' its unique index ({why}); remove what stands in its way")]
    NoUniqueIndex {
        /// The store, without credentials.
        store: String,
        /// The collection without an index.
        collection: &'static str,
        /// What the server said.
        why: String,
    },
    /// Anything else that the store's driver says.
    #[error("{store}: {why}")]
    Other {
        /// The store, without credentials.
        store: String,
        /// What the driver said.
        why: String,
    },
}

/// Why [`handle`](crate::EventStore::handle) did not append.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError<R> {
    /// The aggregate refused the command; nothing changed.
    #[error(transparent)]
    Refused(R),
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Other writers were faster every time; nothing changed.
    #[error("'{id}' is so busy that {attempts} attempts met another writer; try again later")]
    Contended {
        /// The stream.
        id: String,
        /// How often the command was decided.
        attempts: u32,
    },
}

fn rfc3339(time: DateTime) -> String {
    time.try_to_rfc3339_string().unwrap_or_else(|_| time.to_string())
}
