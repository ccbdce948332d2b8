//! Its codec by hand, with two schemas of an added item.

use basket_mongo::{
    Codec, Upcaster,
    store::codec::{text, whole_number},
};
use bson::{Bson, Document, RawBsonRef, RawDocument, doc, oid::ObjectId};

use super::basket::{Basket, Happened, Quantity, with_unit};

pub struct ByHand;

impl Codec for ByHand {
    type Aggregate = Basket;

    const COLLECTION: &'static str = "baskets";
    const KEY: &'static str = "basket_id";
    const UPCASTERS: &'static [Upcaster] = &[Upcaster { kind: "ItemAdded", from: 1, step: with_unit }];

    fn key(id: &String) -> Bson {
        ObjectId::parse_str(id).map_or_else(|_| Bson::String(id.clone()), Bson::ObjectId)
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        Some(key.as_object_id()?.to_hex())
    }

    fn encode(event: &Happened) -> (&'static str, Document) {
        match event {
            Happened::BasketCreated {} => ("BasketCreated", doc! {}),
            Happened::ItemAdded { product, quantity: Quantity { value, unit }, bought_at } => {
                let mut data = doc! { "product": product, "quantity": { "value": *value, "unit": unit } };
                data.extend(bought_at.iter().map(|place| ("bought_at".to_owned(), place.into())));
                ("ItemAdded", data)
            }
            Happened::ItemRemoved { product } => ("ItemRemoved", doc! { "product": product }),
            Happened::ItemPutBack { product } => ("ItemPutBack", doc! { "product": product }),
            Happened::ItemBroken { product } => ("ItemBroken", doc! { "product": product }),
            Happened::VoucherRedeemed { voucher } => ("VoucherRedeemed", doc! { "voucher": voucher }),
        }
    }

    fn decode(_: &String, kind: &str, data: &RawDocument) -> Result<Happened, String> {
        let field = |name| text(data, name).map(str::to_owned);
        match kind {
            "BasketCreated" => Ok(Happened::BasketCreated {}),
            "ItemAdded" => {
                let quantity = data.get_document("quantity").map_err(|error| error.to_string())?;
                let quantity =
                    Quantity { value: whole_number(quantity, "value")?, unit: text(quantity, "unit")?.to_owned() };
                let bought_at = data.get_str("bought_at").ok().map(str::to_owned);
                Ok(Happened::ItemAdded { product: field("product")?, quantity, bought_at })
            }
            "ItemRemoved" => Ok(Happened::ItemRemoved { product: field("product")? }),
            "ItemPutBack" => Ok(Happened::ItemPutBack { product: field("product")? }),
            "ItemBroken" => Ok(Happened::ItemBroken { product: field("product")? }),
            "VoucherRedeemed" => Ok(Happened::VoucherRedeemed { voucher: field("voucher")? }),
            unknown => Err(format!("its type '{unknown}' is none that a basket knows")),
        }
    }
}
