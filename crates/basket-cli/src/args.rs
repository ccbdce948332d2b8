//! The command line: what can be said, and what is said of it in the help. It only parses; [`commands`](crate::commands) acts.

use std::{error::Error, num::NonZeroU32, ops::RangeInclusive, process::ExitCode};

use clap::{
    CommandFactory, Parser, Subcommand,
    error::{ContextKind, ErrorKind},
};
use clap_complete::Shell;

use crate::{
    commands::{
        blame, change, diff, explore, export, get, import, list, log, report, revert, store, verify, watch, what_if,
    },
    exit,
};

const HELP: &str = "\
Examples:
  basket create socks                       prints the new basket's id
  basket add 5ab69073421aa917e62b4734 rocks -q 3
  basket get 5ab69073421aa917e62b4734

Where the events are kept, first found wins:
  1. --store STORE
  2. the environment variable BASKET_STORE
  3. a line BASKET_STORE=... in .env, here or in a folder above
  4. a file in your data folder
  A store is mongodb://..., mongodb+srv://... or the path of a file. `basket store` says which it is.

Exit codes:
  0  done
  1  something that should not happen
  2  the command line is wrong: a bad id, product, quantity or store
  3  there is no such basket, version or moment
  4  refused: the product is not in the basket, no more fit, or histories differ
  5  other writers were faster every time; try again
  6  the store can't be reached or can't do it
  7  an event in the store, or a line of an import, can't be read
  8  the store did not say whether the change was kept";

/// A shopping basket that stores what happened to it
#[derive(Debug, Parser)]
#[command(name = "basket", version, after_help = HELP, max_term_width = 100)]
pub struct Args {
    /// Where the events are kept: mongodb://..., mongodb+srv://... or a file
    #[arg(long, global = true, value_name = "STORE")]
    pub store: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "each is documented where its arguments are")]
pub enum Command {
    Create(change::Create),
    Add(change::Add),
    Remove(change::Remove),
    Get(get::Get),
    List(list::List),
    Log(log::Log),
    Diff(diff::Diff),
    Blame(blame::Blame),
    Revert(revert::Revert),
    Restore(revert::Restore),
    WhatIf(what_if::WhatIf),
    Report(report::Report),
    Watch(watch::Watch),
    Explore(explore::Explore),
    Verify(verify::Verify),
    Export(export::Export),
    Import(import::Import),
    Store(store::AboutStore),
    /// Print a completion script for your shell
    #[command(after_help = "Examples, for a folder that your shell looks into:\n  \
                      basket completions bash > ~/.local/share/bash-completion/completions/basket\n  \
                      basket completions zsh > ~/.zfunc/_basket\n  \
                      basket completions fish > ~/.config/fish/completions/basket.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// How a basket is named, in the help of every command that takes one.
pub const ID_HELP: &str = "The basket: 24 hex digits, as `basket create` printed them";

/// The arguments of this process; or, where they can't be acted on, the exit code after saying so.
///
/// # Errors
/// The exit code: 0 after `--help` and `--version`, 2 after a mistake.
pub fn parse() -> Result<Args, ExitCode> {
    Args::try_parse().and_then(Args::checked).map_err(|error| match error.kind() {
        // One line that says what and what to do, and that no value can break.
        ErrorKind::ValueValidation => {
            let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
            let (value, argument) = (context(ContextKind::InvalidValue), context(ContextKind::InvalidArg));
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            exit::complain(&format!("invalid value {value:?} for '{argument}': {why}"), exit::USAGE)
        }
        _ => {
            // Nobody listens any more where printing fails.
            error.print().ok();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE))
        }
    })
}

impl Args {
    /// What clap can't know: arguments that contradict each other by their values.
    fn checked(self) -> Result<Self, clap::Error> {
        if let Command::Watch(watch) = &self.command
            && let Err(why) = watch.check()
        {
            let mut command = Self::command();
            command.build();
            let of_watch = command.find_subcommand("watch").cloned();
            return Err(of_watch.unwrap_or(command).error(ErrorKind::ArgumentConflict, why));
        }
        Ok(self)
    }
}

/// A quantity, from 1.
pub(crate) fn quantity(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("a quantity is a whole number from 1 to {}", u32::MAX))
}

/// A version, from 1.
pub(crate) fn version(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|version| *version > 0).ok_or_else(|| "a version is a whole number from 1".into())
}

/// A version, or the first and the last of several.
pub(crate) fn versions(text: &str) -> Result<RangeInclusive<u64>, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (version(first)?, version(last)?);
    if first <= last { Ok(first..=last) } else { Err(format!("{first} comes after {last}; turn them round")) }
}
