//! What the driver's errors mean: for a write, what became of it; for a caller, which of our errors it is.
//! The rest of this folder calls it; it never reads or writes an event.

use mongodb::error::{
    Error, ErrorKind, NO_WRITES_PERFORMED, RESUMABLE_CHANGE_STREAM_ERROR, RETRYABLE_WRITE_ERROR,
    TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};

use crate::store::error::StoreError;

/// The code of a unique index that has the document's key already.
const DUPLICATE_KEY: i32 = 11000;

/// CappedPositionLost, ChangeStreamFatalError, ChangeStreamHistoryLost: the oplog no longer has the place to go on from.
const HISTORY_LOST: [i32; 3] = [136, 280, 286];

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

/// What became of a write to a collection whose streams are under `key`.
pub(crate) fn fate(error: &Error, key: &str) -> Fate {
    let transient = error.contains_label(TRANSIENT_TRANSACTION_ERROR) || error.contains_label(NO_WRITES_PERFORMED);
    match *error.kind {
        _ if foreign_index(error, key).is_some() => Fate::Refused,
        _ if code(error) == Some(DUPLICATE_KEY) => Fate::Taken,
        // The driver says so of a commit whose answer it did not get, whatever came in between.
        _ if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => Fate::Unknown,
        // The driver has waited for a server already, for as long as its options say.
        ErrorKind::ServerSelection { .. } => Fate::Refused,
        _ if transient => Fate::NotWritten,
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => Fate::Unknown,
        // The write is there, but the majority has not confirmed it yet.
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => Fate::Unknown,
        _ if error.contains_label(RETRYABLE_WRITE_ERROR) => Fate::Unknown,
        _ => Fate::Refused,
    }
}

/// The server's message, if a unique index that is none of ours refused a document. Ours are the unique key and `_id`, which
/// finds a document that was sent twice first.
fn foreign_index(error: &Error, key: &str) -> Option<String> {
    let message = match &*error.kind {
        _ if code(error) != Some(DUPLICATE_KEY) => return None,
        ErrorKind::Write(WriteFailure::WriteError(write)) => &write.message,
        ErrorKind::InsertMany(many) => &many.write_errors.iter().flatten().next()?.message,
        ErrorKind::Command(command) => &command.message,
        _ => return None,
    };
    // `E11000 duplicate key error collection: DB.COLLECTION index: NAME dup key: { basket_id: ..., version: 2 }`
    let (_, found) = message.rsplit_once(" dup key: { ")?;
    let begins_with = |name: &str| found.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'));
    let is_version = |rest: &str| rest.trim_end_matches(" }").parse::<i64>().is_ok();
    let is_unique_key = begins_with(key) && found.rsplit_once(", version: ").is_some_and(|(_, rest)| is_version(rest));
    (!is_unique_key && !begins_with("_id")).then(|| message.clone())
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

/// Whether another transaction has written the same, and has not ended yet (WriteConflict).
pub(super) fn is_held(error: &Error) -> bool {
    code(error) == Some(112)
}

/// The driver's error as one of ours.
pub(crate) fn explain(error: &Error, store: &str) -> StoreError {
    let (store, why) = (store.to_owned(), words(error));
    let source = Some(error.clone().into());
    match *error.kind {
        // The driver's own words for an old server, and for one that is none of MongoDB's.
        _ if why.contains("reports wire version") => {
            StoreError::Other { store, why: format!("MongoDB 4.4 or newer is needed ({why})"), source }
        }
        ErrorKind::ServerSelection { .. } => match certificate(&why) {
            Some(why) => StoreError::Certificate { store, why, source },
            None => StoreError::Unreachable { store, why: causes(&why), source },
        },
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } | ErrorKind::DnsResolve { .. } => {
            StoreError::Unreachable { store, why, source }
        }
        ErrorKind::Authentication { .. } => StoreError::Denied { store, why, source },
        _ if matches!(code(error), Some(13 | 18)) => StoreError::Denied { store, why: without_values(&why), source },
        _ if code(error).is_some_and(|code| HISTORY_LOST.contains(&code)) => {
            StoreError::HistoryLost { store, why, source }
        }
        // The majority did not confirm it, in time or before another primary took over.
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => StoreError::Unreachable { store, why, source },
        _ if is_passing(error) => StoreError::Unreachable { store, why, source },
        _ if is_held(error) => {
            let why = "another transaction holds what was to be written; one that a killed program has left ends by itself, \
                       after a minute if the server's transactionLifetimeLimitSeconds is as usual";
            StoreError::Busy { store, why: why.into(), source }
        }
        _ => StoreError::Other { store, why, source },
    }
}

/// The server quotes the whole command that a user may not run, which may hold anything: its name is enough.
fn without_values(message: &str) -> String {
    match message.split_once(" command { ") {
        Some((before, command)) => format!("{before} command {}", command.split(':').next().unwrap_or_default()),
        None => message.to_owned(),
    }
}

/// Whether a pass over documents may go on with a new cursor.
pub(super) fn can_go_on(error: &Error) -> bool {
    matches!(*error.kind, ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. }) || is_passing(error)
}

/// What the server said of a write, or the driver of anything else: the driver prints its own structures around the former.
pub(super) fn words(error: &Error) -> String {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(write)) => write.message.clone(),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => concern.message.clone(),
        ErrorKind::InsertMany(many) => match many.write_errors.iter().flatten().next() {
            Some(write) => write.message.clone(),
            None => error.kind.to_string(),
        },
        other => other.to_string(),
    }
}

/// Whether the server is just starting, stopping, or handing over to another one.
fn is_passing(error: &Error) -> bool {
    // HostUnreachable, HostNotFound, CursorNotFound, NetworkTimeout, ShutdownInProgress, NotYetInitialized,
    // FailedToSatisfyReadPreference, ReadConcernMajorityNotAvailableYet, PrimarySteppedDown, KeyNotFound (of the
    // cluster's clock, before the first election), QueryPlanKilled (a rollback ends all cursors), SocketException, NotWritablePrimary, the Interrupted, NotPrimary...
    const PASSING: [i32; 19] =
        [6, 7, 43, 89, 91, 94, 133, 134, 175, 189, 211, 9001, 10107, 11600, 11602, 13388, 13435, 13436, 262];
    code(error).is_some_and(|code| PASSING.contains(&code)) || error.contains_label(RESUMABLE_CHANGE_STREAM_ERROR)
}

/// The driver prints its whole view of the topology if it finds no server; what each server is, or its error, is enough.
fn causes(message: &str) -> String {
    let server = |server: &str| {
        let (address, rest) = server.split_once(", Type: ")?;
        let error = rest.split_once("Error: Kind: ").and_then(|(_, error)| error.split_once(", labels:"));
        let kind = rest.split([',', ' ']).next()?;
        Some(match error {
            Some((error, _)) if error.ends_with("unexpected end of file") => {
                format!("{address}: {error}; perhaps it wants tls=true in the address")
            }
            Some((error, _)) if error.ends_with("tls handshake eof") => {
                format!("{address}: {error}; perhaps it does not speak TLS")
            }
            // OpenSSL on the other side says why in the server's log alone.
            Some((error, _)) if error.contains("without sending TLS close_notify") => format!(
                "{address}: it ended the TLS connection; perhaps it wants a certificate of the client \
                 (tlsCertificateKeyFile=FILE), or not this one, which has expired or is of an authority unknown to it"
            ),
            Some((error, _)) => format!("{address}: {error}"),
            None => match kind {
                "RsSecondary" => format!("{address} is a secondary"),
                "RsArbiter" => format!("{address} is an arbiter"),
                "RsGhost" => format!("{address} is in no replica set yet"),
                "Unknown" => format!("{address} does not answer"),
                other => format!("{address} is {other}"),
            },
        })
    };
    let servers: Vec<_> = message.split("Address: ").skip(1).filter_map(server).collect();
    let no_primary = if message.contains("None of the available servers") { "no primary now: " } else { "" };
    if servers.is_empty() { message.to_owned() } else { format!("{no_primary}{}", servers.join("; ")) }
}

/// Why a server's certificate was not accepted, if that is what the driver met. rustls names some faults in code, and
/// wants more than other libraries do.
fn certificate(message: &str) -> Option<String> {
    let (_, fault) = message.split_once("invalid peer certificate: ")?;
    let (fault, _) = fault.split_once(", labels:").unwrap_or((fault, ""));
    let known = [
        ("Expired", "it has expired"),
        (
            "CaUsedAsEndEntity",
            "it is the certificate of an authority (CA:TRUE), not one that an authority gave to a server",
        ),
        (
            "UnsupportedCertVersion",
            "it is of X.509 version 1, and version 3 is needed, with the host in subjectAltName",
        ),
        (
            "UnknownIssuer",
            "its issuer is not known here; tlsCAFile=FILE in the address names the authority's certificate",
        ),
    ];
    let why = known.into_iter().find(|(code, _)| fault.contains(code)).map(|(_, why)| why);
    Some(why.map_or_else(|| fault.to_owned(), |why| format!("{why}: {fault}")))
}

/// Whether a transaction failed because the server is no member of a replica set (IllegalOperation).
pub(crate) fn wants_a_replica_set(error: &Error) -> bool {
    code(error) == Some(20) || matches!(*error.kind, ErrorKind::SessionsNotSupported)
}
