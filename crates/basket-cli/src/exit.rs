//! What a command that failed ends with: one line on standard error, and an exit code for each kind of failure, as
//! `basket --help` documents them. Libraries say what happened; the command that helps is named here.

use std::{
    error::Error,
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use basket_domain::{BasketEvent, Refusal};
use basket_mongo::{CommandError, StoreError, Unreadable, store::exchange::BadLine, vault::VaultError};
use clap::builder::styling::{AnsiColor, Style};

use crate::{help::PROGRAM, plain::plain};

pub(crate) const USAGE: u8 = 2;
pub(crate) const UNEXPECTED: u8 = 1;
pub(crate) const NOT_FOUND: u8 = 3;
pub(crate) const REFUSED: u8 = 4;
pub(crate) const CONTENDED: u8 = 5;
pub(crate) const STORE: u8 = 6;
pub(crate) const UNREADABLE: u8 = 7;
const OUTCOME_UNKNOWN: u8 = 8;

const RED: Style = AnsiColor::Red.on_default().bold();

/// A failure that a command words itself, with its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{1}")]
pub(crate) struct Failure(pub(crate) u8, pub(crate) String);

/// Why a command to a basket failed.
pub(crate) type Changing = CommandError<BasketEvent, Refusal>;

/// Whether there is no such stream, version or moment.
pub(crate) fn is_not_found(error: &anyhow::Error) -> bool {
    verdict(error).0 == NOT_FOUND
}

/// Prints what went wrong, and returns the exit code of its kind.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        // `basket get ... | head`: the reader has seen enough.
        return ExitCode::SUCCESS;
    }
    let (code, way_out) = verdict(error);
    let way_out = way_out.replace("`basket ", &format!("`{PROGRAM} "));
    complain(&format!("{}{way_out}", message(error)), code)
}

/// What a command of a domain of its own has failed with, for [`Commands::run`](crate::Commands::run): printed with the exit code of its
/// kind, which is 4 for a refusal.
pub fn failed<E, R: Display>(error: CommandError<E, R>) -> anyhow::Error {
    match error {
        CommandError::Store { error, .. } => error.into(),
        CommandError::Refused(why) => Failure(REFUSED, why.to_string()).into(),
        CommandError::Contended { .. } => Failure(CONTENDED, error.to_string()).into(),
        other => Failure(REFUSED, other.to_string()).into(),
    }
}

/// The contexts and the error itself. An error of the libraries names its causes already.
fn message(error: &anyhow::Error) -> String {
    let is_ours =
        |cause: &(dyn Error + 'static)| cause.is::<StoreError>() || cause.is::<Changing>() || cause.is::<Unreadable>();
    let last = error.chain().position(is_ours).unwrap_or(usize::MAX);
    error.chain().take(last.saturating_add(1)).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// One line on standard error, red only on a terminal.
pub(crate) fn complain(message: &str, code: u8) -> ExitCode {
    writeln!(anstream::stderr(), "{RED}error:{RED:#} {}", plain(message)).ok();
    ExitCode::from(code)
}

/// A line on standard error. Where that can't be written, there is no other place to say so.
pub(crate) fn note(line: &str) {
    writeln!(anstream::stderr(), "{}", plain(line)).ok();
}

/// The exit code, and what only this program can add to the message: the command that helps.
fn verdict(error: &anyhow::Error) -> (u8, &'static str) {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return refused(refusal);
    }
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return (failure.0, "");
    }
    if let Some(error) = error.downcast_ref::<VaultError>() {
        return vault(error);
    }
    if error.is::<BadLine>() || error.is::<Unreadable>() {
        return (UNREADABLE, "");
    }
    match error.downcast_ref::<Changing>() {
        Some(CommandError::Refused(refusal)) => refused(refusal),
        Some(CommandError::Stale { .. }) => (REFUSED, "; `basket log` shows what has happened to it"),
        Some(CommandError::Contended { .. }) => (CONTENDED, ""),
        Some(CommandError::Store { error, .. }) => store(error),
        _ => error.downcast_ref::<StoreError>().map_or((UNEXPECTED, ""), store),
    }
}

fn vault(error: &VaultError) -> (u8, &'static str) {
    match error {
        VaultError::Store(error) => store(error),
        VaultError::Forgotten { .. } => (REFUSED, ""),
        VaultError::Unknown { .. } => (NOT_FOUND, "; check the name, and the store with `basket store`"),
        VaultError::OtherKey { .. } => (USAGE, "; set BASKET_KEY to that one, or `basket rekey` wraps it anew"),
        VaultError::Broken { .. } => (UNREADABLE, ""),
        _ => (STORE, ""),
    }
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
        StoreError::Conflict { .. } | StoreError::Outdated { .. } => (CONTENDED, ""),
        StoreError::Unreadable(_) => (UNREADABLE, ""),
        StoreError::Damaged { .. } => {
            (UNREADABLE, "; bring back a copy of it, or save what is left with `sqlite3 FILE .recover`")
        }
        StoreError::OutcomeUnknown { .. } => (
            OUTCOME_UNKNOWN,
            "; look with `basket log` before you repeat it; with the same --request-id it is safe at once",
        ),
        StoreError::Diverged { .. } => (REFUSED, "; `basket log` shows the one that is here"),
        StoreError::Address { .. } => (USAGE, ""),
        StoreError::Unreachable { .. } => {
            (STORE, "; start it, or check its address; `basket store` says why it is this one")
        }
        StoreError::Certificate { .. } => (STORE, "; `openssl s_client -connect HOST:PORT -showcerts` prints it"),
        StoreError::Denied { .. } => (STORE, "; check the user, the password and `authSource`"),
        StoreError::NotAReplicaSet { .. } => {
            (STORE, "; start a replica set of one with `make mongo`, or `mongod --replSet`")
        }
        StoreError::Restored { .. } | StoreError::OtherShape { .. } => {
            (STORE, "; `basket rebuild` makes the read model again")
        }
        StoreError::HistoryLost { .. } => (STORE, "; watch again from the version after it, or from the beginning"),
        StoreError::Unsuitable { .. } => (STORE, "; `basket verify` names what stands in its way"),
        _ => (STORE, ""),
    }
}
