//! Reading what was kept: the past when clocks disagree, undo under load, and invalid events.

use std::time::Duration;

use basket_domain::BasketId;
use basket_mongo::{
    Baskets, Codec, CommandError, Commit, Entry, EventLog, EventStore, Maintenance, Meta, Moment, Scope, StoreError,
    UndoError, store::document::read_entry,
};
use bson::{DateTime, Document, RawDocumentBuf, doc, oid::ObjectId};
use futures_util::{StreamExt, TryStreamExt, future::join_all};
use testkit::mongo::{TestDatabase, add, created, created_with_socks, product, qty, saved, with_database};
use tokio::time::sleep;

/// A basket with socks, and rocks once more for each time, recorded at that time: versions 3 and up.
async fn recorded_at(db: &TestDatabase, times: &[i64]) -> BasketId {
    let mut basket = created_with_socks();
    times.iter().for_each(|_| add(&mut basket, "rocks", 1));
    let id = *saved(&db.store().await, basket).await.id();
    for (version, time) in (1..).zip([&[0, 0], times].concat()) {
        db.change(id, version, doc! { "recorded_at": DateTime::from_millis(time) }).await;
    }
    id
}

#[test]
fn the_past_at_a_time_ends_before_the_first_later_event_even_where_clocks_ran_back() {
    with_database(async |db| {
        let (store, id) = (db.store().await, recorded_at(&db, &[100, 300, 200, 400]).await);
        let at = async |time: i64| {
            let past = store.past(&id, Moment::Time(DateTime::from_millis(time))).await.unwrap();
            (past.root.version(), past.recorded_at.timestamp_millis(), past.head, past.out_of_order)
        };
        assert_eq!(at(100).await, (3, 100, 6, None));
        assert_eq!(at(250).await, (3, 100, 6, Some(5)), "version 4 is of 300, and 5 can't be without it");
        assert_eq!(at(300).await, (5, 200, 6, None));
        assert_eq!(at(999).await, (6, 400, 6, None));
        let before = store.past(&id, Moment::Time(DateTime::from_millis(-1))).await.unwrap_err();
        assert!(matches!(before, StoreError::NotYetThere { .. }), "{before}");
        assert!(before.to_string().contains("its first event is of 1970-01-01T00:00:00Z"), "{before}");
    });
}

#[test]
fn what_is_signed_is_written_beside_every_event_and_a_root_without_it_is_read() {
    with_database(async |db| {
        let store = db.store().await;
        let meta = Meta { actor: Some("ann".into()), reason: Some("why not".into()), ..Meta::default() };
        let mut basket = created_with_socks();
        store.save_as(&Commit::new(meta.clone()), &mut basket).await.unwrap();
        store.command(basket.id()).run(|basket| basket.add_item(&product("rocks"), qty(1))).await.unwrap();
        let entries: Vec<Entry<Baskets>> = store.log(Scope::From(*basket.id(), 1)).try_collect().await.unwrap();
        let read: Vec<_> = entries.iter().map(|entry| &entry.meta).collect();
        assert_eq!(read, [&meta, &meta, &Meta::default()]);
        let raw = db.stream(*basket.id()).await;
        assert_eq!(raw[0].get_document("meta").unwrap(), &doc! { "actor": "ann", "reason": "why not" });
        assert!(!raw[2].contains_key("meta"), "an empty meta is not stored");
    });
}

#[test]
fn a_revert_among_writers_decides_again_and_is_one_commit() {
    with_database(async |db| {
        let store = db.store().await;
        let id = recorded_at(&db, &[0]).await;
        let writers = (0..8).map(|_| async {
            store.command(&id).run(|basket| basket.add_item(&product("rocks"), qty(1))).await.map(drop).unwrap();
        });
        let revert = async { store.command(&id).revert(3..=3).await.unwrap() };
        let (_, plan) = tokio::join!(join_all(writers), revert);
        assert!(!plan.events.is_empty());
        let basket = store.get(&id).await.unwrap();
        assert_eq!(basket.state().quantity(&product("rocks")), 8, "one was undone, and none of the others");
        let again = store.command(&id).revert(3..=3).await.unwrap_err();
        assert!(matches!(again, CommandError::Refused(UndoError::NotInEffect { version: 3, .. })), "{again}");
    });
}

#[test]
fn two_who_undo_the_same_at_once_undo_it_once() {
    with_database(async |db| {
        let store = db.store().await;
        let id = recorded_at(&db, &[0]).await;
        let revert = || store.command(&id).revert(3..=3);
        let (one, other) = tokio::join!(revert(), revert());
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        assert_eq!(store.get(&id).await.unwrap().version(), 4);
    });
}

#[test]
fn a_log_ends_with_its_first_error() {
    with_database(async |db| {
        let (store, id) = (db.store().await, recorded_at(&db, &[0, 0, 0]).await);
        db.change(id, 3, doc! { "type": "ItemBlessed" }).await;
        for entries in [store.log(Scope::From(id, 1)).left_stream(), store.history(&id).right_stream()] {
            let valid: Vec<_> = entries.map(|entry| entry.is_ok()).collect().await;
            assert_eq!(valid, [true, true, false]);
        }
    });
}

#[test]
fn an_event_that_can_not_follow_ends_the_history_but_is_shown_in_the_log() {
    with_database(async |db| {
        let store = db.store().await;
        let id = *saved(&store, created()).await.id();
        let second = doc! {
            "basket_id": Baskets::key(&id), "version": 2_i64, "type": "BasketCreated", "data": {}, "schema": 1,
            "recorded_at": DateTime::now(), "commit": ObjectId::new(),
        };
        db.events().insert_one(second).await.unwrap();
        let log: Vec<Entry<Baskets>> = store.log(Scope::NewestFirst(id)).try_collect().await.unwrap();
        assert_eq!(log.iter().map(|entry| entry.version).collect::<Vec<_>>(), [2, 1]);
        let past = store.past(&id, Moment::Version(1)).await.unwrap();
        assert_eq!((past.root.version(), past.head), (1, 2), "an event after the version asked for does not matter");
        let history: Result<Vec<_>, _> = store.history(&id).try_collect().await;
        assert!(matches!(history, Err(StoreError::Unreadable(_))), "as in a get: {history:?}");
    });
}

/// Ends every cursor on the test's events, as the server does with one that was not read from for half an hour.
async fn kill_cursors(db: &TestDatabase) {
    let admin = db.events().client().database("admin");
    let name = db.events().namespace().to_string();
    let idle =
        [doc! { "$currentOp": { "idleCursors": true } }, doc! { "$match": { "ns": name, "type": "idleCursor" } }];
    let mut cursors = Vec::new();
    // The next batch may be on its way.
    for _ in 0..100 {
        let found: Vec<_> = admin.aggregate(idle.clone()).await.unwrap().try_collect().await.unwrap();
        cursors = found.iter().map(|idle| idle.get_document("cursor").unwrap().get_i64("cursorId").unwrap()).collect();
        if !cursors.is_empty() {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(!cursors.is_empty(), "there is a cursor to kill");
    let killed = db.database.run_command(doc! { "killCursors": "baskets", "cursors": cursors }).await.unwrap();
    assert!(!killed.get_array("cursorsKilled").unwrap().is_empty(), "{killed}");
}

#[test]
fn a_pass_whose_cursor_is_gone_goes_on_after_the_last_document_and_repeats_none() {
    with_database(async |db| {
        let store = db.store().await;
        let ids = [created(), created(), created()].map(|basket| *basket.id());
        for (id, versions) in ids.iter().zip([3, 11_000, 11_000]) {
            let events = (1..=versions).map(|version| {
                let kind = if version == 1 { "BasketCreated" } else { "ItemAdded" };
                doc! { "basket_id": Baskets::key(id), "version": version, "type": kind, "data": { "product": "rocks", "qty": 1 } }
            });
            db.events().insert_many(events).await.unwrap();
        }
        store.save(&mut created()).await.unwrap();
        let [first, second, _] = ids;
        let version = |document: &bson::RawDocument| document.get_i32("version").unwrap_or_default();
        for (scope, expected) in [
            (Scope::From(second, 1), (1..=11_001).collect::<Vec<_>>()),
            (Scope::From(second, 10), (10..=11_002).collect()),
            (Scope::NewestFirst(second), (1..=11_002).rev().collect()),
            (Scope::All, (1..=6).chain(1..=11_004).chain(1..=11_000).chain([0]).collect()),
        ] {
            let mut documents = std::pin::pin!(store.documents(scope.clone()));
            let mut read = vec![version(&documents.try_next().await.unwrap().unwrap())];
            kill_cursors(&db).await;
            // A writer goes on meanwhile, also in a stream that was read already.
            for id in [first, second] {
                let newest = db.events().count_documents(doc! { "basket_id": Baskets::key(&id) }).await.unwrap();
                let event = doc! { "basket_id": Baskets::key(&id), "version": newest as i32 + 1 };
                db.events().insert_one(event).await.unwrap();
            }
            while let Some(document) = documents.try_next().await.unwrap() {
                read.push(version(&document));
            }
            assert!(read == expected, "{scope:?}: {} of {} documents", read.len(), expected.len());
        }
    });
}

#[test]
fn an_import_waits_for_the_transaction_that_a_killed_one_has_left() {
    with_database(async |db| {
        let (store, basket) = (db.store().await, created_with_socks());
        let documents = {
            let elsewhere = store.elsewhere(&format!("{}_source", db.database.name()), "baskets").unwrap();
            let id = *saved(&elsewhere, basket).await.id();
            let documents: Vec<_> = elsewhere.documents(Scope::From(id, 1)).try_collect().await.unwrap();
            elsewhere.collection().client().database(&format!("{}_source", db.database.name())).drop().await.unwrap();
            documents
        };
        store.save(&mut created()).await.unwrap();
        // As a killed program leaves it: the events are inserted, and nothing commits them. The server of the tests ends it after
        // three seconds.
        let mut left = db.database.client().start_session().await.unwrap();
        left.start_transaction().await.unwrap();
        let inserts: Vec<Document> = documents.iter().map(|raw| Document::try_from(raw).unwrap()).collect();
        db.events().insert_many(inserts).session(&mut left).await.unwrap();

        let read = |raw: &RawDocumentBuf| (read_entry::<Baskets>(raw).unwrap(), raw.clone());
        let events: Vec<_> = documents.iter().map(read).collect();
        assert_eq!(store.import(&events, true).await.unwrap(), 2);
        assert_eq!(db.events().count_documents(doc! {}).await.unwrap(), 3);
    });
}
