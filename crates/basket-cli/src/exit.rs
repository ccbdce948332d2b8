//! How a command ends that did not succeed: one line on standard error, and an exit code for each kind of trouble.
//! The codes are documented in `basket --help`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use basket_domain::Refusal;
use basket_mongo::{HandleError, RevertError, StoreError, Unreadable, exchange::BadLine};
use clap::builder::styling::{AnsiColor, Style};

use crate::{commands::verify::Off, explore::screen::NoTerminal};

/// The command line is wrong, as clap has it.
pub const USAGE: u8 = 2;
const UNEXPECTED: u8 = 1;
const NOT_FOUND: u8 = 3;
const REFUSED: u8 = 4;
const CONTENDED: u8 = 5;
const STORE: u8 = 6;
const UNREADABLE: u8 = 7;
const OUTCOME_UNKNOWN: u8 = 8;

const RED: Style = AnsiColor::Red.on_default().bold();

/// Tells people what went wrong, and gives the exit code of its kind.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        // `basket get ... | head`: the reader has seen enough.
        return ExitCode::SUCCESS;
    }
    let (code, way_out) = verdict(error);
    complain(&format!("{error:#}{way_out}"), code)
}

/// One line on standard error, red only on a terminal.
pub fn complain(message: &str, code: u8) -> ExitCode {
    note(&format!("{RED}error:{RED:#} {message}"));
    ExitCode::from(code)
}

/// A line on standard error. Where nobody can read it, there is nobody to tell that either.
pub fn note(line: &str) {
    writeln!(anstream::stderr(), "{line}").ok();
}

/// The exit code, and what only this program can add to the message: the command that mends it.
fn verdict(error: &anyhow::Error) -> (u8, &'static str) {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return refused(refusal);
    }
    match error.downcast_ref::<HandleError<Refusal>>() {
        Some(HandleError::Refused(refusal)) => return refused(refusal),
        Some(HandleError::Contended { .. }) => return (CONTENDED, ""),
        Some(HandleError::Store(error)) => return store(error),
        _ => {}
    }
    if error.is::<Off>() || error.is::<BadLine>() || error.is::<Unreadable>() {
        return (UNREADABLE, "");
    }
    if error.is::<NoTerminal>() {
        return (USAGE, "");
    }
    match error.downcast_ref::<RevertError<Refusal>>() {
        Some(RevertError::CantRevert(_)) => return (REFUSED, "; `basket what-if` shows what rests on it"),
        Some(RevertError::AlreadyReverted { .. }) => return (REFUSED, ""),
        Some(RevertError::Store(error)) => return store(error),
        _ => {}
    }
    error.downcast_ref::<StoreError>().map_or((UNEXPECTED, ""), store)
}

fn refused(refusal: &Refusal) -> (u8, &'static str) {
    match refusal {
        Refusal::NotInBasket { .. } => (REFUSED, "; `basket get` shows what is in it"),
        _ => (REFUSED, ""),
    }
}

fn store(error: &StoreError) -> (u8, &'static str) {
    match error {
        StoreError::NotFound { .. } => (NOT_FOUND, "; check the id, and the store with `basket store`"),
        StoreError::NoSuchVersion { .. } => (NOT_FOUND, "; `basket log` shows them"),
        StoreError::NotYetThere { .. } => (NOT_FOUND, " (in UTC); `basket log` shows its events"),
        StoreError::Conflict { .. } => (CONTENDED, ""),
        StoreError::Unreadable(_) => (UNREADABLE, ""),
        StoreError::OutcomeUnknown { .. } => (OUTCOME_UNKNOWN, ""),
        StoreError::Diverged { .. } => (REFUSED, "; `basket log` shows the one that is here"),
        StoreError::Address { .. } => (USAGE, ""),
        StoreError::Unreachable { .. } => (STORE, "; `basket store` says why it is this one"),
        _ => (STORE, ""),
    }
}
