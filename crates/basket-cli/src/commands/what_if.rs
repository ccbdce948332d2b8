//! `basket what-if`: a history replayed without some of its events. It writes nothing.

use std::ops::RangeInclusive;

use anyhow::Result;
use basket_domain::BasketId;
use basket_mongo::Revert;
use serde::Serialize;

use super::get::{Item, items};
use crate::{
    args::{ID_HELP, versions},
    output::{Format, Output},
    store::Store,
};

/// Replay a basket's history without some of its events, and change nothing
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "basket what-if [OPTIONS] <ID> --without <VERSION>...",
    after_help = "Examples:\n  basket what-if 5ab69073421aa917e62b4734 --without 3\n  \
                  basket what-if 5ab69073421aa917e62b4734 --without 3 7..9"
)]
pub struct WhatIf {
    #[arg(help = ID_HELP)]
    id: BasketId,
    /// The events to leave out, each a version or the first and the last of several
    #[arg(long, required = true, num_args = 1.., value_delimiter = ',', value_name = "VERSION", value_parser = versions)]
    without: Vec<RangeInclusive<u64>>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Told<'a> {
    id: String,
    items: Vec<Item<'a>>,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct Refused {
    version: u64,
    why: String,
}

impl WhatIf {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let what_if = store.what_if(&self.id, &self.without).await?;
        let basket = what_if.alternative();
        let refused: Vec<_> = what_if
            .refused()
            .iter()
            .map(|(version, why)| Refused { version: *version, why: why.to_string() })
            .collect();
        let told = Told { id: self.id.to_string(), items: items(basket), refused };
        let mut output = Output::one(self.format);
        output.show(&told, |out| {
            for (product, quantity) in basket.items() {
                writeln!(out, "{product} = {quantity}")?;
            }
            told.refused.iter().try_for_each(|Refused { version, why }| {
                writeln!(out, "version {version} would have been refused: {why}")
            })
        })?;
        Ok(output.finish()?)
    }
}
