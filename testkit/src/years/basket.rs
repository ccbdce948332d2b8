//! The basket some years later. Three things have changed since the first release, each on its own road:
//!
//! - An item may say where it was bought: a field that may be missing, so nothing else changes.
//! - A quantity has a unit: a step brings the old ones, which were pieces, to the new shape.
//! - A removal was one event, whatever it meant; now an item is put back, or broken. Two new types; the old one is still read.

use std::collections::BTreeMap;

use basket_domain::Aggregate;
use bson::{Document, doc};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Happened {
    BasketCreated {},
    ItemAdded {
        product: String,
        quantity: Quantity,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bought_at: Option<String>,
    },
    /// Of the first years; no command raises it any more.
    ItemRemoved {
        product: String,
    },
    ItemPutBack {
        product: String,
    },
    ItemBroken {
        product: String,
    },
    VoucherRedeemed {
        voucher: String,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    pub value: i64,
    pub unit: String,
}

/// What is in it: of each product, how many of each unit.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Basket {
    pub items: BTreeMap<String, BTreeMap<String, i64>>,
}

impl Aggregate for Basket {
    type Id = String;
    type Event = Happened;

    fn apply(&mut self, event: &Happened) {
        match event {
            Happened::ItemAdded { product, quantity: Quantity { value, unit }, .. } => {
                *self.items.entry(product.clone()).or_default().entry(unit.clone()).or_default() += value;
            }
            Happened::ItemRemoved { product }
            | Happened::ItemPutBack { product }
            | Happened::ItemBroken { product } => drop(self.items.remove(product)),
            Happened::BasketCreated {} | Happened::VoucherRedeemed { .. } => {}
        }
    }
}

/// From a number of pieces to a quantity with its unit.
pub fn with_unit(mut data: Document) -> Result<Document, String> {
    let value = match data.remove("qty") {
        // As mongosh writes it.
        Some(bson::Bson::Double(value)) if value.fract() == 0.0 => value as i64,
        Some(value) => basket_mongo::store::codec::stored_number(&value).ok_or("data.qty is no whole number")?,
        None => return Err("data.qty is missing".into()),
    };
    data.insert("quantity", doc! { "value": value, "unit": "piece" });
    Ok(data)
}
