//! How a command that changes something is put: by whom and why ([`Signature`]), under which request, and on which version.

use anyhow::Result;
use basket_domain::Aggregate;
use basket_mongo::{Command, Done, Keys, Outcome, Require};
use serde_json::Value;

use crate::{
    args::version,
    domain::Domain,
    exit::{self, Failure, USAGE},
    output::json,
    plain::plain,
    signature::{Signature, name, part},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Delivery {
    #[command(flatten)]
    pub(crate) signature: Signature,
    /// Do it once, however often the same ID is sent, from anywhere: the first outcome is printed again
    ///
    /// The ID is any text, and is kept with the events. Each {stream} has IDs of its own. What changed nothing, such as a
    /// refusal, is not kept: it is decided again.
    #[arg(long, value_name = "ID", value_parser = name)]
    pub(crate) request_id: Option<String>,
    /// Keep a header beside the events, for programs; several of them, if the option is repeated
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header, hide_short_help = true)]
    headers: Vec<(String, String)>,
}

/// The version that a change is meant for.
#[derive(Debug, clap::Args)]
pub(crate) struct Unchanged {
    /// Only if it is at version N still: nothing has happened since you looked
    #[arg(long, value_name = "N", value_parser = version, allow_negative_numbers = true)]
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
    pub(crate) async fn of<'a, S, T>(
        &self,
        keys: &impl Keys,
        command: Command<'a, S, T>,
        reason: Option<String>,
    ) -> Result<Command<'a, S, T>> {
        let mut meta = self.signature.meta(keys).await?;
        meta.reason = meta.reason.or(reason);
        meta.request = self.request_id.clone();
        for (name, value) in &self.headers {
            if meta.headers.insert(name, value).is_some() {
                return Err(
                    Failure(USAGE, format!("the header {name:?} is given twice; which of them is meant?")).into()
                );
            }
        }
        Ok(command.meta(meta))
    }

    /// Says on standard error that an earlier call has done it.
    pub(crate) fn note<D: Domain>(&self, done: &Done<D::Aggregate>) {
        if let (Outcome::Before, Some(request)) = (done.outcome, &self.request_id) {
            let words = in_words::<D>(&done.events).join(", ");
            exit::note(&format!(
                "request '{request}' was carried out before, so nothing was done now: {}",
                plain(&words)
            ));
        }
    }
}

/// The fields of [`outcome`], with others.
pub(crate) fn outcome_fields(others: &[&'static str]) -> Vec<&'static str> {
    let fields = ["outcome", "events", "versions", "version", "commit", "attempts"];
    others.iter().copied().chain(fields).collect()
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
    let key = part(key).map_err(|why| format!("of its name, {why}"))?;
    // An export would read it as a value of another type: {"$oid": "..."}.
    if key.starts_with('$') {
        return Err("its name can't begin with '$'".into());
    }
    Ok((key, part(value).map_err(|why| format!("of its value, {why}"))?))
}
