//! A database of one work, with streams as the talk has them: a basket is created, then products are added, fifty in turn.
//! Both sides use the same connections, and so the same options.

use std::num::NonZeroU32;

use anyhow::{Context, Result};
use basket_domain::{
    BasketEvent::{self, BasketCreated, ItemAdded},
    BasketId, Product,
};
use basket_mongo::{
    Baskets, Codec, Commit, EventStore, Expected, MongoStore, mongo::connection, store::document::new_events,
};
use bson::{DateTime, Document, doc, oid::ObjectId};
use mongodb::{Collection, Database};

/// A database of its own; whoever has made it drops it.
#[derive(Clone)]
pub struct Place {
    /// Its address, as a user would write it.
    pub address: String,
    /// The database.
    pub database: Database,
    /// The store on it.
    pub store: MongoStore<Baskets>,
    /// The same collection for the driver, with reads and writes of the majority.
    pub events: Collection<Document>,
}

impl Place {
    /// A new one on a server. The store has made its index, which is there for both sides.
    pub async fn new(server: &str) -> Result<Self> {
        let place = Self::empty(server).await?;
        let id = new_id();
        place.store.append(&id, Expected::Loaded(0), &Commit::default(), &events(id, 1)?).await?;
        Ok(place)
    }

    /// A new one, in which nothing is made yet.
    pub async fn empty(server: &str) -> Result<Self> {
        let name = format!("bench_{}", ObjectId::new());
        let (hosts, options) = server.split_once('?').unwrap_or((server, ""));
        let options = if options.is_empty() { String::new() } else { format!("?{options}") };
        let address = format!("{}/{name}{options}", hosts.trim_end_matches('/'));
        let store = MongoStore::<Baskets>::with_options(connection::options(&address).await?)?;
        let events = store.collection().clone();
        Ok(Self { address, database: events.client().database(&name), store, events })
    }

    /// A new stream of so many events.
    pub async fn stream(&self, length: u64) -> Result<BasketId> {
        let id = new_id();
        let documents: Vec<_> = documents(id, length)?;
        for batch in documents.chunks(5_000) {
            self.events.insert_many(batch).await?;
        }
        Ok(id)
    }

    /// So many events in streams of one length; returns the ids of the streams.
    pub async fn fill(&self, events: u64, length: u64) -> Result<Vec<BasketId>> {
        let streams = (events / length).max(1);
        let at_once = (5_000 / length).max(1);
        let mut ids = Vec::new();
        for first in (0..streams).step_by(at_once as usize) {
            let mut batch = Vec::new();
            for _ in first..streams.min(first + at_once) {
                let id = new_id();
                batch.extend(documents(id, length)?);
                ids.push(id);
            }
            self.events.insert_many(batch).await?;
        }
        Ok(ids)
    }
}

/// The id of a new basket.
pub fn new_id() -> BasketId {
    BasketId::from_bytes(ObjectId::new().bytes())
}

/// The first events of a basket.
pub fn events(basket_id: BasketId, length: u64) -> Result<Vec<BasketEvent>> {
    let added = |number: u64| {
        let product = Product::new(&format!("product {}", (number - 1) % 50))?;
        Ok(ItemAdded { basket_id, product, qty: NonZeroU32::MIN })
    };
    (0..length).map(|number| if number == 0 { Ok(BasketCreated { basket_id }) } else { added(number) }).collect()
}

/// The documents of these events, as the store writes them.
pub fn documents(id: BasketId, length: u64) -> Result<Vec<Document>> {
    let events = new_events::<Baskets>(0, &Commit::default(), DateTime::now(), &events(id, length)?);
    Ok(events.iter().map(|event| event.document::<Baskets>(&id)).collect())
}

/// The document of one event, as the driver's user would make it by hand.
pub fn document(id: &BasketId, version: i64) -> Document {
    let (kind, data) = match version {
        1 => ("BasketCreated", doc! {}),
        _ => ("ItemAdded", doc! { "product": "product 0", "qty": 1_i64 }),
    };
    doc! {
        "_id": ObjectId::new(), "basket_id": Baskets::key(id), "version": version, "type": kind, "data": data,
        "recorded_at": DateTime::now(), "commit": ObjectId::new(), "schema": 1,
    }
}

/// A product that is in every basket of more than one event.
pub fn product() -> Result<Product> {
    Product::new("product 0").context("the name of a product")
}
