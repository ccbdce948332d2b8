//! A store whose database, collection and limits are known at run time: for a service with tenants, or one that tells its
//! programs apart in the server's log.

use std::{marker::PhantomData, time::Duration};

use mongodb::options::WriteConcern;

use super::{connection, store::MongoStore};
use crate::store::{codec::Codec, error::StoreError};

/// What a store is opened with; [`MongoStore::builder`] makes one. What is not said is as the address says, or as
/// [`connection::options`] has it.
///
/// ```no_run
/// # use basket_mongo::{Baskets, MongoStore};
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let acme = MongoStore::<Baskets>::builder("mongodb://127.0.0.1:27017")
///     .database("acme")
///     .app_name("shop")
///     .open()
///     .await?;
/// // Another tenant, over the same connections.
/// let initech = acme.elsewhere("initech", "baskets")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct Builder<C> {
    address: String,
    database: Option<String>,
    collection: String,
    app_name: Option<String>,
    server: Option<Duration>,
    majority: Option<Duration>,
    codec: PhantomData<fn() -> C>,
}

impl<C: Codec> Builder<C> {
    pub(super) fn new(address: String) -> Self {
        let (database, app_name, server, majority) = (None, None, None, None);
        Self { address, database, collection: C::collection().into(), app_name, server, majority, codec: PhantomData }
    }

    /// The database, in place of the one in the address.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// The collection, in place of [`Codec::COLLECTION`].
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.collection = name.into();
        self
    }

    /// What the server's log calls this program.
    pub fn app_name(mut self, name: impl Into<String>) -> Self {
        self.app_name = Some(name.into());
        self
    }

    /// How long a call waits for a server that can take it.
    pub fn wait_for_server(mut self, longest: Duration) -> Self {
        self.server = Some(longest);
        self
    }

    /// How long a write waits for the majority.
    pub fn wait_for_majority(mut self, longest: Duration) -> Self {
        self.majority = Some(longest);
        self
    }

    /// The store. It connects at the first call, not here, so this fails as [`MongoStore::at`] does, and with
    /// [`StoreError::Address`] if a name is none that MongoDB takes.
    pub async fn open(self) -> Result<MongoStore<C>, StoreError> {
        let mut options = connection::options(&self.address).await?;
        options.default_database = self.database.or(options.default_database);
        options.app_name = self.app_name.or(options.app_name);
        options.server_selection_timeout = self.server.or(options.server_selection_timeout);
        if let Some(longest) = self.majority {
            options.write_concern.get_or_insert_default().w_timeout = Some(longest);
        }
        MongoStore::open(options, &self.collection)
    }
}

impl<C: Codec> MongoStore<C> {
    /// Another kind of streams in the same database, over the same connections. Fails as [`elsewhere`](Self::elsewhere) does.
    pub fn streams_of<D: Codec>(&self) -> Result<MongoStore<D>, StoreError> {
        let (servers, _) = self.name.rsplit_once('/').unwrap_or((&self.name, ""));
        let writes = self.events.write_concern().cloned().unwrap_or_else(WriteConcern::majority);
        let database = &self.events.namespace().db;
        let other = MongoStore::of(self.events.client(), servers.to_owned(), writes, database, D::collection())?;
        Ok(other.taking(self.turns()))
    }
}

/// Fails if MongoDB does not take a name.
pub(super) fn check_names(database: &str, collection: &str) -> Result<(), StoreError> {
    let refused = |what: &str, name: &str| {
        Err(StoreError::Address {
            why: format!("'{name}' can't be the name of a {what}; leave out / \\ . \" $ and blanks"),
        })
    };
    let is_database =
        !database.is_empty() && database.len() < 64 && !database.contains(['/', '\\', '.', ' ', '"', '$', '\0']);
    let is_collection =
        !collection.is_empty() && !collection.contains(['$', '\0']) && !collection.starts_with("system.");
    match (is_database, is_collection) {
        (false, _) => refused("database", database),
        (_, false) => refused("collection", collection),
        _ => Ok(()),
    }
}
