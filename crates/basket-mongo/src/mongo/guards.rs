//! What guards the answers to queries: a document for each tag, and for each type that may be asked for without one. Every append
//! of an event that has the tag changes it, in the transaction of the append; and so does every commit that counts on the answer
//! to a query, if it is still as it was before the events were read. Of two that meet, the server lets one pass.
//!
//! Its value is the commit that changed it last, so no value comes twice: not after a fail-over, and not if the documents are
//! deleted, since one that is missing is made anew. A sum of counters would be the same after two changes that cancel out.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Bson, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection,
    error::{Error, TRANSIENT_TRANSACTION_ERROR},
    options::{CollectionOptions, ReadConcern},
};
use tokio::time::sleep;

use super::{
    append::Writes,
    failure::{code, wants_a_replica_set},
    setup::searches,
    store::MongoStore,
};
use crate::store::{
    codec::Codec,
    document::read_entry,
    entry::{Commit, CommitId},
    error::{StoreError, Unreadable},
    event_store::Outcome,
    query::Query,
    retry::Retries,
    together::{Answer, Part, Together, Token},
};

/// A guard that a commit changes.
pub(super) struct Guard {
    pub(super) name: String,
    /// The value that it must have, if the commit counts on it.
    seen: Option<Bson>,
}

impl Guard {
    /// Those that are written, and those that a token has seen.
    pub(super) fn all(written: BTreeSet<String>, token: Option<&Token>) -> Vec<Self> {
        let seen = token.into_iter().flat_map(|token| &token.0);
        let mut guards: BTreeMap<String, Option<Bson>> = written.into_iter().map(|name| (name, None)).collect();
        guards.extend(seen.map(|(name, value)| (name.clone(), Some(value.clone()))));
        guards.into_iter().map(|(name, seen)| Self { name, seen }).collect()
    }

    pub(super) fn is_counted_on(&self) -> bool {
        self.seen.is_some()
    }
}

/// Why an answer could not be read.
enum Failed {
    Driver(Error),
    Unreadable(Unreadable),
}

impl Failed {
    fn explained<C: Codec>(self, store: &MongoStore<C>) -> StoreError {
        match self {
            Self::Driver(error) if wants_a_replica_set(&error) => {
                StoreError::NotAReplicaSet { store: store.name.clone(), events: 1 }
            }
            Self::Driver(error) => store.failed(error),
            Self::Unreadable(unreadable) => unreadable.into(),
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Unreadable> for Failed {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable)
    }
}

/// The guards with these names.
fn named(names: &BTreeSet<String>) -> Document {
    doc! { "_id": { "$in": names.iter().collect::<Vec<_>>() } }
}

/// A guard has another value than the one that was seen.
#[derive(Debug)]
struct Moved;

pub(super) fn is_moved(error: &Error) -> bool {
    error.get_custom::<Moved>().is_some()
}

impl<C: Codec> Together<C::Aggregate> for MongoStore<C> {
    async fn ask(&self, query: &Query) -> Result<Answer<C::Aggregate>, StoreError> {
        let names = query.guards::<C>(&self.name)?;
        self.askable.get_or_try_init(|| self.make_askable()).await?;
        let retries = Retries::SEND;
        let mut attempt = 1;
        loop {
            match self.read_guarded(query, &names).await {
                Err(Failed::Driver(error))
                    if attempt < retries.attempts && error.contains_label(TRANSIENT_TRANSACTION_ERROR) =>
                {
                    sleep(retries.pause(attempt)).await;
                }
                answer => return answer.map_err(|failed| failed.explained(self)),
            }
            attempt += 1;
        }
    }

    async fn append_together(
        &self,
        commit: &Commit,
        parts: &[Part<'_, C::Aggregate>],
        asked: &[(&Query, &Token)],
    ) -> Result<Outcome, StoreError> {
        if parts.iter().all(|part| part.events.is_empty()) {
            return Ok(Outcome::Unchanged);
        }
        self.ensure_unique_index().await?;
        let token = asked.iter().flat_map(|(_, token)| token.0.clone()).collect();
        self.send(commit.id, &Writes::new::<C>(commit, parts, Some(&Token(token)))).await
    }
}

impl<C: Codec> MongoStore<C> {
    pub(super) fn guards(&self) -> Collection<Document> {
        let options = CollectionOptions::builder()
            .read_concern(self.events.read_concern().cloned())
            .write_concern(self.events.write_concern().cloned())
            .selection_criteria(self.events.selection_criteria().cloned())
            .build();
        self.database().collection_with_options(&format!("{}_guards", self.events.name()), options)
    }

    /// Makes those of the guards with these names that are missing.
    pub(super) async fn make_guards<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        let guards = self.guards();
        let mut missing: BTreeSet<_> = names.map(str::to_owned).collect();
        let mut found = guards.find(named(&missing)).await?;
        while let Some(guard) = found.try_next().await? {
            missing.remove(guard.get_str("_id").unwrap_or_default());
        }
        for name in missing {
            let made = doc! { "$setOnInsert": { "commit": ObjectId::new() } };
            match guards.update_one(doc! { "_id": name }, made).upsert(true).await {
                // Another writer has made it at the same time.
                Err(error) if code(&error) == Some(11000) => {}
                made => drop(made?),
            }
        }
        Ok(())
    }

    /// The answer to a query and the values of these guards, in one snapshot. Were they two reads, a new primary could answer the
    /// second one from a time before the first: a guard that has moved, and not the event that has moved it.
    async fn read_guarded(&self, query: &Query, names: &BTreeSet<String>) -> Result<Answer<C::Aggregate>, Failed> {
        self.make_guards(names.iter().map(String::as_str)).await?;
        let mut session = self.begin(ReadConcern::snapshot()).await?;
        match self.read_in(&mut session, query, names).await {
            // It has written nothing, but the commit waits until the majority has what was read.
            Ok(answer) => self.end(session, Ok(())).await.map(|()| answer).map_err(Into::into),
            Err(failed) => {
                session.abort_transaction().await.ok();
                Err(failed)
            }
        }
    }

    async fn read_in(
        &self,
        session: &mut ClientSession,
        query: &Query,
        names: &BTreeSet<String>,
    ) -> Result<Answer<C::Aggregate>, Failed> {
        let mut found = self.guards().find(named(names)).session(&mut *session).await?;
        // One that another program has deleted since it was made gets a value that none will have.
        let mut token: Document = names.iter().map(|name| (name.clone(), ObjectId::new().into())).collect();
        let mut entries = Vec::new();
        while let Some(guard) = found.next(session).await.transpose()? {
            if let (Ok(name), Some(value)) = (guard.get_str("_id"), guard.get("commit")) {
                token.insert(name, value);
            }
        }
        let events = self.events.raw();
        let mut found = events
            .find_in(query.filter())
            .sort(doc! { C::key_field(): 1, "version": 1 })
            .session(&mut *session)
            .await?;
        while let Some(event) = found.next(session).await.transpose()? {
            entries.push(read_entry::<C>(&event)?);
        }
        Ok(Answer { token: Token(token), entries })
    }

    /// Changes a guard in a transaction. Fails if it has not the value that was seen, or was deleted.
    pub(super) async fn move_guard(
        &self,
        session: &mut ClientSession,
        guard: &Guard,
        commit: CommitId,
    ) -> Result<(), Error> {
        let mut filter = doc! { "_id": &guard.name };
        filter.extend(guard.seen.iter().map(|seen| ("commit".to_owned(), seen.clone())));
        let moved = self.guards().update_one(filter, doc! { "$set": { "commit": commit } }).session(session).await?;
        if moved.matched_count == 0 { Err(Error::custom(Moved)) } else { Ok(()) }
    }

    /// Makes the index that finds events by tag, and, if the codec has such types, the one that finds them by type.
    async fn make_askable(&self) -> Result<(), StoreError> {
        self.ensure_unique_index().await?;
        let indexes: Vec<_> = searches::<C>().into_iter().map(|(_, index)| index).collect();
        match self.run(doc! { "createIndexes": self.events.name(), "indexes": indexes }).await {
            // Without the right to make it, or with another one in its place, a query takes longer.
            Err(StoreError::Denied { .. } | StoreError::Unsuitable { .. }) => Ok(()),
            made => made,
        }
    }
}
