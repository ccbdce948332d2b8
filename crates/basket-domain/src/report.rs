//! The boss's question: are clocks never added, or taken out again? A fold over the events of *all* baskets answers it.
//! A projection is an aggregate that decides nothing: the same `apply`, another question. Nobody had to plan for it.

use std::collections::{BTreeMap, HashMap};

use crate::{
    Aggregate, BasketId, Product,
    events::BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved},
};

/// What became of each product, over all the baskets whose events were applied, in the order of each basket's versions.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many of a product are in a basket now; 0 once they were taken out.
    held: HashMap<(BasketId, Product), u64>,
    products: BTreeMap<Product, Fate>,
}

/// What became of one product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fate {
    /// Baskets that ever had it.
    pub baskets: u64,
    /// Units added, over all of them.
    pub added: u64,
    /// Units that were taken out again.
    pub removed: u64,
}

impl Aggregate for Report {
    type Id = ();
    type Event = BasketEvent;

    fn apply(&mut self, event: &BasketEvent) {
        match event {
            BasketCreated { .. } => {}
            ItemAdded { basket_id, product, qty } => {
                let fate = self.products.entry(product.clone()).or_default();
                let held = self.held.entry((*basket_id, product.clone())).or_insert_with(|| {
                    fate.baskets += 1;
                    0
                });
                *held += u64::from(qty.get());
                fate.added += u64::from(qty.get());
            }
            ItemRemoved { basket_id, product } => {
                let held = self.held.entry((*basket_id, product.clone())).or_insert(0);
                self.products.entry(product.clone()).or_default().removed += std::mem::take(held);
            }
        }
    }
}

impl Report {
    /// What became of a product; all zero where nobody ever had it.
    pub fn of(&self, product: &Product) -> Fate {
        self.products.get(product).copied().unwrap_or_default()
    }

    /// Every product that any basket ever had, by name.
    pub fn products(&self) -> impl Iterator<Item = (&Product, &Fate)> {
        self.products.iter()
    }
}
