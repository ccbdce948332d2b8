//! Loads events from an embedded SQLite file, and appends to it. Commands and `save` come from [`EventStore`].

use std::{marker::PhantomData, path::PathBuf, sync::Arc};

use basket_domain::EventSourced;
use basket_mongo::{
    Codec, Commit, CommitId, Entry, EventLog, EventStore, Expected, Outcome, Query, Scope, StoreError, Together,
    store::{
        codec::{Event, Id},
        document::{RecordedEvent, new_events},
        event_store::Sought,
        log::{entries, seek},
        setup::{Init, Setup, State, Step},
        together::{Answer, Part, Token},
    },
};
use bson::{DateTime, Document, doc};
use futures_util::TryStreamExt;
use rusqlite::{Connection, TransactionBehavior};
use tokio::task::spawn_blocking;

use super::{
    file::File,
    kinds::Kind,
    rows::{self, Table},
};

/// The events of all aggregates of one kind in one file, as the codec `C` writes them.
#[derive(Debug)]
pub struct EmbeddedStore<C> {
    pub(super) file: Arc<File>,
    codec: PhantomData<fn() -> C>,
}

impl<C> Clone for EmbeddedStore<C> {
    fn clone(&self) -> Self {
        Self { file: Arc::clone(&self.file), codec: PhantomData }
    }
}

impl<C: Codec> EmbeddedStore<C> {
    /// The store in this file, which the first append creates.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { file: Arc::new(File::at(path.into(), Table::of::<C>())), codec: PhantomData }
    }

    /// Another kind of streams in the same file.
    pub fn streams_of<D: Codec>(&self) -> EmbeddedStore<D> {
        EmbeddedStore::at(self.file.path.clone())
    }

    /// The kinds of streams in the file.
    pub(crate) async fn kinds(&self) -> Result<Vec<Kind>, StoreError> {
        self.on_thread(File::kinds).await
    }

    pub(crate) async fn is_there(&self) -> Result<bool, StoreError> {
        self.ask_table(|_, _| Ok(true)).await
    }

    /// Makes the file, where there is none. It has no users, and so no roles.
    pub(crate) async fn init(&self, init: &Init) -> Result<Setup, StoreError> {
        let state = if self.is_there().await? { State::There } else { State::Made };
        if state == State::Made && !init.dry_run {
            self.on_thread(|file| file.open_or_create().map(drop)).await?;
        }
        let mut steps = vec![Step {
            what: format!("the file {}, which checks its rows itself", self.file.name),
            state,
            commands: Vec::new(),
        }];
        steps.extend(init.role.as_ref().map(|role| {
            let why =
                "a file has no users; the rights of the file and of its folder say who may read it, and who may append";
            Step { what: format!("the role '{}'", role.name), state: State::Left(why.into()), commands: Vec::new() }
        }));
        Ok(Setup { steps, ..Setup::default() })
    }

    /// Asks the table; the default where there is no file.
    pub(super) async fn ask_table<T: Default + Send + 'static>(
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
    fn name(&self) -> &str {
        &self.file.name
    }

    async fn get(&self, id: &Id<C>) -> Result<EventSourced<C::Aggregate>, StoreError> {
        let mut documents = std::pin::pin!(self.documents(Scope::From(id.clone(), 1)));
        let mut root = EventSourced::new(id.clone());
        while let Some(document) = documents.try_next().await? {
            root = RecordedEvent::from_document(document.as_ref().into())?.replay_onto::<C>(root)?;
        }
        match root.version() {
            0 => Err(StoreError::not_found::<C>(&self.file.name, id)),
            _ => Ok(root),
        }
    }

    async fn append(
        &self,
        id: &Id<C>,
        expected: Expected,
        commit: &Commit,
        events: &[Event<C>],
    ) -> Result<Outcome, StoreError> {
        // No one else writes during the transaction, so the head can be compared, wherever the version comes from.
        let (Expected::Loaded(version) | Expected::Claimed(version)) = expected;
        self.append_together(commit, &[Part { id, version, events }], &[]).await
    }

    async fn seek(&self, id: &Id<C>, commit: &Commit) -> Result<Sought<C::Aggregate>, StoreError> {
        seek(self, id, commit).await
    }

    async fn entries(&self, scope: Scope<Id<C>>, limit: usize) -> Result<Vec<Entry<C>>, StoreError> {
        entries(self, scope, limit).await
    }
}

/// The positions of the rows are those of their commits, so the newest one is all that a token needs.
impl<C: Codec> Together<C::Aggregate> for EmbeddedStore<C> {
    async fn ask(&self, query: &Query) -> Result<Answer<C::Aggregate>, StoreError> {
        query.guards::<C>(&self.file.name)?;
        // What comes between the two only makes the append meet what was read.
        let position = self.ask_table(Table::last_position).await?;
        let entries = entries(self, Scope::Matching(query.clone()), usize::MAX).await?;
        Ok(Answer { token: Token(doc! { "position": position }), entries })
    }

    async fn append_together(
        &self,
        commit: &Commit,
        parts: &[Part<'_, C::Aggregate>],
        asked: &[(&Query, &Token)],
    ) -> Result<Outcome, StoreError> {
        let mut append = Append { commit: commit.id, places: Vec::new(), asked: Vec::new(), documents: Vec::new() };
        let now = DateTime::now();
        for Part { id, version, events } in parts {
            append.places.push((rows::key_text(C::key(id)), *version));
            let events = new_events::<C>(*version, commit, now, events);
            append.documents.extend(events.iter().map(|event| event.document::<C>(id)));
        }
        for (query, token) in asked {
            append.asked.push(((*query).clone(), token.0.get_i64("position").unwrap_or(0)));
        }
        match append.documents.is_empty() {
            true => Ok(Outcome::Unchanged),
            false => self.on_thread(move |file| append.to(file)).await,
        }
    }
}

/// A commit on its way into the file.
struct Append {
    commit: CommitId,
    /// Where each stream must end: its key and version.
    places: Vec<(String, u64)>,
    /// What was asked, and the position of the newest row then.
    asked: Vec<(Query, i64)>,
    documents: Vec<Document>,
}

impl Append {
    fn to(self, file: &File) -> Result<Outcome, StoreError> {
        let mut connection = file.open_or_create()?;
        let mut append = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let Some(outcome) = self.before(file, &transaction)? {
                return Ok(outcome);
            }
            self.documents.iter().try_for_each(|document| rows::insert(&transaction, file.table, document))?;
            transaction.commit().map(|()| Ok(Outcome::Now))
        };
        append().map_err(|error| file.failed(error))?
    }

    /// Why nothing is to be written; `None` if all is as it was.
    fn before(&self, file: &File, open: &Connection) -> rusqlite::Result<Option<Result<Outcome, StoreError>>> {
        for (key, expected) in &self.places {
            let (expected, found) = (*expected, file.table.head(open, key)?);
            if found != expected {
                // If the version after it is of this very commit, an earlier call has written it.
                let next = file.table.at(open, key, expected.saturating_add(1))?;
                let commit = next.as_ref().and_then(|next| next.get_object_id("commit").ok());
                let is_ours = commit.is_some_and(|commit| commit.to_hex() == self.commit.to_hex());
                let conflict = StoreError::Conflict { expected, found };
                return Ok(Some(if is_ours { Ok(Outcome::Before) } else { Err(conflict) }));
            }
        }
        for (query, position) in &self.asked {
            if file.table.was_appended(open, query, *position)? {
                return Ok(Some(Err(StoreError::Outdated { store: file.name.clone() })));
            }
        }
        Ok(None)
    }
}
