//! What differs between two baskets, and which commands lead from one to the other.
//! `basket diff`, `revert` and `restore` use it; the rules are in the deciders of [`basket`](crate::basket).

use std::num::NonZeroU32;

use crate::{
    Aggregate, Basket, Product, Refusal, Reversible,
    events::BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved, VoucherRedeemed},
};

/// One product whose quantity differs between two baskets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The product.
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

/// Products get the quantities that they had; the order in which they were added is not restored.
impl Reversible for Basket {
    type Refusal = Refusal;

    fn decide_again(&self, event: &BasketEvent) -> Result<Vec<BasketEvent>, Refusal> {
        match event {
            BasketCreated { basket_id } => self.create(*basket_id),
            ItemAdded { product, qty, .. } => self.add_item(product, *qty),
            ItemRemoved { product, .. } => self.remove_item(product),
            // It was decided on more than this basket, and stays redeemed.
            VoucherRedeemed { voucher, .. } => self.redeem(voucher, []),
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
