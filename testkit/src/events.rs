//! Short names for the events and values of the tests.

use std::num::NonZeroU32;

use basket_domain::{
    Basket,
    BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved},
    BasketId, EventSourced, Product,
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

/// The basket holds just this, in this order, as `basket get` prints it: `["rocks = 1", "clocks = 1"]`.
#[track_caller]
pub fn assert_holds<const N: usize>(basket: &Basket, expected: [&str; N]) {
    let held: Vec<String> = basket.items().map(|(product, quantity)| format!("{product} = {quantity}")).collect();
    assert!(
        held == expected,
        "the basket should hold {}\nbut it holds {}{}",
        in_words(&expected),
        in_words(&held),
        only_the_order(&expected.map(str::to_owned), &held, "products")
    );
}

/// The new events are just these, in this order.
#[track_caller]
pub fn assert_new_events<const N: usize>(basket: &EventSourced<Basket>, expected: [BasketEvent; N]) {
    let (new, expected) = (basket.new_events(), expected.map(|event| format!("{event:?}")));
    let new: Vec<String> = new.iter().map(|event| format!("{event:?}")).collect();
    assert!(
        new == expected,
        "the new events should be {}\nbut they are {}{}",
        in_words(&expected),
        in_words(&new),
        only_the_order(&expected, &new, "events")
    );
}

/// Says so, if two lists have the same lines and differ only in their order.
fn only_the_order(expected: &[String], found: &[String], what: &str) -> String {
    let sorted = |lines: &[String]| {
        let mut lines = lines.to_vec();
        lines.sort();
        lines
    };
    let is_only_that = sorted(expected) == sorted(found);
    if is_only_that { format!("\nthe same {what} in another order") } else { String::new() }
}

fn in_words(lines: &[impl std::fmt::Display]) -> String {
    match lines {
        [] => "nothing".into(),
        lines => lines.iter().map(|line| format!("\n  - {line}")).collect(),
    }
}
