//! The store in memory passes the contract.

use basket_mongo::{Baskets, MemoryStore};

fn with(test: impl AsyncFnOnce(MemoryStore<Baskets>)) {
    tokio::runtime::Runtime::new().unwrap().block_on(test(MemoryStore::default()));
}

testkit::contract!(with);
