//! How the state of a basket is kept in a snapshot: its products and their quantities, in their order. A basket's fields are its
//! own, so it is written, and read back, as the shortest history that leads to it.

use basket_domain::{Aggregate, Basket, BasketEvent::BasketCreated, BasketId, Product};
use bson::{Document, RawBsonRef, RawDocument, doc};

use crate::{
    baskets::Baskets,
    store::{codec::Codec, snapshot::StateCodec},
};

impl Baskets {
    /// `{ items: [{ product: "rocks", qty: 1 }, ...] }`: a basket has nothing else.
    pub const STATE: StateCodec<Self> = StateCodec { schema: 1, write, read };
}

fn write(basket: &Basket) -> Result<Document, String> {
    let item = |(product, qty): (&Product, u32)| doc! { "product": product.as_str(), "qty": i64::from(qty) };
    Ok(doc! { "items": basket.items().map(item).collect::<Vec<_>>() })
}

fn read(id: &BasketId, state: &RawDocument) -> Result<Basket, String> {
    let mut basket = Basket::default();
    basket.apply(&BasketCreated { basket_id: *id });
    for item in state.get_array("items").map_err(|error| error.to_string())? {
        let item = item.ok().and_then(RawBsonRef::as_document).ok_or("an item is no document")?;
        basket.apply(&Baskets::decode(id, "ItemAdded", item)?);
    }
    Ok(basket)
}
