//! Loads events from an embedded SQLite file, and appends to it. `handle` and `save` come from [`EventStore`].

use std::{marker::PhantomData, path::PathBuf, sync::Arc};

use basket_domain::EventSourced;
use basket_mongo::{
    Codec, CommitId, EventLog, EventStore, Expected, Meta, Scope, StoreError,
    store::{
        codec::{Event, Id},
        document::{RecordedEvent, new_events},
    },
};
use bson::Document;
use futures_util::TryStreamExt;
use rusqlite::{Connection, TransactionBehavior};
use tokio::task::spawn_blocking;

use super::{
    file::File,
    rows::{self, Table},
};

/// The events of all aggregates of one kind in one file, as the codec `C` writes them.
#[derive(Debug)]
pub struct EmbeddedStore<C> {
    pub(super) file: Arc<File>,
    pub(super) meta: Meta,
    codec: PhantomData<fn() -> C>,
}

impl<C> Clone for EmbeddedStore<C> {
    fn clone(&self) -> Self {
        Self { file: Arc::clone(&self.file), meta: self.meta.clone(), codec: PhantomData }
    }
}

impl<C: Codec> EmbeddedStore<C> {
    /// The store in this file, which the first append creates.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { file: Arc::new(File::at(path.into(), Table::of::<C>())), meta: Meta::default(), codec: PhantomData }
    }

    pub(crate) async fn is_there(&self) -> Result<bool, StoreError> {
        self.ask(|_, _| Ok(true)).await
    }

    /// Asks the table; the default where there is no file.
    pub(super) async fn ask<T: Default + Send + 'static>(
        &self,
        question: fn(Table, &Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.on_thread(move |file| {
            let Some(connection) = file.open_existing()? else { return Ok(T::default()) };
            question(file.table, &connection).map_err(|error| file.failed(error))
        })
        .await
    }

    /// Runs some work on a thread that may block: SQLite blocks while it reads, writes, and waits for a lock.
    pub(super) async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&File) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = Arc::clone(&self.file);
        let done = spawn_blocking(move || work(&file)).await;
        done.unwrap_or_else(|error| Err(self.file.other(&format!("the thread that reads the file ended: {error}"))))
    }
}

impl<C: Codec> EventStore<C::Aggregate> for EmbeddedStore<C> {
    async fn get(&self, id: &Id<C>) -> Result<EventSourced<C::Aggregate>, StoreError> {
        let mut documents = std::pin::pin!(self.documents(Scope::From(id.clone(), 1)));
        let mut root = EventSourced::new(id.clone());
        while let Some(document) = documents.try_next().await? {
            root = RecordedEvent::from_document(document.as_ref().into())?.replay_onto::<C>(root)?;
        }
        match root.version() {
            0 => Err(StoreError::not_found::<C>(self.name(), id)),
            _ => Ok(root),
        }
    }

    async fn append(
        &self,
        id: &Id<C>,
        expected: Expected,
        commit: CommitId,
        events: &[Event<C>],
    ) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        // No one else writes during the transaction, so the head can be compared, wherever the version comes from.
        let (Expected::Loaded(expected) | Expected::Claimed(expected)) = expected;
        let new_events = new_events::<C>(expected, commit, &self.meta, events);
        let documents: Vec<Document> = new_events.iter().map(|event| event.document::<C>(id)).collect();
        let key = rows::key_text(C::key(id));
        self.on_thread(move |file| append(file, &key, expected, commit, &documents)).await
    }
}

fn append(file: &File, key: &str, expected: u64, commit: CommitId, documents: &[Document]) -> Result<(), StoreError> {
    let mut connection = file.open_or_create()?;
    let mut append = || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = file.table.head(&transaction, key)?;
        if found != expected {
            // Where the version after it is of this very commit, an earlier try has written it.
            let next = file.table.at(&transaction, key, expected.saturating_add(1))?;
            let commit_id = next.as_ref().and_then(|next| next.get_object_id("commit").ok());
            let written = commit_id.is_some_and(|id| id.to_hex() == commit.to_hex());
            return Ok(if written { Ok(()) } else { Err(StoreError::Conflict { expected, found }) });
        }
        documents.iter().try_for_each(|document| rows::insert(&transaction, file.table, document))?;
        transaction.commit().map(Ok)
    };
    append().map_err(|error| file.failed(error))?
}
