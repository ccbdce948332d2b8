//! Feeds on MongoDB: the seam between what is stored and what comes live, with writers that stall in a transaction; and a history
//! that the server has forgotten.
//!
//! The short form runs with the other tests; `SEAM_ROUNDS=1000 scripts/with-mongo cargo test --workspace --test feeds` is the long
//! one.

use std::{collections::HashMap, env, time::Duration};

use basket_mongo::{
    Baskets, Commit, EventStore, Feeds, MongoStore, Projection, StoreError, Subscription,
    store::{
        document::new_events,
        feed::{Position, Shown},
        projection::{keep, project, rebuild},
        subscription::Options,
    },
};
use bson::{DateTime, Document, doc};
use futures_util::{StreamExt, TryStreamExt, future::join_all};
use mongodb::ClientSession;
use testkit::{
    feed_contract::{PATIENCE, UNITS, catch_some, catch_up, is_the_fold, open, options},
    mongo::{add, created, created_with_socks, saved, with_database},
    own_server::OwnServer,
};
use tokio::time::{sleep, timeout};

fn rounds(short: u32) -> u32 {
    env::var("SEAM_ROUNDS").map_or(short, |rounds| rounds.parse().unwrap())
}

/// Writes the events of a basket in a transaction, and leaves it open.
async fn stalled(
    store: &MongoStore<Baskets>,
    basket: &basket_domain::EventSourced<basket_domain::Basket>,
) -> ClientSession {
    let mut session = store.collection().client().start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    let events =
        new_events::<Baskets>(basket.saved_version(), &Commit::default(), DateTime::now(), basket.new_events());
    let documents: Vec<Document> = events.iter().map(|event| event.document::<Baskets>(basket.id())).collect();
    store.collection().insert_many(documents).session(&mut session).await.unwrap();
    session
}

/// Reads until so many events have come, and keeps what it has read; then as long as more come.
async fn read(reader: &mut Subscription<'_, Baskets, MongoStore<Baskets>>, many: usize) -> Vec<(String, u64)> {
    use basket_mongo::store::feed::Totals;
    let mut seen = Vec::new();
    loop {
        let batch = reader.next().await.unwrap();
        seen.extend(batch.entries.iter().map(|entry| (entry.stream.to_string(), entry.version)));
        let is_last = batch.is_last;
        reader.keep(batch, Totals::new()).await.unwrap();
        if seen.len() >= many && is_last {
            return seen;
        }
    }
}

#[test]
fn each_event_comes_once_though_writers_stall_at_the_seam() {
    with_database(async |db| {
        let first = db.store().await;
        let (mut late, mut all) = (0, 0);
        for round in 0..rounds(25) {
            let store = first.elsewhere(first.collection().namespace().db.as_str(), &format!("round_{round}")).unwrap();
            for _ in 0..fastrand::u32(1..6) {
                saved(&store, created_with_socks()).await;
            }
            // Some of their baskets are there already, and go on; some are new.
            let mut baskets = Vec::new();
            for place in 0..4 {
                let mut basket = if place % 2 == 0 { saved(&store, created()).await } else { created() };
                add(&mut basket, "socks", 1);
                add(&mut basket, "rocks", 1);
                baskets.push(basket);
            }
            let writers = baskets.into_iter().map(async |mut basket| {
                let mut session = stalled(&store, &basket).await;
                sleep(Duration::from_micros(fastrand::u64(..60_000))).await;
                session.commit_transaction().await.unwrap();
                basket.mark_saved();
                add(&mut basket, "clocks", 1);
                store.save(&mut basket).await.unwrap();
            });
            let stored = store.collection().count_documents(doc! {}).await.unwrap() as usize;
            // Two that were created before have two events to come and one after it, the others one more.
            let many = stored + 2 * 3 + 2 * 4;
            let reader = async {
                sleep(Duration::from_micros(fastrand::u64(..20_000))).await;
                // Some are taken over on the way: all that is not kept comes again, and nothing else.
                let mut seen = Vec::new();
                if round % 3 == 0 {
                    // In the middle of what is stored.
                    let few = Options { batch: 3, ..options("short") };
                    let mut short = Subscription::open(&store, "units", UNITS.shape(), few).await.unwrap();
                    let batch = short.next().await.unwrap();
                    seen.extend(batch.entries.iter().map(|entry| (entry.stream.to_string(), entry.version)));
                    short.keep(batch, Default::default()).await.unwrap();
                    short.close().await.unwrap();
                }
                let mut reader = open(&store, "reader").await;
                let left = many - seen.len();
                let read = timeout(PATIENCE, read(&mut reader, left)).await;
                seen.extend(read.unwrap_or_else(|_| panic!("an event was missed in round {round}")));
                seen
            };
            let (seen, _) = tokio::join!(reader, join_all(writers));
            late += seen.len() - stored.min(seen.len());
            all += seen.len();
            let mut versions = HashMap::<String, Vec<u64>>::new();
            seen.into_iter().for_each(|(stream, version)| versions.entry(stream).or_default().push(version));
            for (stream, versions) in &versions {
                assert_eq!(*versions, (1..=versions.len() as u64).collect::<Vec<_>>(), "{stream} in round {round}");
            }
            assert_eq!(versions.values().map(Vec::len).sum::<usize>(), many, "round {round}");
            store.collection().drop().await.unwrap();
        }
        println!("{all} events, {late} of them came live or stalled; each once");
    });
}

/// A reader with no store of its own keeps the position as text, and filters by (stream, version).
#[test]
fn a_position_is_a_text_that_goes_on_anywhere() {
    with_database(async |db| {
        let store = db.store().await;
        let mut basket = saved(&store, created_with_socks()).await;
        let mut passed = Box::pin(store.after(None));
        let (mut seen, mut kept) = (Vec::new(), None::<String>);
        let mut forms = std::collections::BTreeSet::new();
        for turn in 0..30 {
            let next = passed.next().await.unwrap().unwrap();
            let text = next.position.to_string();
            assert_eq!(text.parse::<Position>().as_ref(), Ok(&next.position), "{text}");
            forms.insert(text.split('"').nth(1).unwrap().to_owned());
            if let Some(Shown::Event(entry)) = next.shown {
                seen.push(entry.version);
            }
            kept = Some(text);
            if turn % 5 == 4 {
                add(&mut basket, "rocks", 1);
                store.save(&mut basket).await.unwrap();
                let position = kept.as_ref().map(|text| text.parse().unwrap());
                drop(passed);
                passed = Box::pin(store.after(position));
            }
            if seen.len() == 6 {
                break;
            }
        }
        seen.dedup();
        assert_eq!(seen, [1, 2, 3, 4, 5, 6], "{kept:?}");
        assert!(forms.len() >= 2, "{forms:?}");
    });
}

/// The server forgets what came since, while no one reads.
#[test]
fn a_history_that_was_lost_is_noticed_and_healed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        // Its oplog holds 100 MB, and what it would need after a crash: all since its last checkpoint, one a minute otherwise.
        let mut server = OwnServer::start().await;
        server.options.extend(["--syncdelay".into(), "1".into()]);
        server.kill("TERM");
        server.run();
        server.wait().await;
        let store = MongoStore::<Baskets>::at(&server.address()).await.unwrap();
        let mut basket = saved(&store, created_with_socks()).await;
        let mut reader = open(&store, "a").await;
        catch_up(&mut reader).await;
        reader.close().await.unwrap();
        let position = store.feed("units").await.unwrap().unwrap().position;
        add(&mut basket, "rocks", 3);
        store.save(&mut basket).await.unwrap();
        for _ in 0..3 {
            saved(&store, created_with_socks()).await;
        }

        let junk = server.database("junk", "").await.collection::<Document>("junk");
        let large = "x".repeat(8_000_000);
        let is_lost = async || {
            let mut passed = Box::pin(store.after(position.clone()));
            passed.next().await.unwrap().err().is_some_and(|error| error.to_string().contains("no longer knows"))
        };
        let mut written = 0;
        while !is_lost().await {
            for _ in 0..25 {
                junk.insert_one(doc! { "text": &large }).await.unwrap();
            }
            junk.delete_many(doc! {}).await.unwrap();
            written += 200;
            assert!(written < 6_000, "the server keeps its history, though {written} MB were written");
        }
        println!("lost after {written} MB");

        let mut reader = open(&store, "b").await;
        let events = catch_some(&mut reader, 7).await;
        assert_eq!((events, reader.times_healed()), (7, 1), "all that was missed, once");
        is_the_fold(&store).await;
        // And it goes on live.
        add(&mut basket, "clocks", 1);
        store.save(&mut basket).await.unwrap();
        catch_some(&mut reader, 1).await;
        is_the_fold(&store).await;
        assert_eq!(store.feed("units").await.unwrap().unwrap().healed, 1);
    });
}

/// An older backup is brought back, and written to: what was read is there no more.
#[test]
fn an_older_state_that_was_brought_back_is_noticed() {
    with_database(async |db| {
        let store = db.store().await;
        for _ in 0..3 {
            saved(&store, created_with_socks()).await;
        }
        let older: Vec<Document> = db.events().find(doc! {}).await.unwrap().try_collect().await.unwrap();
        let mut basket = saved(&store, created_with_socks()).await;
        add(&mut basket, "rocks", 1);
        store.save(&mut basket).await.unwrap();
        let mut reader = open(&store, "a").await;
        assert_eq!(catch_up(&mut reader).await, 9);
        db.events().drop().await.unwrap();
        db.events().insert_many(older).await.unwrap();
        let again = MongoStore::<Baskets>::at(&db.address).await.unwrap();
        for _ in 0..5 {
            saved(&again, created_with_socks()).await;
        }
        for holder in ["a", "b"] {
            // The next reader gets the same error.
            let error = timeout(PATIENCE, async {
                loop {
                    if let Err(error) = project(&mut reader, &UNITS).await {
                        break error;
                    }
                }
            });
            let error = error.await.unwrap();
            assert!(matches!(error, StoreError::Restored { .. }), "{holder}: {error:?}");
            reader = open(&store, "b").await;
        }
        reader.close().await.unwrap();
        let (next, _) = rebuild(&store, &UNITS, Options::default(), |_| {}).await.unwrap();
        store.replace("units", next.claim()).await.unwrap();
        is_the_fold(&store).await;
    });
}

/// A collection that is dropped and brought back ends its change stream.
#[test]
fn a_collection_that_was_brought_back_is_read_again() {
    with_database(async |db| {
        let store = db.store().await;
        saved(&store, created_with_socks()).await;
        let mut reader = open(&store, "a").await;
        catch_up(&mut reader).await;
        let kept: Vec<Document> = db.events().find(doc! {}).await.unwrap().try_collect().await.unwrap();
        db.events().drop().await.unwrap();
        db.events().insert_many(kept).await.unwrap();
        let again = MongoStore::<Baskets>::at(&db.address).await.unwrap();
        saved(&again, created_with_socks()).await;
        catch_some(&mut reader, 1).await;
        is_the_fold(&store).await;
    });
}

/// A subscription holds a connection while it waits; of the driver's ten, none would be left for an append.
#[test]
fn a_process_has_connections_for_many_subscriptions() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let connections =
            async |address| basket_mongo::mongo::connection::options(address).await.unwrap().max_pool_size;
        assert_eq!(connections("mongodb://127.0.0.1/a").await, Some(100));
        assert_eq!(connections("mongodb://127.0.0.1/a?maxPoolSize=3").await, Some(3));
    });
}

#[test]
fn who_keeps_a_read_model_and_was_taken_over_waits_for_its_turn() {
    with_database(async |db| {
        let store = db.store().await;
        let written = async || {
            let id = *saved(&store, created_with_socks()).await.id();
            store.wait_for("units", &id, 2, PATIENCE).await.unwrap();
        };
        let other = async {
            written().await;
            let taken = Subscription::try_open(&store, "units", UNITS.shape(), options("b"), true).await.unwrap();
            let mut taken = taken.unwrap_or_else(|_| panic!("it is taken by force"));
            catch_up(&mut taken).await;
            taken.close().await.unwrap();
            written().await;
        };
        tokio::select! {
            kept = keep::<Baskets, _>(&store, &UNITS, options("a")) => panic!("{kept:?}"),
            () = other => {}
        }
    });
}
