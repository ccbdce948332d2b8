//! The boss's question: are clocks never added, or taken out again? A fold over the events of *all* baskets answers it.
//! A projection is an aggregate that decides nothing: the same `apply`, another question. Nobody had to plan for it.
//! `basket report removed` runs on it, over any number of events: only one basket is held at a time.

use std::collections::BTreeMap;

use crate::{
    Aggregate, BasketId, Product,
    events::BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved, VoucherRedeemed},
};

/// What came and went of each product, over all the baskets whose events were applied.
///
/// One basket comes after the other, its events in the order of its versions, as a store's log of all streams has them.
#[derive(Debug, Clone, Default)]
pub struct Report {
    held: Held,
    products: BTreeMap<Product, Turnover>,
}

/// What came and went of one product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turnover {
    /// Baskets that ever had it.
    pub baskets: u64,
    /// Units added, over all of them.
    pub added: u64,
    /// Units that were taken out again.
    pub removed: u64,
}

/// How many of each product the basket holds whose events come now; 0 once they were taken out.
#[derive(Debug, Clone, Default)]
struct Held {
    basket: Option<BasketId>,
    units: BTreeMap<Product, u64>,
}

impl Aggregate for Report {
    type Id = ();
    type Event = BasketEvent;

    fn apply(&mut self, event: &BasketEvent) {
        match event {
            BasketCreated { .. } | VoucherRedeemed { .. } => {}
            ItemAdded { basket_id, product, qty } => {
                let turnover = self.products.entry(product.clone()).or_default();
                let held = self.held.by(*basket_id).entry(product.clone()).or_insert_with(|| {
                    turnover.baskets += 1;
                    0
                });
                *held += u64::from(qty.get());
                turnover.added += u64::from(qty.get());
            }
            ItemRemoved { basket_id, product } => {
                if let Some(held) = self.held.by(*basket_id).get_mut(product) {
                    self.products.entry(product.clone()).or_default().removed += std::mem::take(held);
                }
            }
        }
    }
}

impl Held {
    /// What this basket holds. What another one held is let go: no more events of it will come.
    fn by(&mut self, basket: BasketId) -> &mut BTreeMap<Product, u64> {
        if self.basket != Some(basket) {
            *self = Self { basket: Some(basket), units: BTreeMap::new() };
        }
        &mut self.units
    }
}

impl Report {
    /// What came and went of a product; all zero where no basket ever had it.
    pub fn of(&self, product: &Product) -> Turnover {
        self.products.get(product).copied().unwrap_or_default()
    }

    /// Every product that any basket ever had, by name.
    pub fn products(&self) -> impl Iterator<Item = (&Product, &Turnover)> {
        self.products.iter()
    }
}
