//! What a codec costs a load, as a ratio to one by hand that reads the newest schema:
//! `scripts/with-mongo cargo run --release -p basket-mongo --example codecs`.

use std::{
    env,
    time::{Duration, Instant},
};

use basket_mongo::{Codec, EventStore, MongoStore};
use bson::{DateTime, Document, doc, oid::ObjectId};
use testkit::years::{
    BySerde,
    basket::{Basket, Happened, Quantity},
    by_hand::ByHand,
};

/// Events in a stream.
const EVENTS: i64 = 10_000;
/// How often each is loaded.
const TURNS: usize = 40;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = env::var("BASKET_TEST_MONGO")? + "basket_codecs";
    let (by_hand, by_serde) = (MongoStore::<ByHand>::at(&address).await?, MongoStore::<BySerde>::at(&address).await?);
    let collection = by_hand.collection();
    let [new, old] = [(); 2].map(|()| ObjectId::new().to_hex());
    for version in 1..=EVENTS {
        let (product, quantity) = (format!("product {}", version % 20), Quantity { value: 1, unit: "piece".into() });
        let (kind, data) = ByHand::encode(&Happened::ItemAdded { product: product.clone(), quantity, bought_at: None });
        let documents = [
            document(&new, version, kind, data, 2),
            document(&old, version, kind, doc! { "product": product, "qty": 1_i64 }, 1),
        ];
        collection.insert_many(documents).await?;
    }
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..TURNS {
        for (place, times) in times.iter_mut().enumerate() {
            let start = Instant::now();
            match place {
                0 => is_whole(by_hand.get(&new).await?.state()),
                1 => is_whole(by_hand.get(&old).await?.state()),
                2 => is_whole(by_serde.get(&new).await?.state()),
                _ => is_whole(by_serde.get(&old).await?.state()),
            }
            times.push(start.elapsed());
        }
    }
    collection.client().database("basket_codecs").drop().await?;
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times.get(TURNS / 2).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    let times = times.each_mut().map(median);
    let [floor, ..] = times;
    for (what, time) in
        ["by hand", "by hand, one schema back", "by serde", "by serde, one schema back"].iter().zip(times)
    {
        println!("{what:28} {time:6.1} ms  {:.2}", time / floor);
    }
    Ok(())
}

fn document(id: &str, version: i64, kind: &str, data: Document, schema: i32) -> Document {
    doc! {
        "basket_id": ByHand::key(&id.to_owned()), "version": version, "type": kind, "data": data, "schema": schema,
        "recorded_at": DateTime::now(), "commit": ObjectId::new(),
    }
}

fn is_whole(basket: &Basket) {
    assert_eq!(basket.items.values().flat_map(|of| of.values()).sum::<i64>(), EVENTS);
}
