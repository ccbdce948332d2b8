//! The basket: what may happen to it (deciders), what each event does to it (appliers), what can be asked of it (views).
//! Deciders take `&self`: they may look and refuse, but only an event, applied, changes the state.

use std::num::NonZeroU32;

use indexmap::IndexMap;

use crate::{
    Aggregate, BasketId, Product, Voucher,
    events::BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved, VoucherRedeemed},
};

/// The state of a basket, folded out of its events. [`Basket::default`] is the basket that does not exist yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Basket {
    id: Option<BasketId>,
    items: IndexMap<Product, u32>,
}

/// Why a basket refused a command. Nothing has changed and no event was raised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A basket is created once.
    #[error("the basket is already there; a basket is created once")]
    AlreadyCreated,
    /// Every other command needs a basket that was created.
    #[error("the basket was never created; create it first")]
    NeverCreated,
    /// A basket that was created can be emptied, but not be made to have never been.
    #[error("a basket that was created stays created")]
    CreatedForGood,
    /// The product to remove is not in the basket.
    #[error("'{product}' is not in the basket, so it can't be removed")]
    NotInBasket {
        /// The product that was to be removed.
        product: Product,
    },
    /// The total of one product would pass [`u32::MAX`].
    #[error("{more} more of '{product}' don't fit: {held} are in the basket, so it takes {} at most", u32::MAX - .held)]
    TooMany {
        /// The product that was to be added.
        product: Product,
        /// How many the basket holds.
        held: u32,
        /// How many were to be added.
        more: NonZeroU32,
    },
    /// A voucher is redeemed once, of all baskets.
    #[error("the voucher '{voucher}' was redeemed already, for basket '{by}'")]
    VoucherRedeemed {
        /// The voucher.
        voucher: Voucher,
        /// The basket that it was redeemed for.
        by: BasketId,
    },
}

/// Deciders: a command and the state go in, events or a refusal come out.
impl Basket {
    /// Creates the basket `basket_id`.
    ///
    /// # Errors
    /// [`Refusal::AlreadyCreated`] the second time.
    pub fn create(&self, basket_id: BasketId) -> Result<Vec<BasketEvent>, Refusal> {
        if self.id.is_some() {
            return Err(Refusal::AlreadyCreated);
        }
        Ok(vec![BasketCreated { basket_id }])
    }

    /// Adds `qty` of a product; adding again accumulates.
    ///
    /// # Errors
    /// [`Refusal::NeverCreated`]; [`Refusal::TooMany`] where the product's total would pass [`u32::MAX`].
    pub fn add_item(&self, product: &Product, qty: NonZeroU32) -> Result<Vec<BasketEvent>, Refusal> {
        let basket_id = self.id.ok_or(Refusal::NeverCreated)?;
        let held = self.quantity(product);
        if held.checked_add(qty.get()).is_none() {
            return Err(Refusal::TooMany { product: product.clone(), held, more: qty });
        }
        Ok(vec![ItemAdded { basket_id, product: product.clone(), qty }])
    }

    /// Removes a product, whatever its quantity.
    ///
    /// # Errors
    /// [`Refusal::NeverCreated`]; [`Refusal::NotInBasket`] where there is nothing to remove.
    pub fn remove_item(&self, product: &Product) -> Result<Vec<BasketEvent>, Refusal> {
        let basket_id = self.id.ok_or(Refusal::NeverCreated)?;
        if !self.contains(product) {
            return Err(Refusal::NotInBasket { product: product.clone() });
        }
        Ok(vec![ItemRemoved { basket_id, product: product.clone() }])
    }
}

/// Appliers: an event and the state go in, the next state comes out. They never refuse and can't fail: it has happened.
impl Aggregate for Basket {
    type Id = BasketId;
    type Event = BasketEvent;

    fn apply(&mut self, event: &BasketEvent) {
        match event {
            BasketCreated { basket_id } => self.id = Some(*basket_id),
            ItemAdded { product, qty, .. } => {
                let total = self.items.entry(product.clone()).or_insert(0);
                // The decider kept the sum within u32: on a history that was
                // decided here, this never saturates.
                *total = total.saturating_add(qty.get());
            }
            // "shift" keeps the others in their order; a product that comes back goes to the end.
            ItemRemoved { product, .. } => drop(self.items.shift_remove(product)),
            VoucherRedeemed { .. } => {}
        }
    }
}

/// View methods: questions that can be put to a basket.
impl Basket {
    /// The basket's id; `None` before it was created.
    pub fn id(&self) -> Option<BasketId> {
        self.id
    }

    /// How many of a product are in the basket; 0 where there are none.
    pub fn quantity(&self, product: &Product) -> u32 {
        self.items.get(product).copied().unwrap_or(0)
    }

    /// Whether the product is in the basket.
    pub fn contains(&self, product: &Product) -> bool {
        self.items.contains_key(product)
    }

    /// Products and quantities, in the order in which the products first came in.
    pub fn items(&self) -> impl ExactSizeIterator<Item = (&Product, u32)> {
        self.items.iter().map(|(product, quantity)| (product, *quantity))
    }
}
