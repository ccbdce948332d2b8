//! A shopping basket that remembers what happened to it.
//!
//! This crate is the middle of the picture: it decides what may happen and folds what did happen into a state.
//! It knows nothing of databases, files or clocks; `basket-mongo` writes its events down, `basket-cli` talks to people.
//!
//! Read it in this order:
//!
//! 1. [`events`]: what can have happened to a basket
//! 2. [`basket`]: the rules, in three sections: deciders, appliers, view methods
//! 3. [`aggregate`]: the base that keeps state, version and new events, for any aggregate
//! 4. [`id`] and [`product`]: the two values that events carry
//! 5. [`scenario`]: given / when / then, to test an aggregate in sentences
//! 6. [`report`]: another fold of the same events, for a question that nobody had planned for
//! 7. [`history`] and [`changes`]: what if, undo and diff, when the rest is familiar
//!
//! # Example
//!
//! ```
//! use basket_domain::{Basket, BasketId, EventSourced, Product};
//! use std::num::NonZeroU32;
//!
//! let id: BasketId = "5ab69073421aa917e62b4734".parse()?;
//! let socks = Product::new("socks")?;
//!
//! let mut basket = EventSourced::<Basket>::new(id);
//! basket.decide(|basket| basket.create(id))?;
//! basket.decide(|basket| basket.add_item(&socks, NonZeroU32::MIN))?;
//!
//! assert_eq!(basket.version(), 2); // BasketCreated, ItemAdded
//! assert_eq!(basket.state().quantity(&socks), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Nothing that comes from outside may panic.
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::todo, clippy::unwrap_used)]

pub mod aggregate;
pub mod basket;
pub mod changes;
pub mod events;
pub mod history;
pub mod id;
pub mod product;
pub mod report;
pub mod scenario;

pub use aggregate::{Aggregate, EventSourced};
pub use basket::{Basket, Refusal};
pub use changes::Change;
pub use events::BasketEvent;
pub use history::{CantRevert, Reversible, WhatIf};
pub use id::{BasketId, ParseBasketIdError};
pub use product::{Product, ProductError};
pub use report::{Fate, Report};
