//! `basket export`: events as lines of text, for another store or for other systems.

use std::pin::pin;

use anyhow::Result;
use basket_domain::BasketId;
use basket_mongo::{Baskets, Codec, Entry, EventLog, Scope, Verifier, exchange::Export as Lines};
use bson::Document;
use clap::ValueEnum;
use futures_util::TryStreamExt;
use serde::Serialize;

use crate::{exit, output::Plain, progress, store::Store, time};

/// Print events as lines of text, for `basket import` or for other systems
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket export > baskets.ndjson\n  \
                        basket export 5ab69073421aa917e62b4734 > basket.ndjson\n  \
                        basket export --format cloudevents > for-others.ndjson\n\n\
                        Each line carries a checksum, and the last one says how many there were. An event that can't be\n\
                        read ends the export: `basket verify` names all of them.")]
pub struct Export {
    /// These baskets; without any, all of them
    #[arg(value_name = "ID")]
    ids: Vec<BasketId>,
    /// In which form
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

/// The forms of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For `basket import`: everything, with checksums
    #[default]
    Ndjson,
    /// For other systems: CloudEvents 1.0 in JSON, a line each
    Cloudevents,
}

/// An event as CloudEvents 1.0 has it; its own words for what they have not are extensions (lower case, no marks).
#[derive(Debug, Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    r#type: String,
    subject: String,
    time: String,
    datacontenttype: &'static str,
    data: Document,
    sequence: String,
    commit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
}

impl Export {
    pub(super) async fn run(mut self, store: &Store) -> Result<()> {
        store.must_exist()?;
        self.ids.sort_unstable();
        self.ids.dedup();
        let scopes: Vec<_> = match self.ids.as_slice() {
            [] => vec![Scope::All],
            ids => ids.iter().map(|id| Scope::From(*id, 1)).collect(),
        };
        let mut out = Plain::stdout();
        let (mut lines, mut verifier, mut events) =
            (Lines::<Baskets>::default(), Verifier::<Baskets>::default(), 0_u64);
        if self.format == Form::Ndjson {
            out.line(&lines.header())?;
        }
        let bar = progress::bar(store.count().await?, "events");
        for scope in scopes {
            let id = if let Scope::From(id, _) = scope { Some(id) } else { None };
            let before = events;
            let mut documents = pin!(store.documents(scope));
            while let Some(document) = documents.try_next().await? {
                let line = match self.format {
                    Form::Ndjson => lines.line(&document)?,
                    Form::Cloudevents => serde_json::to_string(&cloud_event(&verifier.check(&document)?))?,
                };
                out.line(&line)?;
                events += 1;
                bar.inc(1);
            }
            if let Some(id) = id.filter(|_| events == before) {
                return Err(store.not_found(&id).into());
            }
        }
        bar.finish_and_clear();
        if self.format == Form::Ndjson {
            out.line(&lines.end())?;
        }
        out.finish()?;
        exit::note(&format!("{events} events were exported"));
        Ok(())
    }
}

fn cloud_event(entry: &Entry<Baskets>) -> CloudEvent<'_> {
    let (kind, data) = Baskets::encode(&entry.event);
    CloudEvent {
        specversion: "1.0",
        id: entry.document.to_hex(),
        source: format!("/{}", Baskets::COLLECTION),
        r#type: format!("basket.{kind}"),
        subject: entry.stream.to_string(),
        time: time::utc(entry.recorded_at),
        datacontenttype: "application/json",
        data,
        sequence: entry.version.to_string(),
        commit: entry.commit.to_hex(),
        actor: entry.meta.actor.as_deref(),
        reason: entry.meta.reason.as_deref(),
        correlationid: entry.meta.correlation.as_deref(),
        causationid: entry.meta.causation.as_deref(),
    }
}
