//! How a command that changes something is put: by whom and why ([`Signature`]), under which request, and on which version.

use anyhow::Result;
use basket_domain::Aggregate;
use basket_mongo::{Command, Done, Outcome, Require};
use serde_json::Value;

use crate::{
    args::version,
    domain::Domain,
    exit,
    output::json,
    plain::plain,
    signature::{Signature, name},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Delivery {
    #[command(flatten)]
    pub(crate) signature: Signature,
    /// Do it once, however often the same ID is sent, from anywhere: the first outcome is printed again
    #[arg(long, value_name = "ID", value_parser = name)]
    pub(crate) request_id: Option<String>,
    /// Keep a header beside the events, for programs; it may be given several times
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header, hide_short_help = true)]
    headers: Vec<(String, String)>,
}

/// The version that a change is meant for.
#[derive(Debug, clap::Args)]
pub(crate) struct Unchanged {
    /// Only if it is at version N still: nothing has happened since you looked
    #[arg(long, value_name = "N", value_parser = version)]
    if_version: Option<u64>,
}

impl Unchanged {
    /// The version, or that there is something at all.
    pub(crate) fn requirement(&self) -> Require {
        self.if_version.map_or(Require::Existing, Require::Version)
    }
}

impl Delivery {
    /// The command with all this, and a reason if none was given.
    pub(crate) fn of<'a, S: ?Sized, T>(
        &self,
        command: Command<'a, S, T>,
        reason: Option<String>,
    ) -> Result<Command<'a, S, T>> {
        let mut meta = self.signature.meta()?;
        meta.reason = meta.reason.or(reason);
        meta.request = self.request_id.clone();
        meta.headers = self.headers.iter().map(|(name, value)| (name.clone(), value.into())).collect();
        Ok(command.meta(meta))
    }

    /// Says on standard error that an earlier call has done it.
    pub(crate) fn note<D: Domain>(&self, done: &Done<D::Aggregate>) {
        if let (Outcome::Before, Some(request)) = (done.outcome, &self.request_id) {
            let words = in_words::<D>(&done.events).join(", ");
            exit::note(&format!("request '{request}' was carried out before, and is not again: {}", plain(&words)));
        }
    }
}

/// What became of a command, for programs.
pub(crate) fn outcome<D: Domain>(done: &Done<D::Aggregate>) -> Vec<(&'static str, Value)> {
    let outcome = match done.outcome {
        Outcome::Now => "now",
        Outcome::Before => "before",
        Outcome::Unchanged => "unchanged",
    };
    let versions = (!done.versions.is_empty()).then(|| [done.versions.start, done.versions.end - 1]);
    vec![
        ("outcome", json(outcome)),
        ("events", json(&in_words::<D>(&done.events))),
        ("versions", json(&versions)),
        ("version", json(&done.root.version())),
        ("commit", json(&done.commit.map(|commit| commit.to_hex()))),
        ("attempts", json(&done.attempts)),
    ]
}

pub(crate) fn in_words<D: Domain>(events: &[<D::Aggregate as Aggregate>::Event]) -> Vec<String> {
    events.iter().map(D::in_words).collect()
}

fn header(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a header is NAME=VALUE, such as tenant=acme")?;
    Ok((name(key)?, name(value)?))
}
