//! The store that was chosen, opened: MongoDB or the embedded file, behind the one contract of [`EventStore`].

use basket_domain::{Basket, BasketEvent, BasketId, EventSourced};
use basket_mongo::{
    Baskets, CommitId, EventLog, EventStore, Expected, Finding, ListQuery, Meta, MongoStore, NewsOf, RemovedQuery,
    Scope, Since, StoreError, Summary, Tail, connection,
};
use bson::RawDocumentBuf;
use futures_util::{Stream, StreamExt};
use mongodb::options::ServerMonitoringMode;

use crate::{EmbeddedStore, choice::Place};

/// One of the two stores.
#[derive(Debug)]
pub enum Store {
    /// A collection of a MongoDB.
    Mongo(MongoStore<Baskets>),
    /// A file of this machine.
    Embedded(EmbeddedStore),
}

/// What a store says of itself.
#[derive(Debug, serde::Serialize)]
pub struct Description {
    /// Software and version: `MongoDB 8.0.4`.
    pub server: String,
    /// How it keeps things together: `replica set 'rs0'`.
    pub topology: String,
}

impl Store {
    /// The store at a place. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`StoreError::Address`], and [`StoreError::Unreachable`] where a DNS record can't be found.
    pub async fn open(place: &Place) -> Result<Self, StoreError> {
        match place {
            Place::Mongo(address) => {
                let mut options = connection::options(address).await?;
                // One command needs no connection that waits for news of the server.
                options.server_monitoring_mode.get_or_insert(ServerMonitoringMode::Poll);
                Ok(Self::Mongo(MongoStore::with_options(options)?))
            }
            Place::File(path) => Ok(Self::Embedded(EmbeddedStore::new(path))),
        }
    }

    /// All the baskets that the query asks for, a line each.
    pub fn list(&self, query: &ListQuery) -> impl Stream<Item = Result<Summary, StoreError>> + Send {
        match self {
            Self::Mongo(store) => store.list(query).left_stream(),
            Self::Embedded(store) => store.list(query).right_stream(),
        }
    }

    /// What became of each product: how much of it was taken out again, and after how long.
    pub fn removed(&self, query: &RemovedQuery) -> impl Stream<Item = Result<Finding, StoreError>> + Send {
        match self {
            Self::Mongo(store) => store.removed(query).left_stream(),
            Self::Embedded(store) => store.removed(query).right_stream(),
        }
    }

    /// That there is something to read at all: a file that a typo names holds nothing, and nothing is off in it.
    ///
    /// # Errors
    /// [`StoreError::Other`] where there is no such file.
    pub fn must_exist(&self) -> Result<(), StoreError> {
        match self {
            Self::Embedded(store) if !store.exists()? => {
                Err(store.other("there is no such file; the first `basket create` makes it".into()))
            }
            _ => Ok(()),
        }
    }

    /// Asks the store who it is.
    ///
    /// # Errors
    /// It does not answer, or not as a store of ours.
    pub async fn describe(&self) -> Result<Description, StoreError> {
        match self {
            Self::Mongo(store) => store
                .server_info()
                .await
                .map(|info| Description { server: format!("MongoDB {}", info.version), topology: info.topology }),
            Self::Embedded(store) => store.exists().map(|exists| Description {
                server: format!("SQLite {}", rusqlite::version()),
                topology: match exists {
                    true => "one file, embedded".into(),
                    false => "one file, embedded; not there yet, the first `basket create` makes it".into(),
                },
            }),
        }
    }
}

impl EventStore<Basket> for Store {
    async fn get(&self, id: &BasketId) -> Result<EventSourced<Basket>, StoreError> {
        match self {
            Self::Mongo(store) => store.get(id).await,
            Self::Embedded(store) => store.get(id).await,
        }
    }

    async fn append(
        &self,
        id: &BasketId,
        expected: Expected,
        commit: CommitId,
        events: &[BasketEvent],
    ) -> Result<(), StoreError> {
        match self {
            Self::Mongo(store) => store.append(id, expected, commit, events).await,
            Self::Embedded(store) => store.append(id, expected, commit, events).await,
        }
    }
}

impl EventLog<Baskets> for Store {
    fn name(&self) -> String {
        match self {
            Self::Mongo(store) => EventLog::name(store),
            Self::Embedded(store) => EventLog::name(store),
        }
    }

    fn signed(&self, meta: Meta) -> Self {
        match self {
            Self::Mongo(store) => Self::Mongo(store.signed(meta)),
            Self::Embedded(store) => Self::Embedded(store.signed(meta)),
        }
    }

    fn meta(&self) -> &Meta {
        match self {
            Self::Mongo(store) => store.meta(),
            Self::Embedded(store) => store.meta(),
        }
    }

    async fn count(&self) -> Result<u64, StoreError> {
        match self {
            Self::Mongo(store) => store.count().await,
            Self::Embedded(store) => store.count().await,
        }
    }

    async fn faults(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Mongo(store) => store.faults().await,
            Self::Embedded(store) => store.faults().await,
        }
    }

    async fn import(&self, documents: &[RawDocumentBuf], write: bool) -> Result<u64, StoreError> {
        match self {
            Self::Mongo(store) => store.import(documents, write).await,
            Self::Embedded(store) => store.import(documents, write).await,
        }
    }

    fn documents(&self, scope: Scope<BasketId>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        match self {
            Self::Mongo(store) => store.documents(scope).left_stream(),
            Self::Embedded(store) => store.documents(scope).right_stream(),
        }
    }
}

impl Tail<Baskets> for Store {
    fn tail(&self, since: Since<BasketId>) -> impl Stream<Item = Result<NewsOf<Baskets>, StoreError>> + Send {
        match self {
            Self::Mongo(store) => store.tail(since).left_stream(),
            Self::Embedded(store) => store.tail(since).right_stream(),
        }
    }
}
