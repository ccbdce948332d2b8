//! How long it takes until fifty subscriptions have an event, and what they take of a processor:
//! `scripts/with-mongo cargo run --release -p basket-mongo --example subscriptions`.

use std::{
    env, fs,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use basket_domain::{Basket, BasketId, EventSourced, Product};
use basket_mongo::{
    Baskets, EventStore, MongoStore, Subscription,
    store::{feed::Shape, subscription::Options},
};
use bson::oid::ObjectId;
use tokio::time::{sleep, timeout};

/// Subscriptions at once.
const READERS: usize = 50;
/// Events a second, and for how many seconds.
const RATE: u64 = 10;
const SECONDS: u64 = 15;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = MongoStore::<Baskets>::at(&(env::var("BASKET_TEST_MONGO")? + "basket_subscriptions")).await?;
    let lags = Arc::new(Mutex::new(Vec::new()));
    let id = BasketId::from_bytes(ObjectId::new().bytes());
    let mut basket = EventSourced::<Basket>::new(id);
    basket.decide(|basket| basket.create(id))?;
    store.save(&mut basket).await?;
    let readers: Vec<_> =
        (0..READERS).map(|place| tokio::spawn(read(store.clone(), place, Arc::clone(&lags)))).collect();
    sleep(Duration::from_secs(3)).await;

    let idle = busy()?;
    sleep(Duration::from_secs(5)).await;
    println!("idle: {:.1} % of a processor", (busy()? - idle) * 20.0);
    let (start, before) = (Instant::now(), busy()?);
    let socks = Product::new("socks")?;
    for tick in 1..=RATE * SECONDS {
        basket.decide(|basket| basket.add_item(&socks, std::num::NonZeroU32::MIN))?;
        store.save(&mut basket).await?;
        sleep((start + Duration::from_millis(1_000 * tick / RATE)).saturating_duration_since(Instant::now())).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{RATE} events a second: {:.1} % of a processor", (busy()? - before) / seconds * 100.0);
    sleep(Duration::from_secs(3)).await;
    readers.iter().for_each(tokio::task::JoinHandle::abort);

    let mut lags = lags.lock().map_or_else(|_| Vec::new(), |lags| lags.clone());
    lags.sort();
    let at = |share: f64| lags.get((lags.len() as f64 * share) as usize).copied().unwrap_or_default();
    println!(
        "{} events reached {READERS} readers: {} of {}; from recorded to read: median {:?}, 99 % {:?}, longest {:?}",
        RATE * SECONDS,
        lags.len(),
        RATE * SECONDS * READERS as u64,
        at(0.5),
        at(0.99),
        lags.last().copied().unwrap_or_default()
    );
    store.collection().client().database("basket_subscriptions").drop().await?;
    Ok(())
}

async fn read(store: MongoStore<Baskets>, place: usize, lags: Arc<Mutex<Vec<Duration>>>) -> Result<(), String> {
    let shape = Shape { number: 1, indexes: &[] };
    let words = |error: basket_mongo::StoreError| error.to_string();
    let opened = Subscription::open(&store, &format!("reader-{place}"), shape, Options::default()).await;
    let mut reader = opened.map_err(words)?;
    loop {
        // A reader that is quiet for long has still to be asked: that renews its lease.
        let Ok(batch) = timeout(Duration::from_secs(60), reader.next()).await else { continue };
        let batch = batch.map_err(words)?;
        let now = SystemTime::now();
        let late = batch
            .entries
            .iter()
            .filter(|entry| entry.version > 1)
            .filter_map(|entry| now.duration_since(entry.recorded_at.to_system_time()).ok());
        if let Ok(mut lags) = lags.lock() {
            lags.extend(late);
        }
        reader.keep(batch, Default::default()).await.map_err(words)?;
    }
}

/// Seconds of a processor that this process has had.
fn busy() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
    Ok((ticks(11) + ticks(12)) / 100.0)
}
