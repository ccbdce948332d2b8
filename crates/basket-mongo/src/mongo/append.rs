//! The append: what is written, and the retries until it is known what became of it. What is guarded, or counts on streams that
//! it does not append to, is one transaction with the documents of `guards`.

use std::collections::BTreeSet;

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use mongodb::{ClientSession, error::Error, options::ReadConcern};
use tokio::time::sleep;

use super::{
    failure::{self, Fate, fate},
    guards::{Guard, is_moved},
    store::MongoStore,
};
use crate::store::{
    codec::Codec,
    document::{as_stored, new_events},
    entry::{Commit, CommitId},
    error::StoreError,
    event_store::Outcome,
    query::guards_of,
    retry::Retries,
    together::{Part, Token},
};

/// One commit on its way into the collection.
pub(super) struct Writes {
    documents: Vec<Document>,
    places: Vec<Place>,
    guards: Vec<Guard>,
}

/// Where a stream must end for a commit.
struct Place {
    key: Bson,
    version: u64,
    /// Whether nothing is appended to it.
    is_read: bool,
}

impl Place {
    /// What the next event of the stream has.
    fn next<C: Codec>(&self) -> Document {
        doc! { C::key_field(): self.key.clone(), "version": as_stored(self.version.saturating_add(1)) }
    }
}

/// What stands where a commit's events should be.
enum Found {
    Ours(Outcome),
    Anothers,
    Nothing,
}

impl Writes {
    pub(super) fn new<C: Codec>(commit: &Commit, parts: &[Part<'_, C::Aggregate>], token: Option<&Token>) -> Self {
        let (now, mut written) = (DateTime::now(), BTreeSet::new());
        let mut documents = Vec::new();
        for Part { id, version, events } in parts {
            for event in new_events::<C>(*version, commit, now, events) {
                written.extend(guards_of::<C>(event.r#type, &event.tags));
                documents.push(event.document::<C>(id));
            }
        }
        let place = |part: &Part<'_, C::Aggregate>| Place {
            key: C::key(part.id),
            version: part.version,
            is_read: part.events.is_empty(),
        };
        Self { documents, places: parts.iter().map(place).collect(), guards: Guard::all(written, token) }
    }

    /// Documents as they are.
    pub(super) fn of<C: Codec>(documents: Vec<Document>) -> Self {
        let text = |value: &Bson| value.as_str().map(str::to_owned);
        let mut written = BTreeSet::new();
        for document in &documents {
            let tags: Vec<_> = document.get_array("tags").into_iter().flatten().filter_map(text).collect();
            written.extend(guards_of::<C>(document.get_str("type").unwrap_or_default(), &tags));
        }
        Self { documents, places: Vec::new(), guards: Guard::all(written, None) }
    }

    /// Whether it counts on nothing but the version of its one stream.
    fn is_alone(&self) -> bool {
        self.places.len() == 1 && !self.guards.iter().any(Guard::is_counted_on)
    }

    /// Whether the unique key alone guards it.
    fn is_plain(&self) -> bool {
        self.guards.is_empty() && !self.places.iter().any(|place| place.is_read)
    }
}

impl<C: Codec> MongoStore<C> {
    /// Writes one commit, or learns that it was written before.
    pub(super) async fn send(&self, commit: CommitId, writes: &Writes) -> Result<Outcome, StoreError> {
        let retries = Retries::COMMAND;
        for attempt in 1..retries.attempts {
            match self.send_as_read(commit, writes).await {
                // Writers of other streams have the same tag, or its guard was deleted: nothing that this one counts on.
                Err(StoreError::Outdated { .. }) if writes.is_alone() => sleep(retries.pause(attempt)).await,
                outcome => return outcome,
            }
        }
        self.send_as_read(commit, writes).await
    }

    /// The same, as long as all that it counts on is as it was read.
    async fn send_as_read(&self, commit: CommitId, writes: &Writes) -> Result<Outcome, StoreError> {
        let retries = Retries::SEND;
        let (mut not_written, mut lost) = (None, None);
        for send in 1..=retries.attempts {
            let Err(error) = self.write(commit, writes).await else { return Ok(Outcome::Now) };
            match fate(&error, C::key_field()) {
                _ if is_moved(&error) => match self.find_ours(commit, writes).await {
                    Ok(Found::Ours(outcome)) => return Ok(outcome),
                    // It may have been an earlier attempt of ours that moved it, and may still vanish.
                    _ if lost.is_some() => {}
                    _ => return Err(StoreError::Outdated { store: self.name.clone() }),
                },
                Fate::Taken => match self.find_ours(commit, writes).await {
                    Ok(Found::Ours(outcome)) => return Ok(outcome),
                    Ok(Found::Anothers) => return self.conflict(writes).await,
                    // What the majority has not confirmed yet may be ours, of an earlier attempt, and may still vanish.
                    Ok(Found::Nothing) => lost = Some(error),
                    Err(error) => lost = Some(error),
                },
                Fate::Unknown => lost = Some(error),
                Fate::NotWritten => not_written = Some(error),
                // What was sent before may have been written.
                Fate::Refused if lost.is_some() => break,
                Fate::Refused if failure::wants_a_replica_set(&error) => {
                    return Err(StoreError::NotAReplicaSet {
                        store: self.name.clone(),
                        events: writes.documents.len(),
                    });
                }
                Fate::Refused => return Err(self.failed(error)),
            }
            sleep(retries.pause(send)).await;
        }
        match (lost, not_written) {
            (None, Some(error)) if !failure::is_held(&error) => Err(self.failed(error)),
            (None, _) => self.conflict(writes).await,
            (Some(error), _) => {
                let (store, why) = (self.name.clone(), failure::words(&error));
                Err(StoreError::OutcomeUnknown { store, commit, why, source: Some(error.into()) })
            }
        }
    }

    /// Writes all or nothing, once.
    pub(super) async fn write(&self, commit: CommitId, writes: &Writes) -> Result<(), Error> {
        let _turn = self.events.turn().await;
        if writes.is_plain() {
            return self.insert(&writes.documents).await;
        }
        self.make_guards(writes.guards.iter().map(|guard| &*guard.name)).await?;
        let mut session = self.begin(ReadConcern::majority()).await?;
        let written = self.write_in(&mut session, commit, writes).await;
        self.end(session, written).await
    }

    async fn write_in(&self, session: &mut ClientSession, commit: CommitId, writes: &Writes) -> Result<(), Error> {
        for guard in &writes.guards {
            self.move_guard(session, guard, commit).await?;
        }
        // A place that is taken for a moment: an append that comes at the same time meets it at its own unique key, so the
        // appends of one stream need not know of this. It is gone before any reader can see it. It has the shape of an event, for
        // the validator.
        for place in writes.places.iter().filter(|place| place.is_read) {
            let mut taken = doc! {
                "_id": ObjectId::new(), "type": PLACEHOLDER, "data": {}, "recorded_at": DateTime::now(), "commit": commit,
                PLACEHOLDER: commit,
            };
            taken.extend(place.next::<C>());
            self.collection().insert_one(&taken).session(&mut *session).await?;
            self.events.delete_one(taken).session(&mut *session).await?;
        }
        self.events.insert_many(&writes.documents).session(session).await.map(drop)
    }

    async fn find_ours(&self, commit: CommitId, writes: &Writes) -> Result<Found, Error> {
        let mut found = Found::Nothing;
        // What stands behind a stream that was only read may have come after our events: who has seen it must see them, too. So
        // those streams come first, and the reads of a session never go back in time, not on a new primary either.
        let mut session = self.events.session().await?;
        let (read, appended): (Vec<_>, Vec<_>) = writes.places.iter().partition(|place| place.is_read);
        for place in read.into_iter().chain(appended) {
            match self.events.find_one(place.next::<C>()).session(&mut session).await? {
                Some(event) if event.get_object_id("commit").ok() == Some(commit) => {
                    let is_ours = writes.documents.iter().any(|document| document.get("_id") == event.get("_id"));
                    return Ok(Found::Ours(if is_ours { Outcome::Now } else { Outcome::Before }));
                }
                Some(_) => found = Found::Anothers,
                None => {}
            }
        }
        Ok(found)
    }

    /// The conflict at the first stream that has grown.
    async fn conflict(&self, writes: &Writes) -> Result<Outcome, StoreError> {
        let mut conflict = StoreError::Outdated { store: self.name.clone() };
        for Place { key, version: expected, .. } in writes.places.iter().rev() {
            let (expected, head) = (*expected, self.head(key.clone()).await?);
            // A majority read may lag behind the key that refused us: another writer has at least the next version.
            let lags = writes.places.len() == 1 && writes.is_plain();
            let found = if lags { head.max(expected.saturating_add(1)) } else { head };
            if found != expected {
                conflict = StoreError::Conflict { expected, found };
            }
        }
        Err(conflict)
    }
}

/// The field of a document that only takes a place, and is never kept.
pub(super) const PLACEHOLDER: &str = "placeholder";
