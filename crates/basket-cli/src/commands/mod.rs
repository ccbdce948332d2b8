//! What each command does, one file a command: its arguments and their help, and what comes of them.
//! Each takes its arguments to the domain and the store, and prints the answer; none keeps anything between two calls.

pub mod blame;
pub mod change;
pub mod diff;
pub mod explore;
pub mod export;
pub mod get;
pub mod import;
pub mod list;
pub mod log;
pub mod report;
pub mod revert;
pub mod store;
pub mod verify;
pub mod watch;
pub mod what_if;

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::{
    args::{Args, Command},
    choice,
    store::Store,
};

/// Carries out one command.
///
/// # Errors
/// What went wrong; [`exit::report`](crate::exit::report) tells people and gives the exit code.
pub async fn run(args: Args) -> Result<()> {
    if let Command::Completions { shell } = args.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Args::command(), "basket", &mut script);
        return Ok(io::stdout().write_all(&script)?);
    }
    let choice = choice::choose(args.store.as_deref())?;
    let store = Store::open(&choice.place).await.with_context(|| choice.reason.to_string())?;

    match args.command {
        Command::Create(command) => command.run(&store).await,
        Command::Add(command) => command.run(&store).await,
        Command::Remove(command) => command.run(&store).await,
        Command::Get(command) => command.run(&store).await,
        Command::List(command) => command.run(&store).await,
        Command::Log(command) => command.run(&store).await,
        Command::Diff(command) => command.run(&store).await,
        Command::Blame(command) => command.run(&store).await,
        Command::Report(command) => command.run(&store).await,
        Command::Revert(command) => command.run(&store).await,
        Command::Restore(command) => command.run(&store).await,
        Command::WhatIf(command) => command.run(&store).await,
        Command::Verify(command) => command.run(&store).await,
        Command::Export(command) => command.run(&store).await,
        Command::Import(command) => command.run(&store).await,
        Command::Watch(command) => command.run(&store).await,
        Command::Explore(command) => command.run(&store).await,
        Command::Store(command) => command.run(&choice, &store).await,
        Command::Completions { .. } => Ok(()),
    }
}
