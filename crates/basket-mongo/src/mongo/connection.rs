//! Connecting to a MongoDB: our default options, messages without credentials, and what the driver's errors mean.
//! The rest of this folder calls it; it never reads or writes an event.

use std::time::Duration;

use mongodb::{
    error::{
        Error, ErrorKind, NO_WRITES_PERFORMED, RESUMABLE_CHANGE_STREAM_ERROR, RETRYABLE_WRITE_ERROR,
        TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
    },
    options::ClientOptions,
};

use crate::store::error::StoreError;

/// The database of an address that names none.
pub(crate) const DEFAULT_DATABASE: &str = "basket_db";

/// How long to wait for a server, unless the address says otherwise. The driver's 30 seconds are long for a user who
/// forgot to start it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The driver's options for an address, with our defaults for what it leaves out. Fails with [`StoreError::Address`], or
/// [`StoreError::Unreachable`] if `mongodb+srv://` can't be resolved.
pub async fn options(address: &str) -> Result<ClientOptions, StoreError> {
    let mut options = ClientOptions::parse(address).await.map_err(|error| match &*error.kind {
        ErrorKind::DnsResolve { message, .. } => {
            StoreError::Unreachable { store: "the host in mongodb+srv://".into(), why: message.clone(), source: None }
        }
        other => StoreError::Address { why: without_credentials(&other.to_string(), address) },
    })?;
    options.server_selection_timeout.get_or_insert(PATIENCE);
    options.connect_timeout.get_or_insert(PATIENCE);
    options.app_name.get_or_insert_with(|| "basket".into());
    options.default_database.get_or_insert_with(|| DEFAULT_DATABASE.into());
    Ok(options)
}

/// The driver quotes what it can't parse, and that may be a password: before the `@`, in place of a forgotten host, or in
/// an option. A message that quotes any of these is replaced.
fn without_credentials(message: &str, address: &str) -> String {
    let (_, rest) = address.split_once("://").unwrap_or(("", address));
    let (before_options, options) = rest.split_once('?').unwrap_or((rest, ""));
    let quoted = before_options
        .split(['@', ':', '/', ','])
        .chain(options.split('&').filter_map(|option| option.split_once('=')).map(|(_, value)| value))
        .any(|part| !part.is_empty() && message.contains(part));
    match quoted {
        true => "its user, password, host, port or an option can't be parsed; \
                 the form is mongodb://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE"
            .into(),
        false => message.into(),
    }
}

/// What became of a write that came back with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Another document has its place.
    Taken,
    /// Nothing was written, and trying again may help.
    NotWritten,
    /// It may have been written or may yet be.
    Unknown,
    /// Nothing was written, and trying again would not help.
    Refused,
}

pub(crate) fn fate(error: &Error) -> Fate {
    let transient = error.contains_label(TRANSIENT_TRANSACTION_ERROR) || error.contains_label(NO_WRITES_PERFORMED);
    match *error.kind {
        _ if code(error) == Some(11000) => Fate::Taken,
        // The driver says so of a commit whose answer it did not get, whatever came in between.
        _ if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => Fate::Unknown,
        _ if transient => Fate::NotWritten,
        ErrorKind::ServerSelection { .. } => Fate::NotWritten,
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => Fate::Unknown,
        // The write is there, but the majority has not confirmed it yet.
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => Fate::Unknown,
        _ if error.contains_label(RETRYABLE_WRITE_ERROR) => Fate::Unknown,
        _ => Fate::Refused,
    }
}

/// The server's number for an error, wherever the driver keeps it.
pub(crate) fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::InsertMany(many) => many.write_errors.iter().flatten().map(|write| write.code).next(),
        _ => None,
    }
}

/// The driver's error as one of ours.
pub(crate) fn explain(error: &Error, store: &str) -> StoreError {
    let (store, why) = (store.to_owned(), error.kind.to_string());
    let source = Some(error.clone().into());
    match *error.kind {
        ErrorKind::ServerSelection { .. } => StoreError::Unreachable { store, why: causes(&why), source },
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } | ErrorKind::DnsResolve { .. } => {
            StoreError::Unreachable { store, why, source }
        }
        ErrorKind::Authentication { .. } => StoreError::Denied { store, why, source },
        _ if matches!(code(error), Some(13 | 18)) => StoreError::Denied { store, why, source },
        _ if code(error) == Some(286) => StoreError::HistoryLost { store, why, source },
        _ if is_passing(error) => StoreError::Unreachable { store, why, source },
        _ => StoreError::Other { store, why, source },
    }
}

/// Whether the server is just starting, stopping, or handing over to another one.
fn is_passing(error: &Error) -> bool {
    // HostUnreachable, HostNotFound, CursorNotFound, NetworkTimeout, ShutdownInProgress, NotYetInitialized,
    // FailedToSatisfyReadPreference, ReadConcernMajorityNotAvailableYet, PrimarySteppedDown, KeyNotFound (of the
    // cluster's clock, before the first election), SocketException, NotWritablePrimary, the Interrupted, NotPrimary...
    const PASSING: [i32; 18] =
        [6, 7, 43, 89, 91, 94, 133, 134, 189, 211, 9001, 10107, 11600, 11602, 13388, 13435, 13436, 262];
    code(error).is_some_and(|code| PASSING.contains(&code)) || error.contains_label(RESUMABLE_CHANGE_STREAM_ERROR)
}

/// The driver prints its whole view of the topology if it finds no server; each server's error is enough for a user.
fn causes(message: &str) -> String {
    let causes: Vec<_> = message
        .split("Address: ")
        .skip(1)
        .filter_map(|server| {
            let (address, rest) = server.split_once(',')?;
            let (_, error) = rest.split_once("Error: Kind: ")?;
            let (error, _) = error.split_once(", labels:")?;
            Some(format!("{address}: {error}"))
        })
        .collect();
    if causes.is_empty() { message.to_owned() } else { causes.join("; ") }
}

/// Whether a transaction failed because the server is no member of a replica set (IllegalOperation).
pub(crate) fn wants_a_replica_set(error: &Error) -> bool {
    code(error) == Some(20) || matches!(*error.kind, ErrorKind::SessionsNotSupported)
}
