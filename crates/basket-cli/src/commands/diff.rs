//! `basket diff`: what changed between two moments, product by product.

use anyhow::Result;
use basket_domain::{Basket, BasketId, Change};
use basket_mongo::{EventLog, EventStore, Moment, StoreError};
use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use super::get::tell_out_of_order;
use crate::{
    args::ID_HELP,
    output::{Format, Output},
    store::Store,
    time,
};

const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

/// Show what changed in a basket between two moments
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket diff 5ab69073421aa917e62b4734 3..5\n  \
                        basket diff 5ab69073421aa917e62b4734 3..                to now\n  \
                        basket diff 5ab69073421aa917e62b4734 0..2               from before there was a basket\n  \
                        basket diff 5ab69073421aa917e62b4734 '2 hours ago..'")]
pub struct Diff {
    #[arg(help = ID_HELP)]
    id: BasketId,
    /// From one moment to another, each a version or a time; without the second, to now
    #[arg(value_name = "A..B", value_parser = range)]
    range: (Moment, Option<Moment>),
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Told {
    id: String,
    from: u64,
    to: u64,
    changes: Vec<ToldChange>,
}

#[derive(Serialize)]
struct ToldChange {
    product: String,
    before: u32,
    after: u32,
}

impl Diff {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let (from, to) = self.range;
        let (from, before) = at(store, &self.id, Some(from)).await?;
        let (to, after) = at(store, &self.id, to).await?;
        let changes = before.changes_to(&after);
        let told = Told { id: self.id.to_string(), from, to, changes: changes.iter().map(ToldChange::from).collect() };
        let mut output = Output::one(self.format);
        output.show(&told, |out| {
            for Change { product, before, after } in &changes {
                if *before > 0 {
                    writeln!(out, "{RED}- {product} = {before}{RED:#}")?;
                }
                if *after > 0 {
                    writeln!(out, "{GREEN}+ {product} = {after}{GREEN:#}")?;
                }
            }
            Ok(())
        })?;
        Ok(output.finish()?)
    }
}

impl From<&Change> for ToldChange {
    fn from(Change { product, before, after }: &Change) -> Self {
        Self { product: product.to_string(), before: *before, after: *after }
    }
}

/// The version and the state at a moment; now where there is none, and the empty state for version 0.
async fn at(store: &Store, id: &BasketId, moment: Option<Moment>) -> Result<(u64, Basket), StoreError> {
    let root = match moment {
        None => store.get(id).await?,
        Some(Moment::Version(0)) => return store.get(id).await.map(|_| (0, Basket::default())),
        Some(moment) => {
            let past = store.past(id, moment).await?;
            tell_out_of_order(&past);
            past.root
        }
    };
    Ok((root.version(), root.state().clone()))
}

fn range(text: &str) -> Result<(Moment, Option<Moment>), String> {
    let (from, to) = text.split_once("..").unwrap_or((text, ""));
    let to = to.trim();
    if from.trim().is_empty() || to.starts_with('.') {
        return Err("a range is A..B or A.., such as 3..5".into());
    }
    Ok((moment(from)?, if to.is_empty() { None } else { Some(moment(to)?) }))
}

fn moment(text: &str) -> Result<Moment, String> {
    match text.trim().parse() {
        Ok(version) => Ok(Moment::Version(version)),
        Err(_) => time::parse(text).map(Moment::Time).map_err(|error| format!("{text:?} is no version, and {error}")),
    }
}
