//! The vocabulary of the tests: events and values in as few words as a reader needs.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::num::NonZeroU32;

use basket_domain::{
    Basket,
    BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved},
    BasketId, Product,
};

pub const BASKET: BasketId = BasketId::from_bytes([0x5a; 12]);

pub fn product(name: &str) -> Product {
    Product::new(name).unwrap()
}

pub fn qty(qty: u32) -> NonZeroU32 {
    NonZeroU32::new(qty).unwrap()
}

pub fn created() -> BasketEvent {
    BasketCreated { basket_id: BASKET }
}

pub fn added(name: &str, many: u32) -> BasketEvent {
    ItemAdded { basket_id: BASKET, product: product(name), qty: qty(many) }
}

pub fn removed(name: &str) -> BasketEvent {
    ItemRemoved { basket_id: BASKET, product: product(name) }
}

/// What is in a basket, as `basket get` prints it: `["rocks = 1", "clocks = 1"]`.
pub fn items(basket: &Basket) -> Vec<String> {
    basket.items().map(|(product, quantity)| format!("{product} = {quantity}")).collect()
}
