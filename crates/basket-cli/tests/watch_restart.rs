//! A `basket watch` whose server is killed and started again while events are written: nothing is missed, nothing is shown
//! twice, and every basket is in order. `BASKET_TEST_RESTARTS` is the number of restarts, 3 by default.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use basket_domain::{Basket, EventSourced};
use basket_mongo::{Baskets, CommitId, EventStore, MongoStore, StoreError};
use bson::{Document, doc};
use futures_util::future::{join, join_all};
use serde_json::Value;
use testkit::{
    mongo::{created, product, qty},
    one_basket::records,
    own_server::OwnServer,
    shell::Shell,
    terminal::Terminal,
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

/// Writes to one basket until it has to stop; what got no answer is saved again until it has one.
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
    while let Err(error) = store.save_as(&commit.into(), basket).await {
        assert!(!matches!(error, StoreError::Conflict { .. }), "{error}");
        sleep(Duration::from_millis(50)).await;
    }
    written.fetch_add(events as u64, SeqCst);
}

/// Runs a test with a server of its own.
fn with_server(test: impl AsyncFnOnce(OwnServer, Shell)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = OwnServer::start().await;
        let shell = Shell::new().with("BASKET_STORE", server.address());
        test(server, shell).await;
    });
}

#[test]
fn mongo_a_restarted_server_costs_no_event_and_repeats_none() {
    let restarts = std::env::var("BASKET_TEST_RESTARTS").map_or(3, |number| number.parse().unwrap());
    with_server(async |mut server, shell| {
        let store = MongoStore::<Baskets>::at(&server.address()).await.unwrap();
        let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
        save(&store, &mut created(), &written).await;

        let live = Watcher::start(&shell, "watch --from beginning --format ndjson");
        let mut watchers = vec![];
        let writers = join_all((0..WRITERS).map(|_| write(&store, &stop, &written)));
        let killing = async {
            for restart in 0..restarts {
                // Killed while it reads what was kept, or just after.
                let watch = || Watcher::spawn(&shell, "watch --from beginning --format ndjson");
                watchers.extend((restart < STARTS).then(watch));
                sleep(UP).await;
                watchers.extend((restart < STARTS).then(watch));
                sleep(Duration::from_millis(fastrand::u64(0..60))).await;
                server.kill(if restart % 2 == 0 { "KILL" } else { "TERM" });
                // Now and then longer than the driver retries.
                sleep(Duration::from_millis(if restart % 3 == 1 { 2500 } else { 200 })).await;
                server.run();
                server.wait().await;
            }
            sleep(UP).await;
            stop.store(true, SeqCst);
        };
        join(writers, killing).await;

        let head = |line: &Value| (line["id"].as_str().unwrap().to_owned(), line["versions"].as_u64().unwrap());
        let heads = records(&shell, "list").iter().map(head).collect::<HashMap<_, _>>();
        let events: u64 = heads.values().sum();
        assert_eq!(events, written.load(SeqCst), "the writers' own count");
        let (mut unreached, mut lost) = (0, 0);
        for (at, watcher) in [live].into_iter().chain(watchers).enumerate() {
            let line = |_| watcher.lines.recv_timeout(Duration::from_secs(20)).ok();
            let shown: Vec<_> = (0..events).map_while(line).collect();
            // All of it was shown, so whatever comes now would be one too many.
            watcher.signal(if at % 2 == 0 { "INT" } else { "TERM" });
            let end = watcher.end();
            // One that was started at the last moment may have met no server.
            if at > 0 && at % 2 == 0 && shown.is_empty() && end.code == 6 {
                unreached += 1;
                continue;
            }
            // Every version of each basket once, in its order.
            let mut seen = HashMap::new();
            for line in &shown {
                let record: Value = serde_json::from_str(line).unwrap();
                let version = seen.entry(record["basket"].as_str().unwrap().to_owned()).or_insert(0);
                *version += 1;
                assert_eq!(record["version"], *version, "watcher {at}, {}: {line}", end.err);
            }
            assert_eq!(seen, heads, "watcher {at}, {}", end.err);
            assert_eq!((end.code, end.out.as_str()), (0, ""), "watcher {at}: {end:?}");
            let (waited, back) = (end.err.matches("waiting for it").count(), end.err.matches("is back").count());
            assert!(waited <= back + 1, "said once each time: {}", end.err);
            lost += waited;
        }
        println!(
            "{restarts} restarts, {events} events; {unreached} watchers without a server at their start; {lost} times the \
             connection was lost for longer than the driver retries"
        );
    });
}

#[test]
fn mongo_events_that_the_server_no_longer_keeps_end_it_and_are_not_skipped() {
    with_server(async |server, shell| {
        let answer = |codes: Document| {
            let mut data = doc! { "failCommands": ["aggregate", "getMore"], "appName": "basket" };
            data.extend(codes);
            server.admin(doc! { "configureFailPoint": "failCommand", "mode": { "times": 1 }, "data": data })
        };

        let lost = |code: i32| doc! { "errorCode": code, "errorLabels": ["NonResumableChangeStreamError"] };
        let again = "watch again from the version after it, or from the beginning";
        // Access that was taken away ends it as well; a primary that steps down is waited for.
        for (codes, why) in
            [(lost(286), again), (lost(280), again), (lost(136), again), (doc! { "errorCode": 13 }, "refuses access")]
        {
            let watcher = Watcher::start(&shell, "watch");
            answer(codes).await;
            watcher.end().fails(6, why);
        }
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
    with_server(async |server, shell| {
        let kept: Vec<_> = (0..25).map(|_| shell.create("socks")).collect();

        // The first two reads are those of a time, the third that of the events; after it, the server is going down.
        let going_down = doc! { "failCommands": ["find"], "appName": "basket", "errorCode": 11600 };
        server.admin(doc! { "configureFailPoint": "failCommand", "mode": { "skip": 3 }, "data": going_down }).await;
        let watcher = Watcher::spawn(&shell, "watch --from beginning --format ndjson");
        let mut shown = watcher.records(50);
        assert!(watcher.note().ends_with("; waiting for it"));
        sleep(Duration::from_millis(700)).await;
        server.admin(doc! { "configureFailPoint": "failCommand", "mode": "off" }).await;

        let back = Instant::now();
        assert!(watcher.note().starts_with("watching all baskets"));
        assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
        watcher.is_silent();
        let new = shell.create("hats");
        shown.extend(watcher.records(2));
        for id in kept.iter().chain([&new]) {
            let versions = shown.iter().filter(|record| record["basket"] == **id).map(|record| &record["version"]);
            assert!(versions.eq([1, 2].iter()), "{id}: {shown:?}");
        }
    });
}

#[test]
fn mongo_explore_shows_that_the_server_is_away_until_it_is_back() {
    with_server(async |mut server, shell| {
        let id = shell.create("socks");
        let mut terminal = Terminal::run(&shell, &["explore", &id]);
        terminal.shows("version 2, the newest: live");
        server.kill("KILL");
        terminal.shows("reached");
        server.run();
        server.wait().await;
        terminal.until("no error", |screen| !screen.contains("reached"));
        terminal.press("q");
        assert_eq!(terminal.ends().0, 0);
    });
}
