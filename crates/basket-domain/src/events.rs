//! What can have happened to a basket. An event is a fact in the past tense: it is never changed, and never refused.
//! The deciders in [`basket`](crate::basket) make them; its appliers fold them; a store keeps them for good.

use std::num::NonZeroU32;

use crate::{BasketId, Product, Voucher};

/// A fact about one basket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BasketEvent {
    /// The basket came to be. Always the first event of its stream, and only the first.
    BasketCreated {
        /// The new basket.
        basket_id: BasketId,
    },
    /// A shopper put `qty` more of a product into the basket.
    ItemAdded {
        /// The basket it went into.
        basket_id: BasketId,
        /// What was added.
        product: Product,
        /// How many were added this time (not the new total).
        qty: NonZeroU32,
    },
    /// A shopper took a product out again, all of it.
    ItemRemoved {
        /// The basket it was taken out of.
        basket_id: BasketId,
        /// What was removed.
        product: Product,
    },
    /// A shopper redeemed a voucher for it, which no other basket can do after that.
    VoucherRedeemed {
        /// The basket it was redeemed for.
        basket_id: BasketId,
        /// The voucher.
        voucher: Voucher,
    },
}

impl BasketEvent {
    /// The product that it is about, where it is about one.
    pub fn product(&self) -> Option<&Product> {
        match self {
            Self::BasketCreated { .. } | Self::VoucherRedeemed { .. } => None,
            Self::ItemAdded { product, .. } | Self::ItemRemoved { product, .. } => Some(product),
        }
    }
}
