//! `basket create`, `add` and `remove`: a command to the domain, its events to the store.

use std::num::NonZeroU32;

use anyhow::{Context, Result};
use basket_domain::{Basket, BasketId, EventSourced, Product};
use basket_mongo::{EventLog, EventStore};
use bson::oid::ObjectId;
use serde::Serialize;

use crate::{
    args::{ID_HELP, quantity},
    output::{Format, Output},
    signature::Signature,
    store::Store,
};

/// Create a basket with a first product in it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket create socks\n  basket create socks --quantity 2 --format json")]
pub struct Create {
    /// The first product
    product: Product,
    /// How many of it, from 1
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = quantity, allow_negative_numbers = true)]
    quantity: NonZeroU32,
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
pub struct Add {
    #[arg(help = ID_HELP)]
    id: BasketId,
    /// The product to add
    product: Product,
    /// How many of it, from 1
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = quantity, allow_negative_numbers = true)]
    quantity: NonZeroU32,
    #[command(flatten)]
    signature: Signature,
}

/// Remove a product from a basket, all of it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  basket remove 5ab69073421aa917e62b4734 socks")]
pub struct Remove {
    #[arg(help = ID_HELP)]
    id: BasketId,
    /// The product to remove
    product: Product,
    #[command(flatten)]
    signature: Signature,
}

#[derive(Serialize)]
struct Created {
    id: String,
}

impl Create {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let id = BasketId::from_bytes(ObjectId::new().bytes());
        let mut basket = EventSourced::<Basket>::new(id);
        basket.decide(|basket| basket.create(id))?;
        basket.decide(|basket| basket.add_item(&self.product, self.quantity))?;
        store.signed(self.signature.meta()).save(&mut basket).await?;
        let tell = || {
            let mut output = Output::one(self.format);
            output.show(&Created { id: id.to_string() }, |out| writeln!(out, "Created basket with id '{id}'"))?;
            output.finish()
        };
        // It is there now; an id that nobody has read would be lost.
        tell().with_context(|| format!("basket '{id}' is created, but its id could not be printed"))
    }
}

impl Add {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let store = store.signed(self.signature.meta());
        store.handle(&self.id, |basket| basket.add_item(&self.product, self.quantity)).await?;
        Ok(())
    }
}

impl Remove {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let store = store.signed(self.signature.meta());
        store.handle(&self.id, |basket| basket.remove_item(&self.product)).await?;
        Ok(())
    }
}
