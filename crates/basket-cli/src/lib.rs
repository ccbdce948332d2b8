//! The modules behind the `basket` binary.
//!
//! [`commands`] parses the command line, chooses the store (`choice`) and runs the command on it; `exit` reports a failure.
//! The tools (`log`, `diff`, `explore` and more) work for any [`domain::Domain`]. Public is what an engineer needs for
//! a domain of their own: that trait, the tools ([`commands::Tool`]), and the stores that they run on ([`store::Store`]).
//! `choice`, `explore`, `stays` and `summary` are public only for tests.

// Nothing that comes from outside may panic.
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::todo, clippy::unwrap_used)]

mod args;
mod baskets;
#[doc(hidden)]
pub mod choice;
pub mod commands;
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
mod progress;
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

pub use embedded::EmbeddedStore;

use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    output::heed_clicolor_force();
    let args = match commands::parse() {
        Ok(args) => args,
        Err(answered) => return answered,
    };
    // Most commands have one thing to do at a time: a second thread would only take time to start. A pass over all events has
    // two: it reads a batch while the next one comes from the server.
    let runtime = match commands::is_a_pass(&args) {
        true => tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build(),
        false => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    };
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let done = runtime.block_on(commands::run(args));
        // A thread that still waits for the lock of a file is not waited for.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}
