//! An event store on MongoDB: one document an event, appended atomically, with a typed outcome for every append.
//!
//! The store knows the [`Aggregate`](basket_domain::Aggregate) trait and MongoDB. Of baskets it knows how their events are
//! written down ([`basket`]), and what the server can reckon over all of them ([`overview`], [`removals`]). For an aggregate
//! of your own, write a [`Codec`].
//!
//! Read it in this order:
//!
//! 1. [`event_store`]: `get`, `save`, `append` and `handle`, for any store
//! 2. [`codec`]: how events become documents; [`basket`] is ours
//! 3. [`document`]: the shape of an event document, and how one that can't be read is named
//! 4. [`mongo_store`]: the append and the load on MongoDB; [`connection`]: reaching it
//! 5. [`log`] and [`meta`]: reading what was kept: the log, the past; [`revert`]: what if, and undo
//! 6. [`verify`] and [`exchange`]: whether all can be read, and carrying it from one store to another
//! 7. [`overview`] and [`removals`]: what the server reckons over all the baskets
//! 8. [`tail`]: events as they happen
//! 9. [`error`]: everything that can come out
//!
//! # Example
//!
//! ```no_run
//! use basket_domain::{Basket, BasketId, EventSourced, Product};
//! use basket_mongo::{Baskets, EventStore, MongoStore};
//! use std::num::NonZeroU32;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let baskets = MongoStore::<Baskets>::connect("mongodb://127.0.0.1:27017/basket_db").await?;
//!
//! // Several decisions, one commit: both events are kept, or neither.
//! let id = BasketId::from_bytes(bson::oid::ObjectId::new().bytes());
//! let socks = Product::new("socks")?;
//! let mut basket = EventSourced::<Basket>::new(id);
//! basket.decide(|basket| basket.create(id))?;
//! basket.decide(|basket| basket.add_item(&socks, NonZeroU32::MIN))?;
//! baskets.save(&mut basket).await?;
//!
//! // Load, decide, append; where another writer came first, all over again.
//! let rocks = Product::new("rocks")?;
//! let basket = baskets.handle(&id, |basket| basket.add_item(&rocks, NonZeroU32::MIN)).await?;
//! assert_eq!(basket.version(), 3);
//! # Ok(())
//! # }
//! ```

// Nothing that comes from outside may panic.
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::todo, clippy::unwrap_used)]

pub mod basket;
pub mod codec;
pub mod connection;
pub mod document;
pub mod error;
pub mod event_store;
pub mod exchange;
mod facts;
pub mod log;
pub mod meta;
mod mongo_log;
pub mod mongo_store;
mod mongo_tail;
pub mod overview;
pub mod removals;
pub mod revert;
pub mod tail;
pub mod verify;

pub use basket::Baskets;
pub use codec::Codec;
pub use document::Unreadable;
pub use error::{HandleError, StoreError};
pub use event_store::{CommitId, EventStore, Expected, Storable};
pub use log::{Entry, EventLog, LogEntry, Moment, Past, Scope};
pub use meta::Meta;
pub use mongo_store::MongoStore;
pub use overview::{ListQuery, Order, Summary};
pub use removals::{Finding, Removed, RemovedQuery};
pub use revert::{Revert, RevertError};
pub use tail::{News, NewsOf, Since, Tail};
pub use verify::Verifier;
