//! How long an append and a command take, as a ratio to the plain driver doing the least that is correct, taken in turns:
//! `scripts/with-mongo cargo run --release -p basket-mongo --example ratios`.

use std::{
    env,
    time::{Duration, Instant},
};

use basket_domain::{Basket, BasketId, EventSourced, Product};
use basket_mongo::{Baskets, Codec, Commit, EventStore, Expected, MongoStore, Require, store::setup::Init};
use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::Collection;

/// How often each is measured.
const TURNS: usize = 600;
/// Events in the stream that a command is put to.
const EVENTS: i64 = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = env::var("BASKET_TEST_MONGO")? + "basket_ratios";
    let store = MongoStore::<Baskets>::at(&address).await?;
    // With spans and metrics, to which nobody listens.
    let observed = store.clone().observed();
    let prepared = store.elsewhere("basket_ratios", "prepared")?;
    prepared.init(&Init::default()).await?;
    let socks = Product::new("socks")?;
    let qty = std::num::NonZeroU32::MIN;
    let mut times: [Vec<Duration>; 8] = Default::default();
    for _ in 0..TURNS {
        let (id, other) = (new_stream(&store, &socks).await?, new_stream(&store, &socks).await?);
        let events = Basket::default().create(id)?;

        let mut turn = Turn { times: &mut times, place: 0 };
        let new = BasketId::from_bytes(ObjectId::new().bytes());
        turn.of(async { store.collection().insert_one(document(&new, 1)).await.map(drop) }).await?;
        let new = BasketId::from_bytes(ObjectId::new().bytes());
        turn.of(async { store.append(&new, Expected::Loaded(0), &Commit::default(), &events).await }).await?;
        let new = BasketId::from_bytes(ObjectId::new().bytes());
        turn.of(async { observed.append(&new, Expected::Loaded(0), &Commit::default(), &events).await }).await?;
        let new = BasketId::from_bytes(ObjectId::new().bytes());
        let create = store.command(&new).require(Require::New);
        turn.of(create.run(|basket| basket.create(new))).await?;

        turn.of(async {
            let next = find(store.collection(), &id).await? + 1;
            store.collection().insert_one(document(&id, next)).await.map(drop)
        })
        .await?;
        let add = |basket: &Basket| basket.add_item(&socks, qty);
        turn.of(store.command(&other).run(add)).await?;
        turn.of(store.command(&other).once(ObjectId::new().to_hex()).run(add)).await?;
        let new = BasketId::from_bytes(ObjectId::new().bytes());
        turn.of(async { prepared.append(&new, Expected::Loaded(0), &Commit::default(), &events).await }).await?;
    }
    store.collection().client().database("basket_ratios").drop().await?;
    let median = |place: usize| -> f64 {
        let mut times = times.get(place).cloned().unwrap_or_default();
        times.sort();
        times.get(TURNS / 2).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    for (what, place, floor) in [
        ("append of one event / insert_one", 1, 0),
        ("append of one event, observed / append", 2, 1),
        ("command to a new stream / insert_one", 3, 0),
        ("command to 10 events / find and insert_one", 5, 4),
        ("the same with a request / find and insert_one", 6, 4),
        ("append after `init` / without its validator", 7, 1),
    ] {
        println!("{what:48} {:.2}  ({:.3} ms / {:.3} ms)", median(place) / median(floor), median(place), median(floor));
    }
    Ok(())
}

struct Turn<'a> {
    times: &'a mut [Vec<Duration>; 8],
    place: usize,
}

impl Turn<'_> {
    async fn of<T, E>(&mut self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let start = Instant::now();
        let done = work.await;
        if let Some(times) = self.times.get_mut(self.place) {
            times.push(start.elapsed());
        }
        self.place += 1;
        done
    }
}

async fn new_stream(store: &MongoStore<Baskets>, socks: &Product) -> Result<BasketId, Box<dyn std::error::Error>> {
    let id = BasketId::from_bytes(ObjectId::new().bytes());
    let mut basket = EventSourced::<Basket>::new(id);
    basket.decide(|basket| basket.create(id))?;
    for _ in 1..EVENTS {
        basket.decide(|basket| basket.add_item(socks, std::num::NonZeroU32::MIN))?;
    }
    store.save(&mut basket).await?;
    Ok::<_, Box<dyn std::error::Error>>(id)
}

/// What an event's document has.
fn document(id: &BasketId, version: i64) -> Document {
    doc! {
        "_id": ObjectId::new(), "basket_id": Baskets::key(id), "version": version, "type": "ItemAdded",
        "data": { "product": "socks", "qty": 1_i64 }, "recorded_at": DateTime::now(), "commit": ObjectId::new(), "schema": 1,
    }
}

/// The newest version, from all the events as a fold reads them.
async fn find(events: &Collection<Document>, id: &BasketId) -> Result<i64, mongodb::error::Error> {
    let mut found = events.find(doc! { "basket_id": Baskets::key(id) }).sort(doc! { "version": 1 }).await?;
    let mut newest = 0;
    while let Some(event) = found.try_next().await? {
        newest = event.get_i64("version").unwrap_or(newest);
    }
    Ok(newest)
}
