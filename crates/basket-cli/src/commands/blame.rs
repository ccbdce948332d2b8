//! `basket blame`: for each product, the event that last touched it.

use std::{collections::BTreeMap, pin::pin};

use anyhow::Result;
use basket_domain::{Aggregate, Basket, BasketId};
use basket_mongo::{Baskets, Entry, EventLog};
use futures_util::TryStreamExt;
use serde::Serialize;

use super::log::Told;
use crate::{
    args::ID_HELP,
    output::{Format, Output, plain},
    store::Store,
    time,
};

/// For each product that ever was in a basket, show the event that last touched it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  basket blame 5ab69073421aa917e62b4734")]
pub struct Blame {
    #[arg(help = ID_HELP)]
    id: BasketId,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Blamed<'a> {
    product: &'a str,
    quantity: u32,
    event: Told,
}

impl Blame {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let (mut basket, mut last_touched) = (Basket::default(), BTreeMap::<_, Entry<Baskets>>::new());
        let mut history = pin!(store.history(&self.id));
        while let Some(entry) = history.try_next().await? {
            basket.apply(&entry.event);
            if let Some(product) = entry.event.product() {
                last_touched.insert(product.clone(), entry);
            }
        }
        let mut output = Output::list(self.format)?;
        for (product, entry) in &last_touched {
            let quantity = basket.quantity(product);
            let blamed = Blamed { product: product.as_str(), quantity, event: entry.into() };
            output.show(&blamed, |out| {
                let (at, actor) = (time::local(entry.recorded_at), plain(entry.meta.actor.as_deref().unwrap_or("-")));
                write!(out, "{:>4}  {at}  {actor}  {product} = {quantity}", entry.version)?;
                if quantity == 0 { writeln!(out, "  (removed)") } else { writeln!(out) }
            })?;
        }
        Ok(output.finish()?)
    }
}
