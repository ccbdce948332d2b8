//! A store whose commands do not line up, as those of different processes: half of the clients have it, so that they meet.

use basket_domain::EventSourced;
use basket_mongo::{
    Commit, EventStore, Expected, Outcome, Query, Scope, StoreError, Together,
    store::{
        entry::EntryOf,
        event_store::Sought,
        together::{Answer, Part, Token},
    },
};

use crate::{clients::Store, list::List};

/// The store in it, without its lines.
#[derive(Clone)]
pub struct Hurried<S>(pub S);

impl<S: Store> EventStore<List> for Hurried<S> {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn get(&self, id: &String) -> Result<EventSourced<List>, StoreError> {
        self.0.get(id).await
    }

    async fn append(
        &self,
        id: &String,
        expected: Expected,
        commit: &Commit,
        events: &[crate::list::ListEvent],
    ) -> Result<Outcome, StoreError> {
        self.0.append(id, expected, commit, events).await
    }

    async fn seek(&self, id: &String, commit: &Commit) -> Result<Sought<List>, StoreError> {
        self.0.seek(id, commit).await
    }

    async fn entries(&self, scope: Scope<String>, limit: usize) -> Result<Vec<EntryOf<List>>, StoreError> {
        self.0.entries(scope, limit).await
    }
}

impl<S: Store> Together<List> for Hurried<S> {
    async fn ask(&self, query: &Query) -> Result<Answer<List>, StoreError> {
        self.0.ask(query).await
    }

    async fn append_together(
        &self,
        commit: &Commit,
        parts: &[Part<'_, List>],
        asked: &[(&Query, &Token)],
    ) -> Result<Outcome, StoreError> {
        self.0.append_together(commit, parts, asked).await
    }
}
