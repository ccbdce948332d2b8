//! Events in a MongoDB collection: one document an event, found and kept apart by the unique key (stream, version).
//! `handle` and `save` come from [`EventStore`]; here is the load, and the append with its retries.

use std::{marker::PhantomData, sync::Arc};

use basket_domain::EventSourced;
use bson::{Document, doc};
use futures_util::TryStreamExt;
use mongodb::{
    Client, ClientSession, Collection, Database, IndexModel,
    error::{Error, UNKNOWN_TRANSACTION_COMMIT_RESULT},
    options::{
        ClientOptions, CollectionOptions, IndexOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
    },
};
use tokio::{sync::OnceCell, time::sleep};

use crate::{
    Codec, CommitId, EventStore, Expected, Meta, StoreError,
    codec::{Event, Id},
    connection::{self, Fate, explain, fate},
    document::{RecordedEvent, new_events, next},
    event_store::pause,
};

/// How often an append is sent before its outcome is called unknown. The driver repeats each of them once by itself.
pub(crate) const SENDS: u32 = 4;

/// Events in one batch of a load: large streams take fewer round trips, and a batch stays far below 16 MB.
pub(crate) const BATCH: u32 = 5_000;

/// The events of all aggregates of one kind, in one collection, as the codec `C` writes them.
#[derive(Debug)]
pub struct MongoStore<C> {
    events: Collection<Document>,
    /// For messages; never with credentials.
    name: String,
    /// Set once this store, or the one it was signed from, has seen to the unique index.
    indexed: Arc<OnceCell<()>>,
    /// What is written beside every event.
    pub(crate) meta: Meta,
    codec: PhantomData<fn() -> C>,
}

/// A clone shares the connections.
impl<C> Clone for MongoStore<C> {
    fn clone(&self) -> Self {
        Self {
            events: self.events.clone(),
            name: self.name.clone(),
            indexed: Arc::clone(&self.indexed),
            meta: self.meta.clone(),
            codec: PhantomData,
        }
    }
}

/// What answers at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// The server's version: `8.0.4`.
    pub version: String,
    /// `replica set 'rs0'`, `sharded cluster` or `standalone`.
    pub topology: String,
}

impl<C: Codec> MongoStore<C> {
    /// A store at an address such as `mongodb://127.0.0.1:27017/basket_db`. It is reached at the first call, not here.
    ///
    /// # Errors
    /// As [`connection::options`].
    pub async fn connect(address: &str) -> Result<Self, StoreError> {
        Self::with_options(connection::options(address).await?)
    }

    /// A store reached with the driver's options, such as [`connection::options`] makes.
    ///
    /// # Errors
    /// [`StoreError::Address`] where options contradict each other.
    pub fn with_options(options: ClientOptions) -> Result<Self, StoreError> {
        let name = connection::name(&options);
        let database = options.default_database.clone().unwrap_or_else(|| connection::DEFAULT_DATABASE.into());
        let client =
            Client::with_options(options).map_err(|error| StoreError::Address { why: error.kind.to_string() })?;
        Ok(Self::in_database(&client.database(&database), name))
    }

    /// A store in a database that you have connected to. Reads and writes are of the majority, whatever its settings.
    ///
    /// `name` stands for the store in messages: leave credentials out.
    pub fn in_database(database: &Database, name: impl Into<String>) -> Self {
        let options = CollectionOptions::builder()
            .read_concern(ReadConcern::majority())
            .write_concern(WriteConcern::majority())
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .build();
        Self {
            events: database.collection_with_options(C::COLLECTION, options),
            name: name.into(),
            indexed: Arc::default(),
            meta: Meta::default(),
            codec: PhantomData,
        }
    }

    /// The collection of event documents.
    pub fn collection(&self) -> &Collection<Document> {
        &self.events
    }

    /// Hosts and database, without credentials.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks the server who it is.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] or [`StoreError::Denied`].
    pub async fn server_info(&self) -> Result<ServerInfo, StoreError> {
        let admin = self.events.client().database("admin");
        let ask = |command: Document| async { admin.run_command(command).await.map_err(|e| explain(&e, &self.name)) };
        let (build, hello) = (ask(doc! { "buildInfo": 1 }).await?, ask(doc! { "hello": 1 }).await?);
        let topology = match (hello.get_str("setName"), hello.get_str("msg")) {
            (Ok(set), _) => format!("replica set '{set}'"),
            (_, Ok("isdbgrid")) => "sharded cluster".into(),
            _ if hello.get_bool("isreplicaset").unwrap_or(false) => "replica set that was never initiated".into(),
            _ => {
                "standalone (it can't keep the two events of a new basket together; `make mongo` starts a replica set)"
                    .into()
            }
        };
        Ok(ServerInfo { version: build.get_str("version").unwrap_or("unknown").into(), topology })
    }

    /// Makes the unique index on (stream, version), without which nothing is appended. Asked once for each store; where
    /// the index is there already, the server does nothing.
    pub(crate) async fn ensure_unique_index(&self) -> Result<(), StoreError> {
        let create = || async {
            let index = IndexModel::builder()
                .keys(doc! { C::KEY: 1, "version": 1 })
                .options(IndexOptions::builder().unique(true).build())
                .build();
            match self.events.create_index(index).await {
                Err(error) if connection::denies_the_index(&error) => Err(StoreError::NoUniqueIndex {
                    store: self.name.clone(),
                    collection: C::COLLECTION,
                    why: error.kind.to_string(),
                }),
                outcome => outcome.map(drop).map_err(|error| explain(&error, &self.name)),
            }
        };
        self.indexed.get_or_try_init(create).await.copied()
    }

    async fn head(&self, id: &Id<C>) -> Result<u64, StoreError> {
        let newest = self.events.find(doc! { C::KEY: C::key(id) }).sort(doc! { "version": -1 }).limit(1);
        let mut newest = newest.batch().await.map_err(|error| explain(&error, &self.name))?;
        let Some(batch) = newest.try_next().await.map_err(|error| explain(&error, &self.name))? else { return Ok(0) };
        let documents = batch.doc_slices().map_err(|error| explain(&error, &self.name))?;
        match documents.into_iter().next() {
            None => Ok(0),
            Some(Ok(document)) => Ok(RecordedEvent::from_document(document)?.version()?),
            Some(Err(error)) => Err(explain(&error.into(), &self.name)),
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
    ///
    /// A process that is killed between the two steps of a transaction leaves nothing visible, but the server keeps the
    /// places of its events until `transactionLifetimeLimitSeconds` (60) are over; others meet conflicts there till then.
    async fn insert_together(&self, documents: &[Document]) -> Result<(), Error> {
        let mut session = self.events.client().start_session().await?;
        session
            .start_transaction()
            .read_concern(ReadConcern::majority())
            .write_concern(WriteConcern::majority())
            .await?;
        match self.events.insert_many(documents).session(&mut session).await {
            Ok(_) => commit(&mut session).await,
            Err(error) => {
                // The server ends it anyhow; the error that counts is the first one.
                session.abort_transaction().await.ok();
                Err(error)
            }
        }
    }

    async fn conflict(&self, id: &Id<C>, expected: u64) -> Result<(), StoreError> {
        // A majority read may lag behind the key that turned us away: somebody holds at least the next version.
        let found = self.head(id).await?.max(expected.saturating_add(1));
        Err(StoreError::Conflict { expected, found })
    }
}

impl<C: Codec> EventStore<C::Aggregate> for MongoStore<C> {
    async fn get(&self, id: &Id<C>) -> Result<EventSourced<C::Aggregate>, StoreError> {
        let failed = |error: Error| explain(&error, &self.name);
        let stream = self.events.find(doc! { C::KEY: C::key(id) }).sort(doc! { "version": 1 });
        let mut batches = stream.batch_size(BATCH).batch().await.map_err(failed)?;

        let mut root = EventSourced::new(id.clone());
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            for document in batch.doc_slices().map_err(failed)? {
                let document = document.map_err(|error| failed(error.into()))?;
                root = RecordedEvent::from_document(document)?.replay_onto::<C>(root)?;
            }
        }
        match root.version() {
            0 => Err(StoreError::NotFound {
                what: C::KEY.trim_end_matches("_id"),
                id: id.to_string(),
                store: self.name.clone(),
            }),
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
        self.ensure_unique_index().await?;
        let expected = match expected {
            Expected::Loaded(version) | Expected::Claimed(version @ 0) => version,
            Expected::Claimed(version) => match self.head(id).await? {
                found if found < version => return Err(StoreError::Conflict { expected: version, found }),
                _ => version,
            },
        };

        let new_events = new_events::<C>(expected, commit, &self.meta, events);
        let documents: Vec<_> = new_events.iter().map(|event| event.document::<C>(id)).collect();
        let (mut not_written, mut lost) = (None, None);
        for send in 1..=SENDS {
            let Err(error) = self.insert(&documents).await else { return Ok(()) };
            match fate(&error) {
                Fate::Taken => match self.events.find_one(doc! { C::KEY: C::key(id), "version": next(expected) }).await
                {
                    Ok(Some(event)) if is_of(&event, commit) => return Ok(()),
                    Ok(Some(_)) => return self.conflict(id, expected).await,
                    // What the majority has not confirmed yet may be ours, of an earlier attempt, and may still vanish.
                    Ok(None) => lost = Some(error),
                    Err(error) => lost = Some(error),
                },
                Fate::Unknown => lost = Some(error),
                Fate::NotWritten => not_written = Some(error),
                // What was sent before may be there all the same.
                Fate::Refused if lost.is_some() => break,
                Fate::Refused if connection::wants_a_replica_set(&error) => {
                    return Err(StoreError::NotAReplicaSet { store: self.name.clone(), events: events.len() });
                }
                Fate::Refused => return Err(explain(&error, &self.name)),
            }
            sleep(pause(send)).await;
        }
        match (lost, not_written) {
            (None, Some(error)) if !connection::is_write_conflict(&error) => Err(explain(&error, &self.name)),
            (None, _) => self.conflict(id, expected).await,
            (Some(error), _) => {
                let why = error.kind.to_string();
                Err(StoreError::OutcomeUnknown { store: self.name.clone(), commit, why })
            }
        }
    }
}

fn is_of(event: &Document, commit: CommitId) -> bool {
    event.get_object_id("commit").is_ok_and(|found| found == commit)
}

/// Commits, and commits again while the answer gets lost: the server takes a repeated commit for what it is.
async fn commit(session: &mut ClientSession) -> Result<(), Error> {
    for send in 1.. {
        match session.commit_transaction().await {
            Err(error) if send < SENDS && error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {
                sleep(pause(send)).await;
            }
            outcome => return outcome,
        }
    }
    Ok(())
}
