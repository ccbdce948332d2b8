//! What the tests of the crates share. Each crate takes the feature that it needs, so that the tests of the domain build
//! no database.
//!
//! - `events`: events and values of a basket in few words
//! - `silo`: a second aggregate, to show that the crates know nothing of baskets
//! - `mongo`, `own_server` and `own_set`: a database for each test, and servers that may be killed and frozen
//! - `certificates`: those of servers and users, for TLS
//! - `proxy`: a connection that breaks while an answer is under way
//! - `years`: a basket whose events have changed over the years
//! - `values`: a value of any type that BSON has
//! - `contract`, `command_contract`, `feed_contract`, `keys_contract`, `snapshot_contract`: what every store must do
//! - `shell`, `console`, `terminal`, `watcher`: the `basket` binary, as people use it
//! - `film`, `picture`: what a terminal shows, to be played and to be looked at
//! - `receiver`: an HTTP server that events are sent to
//! - `one_basket`: a shell with a basket to work with, and what a command prints as data
//! - `histories`: random histories, written into both stores
//! - `planted`: an event that no command writes

#![allow(missing_docs, reason = "names of tests' helpers speak for themselves")]

pub mod events;
pub mod silo;

#[cfg(feature = "store")]
pub mod certificates;
#[cfg(feature = "store")]
pub mod command_contract;
#[cfg(feature = "store")]
pub mod contract;
#[cfg(feature = "store")]
pub mod feed_contract;
#[cfg(feature = "store")]
pub mod keys_contract;
#[cfg(feature = "store")]
pub mod mongo;
#[cfg(feature = "store")]
pub mod own_server;
#[cfg(feature = "store")]
pub mod own_set;
#[cfg(feature = "store")]
pub mod proxy;
#[cfg(feature = "store")]
pub mod snapshot_contract;
#[cfg(feature = "store")]
pub mod values;
#[cfg(feature = "store")]
pub mod years;

#[cfg(feature = "cli")]
pub mod console;
#[cfg(feature = "cli")]
pub mod film;
#[cfg(feature = "cli")]
pub mod histories;
#[cfg(feature = "cli")]
pub mod one_basket;
#[cfg(feature = "cli")]
pub mod picture;
#[cfg(feature = "cli")]
pub mod planted;
#[cfg(feature = "cli")]
pub mod receiver;
#[cfg(feature = "cli")]
pub mod shell;
#[cfg(feature = "cli")]
mod silo_tools;
#[cfg(feature = "cli")]
pub mod terminal;
#[cfg(feature = "cli")]
pub mod watcher;
