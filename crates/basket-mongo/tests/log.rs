//! Reading what was kept: scopes, the past when clocks disagree, undo under load, and all of it for an aggregate of your own.

mod support;

use std::pin::pin;

use basket_domain::EventSourced;
use basket_mongo::{Baskets, Entry, EventLog, EventStore, Meta, Moment, Revert, RevertError, Scope, StoreError};
use bson::{DateTime, doc};
use futures_util::{StreamExt, TryStreamExt, future::join_all};
use support::{TestDatabase, created_with_socks, new_id, product, qty, with_database};

async fn versions(store: &impl EventLog<Baskets>, scope: Scope<basket_domain::BasketId>) -> Vec<u64> {
    let entries: Vec<Entry<Baskets>> = store.log(scope).try_collect().await.unwrap();
    entries.iter().map(|entry| entry.version).collect()
}

/// A basket with socks and these products more, each recorded at its time: versions 3 and up.
async fn recorded_at(db: &TestDatabase, times: &[i64]) -> basket_domain::BasketId {
    let (store, mut basket) = (db.store().await, created_with_socks());
    for _ in times {
        basket.decide(|basket| basket.add_item(&product("rocks"), qty(1))).unwrap();
    }
    store.save(&mut basket).await.unwrap();
    let key = bson::oid::ObjectId::from_bytes(basket.id().to_bytes());
    for (version, time) in (1_i64..).zip([&[0, 0], times].concat()) {
        let (event, time) = (doc! { "basket_id": key, "version": version }, DateTime::from_millis(time));
        db.events().update_one(event, doc! { "$set": { "recorded_at": time } }).await.unwrap();
    }
    *basket.id()
}

#[test]
fn a_scope_is_what_it_says() {
    with_database(async |db| {
        let store = db.store().await;
        let ids = [recorded_at(&db, &[0, 0, 0]).await, recorded_at(&db, &[0]).await];
        assert_eq!(versions(&store, Scope::From(ids[0], 1)).await, [1, 2, 3, 4, 5]);
        assert_eq!(versions(&store, Scope::From(ids[0], 0)).await, [1, 2, 3, 4, 5]);
        assert_eq!(versions(&store, Scope::From(ids[0], 4)).await, [4, 5]);
        assert_eq!(versions(&store, Scope::From(ids[0], 6)).await, [0; 0]);
        assert_eq!(versions(&store, Scope::From(ids[0], u64::MAX)).await, [0; 0]);
        assert_eq!(versions(&store, Scope::NewestFirst(ids[1])).await, [3, 2, 1]);
        let all = versions(&store, Scope::All).await;
        assert!(all == [1, 2, 3, 4, 5, 1, 2, 3] || all == [1, 2, 3, 1, 2, 3, 4, 5], "{all:?}");
        let unknown = new_id();
        let mut nobody = pin!(store.history(&unknown));
        assert!(matches!(nobody.try_next().await, Err(StoreError::NotFound { .. })));
        assert!(nobody.try_next().await.unwrap().is_none(), "once is enough");
    });
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
        store.signed(meta.clone()).save(&mut basket).await.unwrap();
        store.handle(basket.id(), |basket| basket.add_item(&product("rocks"), qty(1))).await.unwrap();
        let entries: Vec<Entry<Baskets>> = store.log(Scope::From(*basket.id(), 1)).try_collect().await.unwrap();
        let told: Vec<_> = entries.iter().map(|entry| &entry.meta).collect();
        assert_eq!(told, [&meta, &meta, &Meta::default()]);
        let raw = db.stream(*basket.id()).await;
        assert_eq!(raw[0].get_document("meta").unwrap(), &doc! { "actor": "ann", "reason": "why not" });
        assert!(!raw[2].contains_key("meta"), "what nobody said is not there");
    });
}

#[test]
fn a_revert_among_writers_decides_afresh_and_is_one_commit() {
    with_database(async |db| {
        let store = db.store().await;
        let id = recorded_at(&db, &[0]).await;
        let writers = (0..8).map(|_| async {
            store.handle(&id, |basket| basket.add_item(&product("rocks"), qty(1))).await.map(drop).unwrap();
        });
        let revert = async { store.revert(&id, 3..=3).await.unwrap() };
        let (_, plan) = tokio::join!(join_all(writers), revert);
        assert!(!plan.events.is_empty());
        let basket = store.get(&id).await.unwrap();
        assert_eq!(basket.state().quantity(&product("rocks")), 8, "one was undone, and none of the others");
        let again = store.revert(&id, 3..=3).await.unwrap_err();
        assert!(matches!(again, RevertError::AlreadyReverted { version: 3, .. }), "{again}");
    });
}

#[test]
fn two_who_undo_the_same_at_once_undo_it_once() {
    with_database(async |db| {
        let store = db.store().await;
        let id = recorded_at(&db, &[0]).await;
        let revert = || store.revert(&id, 3..=3);
        let (one, other) = tokio::join!(revert(), revert());
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        assert_eq!(store.get(&id).await.unwrap().version(), 4);
    });
}

#[test]
fn a_log_ends_with_its_first_error() {
    with_database(async |db| {
        let (store, id) = (db.store().await, recorded_at(&db, &[0, 0, 0]).await);
        let key = bson::oid::ObjectId::from_bytes(id.to_bytes());
        let third = doc! { "basket_id": key, "version": 3_i64 };
        db.events().update_one(third, doc! { "$set": { "type": "ItemBlessed" } }).await.unwrap();
        let entries: Vec<_> = store.log(Scope::From(id, 1)).collect().await;
        assert_eq!(entries.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
        let entries: Vec<_> = store.history(&id).collect().await;
        assert_eq!(entries.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
    });
}

#[test]
fn a_stranger_in_the_stream_ends_its_history_but_is_shown_in_its_log() {
    with_database(async |db| {
        let (store, id) = (db.store().await, new_id());
        let mut basket = EventSourced::<basket_domain::Basket>::new(id);
        basket.decide(|basket| basket.create(id)).unwrap();
        store.save(&mut basket).await.unwrap();
        let key = bson::oid::ObjectId::from_bytes(id.to_bytes());
        let stranger = doc! {
            "basket_id": key, "version": 2_i64, "type": "ItemRemoved", "data": { "product": "hats" }, "schema": 1,
            "recorded_at": DateTime::now(), "commit": key,
        };
        db.events().insert_one(stranger).await.unwrap();
        assert_eq!(versions(&store, Scope::NewestFirst(id)).await, [2, 1]);
        let past = store.past(&id, Moment::Version(1)).await.unwrap();
        assert_eq!((past.root.version(), past.head), (1, 2), "what lies behind a version is none of its business");
        let history: Result<Vec<_>, _> = store.history(&id).try_collect().await;
        assert!(matches!(history, Err(StoreError::Unreadable(_))), "as in a get: {history:?}");
    });
}
