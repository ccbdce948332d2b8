//! How the events of a basket are stored: the shape of `type` and `data` in `db.baskets`.
//! The stores call it through [`Codec`]; the rules of the basket are in `basket-domain`.

use std::num::NonZeroU32;

use basket_domain::{
    Basket,
    BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved, VoucherRedeemed},
    BasketId, Product, Voucher,
};
use bson::{Bson, Document, RawBsonRef, RawDocument, doc, oid::ObjectId};

use crate::store::codec::{Codec, text, whole_number};

/// The codec of baskets: `MongoStore<Baskets>` keeps them in `db.baskets`.
#[derive(Debug, Clone, Copy)]
pub struct Baskets;

impl Codec for Baskets {
    type Aggregate = Basket;

    const COLLECTION: &'static str = "baskets";
    const KEY: &'static str = "basket_id";

    fn key(id: &BasketId) -> Bson {
        ObjectId::from_bytes(id.to_bytes()).into()
    }

    fn id(key: RawBsonRef<'_>) -> Option<BasketId> {
        key.as_object_id().map(|id| BasketId::from_bytes(id.bytes()))
    }

    fn encode(event: &BasketEvent) -> (&'static str, Document) {
        match event {
            BasketCreated { .. } => ("BasketCreated", doc! {}),
            ItemAdded { product, qty, .. } => {
                ("ItemAdded", doc! { "product": product.as_str(), "qty": i64::from(qty.get()) })
            }
            ItemRemoved { product, .. } => ("ItemRemoved", doc! { "product": product.as_str() }),
            VoucherRedeemed { voucher, .. } => ("VoucherRedeemed", doc! { "voucher": voucher.as_str() }),
        }
    }

    fn decode(basket_id: &BasketId, kind: &str, data: &RawDocument) -> Result<BasketEvent, String> {
        let basket_id = *basket_id;
        match kind {
            "BasketCreated" => Ok(BasketCreated { basket_id }),
            "ItemAdded" => Ok(ItemAdded { basket_id, product: product(data)?, qty: qty(data)? }),
            "ItemRemoved" => Ok(ItemRemoved { basket_id, product: product(data)? }),
            "VoucherRedeemed" => Ok(VoucherRedeemed { basket_id, voucher: voucher(data)? }),
            unknown => Err(format!("its type '{unknown}' is none that a basket knows")),
        }
    }

    /// A decision to redeem a voucher queries the events with its tag.
    fn tags(event: &BasketEvent) -> Vec<String> {
        match event {
            VoucherRedeemed { voucher, .. } => vec![voucher_tag(voucher)],
            _ => Vec::new(),
        }
    }

    fn check(basket: &Basket, event: &BasketEvent) -> Result<(), String> {
        match event {
            BasketCreated { .. } if basket.id().is_some() => {
                Err("a basket is created once, and this one was already".into())
            }
            BasketCreated { .. } => Ok(()),
            _ if basket.id().is_none() => Err("the first event of a basket must be BasketCreated".into()),
            ItemAdded { product, qty, .. } if basket.quantity(product).checked_add(qty.get()).is_none() => {
                Err(format!("it takes the total of '{product}' past {}", u32::MAX))
            }
            ItemAdded { .. } | ItemRemoved { .. } | VoucherRedeemed { .. } => Ok(()),
        }
    }

    fn warning(basket: &Basket, event: &BasketEvent) -> Option<String> {
        match event {
            ItemRemoved { product, .. } if !basket.contains(product) => {
                Some(format!("it removes '{product}', which is not in the basket then"))
            }
            _ => Product::new(event.product()?.as_str()).err().map(|why| format!("no command writes it today: {why}")),
        }
    }

    const KEY_TYPE: Option<&'static str> = Some("objectId");
}

/// What a query finds the redemptions of this voucher by.
pub fn voucher_tag(voucher: &Voucher) -> String {
    format!("voucher:{voucher}")
}

fn voucher(data: &RawDocument) -> Result<Voucher, String> {
    text(data, "voucher")?.parse().map_err(|why| format!("data.voucher is no voucher: {why}"))
}

/// Only the form that a [`Product`] has is valid, so that a query on the server counts the same products as we do.
fn product(data: &RawDocument) -> Result<Product, String> {
    let text = text(data, "product")?;
    let product = Product::stored(text).map_err(|why| format!("data.product is no product: {why}"))?;
    if product.as_str() != text {
        return Err(format!(
            "data.product is {text:?}, which has blanks around it or is not in Unicode's normal form C"
        ));
    }
    Ok(product)
}

fn qty(data: &RawDocument) -> Result<NonZeroU32, String> {
    let number = whole_number(data, "qty")?;
    u32::try_from(number)
        .ok()
        .and_then(NonZeroU32::new)
        .ok_or_else(|| format!("data.qty is {number}, expected a whole number from 1 to {}", u32::MAX))
}
