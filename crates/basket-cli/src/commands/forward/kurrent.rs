//! Events to KurrentDB: a stream for each stream, with the same versions. An event's id is made of its document's, and each append
//! says after which version it comes, so that one that comes again changes nothing, and one that does not fit is refused.

use std::time::Duration;

use anyhow::Result;
use basket_mongo::Entry;
use kurrentdb::{AppendToStreamOptions, Client, ClientSettings, Error, EventData, StreamState};
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::sink::Answer;
use crate::{
    domain::{Domain, what},
    exit::{Failure, USAGE},
    output::{Fields, json},
    time,
};

/// How long a server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most events of a stream in one append, unless it is given.
const BATCH: usize = 100;

pub(super) struct Kurrent {
    client: Client,
    settings: ClientSettings,
    pub(super) batch: usize,
}

impl Kurrent {
    pub(super) fn at(url: &str, batch: Option<usize>) -> Result<Self> {
        let wrong = |why: String| Failure(USAGE, format!("the address can't be used: {why}"));
        // The parser's message may be the address, which may hold a password.
        let settings = url.parse::<ClientSettings>().map_err(|error| {
            let why =
                error.error().map_or_else(|| "KurrentDB's client does not understand it".into(), ToString::to_string);
            wrong(why)
        })?;
        let client = Client::new(settings.clone()).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { client, settings, batch: batch.unwrap_or(BATCH) })
    }

    /// Appends events of one stream that follow on each other.
    pub(super) async fn send<D: Domain>(&mut self, entries: &[Entry<D>]) -> Answer {
        let Some(first) = entries.first() else { return Answer::Taken };
        let events: Vec<_> = match entries.iter().map(event::<D>).collect() {
            Ok(events) => events,
            Err(error) => return Answer::Refused { why: error.to_string() },
        };
        // Its revisions count from 0.
        let before = first.version.checked_sub(2).map_or(StreamState::NoStream, StreamState::StreamRevision);
        let options = AppendToStreamOptions::default().stream_state(before).deadline(PATIENCE);
        let stream = format!("{}-{}", D::collection(), first.stream);
        match self.client.append_to_stream(stream.as_str(), &options, events).await {
            Ok(_) => Answer::Taken,
            // Its client gives up for good when no server answers.
            Err(error @ (Error::ConnectionClosed | Error::GrpcConnectionError(_))) => {
                match Client::new(self.settings.clone()) {
                    Ok(client) => self.client = client,
                    Err(error) => return Answer::Unfit { why: error.to_string() },
                }
                answer(&stream, &error)
            }
            Err(error) => answer(&stream, &error),
        }
    }
}

/// How many of these events, from the first on, are of one stream and follow on each other.
pub(super) fn group<D: Domain>(entries: &[Entry<D>], most: usize) -> usize {
    let follows = |pair: &&[Entry<D>]| match pair {
        [one, next] => one.stream == next.stream && one.version + 1 == next.version,
        _ => false,
    };
    (1 + entries.windows(2).take_while(follows).count()).min(most)
}

fn event<D: Domain>(entry: &Entry<D>) -> serde_json::Result<EventData> {
    let Entry::<D> { document, stream, event, recorded_at, commit, meta, .. } = entry;
    let (kind, data) = D::encode(event);
    let metadata = [
        ("document", json(&document.to_hex())),
        (what::<D>(), json(&stream.to_string())),
        ("recorded_at", json(&time::utc(*recorded_at))),
        ("commit", json(&commit.to_hex())),
        ("actor", json(&meta.actor)),
        ("reason", json(&meta.reason)),
        // KurrentDB's own names.
        ("$correlationId", json(&meta.correlation)),
        ("$causationId", json(&meta.causation)),
        ("request", json(&meta.request)),
        ("headers", json(&(!meta.headers.is_empty()).then_some(&meta.headers))),
        ("undoes", json(&meta.undoes.as_ref().map(|versions| [*versions.start(), *versions.end()]))),
    ];
    let said = metadata.into_iter().filter(|(_, value)| !value.is_null());
    let event = EventData::json(kind, &data)?.metadata_as_json(&Fields(said.collect()))?;
    Ok(event.id(Builder::from_custom_bytes(sixteen(&Sha256::digest(document.bytes()))).into_uuid()))
}

/// The first bytes of a hash.
fn sixteen(hash: &[u8]) -> [u8; 16] {
    let mut first = [0; 16];
    first.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
    first
}

fn answer(stream: &str, error: &Error) -> Answer {
    let why = error.to_string();
    match error {
        Error::WrongExpectedVersion { current, .. } => {
            Answer::Refused { why: format!("its stream '{stream}' is at {current}, so its events are others") }
        }
        Error::ResourceDeleted => Answer::Refused { why: format!("its stream '{stream}' is deleted") },
        // The type of the code is none of the crate's own; these speak of what was sent, such as of its size.
        Error::Grpc { code, message } if ["InvalidArgument", "OutOfRange"].contains(&format!("{code:?}").as_str()) => {
            Answer::Refused { why: message.clone() }
        }
        Error::ConnectionClosed | Error::GrpcConnectionError(_) => {
            Answer::Later { why: "no server can be reached".into(), after: None }
        }
        Error::AccessDenied | Error::UnsupportedFeature => Answer::Unfit { why },
        _ => Answer::Later { why, after: None },
    }
}
