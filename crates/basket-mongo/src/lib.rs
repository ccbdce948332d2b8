//! An event store on MongoDB: one document an event, appended atomically, with a typed outcome for every append.
//!
//! - [`store`]: the contract, for any store and any [`Aggregate`](basket_domain::Aggregate); it knows no driver
//! - [`memory`]: the contract in memory, for tests of your own
//! - [`mongo`]: the contract on MongoDB (feature `mongodb`, on by default)
//! - [`vault`]: texts about people, sealed and erased (feature `vault`, on by default); [`subjects`]: the receipts
//! - [`baskets`]: how the events of a basket are stored (feature `basket`, on by default)
//!
//! For an aggregate of your own, write a [`Codec`]; [`Baskets`] is one to copy. With `default-features = false` you get the
//! contract alone.
//!
//! # Example
//!
//! ```no_run
//! use basket_domain::{Basket, BasketId, EventSourced, Product};
//! use basket_mongo::{Baskets, EventStore, MongoStore};
//! use std::num::NonZeroU32;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let baskets = MongoStore::<Baskets>::at("mongodb://127.0.0.1:27017/basket_db").await?;
//!
//! // Several decisions, one commit: both events are stored, or neither.
//! let id = BasketId::from_bytes(bson::oid::ObjectId::new().bytes());
//! let socks = Product::new("socks")?;
//! let mut basket = EventSourced::<Basket>::new(id);
//! basket.decide(|basket| basket.create(id))?;
//! basket.decide(|basket| basket.add_item(&socks, NonZeroU32::MIN))?;
//! baskets.save(&mut basket).await?;
//!
//! // Load, decide, append; if another writer came first, again from the start.
//! let rocks = Product::new("rocks")?;
//! let done = baskets.command(&id).run(|basket| basket.add_item(&rocks, NonZeroU32::MIN)).await?;
//! assert_eq!(done.versions, 3..4);
//! # Ok(())
//! # }
//! ```

// Input must never cause a panic.
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::todo, clippy::unwrap_used)]

#[cfg(feature = "basket")]
mod basket_state;
#[cfg(feature = "basket")]
pub mod baskets;
pub mod memory;
#[cfg(feature = "mongodb")]
pub mod mongo;
pub mod store;
pub mod subjects;
#[cfg(feature = "vault")]
pub mod vault;

#[cfg(feature = "basket")]
pub use baskets::Baskets;
pub use memory::MemoryStore;
#[cfg(feature = "mongodb")]
pub use mongo::store::MongoStore;
#[cfg(any(feature = "metrics", feature = "tracing"))]
pub use store::observed::Observed;
pub use store::{
    archive::Archive,
    codec::{Codec, Storable},
    command::{Command, Done, Require},
    entry::{Commit, CommitId, Entry, LogEntry, Meta},
    error::{CommandError, StoreError, Unreadable},
    event_store::{EventStore, Expected, Outcome},
    feed::{FeedState, Feeds},
    holders::DynEventStore,
    keys::Keys,
    log::{EventLog, Moment, Past, Scope},
    maintenance::Maintenance,
    projection::Projection,
    query::Query,
    retry::Retries,
    snapshot::{Snapshot, Snapshots, StateCodec},
    snapshotted::Snapshotted,
    subscription::{Poison, Subscription},
    tail::{News, NewsOf, Since, Tail},
    together::Together,
    undo::{InEffect, Undo, UndoError},
    until::Until,
    upcaster::Upcaster,
    verify::Verifier,
};
pub use subjects::Subjects;
#[cfg(feature = "vault")]
pub use vault::Vault;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
