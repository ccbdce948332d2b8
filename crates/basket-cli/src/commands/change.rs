//! `basket create`, `add` and `remove`: the domain decides, and the store keeps the events.

use std::num::NonZeroU32;

use anyhow::{Context, Result};
use basket_domain::{Basket, BasketId, EventSourced, Product};
use basket_mongo::{Baskets, EventLog};
use bson::oid::ObjectId;

use crate::{
    args::{id, product, quantity},
    output::{Fields, Format, json, print},
    signature::Signature,
};

/// Create a basket with a first product in it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket create socks\n  basket create socks --quantity 2 --format json")]
pub(crate) struct Create {
    #[command(flatten)]
    item: Item,
    #[command(flatten)]
    signature: Signature,
    /// How to print the new id
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Add a product to a basket; adding again accumulates
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket add 5ab69073421aa917e62b4734 rocks\n  \
                        basket add 5ab69073421aa917e62b4734 rocks -q 3 -m 'they called'")]
pub(crate) struct Add {
    /// The basket: its id, as `basket create` printed it
    #[arg(value_parser = id::<Baskets>)]
    id: BasketId,
    #[command(flatten)]
    item: Item,
    #[command(flatten)]
    signature: Signature,
}

/// So much of a product.
#[derive(Debug, clap::Args)]
struct Item {
    /// The product to add
    #[arg(value_parser = product)]
    product: Product,
    /// How many of it, from 1
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = quantity, allow_negative_numbers = true)]
    quantity: NonZeroU32,
}

/// Remove a product from a basket, all of it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  basket remove 5ab69073421aa917e62b4734 socks")]
pub(crate) struct Remove {
    /// The basket: its id, as `basket create` printed it
    #[arg(value_parser = id::<Baskets>)]
    id: BasketId,
    /// The product to remove
    #[arg(value_parser = product)]
    product: Product,
    #[command(flatten)]
    signature: Signature,
}

impl Create {
    pub(super) async fn run(self, store: &impl EventLog<Baskets>) -> Result<()> {
        let id = BasketId::from_bytes(ObjectId::new().bytes());
        let mut basket = EventSourced::<Basket>::new(id);
        basket.decide(|basket| basket.create(id))?;
        basket.decide(|basket| basket.add_item(&self.item.product, self.item.quantity))?;
        store.signed(self.signature.meta()?).save(&mut basket).await?;
        let record = Fields(vec![("id", json(&id.to_string()))]);
        print(self.format, &record, |out| writeln!(out, "Created basket with id '{id}'"))
            // The basket is stored now; an id that was not printed would be lost.
            .with_context(|| format!("basket '{id}' is created, but its id could not be printed"))
    }
}

impl Add {
    pub(super) async fn run(self, store: &impl EventLog<Baskets>) -> Result<()> {
        let store = store.signed(self.signature.meta()?);
        store.handle(&self.id, |basket| basket.add_item(&self.item.product, self.item.quantity)).await?;
        Ok(())
    }
}

impl Remove {
    pub(super) async fn run(self, store: &impl EventLog<Baskets>) -> Result<()> {
        let store = store.signed(self.signature.meta()?);
        store.handle(&self.id, |basket| basket.remove_item(&self.product)).await?;
        Ok(())
    }
}
