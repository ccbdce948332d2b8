//! CloudEvents over HTTP: one in a request (structured mode), or several (batched mode), as the HTTP binding of CloudEvents 1.0
//! has them. Each request names itself, so that a receiver can tell one that it has had already
//! (`Idempotency-Key`, of the draft of the IETF's HTTPAPI group).

use std::{
    io::{ErrorKind, Read},
    time::Duration,
};

use anyhow::Result;
use basket_mongo::Entry;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use ureq::{
    Agent,
    http::{HeaderMap, Request, StatusCode, Uri, header::RETRY_AFTER},
};

use super::sink::Answer;
use crate::{
    commands::cloud_event::cloud_event,
    domain::Domain,
    exit::{Failure, USAGE},
    help::PROGRAM,
    plain::hex,
};

/// How long a receiver may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much is shown of what a receiver says, in letters.
const SHOWN: usize = 200;
/// How much of it is read, in bytes.
const READ: u64 = 4_000;

pub(super) struct Http {
    agent: Agent,
    url: Uri,
    headers: Vec<(String, String)>,
    /// The most events in a batch; without it, each event is sent by itself.
    pub(super) batch: Option<usize>,
}

impl Http {
    pub(super) fn at(text: &str, headers: &[(String, String)], batch: Option<usize>) -> Result<Self> {
        let wrong = |why: String| Failure(USAGE, why);
        // Without the address: it may hold a password.
        let url: Uri = text.parse().map_err(|error| wrong(format!("the address can't be read: {error}")))?;
        if url.host().is_none_or(str::is_empty) {
            return Err(wrong("the address names no host".into()).into());
        }
        if text.split('?').next().is_some_and(|address| address.contains('@')) {
            return Err(
                wrong("a user and a password go in a --header, such as 'Authorization: Basic ...'".into()).into()
            );
        }
        let ours = ["content-type", "content-length", "transfer-encoding", "idempotency-key"];
        if let Some((name, _)) = headers.iter().find(|(name, _)| ours.contains(&&*name.to_ascii_lowercase())) {
            return Err(wrong(format!("a --header can't be {name}: it is set for each request")).into());
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(PATIENCE))
            .user_agent(format!("{PROGRAM}/{}", env!("CARGO_PKG_VERSION")));
        let http = Self { agent: config.build().new_agent(), url, headers: headers.to_vec(), batch };
        // A header that can't be sent is the user's mistake, and is said at once.
        http.request("", String::new()).map_err(|error| wrong(format!("a --header can't be sent: {error}")))?;
        Ok(http)
    }

    fn request(&self, key: &str, body: String) -> Result<Request<String>, ureq::http::Error> {
        let form = match self.batch {
            Some(_) => "application/cloudevents-batch+json",
            None => "application/cloudevents+json",
        };
        let request = Request::post(self.url.clone())
            .header("content-type", format!("{form}; charset=utf-8"))
            // A string of HTTP's structured fields, which has quotes.
            .header("idempotency-key", format!("\"{key}\""));
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(body)
    }

    pub(super) async fn send<D: Domain>(&self, entries: &[Entry<D>]) -> Answer {
        let events: Vec<_> = entries.iter().map(cloud_event::<D>).collect();
        let body = match events.as_slice() {
            [event] if self.batch.is_none() => serde_json::to_string(event),
            events => serde_json::to_string(events),
        };
        let body = body.map_err(|error| error.to_string());
        let request = body.and_then(|body| self.request(&key::<D>(entries), body).map_err(|error| error.to_string()));
        let request = match request {
            Ok(request) => request,
            Err(why) => return Answer::Refused { why },
        };
        let agent = self.agent.clone();
        let sent = spawn_blocking(move || {
            let mut response = agent.run(request)?;
            let mut body = Vec::new();
            // What it says beside the status is only for people.
            response.body_mut().as_reader().take(READ).read_to_end(&mut body).ok();
            let body = String::from_utf8_lossy(&body).into_owned();
            Ok::<_, ureq::Error>((response.status(), response.headers().clone(), body))
        });
        match sent.await {
            Ok(Ok((status, headers, body))) => answer(status, &headers, &body),
            // Such as a certificate that is not trusted.
            Ok(Err(ureq::Error::Io(error))) if error.kind() == ErrorKind::InvalidData => {
                Answer::Unfit { why: error.to_string() }
            }
            Ok(Err(error @ (ureq::Error::Tls(_) | ureq::Error::Rustls(_)))) => Answer::Unfit { why: error.to_string() },
            Ok(Err(error)) => Answer::Later { why: in_words(&error), after: None },
            Err(error) => Answer::Later { why: error.to_string(), after: None },
        }
    }
}

fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Protocol(_) => "its answer is not HTTP".into(),
        error => error.to_string(),
    }
}

/// The name of a request: it is the same whenever the same events are sent.
fn key<D: Domain>(entries: &[Entry<D>]) -> String {
    if let [entry] = entries {
        return entry.document.to_hex();
    }
    let ids = entries.iter().fold(Sha256::new(), |ids, entry| ids.chain_update(entry.document.bytes()));
    hex(ids.finalize().iter().take(16))
}

/// What a receiver's answer means.
fn answer(status: StatusCode, headers: &HeaderMap, body: &str) -> Answer {
    let body = body.trim();
    let mut why = status.to_string();
    if !body.is_empty() {
        why += ": ";
        why.extend(body.chars().take(SHOWN));
    }
    match status.as_u16() {
        200..300 => Answer::Taken,
        // It speaks of what was sent.
        400 | 413 | 422 => Answer::Refused { why },
        // With 409 it says that it is at work on this key.
        408 | 409 | 425 | 429 | 500.. => {
            let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            Answer::Later { why, after: seconds.map(Duration::from_secs) }
        }
        300..400 => Answer::Unfit { why: format!("{why}; a redirection is not followed") },
        // It speaks of the address, or of the sender's rights.
        _ => Answer::Unfit { why },
    }
}
