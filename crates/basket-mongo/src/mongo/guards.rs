//! What guards the answers to queries: a document for each tag, and for each type that may be asked for without one. Every append
//! of an event that has the tag changes it, in the transaction of the append; and so does every commit that counts on the answer
//! to a query, if it is still as it was before the events were read. Of two that meet, the server lets one pass.
//!
//! Its value is the commit that changed it last, so no value comes twice: not after a fail-over, and not if the documents are
//! deleted, since one that is missing is made anew. A sum of counters would be the same after two changes that cancel out.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection, IndexModel,
    error::Error,
    options::{CollectionOptions, IndexOptions},
};

use super::{append::Writes, failure::code, store::MongoStore};
use crate::store::{
    codec::Codec,
    entry::{Commit, CommitId},
    error::StoreError,
    event_store::Outcome,
    query::Query,
    together::{Part, Together, Token},
};

/// A guard that a commit changes.
pub(super) struct Guard {
    pub(super) name: String,
    /// The value that it must have, if the commit counts on it.
    seen: Option<ObjectId>,
}

impl Guard {
    /// Those that are written, and those that a token has seen.
    pub(super) fn all(written: BTreeSet<String>, token: Option<&Token>) -> Vec<Self> {
        let seen = token.into_iter().flat_map(|token| &token.0);
        let mut guards: BTreeMap<String, Option<ObjectId>> = written.into_iter().map(|name| (name, None)).collect();
        guards.extend(seen.map(|(name, value)| (name.clone(), value.as_object_id())));
        guards.into_iter().map(|(name, seen)| Self { name, seen }).collect()
    }
}

/// A guard has another value than the one that was seen.
#[derive(Debug)]
struct Moved;

pub(super) fn is_moved(error: &Error) -> bool {
    error.get_custom::<Moved>().is_some()
}

impl<C: Codec> Together<C::Aggregate> for MongoStore<C> {
    async fn token(&self, query: &Query) -> Result<Token, StoreError> {
        let names = query.guards::<C>(&self.name)?;
        self.askable.get_or_try_init(|| self.make_askable()).await?;
        self.make_guards(names.iter().map(String::as_str)).await.map_err(|error| self.failed(error))
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
    fn guards(&self) -> Collection<Document> {
        let options = CollectionOptions::builder()
            .read_concern(self.events.read_concern().cloned())
            .write_concern(self.events.write_concern().cloned())
            .selection_criteria(self.events.selection_criteria().cloned())
            .build();
        self.database().collection_with_options(&format!("{}_guards", self.events.name()), options)
    }

    /// The values of the guards with these names, which the majority has. One that is missing is made.
    pub(super) async fn make_guards<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Token, Error> {
        let names: BTreeSet<_> = names.collect();
        let guards = self.guards();
        loop {
            let found = guards.find(doc! { "_id": { "$in": names.iter().collect::<Vec<_>>() } }).await?;
            let found: Vec<Document> = found.try_collect().await?;
            let value = |guard: &Document| Some((guard.get_str("_id").ok()?.to_owned(), guard.get("commit")?.clone()));
            let found: Document = found.iter().filter_map(value).collect();
            let missing: Vec<_> = names.iter().filter(|name| !found.contains_key(name)).collect();
            if missing.is_empty() {
                return Ok(Token(found));
            }
            for name in missing {
                let made = doc! { "$setOnInsert": { "commit": ObjectId::new() } };
                match guards.update_one(doc! { "_id": name }, made).upsert(true).await {
                    // Another writer has made it at the same time.
                    Err(error) if code(&error) == Some(11000) => {}
                    made => drop(made?),
                }
            }
        }
    }

    /// Changes a guard in a transaction. Fails if it has not the value that was seen, or was deleted.
    pub(super) async fn move_guard(
        &self,
        session: &mut ClientSession,
        guard: &Guard,
        commit: CommitId,
    ) -> Result<(), Error> {
        let mut filter = doc! { "_id": &guard.name };
        filter.extend(guard.seen.map(|seen| ("commit".to_owned(), seen.into())));
        let moved = self.guards().update_one(filter, doc! { "$set": { "commit": commit } }).session(session).await?;
        if moved.matched_count == 0 { Err(Error::custom(Moved)) } else { Ok(()) }
    }

    /// Makes the index that finds events by tag, and, if the codec has such types, the one that finds them by type.
    async fn make_askable(&self) -> Result<(), StoreError> {
        self.ensure_unique_index().await?;
        let tags = IndexOptions::builder().sparse(true).build();
        let mut indexes = vec![IndexModel::builder().keys(doc! { "tags": 1 }).options(tags).build()];
        if !C::GUARDED.is_empty() {
            indexes.push(IndexModel::builder().keys(doc! { "type": 1 }).build());
        }
        match self.events.create_indexes(indexes).await {
            // Without the right to make it, or with another one in its place, a query takes longer.
            Err(error) if matches!(code(&error), Some(13 | 85 | 86)) => Ok(()),
            made => made.map(drop).map_err(|error| self.failed(error)),
        }
    }
}
