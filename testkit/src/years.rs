//! A basket whose events have changed over the years, and its codec: by hand, and by serde.

pub mod basket;
pub mod by_hand;

use basket_mongo::{Codec, Upcaster, store::by_serde::SerdeEvents};

use basket::{Basket, with_unit};
use bson::{Bson, RawBsonRef};
use by_hand::ByHand;

/// Its codec by serde.
#[derive(Debug)]
pub struct BySerde;

impl SerdeEvents for BySerde {
    type Aggregate = Basket;

    const COLLECTION: &'static str = "baskets";
    const KEY: &'static str = "basket_id";
    const UPCASTERS: &'static [Upcaster] = &[Upcaster { kind: "ItemAdded", from: 1, step: with_unit }];

    fn key(id: &String) -> Bson {
        ByHand::key(id)
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        ByHand::id(key)
    }
}
