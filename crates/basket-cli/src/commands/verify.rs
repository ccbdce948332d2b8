//! `basket verify`: reads everything, and names each document that is off. It mends nothing: it says what to do.

use std::pin::pin;

use anyhow::{Result, bail};
use basket_domain::BasketId;
use basket_mongo::{Baskets, EventLog, Scope, Unreadable, Verifier};
use futures_util::TryStreamExt;
use serde::Serialize;

use crate::{
    args::ID_HELP,
    exit,
    output::{Format, Output},
    progress,
    store::Store,
};

/// Read every event, and name each document that is off
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket verify\n  basket verify 5ab69073421aa917e62b4734\n  \
                        basket verify --format ndjson\n\n\
                        It ends with 0 only if all is well, and with 7 otherwise. Nothing is repaired: a document can be\n\
                        looked at by its _id (`make mongo-shell`), and the baskets without fault can be exported.")]
pub struct Verify {
    #[arg(help = ID_HELP)]
    id: Option<BasketId>,
    /// How to print what is found
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Something that is off.
#[derive(Debug, Serialize)]
struct Finding {
    /// The document's `_id`; none where it is about the store itself.
    document: Option<String>,
    version: Option<i64>,
    why: String,
}

impl Verify {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        store.must_exist()?;
        let mut output = Output::live(self.format)?;
        let mut findings: u64 = 0;
        let mut tell = |output: &mut Output, finding: Finding, text: String| {
            findings += 1;
            output.show(&finding, |out| writeln!(out, "{text}"))
        };
        for fault in store.faults().await? {
            tell(&mut output, Finding { document: None, version: None, why: fault.clone() }, fault)?;
        }
        let (scope, total) = match self.id {
            Some(id) => (Scope::From(id, 1), None),
            None => (Scope::All, Some(store.count().await?)),
        };
        let bar = progress::bar(total.unwrap_or_default(), "events");
        let mut verifier = Verifier::<Baskets>::default();
        let mut documents = pin!(store.documents(scope));
        while let Some(document) = documents.try_next().await? {
            if let Err(unreadable) = verifier.check(&document) {
                let text = unreadable.to_string();
                let Unreadable { document, version, why } = unreadable;
                bar.suspend(|| tell(&mut output, Finding { document: Some(document), version, why }, text))?;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        output.finish()?;
        if let (Some(id), 0) = (&self.id, verifier.documents()) {
            return Err(store.not_found(id).into());
        }
        let (events, baskets) = (verifier.documents(), verifier.streams());
        match findings {
            0 => {
                exit::note(&format!(
                    "{} of {} were read: all is well",
                    count(events, "event"),
                    count(baskets, "basket")
                ));
                Ok(())
            }
            _ => bail!(Off { findings, events, baskets }),
        }
    }
}

/// The verdict where not all is well.
#[derive(Debug, thiserror::Error)]
#[error("{} of {} were read, and {} off", count(*.events, "event"), count(*.baskets, "basket"), are(*.findings))]
pub struct Off {
    findings: u64,
    events: u64,
    baskets: u64,
}

fn count(number: u64, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

fn are(findings: u64) -> String {
    format!("{} {}", count(findings, "thing"), if findings == 1 { "is" } else { "are" })
}
