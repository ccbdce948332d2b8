//! What events are forwarded to, and what it can answer.

use std::time::Duration;

use anyhow::Result;
use basket_mongo::Entry;

use super::http::Http;
#[cfg(feature = "kurrentdb")]
use super::kurrent::Kurrent;
use crate::{
    domain::Domain,
    exit::{Failure, USAGE},
};

/// Where events go.
pub(super) enum Sink {
    /// Over HTTP, as CloudEvents.
    Http(Http),
    /// To KurrentDB, stream by stream.
    #[cfg(feature = "kurrentdb")]
    Kurrent(Box<Kurrent>),
}

/// What becomes of events that were sent.
#[derive(Debug)]
pub(super) enum Answer {
    /// They are there.
    Taken,
    /// Not now; they are sent again, not before this time has passed.
    Later { why: String, after: Option<Duration> },
    /// It does not want one of them.
    Refused { why: String },
    /// It takes none, whatever is sent.
    Unfit { why: String },
}

impl Sink {
    /// The sink at an address.
    pub(super) fn at(url: &str, headers: &[(String, String)], batch: Option<usize>) -> Result<Self> {
        let wrong = |why: String| Err(Failure(USAGE, why).into());
        match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("http" | "https") => Ok(Self::Http(Http::at(url, headers, batch)?)),
            Some("kurrentdb" | "kurrentdb+discover" | "esdb" | "esdb+discover") if !headers.is_empty() => {
                wrong("a --header is for http:// and https://".into())
            }
            #[cfg(feature = "kurrentdb")]
            Some("kurrentdb" | "kurrentdb+discover" | "esdb" | "esdb+discover") => {
                Ok(Self::Kurrent(Kurrent::at(url, batch)?.into()))
            }
            #[cfg(not(feature = "kurrentdb"))]
            Some("kurrentdb" | "kurrentdb+discover" | "esdb" | "esdb+discover") => {
                wrong("this program was built without KurrentDB; build it with `--features kurrentdb`".into())
            }
            // Only its scheme is shown: the rest may hold a password.
            Some(scheme) => {
                wrong(format!("events can't be forwarded to {scheme}://; use http://, https:// or kurrentdb://"))
            }
            None => wrong("an address begins with http://, https:// or kurrentdb://".into()),
        }
    }

    /// The most events that go in one request.
    pub(super) fn most(&self) -> usize {
        match self {
            Self::Http(http) => http.batch.unwrap_or(1),
            #[cfg(feature = "kurrentdb")]
            Self::Kurrent(kurrent) => kurrent.batch,
        }
    }

    /// How many of these events, from the first on, go in one request; at most `most`.
    pub(super) fn group<D: Domain>(&self, entries: &[Entry<D>], most: usize) -> usize {
        match self {
            Self::Http(_) => entries.len().min(most),
            #[cfg(feature = "kurrentdb")]
            Self::Kurrent(_) => super::kurrent::group::<D>(entries, most),
        }
    }

    /// Sends events in one request.
    pub(super) async fn send<D: Domain>(&mut self, entries: &[Entry<D>]) -> Answer {
        match self {
            Self::Http(http) => http.send::<D>(entries).await,
            #[cfg(feature = "kurrentdb")]
            Self::Kurrent(kurrent) => kurrent.send::<D>(entries).await,
        }
    }
}
