//! A `basket watch` whose server is killed and started again under it, while somebody writes: nothing is missed, nothing
//! shown twice, and every basket in order. `BASKET_TEST_RESTARTS` says how often; a few times unless it does.

mod support;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use basket_domain::{Basket, EventSourced};
use basket_mongo::{Baskets, CommitId, EventStore, MongoStore};
use bson::{Document, doc};
use futures_util::{TryStreamExt, future::join, future::join_all};
use mongodb::Collection;
use serde_json::Value;
use support::{
    Shell,
    mongo::{created, product, qty},
    own_server::OwnServer,
    watcher::Watcher,
};
use tokio::time::sleep;

/// Baskets that are written to at once.
const WRITERS: u64 = 6;
/// How long each of them waits between two commits, of one and of two events in turn.
const PAUSE: Duration = Duration::from_millis(10);
/// At how many restarts two more watchers begin: more of them, and there is no time left for the writers.
const STARTS: usize = 3;
/// How long the server is up, at least.
const UP: Duration = Duration::from_millis(1200);

/// Writes to one basket until it is told to stop; what got no answer is saved again until it has one.
async fn write(store: &MongoStore<Baskets>, stop: &AtomicBool, written: &AtomicU64) {
    let mut basket = created();
    while !stop.load(SeqCst) {
        for _ in 0..=basket.version() % 2 {
            basket.decide(|basket| basket.add_item(&product("socks"), qty(1))).unwrap();
        }
        save(store, &mut basket, written).await;
        sleep(PAUSE).await;
    }
}

async fn save(store: &MongoStore<Baskets>, basket: &mut EventSourced<Basket>, written: &AtomicU64) {
    let (commit, events) = (CommitId::new(), basket.new_events().len());
    while let Err(error) = store.save_as(commit, basket).await {
        let message = error.to_string();
        assert!(!message.contains("somebody else"), "{message}");
        sleep(Duration::from_millis(50)).await;
    }
    written.fetch_add(events as u64, SeqCst);
}

/// The heads of all baskets, as the database has them.
async fn heads(events: &Collection<Document>) -> HashMap<String, u64> {
    let all: Vec<Document> =
        events.find(doc! {}).sort(doc! { "version": 1 }).await.unwrap().try_collect().await.unwrap();
    let head = |event: &Document| {
        (event.get_object_id("basket_id").unwrap().to_hex(), event.get_i64("version").unwrap().unsigned_abs())
    };
    all.iter().map(head).collect()
}

/// Holds what was shown, in its order, against what is there.
fn compare(what: &str, shown: &[String], heads: &HashMap<String, u64>) {
    let mut versions: HashMap<String, Vec<u64>> = HashMap::new();
    for line in shown {
        let record: Value = serde_json::from_str(line).unwrap();
        let basket = record["basket"].as_str().unwrap().to_owned();
        versions.entry(basket).or_default().push(record["version"].as_u64().unwrap());
    }
    for (basket, head) in heads {
        let shown = versions.remove(basket).unwrap_or_default();
        let wrong = shown.iter().zip(1..).find(|(shown, expected)| *shown != expected);
        assert_eq!((wrong, shown.len() as u64), (None, *head), "{what}: basket {basket}");
    }
    assert!(versions.is_empty(), "{what}: {versions:?}");
}

#[test]
fn mongo_a_restarted_server_costs_no_event_and_repeats_none() {
    let restarts = std::env::var("BASKET_TEST_RESTARTS").map_or(3, |number| number.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(mut server) = OwnServer::start().await else { return };
        let shell = Shell::new().with("BASKET_STORE", server.address());
        let store = MongoStore::<Baskets>::connect(&server.address()).await.unwrap();
        let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
        save(&store, &mut created(), &written).await;

        let live = Watcher::start(&shell, "watch --from beginning --format ndjson");
        let mut watchers = vec![];
        let (mut lost, mut up, start) = (0, Duration::ZERO, Instant::now());
        let writers = join_all((0..WRITERS).map(|_| write(&store, &stop, &written)));
        let killing = async {
            for restart in 0..restarts {
                let began = Instant::now();
                // Killed while it reads what was kept, or just after.
                let watch = || Watcher::spawn(&shell, "watch --from beginning --format ndjson");
                watchers.extend((restart < STARTS).then(watch));
                sleep(UP).await;
                watchers.extend((restart < STARTS).then(watch));
                sleep(Duration::from_millis(fastrand::u64(0..60))).await;
                up += began.elapsed();
                server.kill(if restart % 2 == 0 { "KILL" } else { "TERM" });
                // Long enough, now and then, for the driver to lose its patience.
                sleep(Duration::from_millis(if restart % 3 == 1 { 2500 } else { 200 })).await;
                server.run();
                server.wait().await;
            }
            sleep(UP).await;
            up += UP;
            stop.store(true, SeqCst);
        };
        join(writers, killing).await;

        let heads = heads(&server.database("basket_db", "").await.collection("baskets")).await;
        let events: u64 = heads.values().sum();
        assert_eq!(events, written.load(SeqCst), "the writers' own count");
        let (mut unreached, count) = (0, 1 + watchers.len());
        for (at, watcher) in [live].into_iter().chain(watchers).enumerate() {
            let shown: Vec<_> = (0..events).map_while(|_| watcher.lines.recv_timeout(Duration::from_secs(20)).ok()).collect();
            // All of it was shown, so whatever comes now would be one too many.
            watcher.signal(if at % 2 == 0 { "INT" } else { "TERM" });
            let end = watcher.end();
            // One that was started at the last moment may have met no server.
            if at > 0 && at % 2 == 0 && shown.is_empty() && end.code == 6 {
                unreached += 1;
                continue;
            }
            compare(&format!("watcher {at}, {}", end.err), &shown, &heads);
            assert_eq!((end.code, end.out.as_str()), (0, ""), "watcher {at}: {end:?}");
            let (said, back) = (end.err.matches("waiting for it").count(), end.err.matches("is back").count());
            assert!(said <= back + 1, "said once each time: {}", end.err);
            lost += said;
        }
        println!(
            "{restarts} restarts in {:.0?}, {events} events, {:.0} a second while it was up; {count} watchers, {unreached} without \
             a server at their start; {lost} times the connection was lost for longer than the driver mends",
            start.elapsed(), events as f64 / up.as_secs_f64()
        );
    });
}

#[test]
fn mongo_a_history_that_the_server_has_forgotten_ends_it_and_is_not_skipped() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(server) = OwnServer::start().await else { return };
        let shell = Shell::new().with("BASKET_STORE", server.address());
        let answer = |codes: Document| {
            let mut data = doc! { "failCommands": ["aggregate", "getMore"], "appName": "basket" };
            data.extend(codes);
            server.admin(doc! { "configureFailPoint": "failCommand", "mode": { "times": 1 }, "data": data })
        };

        let watcher = Watcher::start(&shell, "watch");
        answer(doc! { "errorCode": 286, "errorLabels": ["NonResumableChangeStreamError"] }).await;
        watcher.end().fails(6, "watch again from the version after it, or from the beginning");

        // Access that was taken away ends it as well; a primary that steps down is waited for.
        let watcher = Watcher::start(&shell, "watch");
        answer(doc! { "errorCode": 13 }).await;
        watcher.end().fails(6, "refuses access");
        let watcher = Watcher::start(&shell, "watch -n 2");
        answer(doc! { "errorCode": 11602 }).await;
        assert!(watcher.note().ends_with("; waiting for it"));
        assert!(watcher.note().ends_with("is back; nothing was missed"));
        shell.create("socks");
        assert_eq!(watcher.end().code, 0);
    });
}

#[test]
fn mongo_a_catch_up_that_breaks_off_goes_on_where_it_was_and_at_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(server) = OwnServer::start().await else { return };
        let shell = Shell::new().with("BASKET_STORE", server.address());
        let kept: Vec<_> = (0..25).map(|_| shell.create("socks")).collect();

        // The first read is that of a time, the second that of the events; after it, the server is going down.
        let going_down = doc! { "failCommands": ["find"], "appName": "basket", "errorCode": 11600 };
        server.admin(doc! { "configureFailPoint": "failCommand", "mode": { "skip": 2 }, "data": going_down }).await;
        let watcher = Watcher::spawn(&shell, "watch --from beginning --format ndjson");
        let mut told = watcher.records(50);
        assert!(watcher.note().ends_with("; waiting for it"));
        sleep(Duration::from_millis(700)).await;
        server.admin(doc! { "configureFailPoint": "failCommand", "mode": "off" }).await;

        let back = Instant::now();
        assert!(watcher.note().starts_with("watching all baskets"));
        assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
        watcher.is_silent();
        let new = shell.create("hats");
        told.extend(watcher.records(2));
        let told: Vec<_> = told.iter().map(|record| (record["basket"].as_str().unwrap(), &record["version"])).collect();
        for id in kept.iter().chain([&new]) {
            assert!(told.iter().filter(|(basket, _)| basket == id).map(|(_, version)| *version).eq([1, 2].iter()));
        }
    });
}
