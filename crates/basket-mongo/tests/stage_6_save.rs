//! Stage 6: Save. The new events go into a collection of a real MongoDB, one document an event.
//! Nothing that is there is ever changed: saving only adds.

use basket_domain::Basket;
use basket_mongo::{Baskets, Codec, CommitId, EventStore, Outcome, StoreError};
use bson::{Bson, Document, doc};
use testkit::mongo::{STANDALONE, created, created_with_socks, new_id, product, qty, with_database, with_database_on};

fn versions(documents: &[Document]) -> Vec<i64> {
    documents.iter().map(|event| event.get_i64("version").unwrap_or(0)).collect()
}

#[test]
fn an_event_is_written_down_by_its_name_and_its_data() {
    let written = |basket: &basket_domain::EventSourced<Basket>| -> Vec<(&str, Document)> {
        basket.new_events().iter().map(Baskets::encode).collect()
    };
    let mut basket = created_with_socks();
    basket.decide(|basket| basket.remove_item(&product("socks"))).unwrap();
    let expected = vec![
        ("BasketCreated", doc! {}),
        ("ItemAdded", doc! { "product": "socks", "qty": 1_i64 }),
        ("ItemRemoved", doc! { "product": "socks" }),
    ];
    assert_eq!(written(&basket), expected, "left is what encode made, right what it should make; a qty is an i64");
}

#[test]
fn each_new_event_becomes_a_document_of_its_own() {
    with_database(async |db| {
        let mut basket = created_with_socks();
        let saved = db.store().await.save(&mut basket).await;
        saved.expect("the version that a save expects is the one before its new events; a basket that is new has 0");

        let documents = db.stream(*basket.id()).await;
        assert_eq!(
            versions(&documents),
            [1, 2],
            "one document an event, numbered from 1: a save adds, and overwrites nothing"
        );
        let fields = ["_id", "basket_id", "version", "type", "data", "recorded_at", "commit", "schema"];
        for document in &documents {
            assert_eq!(document.keys().collect::<Vec<_>>(), fields);
            assert!(document.get_datetime("recorded_at").is_ok());
        }
        assert_eq!(documents[1].get("type"), Some(&Bson::from("ItemAdded")));
        assert_eq!(documents[1].get("data"), Some(&Bson::Document(doc! { "product": "socks", "qty": 1_i64 })));
        assert_eq!(documents[1].get("schema"), Some(&Bson::Int32(1)));
        assert_eq!(documents[0].get("commit"), documents[1].get("commit"), "they were saved together, as one commit");
    });
}

#[test]
fn what_is_saved_is_not_new_any_more_and_is_not_saved_twice() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created());
        let first = store.save(&mut basket).await.unwrap();
        assert_eq!(basket.new_events(), [], "after a save there are no new events");
        let second = store.save(&mut basket).await.unwrap();
        assert_eq!(db.stream(*basket.id()).await.len(), 1, "saving twice wrote the event twice");
        let expected = (Outcome::Now, Outcome::Unchanged);
        assert_eq!((first, second), expected, "left is what two saves returned; each returns what append has answered");
    });
}

#[test]
fn the_next_events_go_behind_those_that_are_there() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created_with_socks());
        store.save(&mut basket).await.unwrap();
        basket.decide(|basket| basket.add_item(&product("rocks"), qty(2))).unwrap();
        store.save(&mut basket).await.expect("the version that a save expects is the one before its new events");

        let documents = db.stream(*basket.id()).await;
        assert_eq!(versions(&documents), [1, 2, 3], "all three are there: a save adds, and overwrites nothing");
    });
}

#[test]
fn a_save_that_fails_leaves_the_new_events_new() {
    with_database(async |db| {
        let (store, mut first) = (db.store().await, created());
        let mut second = first.clone();
        store.save(&mut first).await.unwrap();
        let outcome = store.save(&mut second).await;
        let error =
            outcome.expect_err("another writer was first, so the append failed, and save must pass its error on");
        assert!(matches!(error, StoreError::Conflict { expected: 0, found: 1 }), "{error:?}");
        assert_eq!(second.new_events().len(), 1, "they were not saved, so they are still new");
        assert_eq!(db.stream(*first.id()).await.len(), 1);
    });
}

#[test]
fn a_version_that_the_store_has_never_seen_leaves_no_gap() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created());
        store.save(&mut basket).await.unwrap();
        // Elsewhere, this basket has an event that was never saved here. save can't know, so its version is only a claim.
        basket.decide(|basket| basket.add_item(&product("socks"), qty(1))).unwrap();
        basket.mark_saved();
        basket.decide(|basket| basket.add_item(&product("rocks"), qty(1))).unwrap();
        let error = store.save(&mut basket).await.expect_err("version 2 was taken on trust, and there is a gap now");
        assert!(matches!(error, StoreError::Conflict { expected: 2, found: 1 }), "{error:?}");
    });
}

#[test]
fn a_commit_carries_the_id_that_it_was_given() {
    with_database(async |db| {
        let (commit, mut basket) = (CommitId::new(), created());
        db.store().await.save_as(&commit.into(), &mut basket).await.unwrap();
        let documents = db.stream(*basket.id()).await;
        let stored = documents.first().and_then(|event| event.get("commit"));
        assert_eq!(
            stored,
            Some(&Bson::ObjectId(commit)),
            "left is the commit id in the store, right the one that save_as was given. Who saves again with the same id, \
             because the answer was lost, must not save twice"
        );
    });
}

#[test]
fn several_events_are_kept_together_or_not_at_all() {
    // Only a transaction promises that, and a server that is no replica set has none: it must refuse, not write in pieces.
    with_database_on(STANDALONE, async |db| {
        let (store, mut together) = (db.store().await, created_with_socks());
        let outcome = store.save(&mut together).await;
        let written = db.events().count_documents(doc! {}).await.unwrap();
        assert_eq!(written, 0, "two events were written without a transaction");
        let error = outcome.expect_err("nothing was written, so save must say so");
        assert!(matches!(error, StoreError::NotAReplicaSet { events: 2, .. }), "{error:?}");

        // One event alone is atomic anywhere.
        store.save(&mut created()).await.unwrap();
    });
}

#[test]
fn another_basket_is_another_stream() {
    with_database(async |db| {
        let (store, mut one, mut two) = (db.store().await, created_with_socks(), created());
        store.save(&mut one).await.unwrap();
        store.save(&mut two).await.unwrap();
        assert_eq!(versions(&db.stream(*one.id()).await), [1, 2]);
        assert_eq!(versions(&db.stream(*two.id()).await), [1], "each basket counts its own events");
        assert!(db.stream(new_id()).await.is_empty());
    });
}
