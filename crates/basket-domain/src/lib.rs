//! A shopping basket that remembers what happened to it.
//!
//! This crate decides what may happen, and folds what did happen into a state. It knows no database, file or clock:
//! `basket-mongo` stores its events, and `basket-cli` is the command line.
//!
//! Read it in this order:
//!
//! 1. [`events`]: what can have happened to a basket
//! 2. [`basket`]: the rules, in three sections: deciders, appliers, view methods
//! 3. [`aggregate`]: the base that keeps state, version and new events, for any aggregate
//! 4. [`id`] and [`product`]: the two values that events carry
//! 5. [`scenario`]: given / when / then, to test an aggregate in sentences
//! 6. [`report`]: another fold of the same events, for a question that no one had planned for
//! 7. [`what_if`] and [`diff`]: what if, undo and diff, once you know the rest
//! 8. [`merge`] and [`voucher`]: decisions on more than one basket
//! 9. [`sealed`]: texts about people, which can be erased from events that never change
//!
//! The basket is the sample (feature `basket`, on by default); the base for an aggregate of your own is [`aggregate`],
//! [`scenario`], [`what_if`] and [`sealed`]; without the feature, the crate has only these four.
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
pub mod scenario;
pub mod sealed;
pub mod what_if;

#[cfg(feature = "basket")]
pub mod basket;
#[cfg(feature = "basket")]
pub mod diff;
#[cfg(feature = "basket")]
pub mod events;
#[cfg(feature = "basket")]
pub mod id;
#[cfg(feature = "basket")]
pub mod merge;
#[cfg(feature = "basket")]
pub mod product;
#[cfg(feature = "basket")]
pub mod report;
#[cfg(feature = "basket")]
pub mod voucher;

pub use aggregate::{Aggregate, EventSourced};
pub use sealed::{ParseSealedError, ParseSubjectError, Sealed, Subject};
pub use what_if::{CantRevert, Reversible, WhatIf};

#[cfg(feature = "basket")]
pub use {
    basket::{Basket, Refusal},
    diff::Change,
    events::BasketEvent,
    id::{BasketId, ParseBasketIdError},
    product::{Product, ProductError},
    report::{Report, Turnover},
    voucher::{ParseVoucherError, Voucher},
};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
