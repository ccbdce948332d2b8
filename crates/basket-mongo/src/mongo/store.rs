//! Events in a MongoDB collection: one document an event, found and kept apart by the unique key (stream, version).
//! Commands and `save` come from [`EventStore`]; here is the load, and the append with its retries. What is appended to several
//! streams, or guarded, goes through `together`.
//! No load shows an older state than what was written and loaded before it, whichever server is the primary: `events` says how.

use std::{marker::PhantomData, sync::Arc};

use basket_domain::EventSourced;
use bson::{Bson, Document, doc};
use mongodb::{
    Client, ClientSession, Collection, Database,
    error::{Error, UNKNOWN_TRANSACTION_COMMIT_RESULT},
    options::{ClientOptions, CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use tokio::{sync::OnceCell, time::sleep};

use super::{
    append::Writes,
    builder::{Builder, check_names},
    connection,
    events::{Events, turns},
    failure::explain,
};
use crate::store::{
    codec::{Codec, Event, Id, key_bytes},
    document::RecordedEvent,
    entry::{Commit, Entry},
    error::StoreError,
    event_store::{EventStore, Expected, Outcome, Sought},
    lines::{Lines, Turns},
    log::{Scope, entries, seek},
    retry::Retries,
    together::Part,
};

/// Events in one batch of a load: large streams take fewer round trips, and a batch stays far below 16 MB.
pub(crate) const BATCH: u32 = 5_000;

/// The events of all aggregates of one kind, in one collection, as the codec `C` writes them.
#[derive(Debug)]
pub struct MongoStore<C> {
    pub(super) events: Events,
    /// For messages; without credentials.
    pub(super) name: String,
    /// Set once this store, or the one it was cloned from, has made the unique index.
    indexed: Arc<OnceCell<()>>,
    /// Set once what queries need is there.
    pub(super) askable: Arc<OnceCell<()>>,
    lines: Lines,
    codec: PhantomData<fn() -> C>,
}

/// A clone shares the connections.
impl<C> Clone for MongoStore<C> {
    fn clone(&self) -> Self {
        let Self { events, name, indexed, askable, lines, codec } = self;
        let (indexed, askable, lines) = (Arc::clone(indexed), Arc::clone(askable), lines.clone());
        Self { events: events.clone(), name: name.clone(), indexed, askable, lines, codec: *codec }
    }
}

/// The topology of a server that is in no replica set and no sharded cluster.
pub(super) const STANDALONE: &str = "standalone";

/// The server that a store is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// The server's version: `8.0.4`.
    pub version: String,
    /// `replica set 'rs0'`, `sharded cluster` or `standalone`.
    pub topology: String,
}

impl<C: Codec> MongoStore<C> {
    /// A store at an address such as `mongodb://127.0.0.1:27017/basket_db`. It connects at the first call, not here, so this
    /// fails only as [`connection::options`] and [`with_options`](Self::with_options) do.
    pub async fn at(address: &str) -> Result<Self, StoreError> {
        Self::with_options(connection::options(address).await?)
    }

    /// A store whose database, collection and limits are said one by one.
    pub fn builder(address: impl Into<String>) -> Builder<C> {
        Builder::new(address.into())
    }

    /// A store with the driver's options, such as [`connection::options`] makes. Fails with [`StoreError::Address`] if they
    /// contradict each other, or what a store promises, reads and writes of the majority; and if they name no database.
    pub fn with_options(options: ClientOptions) -> Result<Self, StoreError> {
        Self::open(options, C::collection())
    }

    pub(super) fn open(options: ClientOptions, collection: &str) -> Result<Self, StoreError> {
        connection::check(&options)?;
        let Some(database) = options.default_database.clone() else {
            let why = "it names no database; the form is mongodb://HOST:PORT/DATABASE";
            return Err(StoreError::Address { why: why.into() });
        };
        let hosts: Vec<_> = options.hosts.iter().map(ToString::to_string).collect();
        let servers = format!("mongodb://{}", hosts.join(","));
        let mut writes = WriteConcern::majority();
        let wait = options.write_concern.as_ref().and_then(|writes| writes.w_timeout);
        writes.w_timeout = Some(wait.unwrap_or(connection::MAJORITY));
        let turns = turns(options.max_pool_size);
        let client =
            Client::with_options(options).map_err(|error| StoreError::Address { why: error.kind.to_string() })?;
        Ok(Self::of(&client, servers, writes, &database, collection)?.taking(&turns))
    }

    /// The same kind of streams in another database or collection of the same servers, over the same connections: the store of
    /// another tenant. Fails with [`StoreError::Address`] if a name is none that MongoDB takes.
    pub fn elsewhere(&self, database: &str, collection: &str) -> Result<Self, StoreError> {
        let (servers, _) = self.name.rsplit_once('/').unwrap_or((&self.name, ""));
        let writes = self.events.write_concern().cloned().unwrap_or_else(WriteConcern::majority);
        Ok(Self::of(self.events.client(), servers.to_owned(), writes, database, collection)?.taking(self.turns()))
    }

    pub(super) fn of(
        client: &Client,
        servers: String,
        writes: WriteConcern,
        database: &str,
        collection: &str,
    ) -> Result<Self, StoreError> {
        check_names(database, collection)?;
        let options = CollectionOptions::builder()
            .read_concern(ReadConcern::majority())
            .write_concern(writes)
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .build();
        let events = Events::new(client.database(database).collection_with_options(collection, options));
        let name = format!("{servers}/{database}");
        let (indexed, askable, lines) = <_>::default();
        Ok(Self { events, name, indexed, askable, lines, codec: PhantomData })
    }

    /// The collection of event documents.
    pub fn collection(&self) -> &Collection<Document> {
        &self.events
    }

    pub(super) fn database(&self) -> Database {
        self.events.client().database(&self.events.namespace().db)
    }

    /// Asks the server for its version and topology. Fails with [`StoreError::Unreachable`] or [`StoreError::Denied`].
    pub async fn server_info(&self) -> Result<ServerInfo, StoreError> {
        let admin = self.events.client().database("admin");
        let ask = |command: Document| async { admin.run_command(command).await.map_err(|error| self.failed(error)) };
        let (build, hello) = (ask(doc! { "buildInfo": 1 }).await?, ask(doc! { "hello": 1 }).await?);
        let topology = match (hello.get_str("setName"), hello.get_str("msg")) {
            (Ok(set), _) => format!("replica set '{set}'"),
            (_, Ok("isdbgrid")) => "sharded cluster".into(),
            _ if hello.get_bool("isreplicaset").unwrap_or(false) => "replica set that was never initiated".into(),
            _ => STANDALONE.into(),
        };
        Ok(ServerInfo { version: build.get_str("version").unwrap_or("unknown").into(), topology })
    }

    /// Asks whether any server is there, primary or not. Fails with [`StoreError::Unreachable`] or [`StoreError::Denied`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        let anyone = SelectionCriteria::ReadPreference(ReadPreference::Nearest { options: None });
        let pinged = self.database().run_command(doc! { "ping": 1 }).selection_criteria(anyone).await;
        pinged.map(drop).map_err(|error| self.failed(error))
    }

    /// The driver's error as one of ours, for who reads the [`collection`](Self::collection) by themselves.
    pub fn failed(&self, error: Error) -> StoreError {
        explain(&error, &self.name)
    }

    /// Looks once for each store whether the collection can hold events, and makes the unique index on (stream, version) if
    /// it is missing: without it, nothing is appended.
    pub(crate) async fn ensure_unique_index(&self) -> Result<(), StoreError> {
        self.indexed.get_or_try_init(|| self.prepare()).await.copied()
    }

    /// The newest version of the stream with this key; 0 if it has none.
    pub(super) async fn head(&self, key: Bson) -> Result<u64, StoreError> {
        let newest = self.events.find_newest(doc! { C::key_field(): key }).await;
        match newest.map_err(|error| self.failed(error))? {
            None => Ok(0),
            Some(document) => Ok(RecordedEvent::from_document(document.as_ref().into())?.version()?),
        }
    }

    /// Inserts the documents of one commit, all or none: one alone is atomic by itself, several need a transaction.
    pub(crate) async fn insert(&self, documents: &[Document]) -> Result<(), Error> {
        match documents {
            [document] => self.events.insert_one(document).await.map(drop),
            several => self.insert_together(several).await,
        }
    }

    /// Inserts several documents in one transaction.
    async fn insert_together(&self, documents: &[Document]) -> Result<(), Error> {
        let mut session = self.begin(ReadConcern::majority()).await?;
        let inserted = self.events.insert_many(documents).session(&mut session).await;
        self.end(session, inserted.map(drop)).await
    }

    /// Begins a transaction.
    ///
    /// A process that is killed in the middle of it leaves nothing visible, but other writers get conflicts at its versions
    /// until `transactionLifetimeLimitSeconds` (60) are over.
    pub(super) async fn begin(&self, reads: ReadConcern) -> Result<ClientSession, Error> {
        let mut session = self.events.session().await?;
        session
            .start_transaction()
            .read_concern(reads)
            .write_concern(self.events.write_concern().cloned().unwrap_or_else(WriteConcern::majority))
            .await?;
        Ok(session)
    }

    /// Commits a transaction whose writes went well, and aborts it otherwise.
    pub(super) async fn end(&self, mut session: ClientSession, written: Result<(), Error>) -> Result<(), Error> {
        match written {
            Ok(()) => commit(&mut session).await.map(|()| self.events.saw(&session)),
            Err(error) => {
                // The server ends it in any case; the error that counts is the first one.
                session.abort_transaction().await.ok();
                Err(error)
            }
        }
    }
}

impl<C: Codec> EventStore<C::Aggregate> for MongoStore<C> {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(&self, id: &Id<C>) -> Result<EventSourced<C::Aggregate>, StoreError> {
        let failed = |error: Error| explain(&error, &self.name);
        let stream = self.events.find(doc! { C::key_field(): C::key(id) }).sort(doc! { "version": 1 });
        let mut batches = stream.batch_size(BATCH).batch().await.map_err(failed)?;

        let mut root = EventSourced::new(id.clone());
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            for document in batch.doc_slices().map_err(failed)? {
                let document = document.map_err(|error| failed(error.into()))?;
                root = RecordedEvent::from_document(document)?.replay_onto::<C>(root)?;
            }
        }
        match root.version() {
            0 => Err(StoreError::not_found::<C>(&self.name, id)),
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
        if events.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        self.ensure_unique_index().await?;
        let version = match expected {
            Expected::Loaded(version) | Expected::Claimed(version @ 0) => version,
            Expected::Claimed(version) => match self.head(C::key(id)).await? {
                found if found < version => return Err(StoreError::Conflict { expected: version, found }),
                _ => version,
            },
        };
        self.send(commit.id, &Writes::new::<C>(commit, &[Part { id, version, events }], None)).await
    }

    async fn seek(&self, id: &Id<C>, commit: &Commit) -> Result<Sought<C::Aggregate>, StoreError> {
        seek(self, id, commit).await
    }

    async fn entries(&self, scope: Scope<Id<C>>, limit: usize) -> Result<Vec<Entry<C>>, StoreError> {
        entries(self, scope, limit).await
    }

    async fn line_up(&self, ids: &[&Id<C>]) -> Result<Turns, StoreError> {
        Ok(self.lines.line_up(ids.iter().map(|id| key_bytes(&C::key(id))).collect()).await)
    }
}

/// Commits, and commits again if the answer was lost: the server recognises a repeated commit.
async fn commit(session: &mut ClientSession) -> Result<(), Error> {
    let retries = Retries::SEND;
    for send in 1..retries.attempts {
        match session.commit_transaction().await {
            Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => sleep(retries.pause(send)).await,
            outcome => return outcome,
        }
    }
    session.commit_transaction().await
}
