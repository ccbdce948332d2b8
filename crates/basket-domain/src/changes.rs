//! What differs between two baskets, and which commands lead from the one to the other.
//! `basket diff`, `revert` and `restore` rest on it; the rules stay with the deciders in [`basket`](crate::basket).

use std::{collections::BTreeMap, num::NonZeroU32};

use crate::{
    Aggregate, Basket, Product, Refusal, Reversible,
    events::BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved},
};

/// One product that two baskets don't hold alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub product: Product,
    /// How many there were; 0 for none.
    pub before: u32,
    /// How many there are; 0 for none.
    pub after: u32,
}

impl Basket {
    /// What changes from this basket to a later one (or an earlier one), product by product.
    pub fn changes_to(&self, later: &Self) -> Vec<Change> {
        let new = later.items().filter(|(product, _)| !self.contains(product));
        self.items()
            .chain(new)
            .map(|(product, _)| Change {
                product: product.clone(),
                before: self.quantity(product),
                after: later.quantity(product),
            })
            .filter(|change| change.before != change.after)
            .collect()
    }
}

/// Products come back in the quantities they had; the order in which they came in is not made again.
impl Reversible for Basket {
    type Refusal = Refusal;

    fn decide_again(&self, event: &BasketEvent) -> Result<Vec<BasketEvent>, Refusal> {
        match event {
            BasketCreated { basket_id } => self.create(*basket_id),
            ItemAdded { product, qty, .. } => self.add_item(product, *qty),
            ItemRemoved { product, .. } => self.remove_item(product),
        }
    }

    fn lead_to(&self, target: &Self) -> Result<Vec<BasketEvent>, Refusal> {
        let (mut basket, mut events) = (self.clone(), Vec::new());
        let mut raise = |basket: &mut Self, decided: Vec<BasketEvent>| {
            decided.iter().for_each(|event| basket.apply(event));
            events.extend(decided);
        };
        match (self.id(), target.id()) {
            (Some(_), None) => return Err(Refusal::CreatedForGood),
            (None, Some(id)) => {
                let created = basket.create(id)?;
                raise(&mut basket, created);
            }
            _ => {}
        }
        for Change { product, before, after } in self.changes_to(target) {
            if after < before {
                let removed = basket.remove_item(&product)?;
                raise(&mut basket, removed);
            }
            if let Some(missing) = NonZeroU32::new(after - basket.quantity(&product)) {
                let added = basket.add_item(&product, missing)?;
                raise(&mut basket, added);
            }
        }
        Ok(events)
    }
}

/// Which event last touched each product, and how many of it there are since: `git blame` for a basket, as one more fold.
///
/// It counts versions by itself, so it is fed a basket's whole history.
#[derive(Debug, Clone, Default)]
pub struct Blame {
    basket: Basket,
    version: u64,
    touched: BTreeMap<Product, u64>,
}

impl Aggregate for Blame {
    type Id = ();
    type Event = BasketEvent;

    fn apply(&mut self, event: &BasketEvent) {
        self.basket.apply(event);
        self.version += 1;
        if let Some(product) = event.product() {
            self.touched.insert(product.clone(), self.version);
        }
    }
}

impl Blame {
    /// Every product that ever was in the basket, by name, with its quantity (0 once it is out) and the version that last
    /// touched it.
    pub fn products(&self) -> impl Iterator<Item = (&Product, u32, u64)> {
        self.touched.iter().map(|(product, version)| (product, self.basket.quantity(product), *version))
    }
}
