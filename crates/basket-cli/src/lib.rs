//! The rooms behind the `basket` binary; a library only so that the tests can open the embedded store.
//!
//! A command comes in through [`args`], meets the store that [`choice`] found ([`store`]: MongoDB or the [`embedded`]
//! file), is put to the domain by [`commands`], and leaves through [`exit`] where it fails.

// Nothing that comes from outside may panic.
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::todo, clippy::unwrap_used)]

pub mod args;
pub mod choice;
pub mod commands;
pub mod embedded;
pub mod embedded_log;
pub mod embedded_overview;
pub mod embedded_removals;
mod embedded_tail;
pub mod exit;
pub mod explore;
pub mod output;
pub mod progress;
pub mod rows;
pub mod signature;
pub mod store;
pub mod time;

pub use embedded::EmbeddedStore;

use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let args = match args::parse() {
        Ok(args) => args,
        Err(answered) => return answered,
    };
    // One command is one conversation with a store: a second thread would only take time to start.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(commands::run(args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}
