//! How large events and their indexes are on a server, with ids of streams that rise, as ObjectIds do, and with ids at random:
//! `scripts/with-mongo cargo run --release -p basket-mongo --example sizes`. `EVENTS=1000000` says how many.

use std::{env, time::Instant};

use basket_domain::{Basket, BasketId, EventSourced};
use basket_mongo::{Baskets, Codec, EventStore, MongoStore};
use bson::{DateTime, Document, doc, oid::ObjectId};

/// Events in a stream, and streams that are written to at the same time.
const LENGTH: i64 = 10;
const OPEN: usize = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = env::var("BASKET_TEST_MONGO")? + "basket_sizes";
    let events: u64 = env::var("EVENTS").map_or(Ok(1_000_000), |events| events.parse())?;
    println!("bytes an event, of {events}:\nids        document   on disk  unique index       _id  seconds");
    for (name, is_random) in [("rising", false), ("at random", true)] {
        let store = MongoStore::<Baskets>::at(&address).await?;
        store.collection().drop().await?;
        store.save(&mut first(is_random)?).await?; // makes the unique index
        let start = Instant::now();
        for _ in 0..events / (LENGTH as u64 * OPEN as u64) {
            let streams: Vec<_> = (0..OPEN).map(|_| id(is_random)).collect();
            for version in 1..=LENGTH {
                let documents = streams.iter().map(|id| document(id, version));
                store.collection().insert_many(documents).await?;
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        let database = store.collection().client().database("basket_sizes");
        // So that what is on disk is all of it.
        database.client().database("admin").run_command(doc! { "fsync": 1 }).await?;
        let found = database.run_command(doc! { "collStats": store.collection().name() }).await?;
        let indexes = found.get_document("indexSizes")?;
        let each = |bytes: &bson::Bson| {
            let bytes = bytes.as_f64().or(bytes.as_i64().map(|n| n as f64)).or(bytes.as_i32().map(f64::from));
            bytes.unwrap_or_default() / events as f64
        };
        let of = |document: &Document, name: &str| document.get(name).map(each).unwrap_or_default();
        println!(
            "{name:10} {:8.0}  {:8.0}  {:12.0}  {:8.0}  {seconds:7.0}",
            of(&found, "size"),
            of(&found, "storageSize"),
            of(indexes, "basket_id_1_version_1"),
            of(indexes, "_id_"),
        );
        database.drop().await?;
    }
    Ok(())
}

fn id(is_random: bool) -> BasketId {
    BasketId::from_bytes(if is_random {
        fastrand::u128(..).to_le_bytes()[..12].try_into().unwrap_or_default()
    } else {
        ObjectId::new().bytes()
    })
}

fn first(is_random: bool) -> Result<EventSourced<Basket>, Box<dyn std::error::Error>> {
    let id = id(is_random);
    let mut basket = EventSourced::<Basket>::new(id);
    basket.decide(|basket| basket.create(id))?;
    Ok(basket)
}

/// An event as the store writes it, with an actor: one of 5,000 products, and of 500 people.
fn document(id: &BasketId, version: i64) -> Document {
    let (product, actor) = (fastrand::u16(..5_000), fastrand::u16(..500));
    doc! {
        "_id": ObjectId::new(), "basket_id": Baskets::key(id), "version": version, "type": "ItemAdded",
        "data": { "product": format!("product {product}"), "qty": fastrand::i64(1..9) }, "recorded_at": DateTime::now(),
        "commit": ObjectId::new(), "schema": 1, "meta": { "actor": format!("person {actor}") },
    }
}
