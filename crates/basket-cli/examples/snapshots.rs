//! What a snapshot saves a load, as a ratio to the load of a stream of 10³ events, on both stores:
//! `scripts/with-mongo cargo run --release -p basket-cli --example snapshots`. `EVENTS` is the length of the long stream.

use std::{
    env,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use basket_cli::EmbeddedStore;
use basket_domain::{BasketEvent, BasketId, Product};
use basket_mongo::{
    Baskets, Commit, EventLog, EventStore, Expected, MongoStore, Scope, Snapshots, Snapshotted, StoreError,
};
use bson::oid::ObjectId;
use futures_util::TryStreamExt;

/// Events in one commit.
const COMMIT: u64 = 5_000;
/// How often each is loaded; and a long stream without a snapshot, which takes seconds.
const TURNS: usize = 9;
const LONG_TURNS: usize = 3;
/// Different products in a basket.
const PRODUCTS: u64 = 100;

type Failed = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let events: u64 = env::var("EVENTS").map_or(Ok(1_000_000), |events| events.parse())?;
    let folder = tempfile::tempdir()?;
    measure("file", EmbeddedStore::<Baskets>::at(folder.path().join("baskets.db")), events).await?;
    let store = MongoStore::<Baskets>::at(&(env::var("BASKET_TEST_MONGO")? + "basket_snapshots")).await?;
    let measured = measure("MongoDB", store.clone(), events).await;
    store.collection().client().database("basket_snapshots").drop().await?;
    measured
}

async fn measure(name: &str, store: impl Snapshots<Baskets>, events: u64) -> Result<(), Failed> {
    let (short, thousand) = (fill(&store, 2).await?, fill(&store, 1_000).await?);
    let long = fill(&store, events).await?;
    let first = Snapshotted::new(&store, Baskets::STATE, |warning| eprintln!("{warning}"));
    let after = first.clone().after(500);
    let floor = median(async || store.get(&thousand).await).await?;
    let plain = median_of(LONG_TURNS, async || store.get(&long).await).await?;
    let short_plain = median(async || store.get(&short).await).await?;
    let short_first = median(async || first.get(&short).await).await?;
    let short_after = median(async || after.get(&short).await).await?;
    first.take(&long).await?;
    let with = median(async || first.get(&long).await).await?;
    let with_after = median(async || after.get(&long).await).await?;
    let (start, rocks) = (Instant::now(), product(1)?);
    first.command(&long).run(|basket| basket.add_item(&rocks, NonZeroU32::MIN)).await?;
    let command = start.elapsed();
    append(&store, long, events + 1, 999).await?;
    let with_999 = median(async || first.get(&long).await).await?;

    let mut documents = std::pin::pin!(store.documents(Scope::From(long, 1)));
    let mut bytes = 0;
    while let Some(document) = documents.try_next().await? {
        bytes += document.as_bytes().len();
    }
    let snapshot = store.snapshot(&long).await?.ok_or("there is a snapshot")?.as_bytes().len();
    println!("{name}");
    for (what, time) in [
        ("1,000 events", floor),
        ("{N} events, no snapshot", plain),
        ("{N} events, a snapshot of the newest", with),
        ("the same, looked for after 500 events", with_after),
        ("{N} events, 1,000 after the snapshot", with_999),
        ("a command to {N} events, with a snapshot", command),
        ("2 events, no snapshots", short_plain),
        ("2 events, a snapshot looked for first", short_first),
        ("2 events, looked for after 500 events", short_after),
    ] {
        let (what, ms) = (what.replace("{N}", &events.to_string()), time.as_secs_f64() * 1e3);
        println!("  {what:44} {ms:9.2} ms  {:8.2}", time.as_secs_f64() / floor.as_secs_f64());
    }
    println!("  events {bytes} bytes, snapshot {snapshot} bytes: one in {}", bytes / snapshot);
    Ok(())
}

async fn median<T>(call: impl AsyncFn() -> Result<T, StoreError>) -> Result<Duration, StoreError> {
    median_of(TURNS, call).await
}

/// The median of some calls, and one before them that is not counted.
async fn median_of<T>(turns: usize, call: impl AsyncFn() -> Result<T, StoreError>) -> Result<Duration, StoreError> {
    let mut times = Vec::new();
    for turn in 0..=turns {
        let start = Instant::now();
        call().await?;
        if turn > 0 {
            times.push(start.elapsed());
        }
    }
    times.sort();
    Ok(times.get(turns / 2).copied().unwrap_or_default())
}

fn product(number: u64) -> Result<Product, Failed> {
    Ok(Product::new(&format!("product {}", number % PRODUCTS))?)
}

/// A stream of so many events.
async fn fill(store: &impl EventLog<Baskets>, events: u64) -> Result<BasketId, Failed> {
    let basket_id = BasketId::from_bytes(ObjectId::new().bytes());
    let created = [BasketEvent::BasketCreated { basket_id }];
    store.append(&basket_id, Expected::Loaded(0), &Commit::default(), &created).await?;
    append(store, basket_id, 1, events - 1).await?;
    Ok(basket_id)
}

/// Appends so many events after a version.
async fn append(
    store: &impl EventLog<Baskets>,
    basket_id: BasketId,
    mut version: u64,
    mut events: u64,
) -> Result<(), Failed> {
    while events > 0 {
        let many = events.min(COMMIT);
        let added = (version..version + many)
            .map(|number| Ok(BasketEvent::ItemAdded { basket_id, product: product(number)?, qty: NonZeroU32::MIN }));
        let added = added.collect::<Result<Vec<_>, Failed>>()?;
        store.append(&basket_id, Expected::Loaded(version), &Commit::default(), &added).await?;
        (version, events) = (version + many, events - many);
    }
    Ok(())
}
