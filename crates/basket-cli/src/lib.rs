//! The modules behind the `basket` binary.
//!
//! `program` parses the command line, chooses the store (`choice`) and runs the command on it (`commands`); `exit` reports a failure.
//! The tools (`log`, `diff`, `explore` and more) work for any [`domain::Domain`]. Public is what an engineer needs for
//! a domain of their own: that trait, the program ([`tools`]), and the stores that it runs on ([`store::Store`]).
//! `choice`, `explore`, `rehearsal`, `stays` and `summary` are public only for tests.

// Nothing that comes from outside may panic.
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::todo, clippy::unwrap_used)]

mod args;
mod baskets;
#[doc(hidden)]
pub mod choice;
mod commands;
mod condition;
mod delivery;
pub mod domain;
pub mod embedded;
mod exit;
#[doc(hidden)]
pub mod explore;
mod help;
mod last;
mod listing;
#[cfg(feature = "mongodb")]
mod mongo;
mod named;
mod near;
mod output;
mod pager;
mod plain;
mod program;
mod progress;
#[doc(hidden)]
pub mod rehearsal;
mod removed;
mod secrets;
mod signature;
#[doc(hidden)]
pub mod stays;
pub mod store;
#[doc(hidden)]
pub mod summary;
mod taken;
mod time;
mod unseen;
mod walk;

pub use embedded::EmbeddedStore;
pub use exit::failed;
pub use program::{Commands, NoCommands, Tools, tools};

use std::process::ExitCode;

use basket_mongo::Baskets;

use commands::{
    basket::{self, BasketCommand},
    collection,
};

/// Runs the command line of this process, as `basket`.
pub fn main() -> ExitCode {
    match collection::is_named() {
        true => collection::main(),
        false => tools::<Baskets>().with::<BasketCommand>().main(basket::program()),
    }
}

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
