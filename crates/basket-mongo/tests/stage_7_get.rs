//! Stage 7: Get. Read the events of one basket, in order, and fold them: that is all that loading is.

use std::sync::atomic::Ordering::SeqCst;

use basket_domain::Basket;
use basket_mongo::{Baskets, Codec, EventStore, MongoStore, StoreError};
use bson::{Document, RawDocumentBuf, doc};
use testkit::{
    mongo::{TestDatabase, created_with_socks, new_id, product, qty, with_database},
    proxy::proxied,
    silo::Silos,
};

fn items(basket: &Basket) -> Vec<String> {
    basket.items().map(|(product, quantity)| format!("{product} = {quantity}")).collect()
}

/// Writes the documents of a small history by hand, newest first, so that this stage stands on its own feet.
async fn planted(db: &TestDatabase) -> basket_domain::BasketId {
    let id = new_id();
    let key = Baskets::key(&id);
    let event = |version: i64, kind: &str, data: Document| {
        doc! { "basket_id": &key, "version": version, "type": kind, "data": data, "schema": 1 }
    };
    let history = [
        event(4, "ItemRemoved", doc! { "product": "socks" }),
        event(3, "ItemAdded", doc! { "product": "rocks", "qty": 2_i64 }),
        event(2, "ItemAdded", doc! { "product": "socks", "qty": 1_i64 }),
        event(1, "BasketCreated", doc! {}),
    ];
    db.events().insert_many(history).await.unwrap();
    id
}

#[test]
fn a_document_is_read_back_as_the_event_that_it_was() {
    let mut basket = created_with_socks();
    basket.decide(|basket| basket.remove_item(&product("socks"))).unwrap();
    for event in basket.new_events() {
        let (kind, data) = Baskets::encode(event);
        let read = Baskets::decode(basket.id(), kind, &RawDocumentBuf::try_from(&data).unwrap());
        assert_eq!(
            read.as_ref(),
            Ok(event),
            "left is what decode made of {kind} {data}, right is the event that it was"
        );
    }
}

#[test]
fn a_document_that_is_no_event_of_a_basket_says_what_is_wrong_with_it() {
    let read = |kind, data: Document| Baskets::decode(&new_id(), kind, &RawDocumentBuf::try_from(&data).unwrap());
    let blessed = read("ItemBlessed", doc! { "product": "socks" }).expect_err("an unknown type was read as an event");
    assert!(blessed.contains("ItemBlessed"), "the error should name the unknown type, but it says: {blessed}");
    for (data, why) in
        [(doc! { "product": "socks" }, "data.qty is missing"), (doc! { "product": "socks", "qty": 0 }, "data.qty is 0")]
    {
        let says =
            read("ItemAdded", data.clone()).expect_err("a quantity that is missing or 0 was read as something else");
        assert!(says.starts_with(why), "of {data} it should say '{why}', but it says '{says}'");
    }
}

#[test]
fn a_basket_comes_back_in_the_order_of_its_versions() {
    with_database(async |db| {
        // They were written newest first. A get that does not sort removes socks from a basket that was never created.
        let id = planted(&db).await;
        let basket = db.store().await.get(&id).await.expect("version orders a stream, and nothing else does");
        assert_eq!(items(basket.state()), ["rocks = 2"], "left is what get has found, right is what is in the basket");
        assert_eq!(basket.state().id(), Some(id));
    });
}

#[test]
fn what_is_loaded_is_history_so_nothing_of_it_is_new() {
    with_database(async |db| {
        let id = planted(&db).await;
        let basket = db.store().await.get(&id).await.expect("these four events are those of a basket");
        assert_eq!(
            basket.new_events(),
            [],
            "what is loaded is stored already; as new events, it would be stored again"
        );
        assert_eq!((basket.version(), basket.saved_version()), (4, 4), "four events were loaded");
        assert_eq!(basket.id(), &id);
    });
}

#[test]
fn a_basket_that_was_never_there_is_not_found_and_not_an_empty_one() {
    with_database(async |db| {
        let other = planted(&db).await;
        let id = new_id();
        match db.store().await.get(&id).await {
            Err(StoreError::NotFound { what: "basket", id: named, store }) => {
                assert_eq!(named, id.to_string());
                assert!(store.starts_with("mongodb://"), "{store}");
            }
            Ok(basket) => panic!("an unknown basket was returned as one with {} events", basket.version()),
            Err(other) => panic!("an unknown basket is StoreError::NotFound, and not {other:?}"),
        }
        assert_ne!(id, other);
    });
}

#[test]
fn a_document_that_can_not_be_read_is_named_and_not_skipped() {
    with_database(async |db| {
        let id = planted(&db).await;
        db.events().update_one(doc! { "version": 3 }, doc! { "$set": { "type": "ItemBlessed" } }).await.unwrap();
        let error = db.store().await.get(&id).await.expect_err("version 3 can't be read, and was skipped");
        assert!(matches!(&error, StoreError::Unreadable(document) if document.version == Some(3)), "{error:?}");
    });
}

#[test]
fn what_was_saved_comes_back() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created_with_socks());
        basket.decide(|basket| basket.add_item(&product("rocks"), qty(u32::MAX))).unwrap();
        store.save(&mut basket).await.unwrap();
        let loaded = store.get(basket.id()).await.unwrap();
        assert_eq!(
            (loaded.version(), items(loaded.state())),
            (3, vec!["socks = 1".into(), format!("rocks = {}", u32::MAX)])
        );
    });
}

#[test]
fn a_stream_longer_than_a_batch_comes_back_whole() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created_with_socks());
        for _ in 0..12_000 {
            basket.decide(|basket| basket.add_item(&product("rocks"), qty(1))).unwrap();
        }
        store.save(&mut basket).await.unwrap();
        assert_eq!(store.get(basket.id()).await.unwrap().state().quantity(&product("rocks")), 12_000);
    });
}

#[test]
fn a_connection_that_breaks_halfway_is_an_error_and_no_part_of_a_basket() {
    with_database(async |db| {
        let mut basket = created_with_socks();
        for _ in 0..6_000 {
            basket.decide(|basket| basket.add_item(&product("rocks"), qty(1))).unwrap();
        }
        db.store().await.save(&mut basket).await.unwrap();
        // The first batch arrives; then the driver asks for more, and gets no answer.
        let proxied = proxied(&db, "getMore").await;
        proxied.swallow.store(1, SeqCst);
        if let Ok(part) = proxied.store.get(basket.id()).await {
            let (part, all) = (part.version(), basket.version());
            panic!("the connection broke after {part} of {all} events, and get returned them as if they were all");
        }
    });
}

#[test]
fn the_store_is_for_any_aggregate_so_it_names_what_it_has_not_found() {
    with_database(async |db| {
        let silos = MongoStore::<Silos>::at(&db.address).await.unwrap();
        let error = silos.get(&"north".to_owned()).await.expect_err("there is no silo");
        let StoreError::NotFound { what, .. } = error else {
            panic!("an unknown silo is StoreError::NotFound, not {error:?}")
        };
        assert_eq!(what, "silo", "left is what was not found, as get says, right is what was asked for");
    });
}
