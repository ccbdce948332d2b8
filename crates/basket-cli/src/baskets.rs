//! What the tools know about baskets: the implementation of [`Domain`]. The commands that only baskets have are in
//! `commands/change.rs` and `commands/report.rs`.

use basket_domain::{
    Basket,
    BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved, VoucherRedeemed},
    BasketId, Product,
};
use basket_mongo::{Baskets, Projection, StateCodec};

use crate::{
    domain::{Domain, Row},
    listing::Listing,
    removed::Removed,
};

impl Domain for Baskets {
    type Value = u32;

    const TYPES: &'static [&'static str] = &["BasketCreated", "ItemAdded", "ItemRemoved", "VoucherRedeemed"];
    const ROW: &'static str = "product";
    const VALUE: &'static str = "quantity";
    const EXAMPLE_ID: &'static str = "5ab69073421aa917e62b4734";

    fn parse_id(text: &str) -> Result<BasketId, String> {
        text.parse().map_err(|error| format!("{error}, as `basket create` prints it"))
    }

    fn parse_row(text: &str) -> Result<String, String> {
        Product::new(text).map(|product| product.to_string()).map_err(|error| error.to_string())
    }

    fn in_words(event: &BasketEvent) -> String {
        match event {
            BasketCreated { .. } => "created the basket".into(),
            ItemAdded { product, qty, .. } => format!("added {qty} of '{product}'"),
            ItemRemoved { product, .. } => format!("removed '{product}'"),
            VoucherRedeemed { voucher, .. } => format!("redeemed the voucher '{voucher}'"),
        }
    }

    fn about(event: &BasketEvent) -> Vec<&str> {
        event.product().map(Product::as_str).into_iter().collect()
    }

    fn rows(basket: &Basket) -> Vec<Row<u32>> {
        basket.items().map(|(product, value)| Row { name: product.to_string(), value }).collect()
    }

    fn projections() -> Vec<Box<dyn Projection<Self>>> {
        vec![Box::new(Listing), Box::new(Removed)]
    }

    fn snapshots() -> Option<StateCodec<Self>> {
        Some(Self::STATE)
    }

    fn count(basket: &Basket) -> usize {
        basket.items().len()
    }

    fn units(basket: &Basket) -> u64 {
        basket.items().map(|(_, quantity)| u64::from(quantity)).sum()
    }
}
