//! What tests against a real MongoDB share: the servers that `scripts/with-mongo` started, and a database for each test.
//! Without these servers a test fails and says so; none is skipped silently.

use std::{future::Future, panic::AssertUnwindSafe};

use basket_domain::{Basket, BasketId, EventSourced};
use basket_mongo::{Baskets, Codec, EventStore, MongoStore};
use bson::{Document, doc, oid::ObjectId};
use futures_util::{FutureExt, TryStreamExt};
use mongodb::{
    Client, Collection, Database,
    options::{ClientOptions, WriteConcern},
};

pub use crate::events::{product, qty};

pub const REPLICA_SET: &str = "BASKET_TEST_MONGO";
pub const STANDALONE: &str = "BASKET_TEST_MONGO_STANDALONE";

/// A database of one test.
pub struct TestDatabase {
    /// The database in the server's address, as a user would write it.
    pub address: String,
    pub database: Database,
}

impl TestDatabase {
    pub async fn store(&self) -> MongoStore<Baskets> {
        MongoStore::at(&self.address).await.unwrap()
    }

    pub fn events(&self) -> Collection<Document> {
        self.database.collection("baskets")
    }

    /// The event documents of a basket, by version.
    pub async fn stream(&self, id: BasketId) -> Vec<Document> {
        let events = self.events();
        let stream = events.find(doc! { "basket_id": Baskets::key(&id) }).sort(doc! { "version": 1 });
        stream.await.unwrap().try_collect().await.unwrap()
    }

    /// Changes fields of one event document.
    pub async fn change(&self, id: BasketId, version: i64, fields: Document) {
        let event = doc! { "basket_id": Baskets::key(&id), "version": version };
        self.events().update_one(event, doc! { "$set": fields }).await.unwrap();
    }
}

/// The address of the server named by an environment variable.
pub fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: this test needs a real MongoDB. Run `make tests`, or `scripts/with-mongo cargo test`")
    })
}

/// Runs a test in a database of its own on the replica set, and drops the database however the test ends.
pub fn with_database<F: Future<Output = ()>>(test: impl FnOnce(TestDatabase) -> F) {
    with_database_on(REPLICA_SET, test);
}

/// The same on another of the servers.
pub fn with_database_on<F: Future<Output = ()>>(variable: &str, test: impl FnOnce(TestDatabase) -> F) {
    let server = server(variable);
    let name = format!("basket_test_{}", ObjectId::new());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let address = format!("{server}{name}");
        // As the stores do: before MongoDB 5.0, a write is otherwise confirmed before a majority read sees it.
        let mut options = ClientOptions::parse(&address).await.unwrap();
        options.write_concern = Some(WriteConcern::majority());
        let client = Client::with_options(options).unwrap();
        let database = client.database(&name);
        let outcome = AssertUnwindSafe(test(TestDatabase { address, database: database.clone() })).catch_unwind().await;
        database.drop().await.unwrap();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

pub fn new_id() -> BasketId {
    BasketId::from_bytes(ObjectId::new().bytes())
}

/// A basket that was created, and not saved yet.
pub fn created() -> EventSourced<Basket> {
    let id = new_id();
    let mut basket = EventSourced::<Basket>::new(id);
    basket.decide(|basket| basket.create(id)).unwrap();
    basket
}

/// The basket, saved.
pub async fn saved(store: &impl EventStore<Basket>, mut basket: EventSourced<Basket>) -> EventSourced<Basket> {
    store.save(&mut basket).await.unwrap();
    basket
}

/// Decides to add a product.
pub fn add(basket: &mut EventSourced<Basket>, name: &str, many: u32) {
    basket.decide(|basket| basket.add_item(&product(name), qty(many))).unwrap();
}

/// A basket that was created with some socks in it, and not saved yet: a commit of two events.
pub fn created_with_socks() -> EventSourced<Basket> {
    let mut basket = created();
    add(&mut basket, "socks", 1);
    basket
}
