//! An answer on its way from the reader of the store to a page: JSON, a line for each record, in pieces. A page that is slow
//! makes the reader wait; one that has gone ends it.

use axum::{body::Bytes, http::StatusCode};
use basket_mongo::StoreError;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::output::{Fields, json};

/// How many bytes are sent at once.
const PIECE: usize = 64 * 1024;

/// What a page can ask for. Ids are as they stand in its address.
#[derive(Debug)]
pub(super) enum Ask {
    /// All streams, or those that hold a row.
    List(Option<String>),
    /// The line of one stream in the list.
    Line(String),
    /// The events of a stream after a version.
    Events(String, u64),
    /// The stored document of an event.
    Document(String, u64),
    /// The events of all streams with this correlation.
    Correlation(String),
}

/// A question, and where its answer goes.
pub(super) type Question = (Ask, mpsc::Sender<Result<Bytes, Fault>>);

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Fault(pub(super) StatusCode, pub(super) String);

/// Why an answer ends early.
pub(super) enum Stop {
    /// No one reads it any more.
    Gone,
    Fault(Fault),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        let status = match error {
            StoreError::NotFound { .. } | StoreError::NoSuchVersion { .. } => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::Fault(Fault(status, error.to_string()))
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Fault(Fault(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")))
    }
}

/// An answer that is being written.
pub(super) struct Lines {
    piece: Vec<u8>,
    begun: bool,
    out: mpsc::Sender<Result<Bytes, Fault>>,
}

impl Lines {
    pub(super) fn to(out: mpsc::Sender<Result<Bytes, Fault>>) -> Self {
        Self { piece: Vec::new(), begun: false, out }
    }

    pub(super) async fn line(&mut self, record: &impl Serialize) -> Result<(), Stop> {
        self.put(record);
        if self.piece.len() >= PIECE { self.send().await } else { Ok(()) }
    }

    fn put(&mut self, record: &impl Serialize) {
        // Into memory: a record that JSON can't hold is the one thing that could fail.
        if let Err(why) = serde_json::to_writer(&mut self.piece, record) {
            self.piece.extend(json(&Fields(vec![("error", json(&why.to_string()))])).to_string().bytes());
        }
        self.piece.push(b'\n');
    }

    async fn send(&mut self) -> Result<(), Stop> {
        self.begun = true;
        let piece = std::mem::take(&mut self.piece);
        self.out.send(Ok(piece.into())).await.map_err(|_| Stop::Gone)
    }

    /// The last line says that nothing is missing, or why something is.
    pub(super) async fn end(mut self, done: Result<(), Stop>) {
        match done {
            Ok(()) => self.put(&Fields(vec![("end", true.into())])),
            Err(Stop::Fault(fault)) if !self.begun && self.piece.is_empty() => {
                self.out.send(Err(fault)).await.ok();
                return;
            }
            Err(Stop::Fault(Fault(_, why))) => self.put(&Fields(vec![("error", why.into())])),
            Err(Stop::Gone) => return,
        }
        self.send().await.ok();
    }
}
