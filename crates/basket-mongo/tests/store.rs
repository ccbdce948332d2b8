//! What is MongoDB's own: the documents, the index, races, and the answers of servers that can't do it.
//! What every store must do is in the contract suite of `basket-cli`.

mod support;

use basket_mongo::{EventStore, MongoStore, StoreError, connection};
use bson::doc;
use futures_util::{TryStreamExt, future::join_all};
use support::{STANDALONE, created, created_with_socks, product, qty, server, with_database, with_database_on};

#[test]
fn the_unique_index_is_made_before_the_first_append() {
    with_database(async |db| {
        db.store().await.save(&mut created()).await.unwrap();
        let indexes: Vec<_> = db.events().list_indexes().await.unwrap().try_collect().await.unwrap();
        let ours = indexes.iter().find(|index| index.keys == doc! { "basket_id": 1, "version": 1 }).unwrap();
        assert_eq!(ours.options.as_ref().unwrap().unique, Some(true));
    });
}

#[test]
fn where_the_unique_index_can_not_be_made_nothing_is_written() {
    with_database(async |db| {
        let twin = doc! { "basket_id": 1, "version": 1 };
        db.events().insert_many([twin.clone(), twin]).await.unwrap();
        let mut basket = created();
        let error = db.store().await.save(&mut basket).await.unwrap_err();
        assert!(matches!(error, StoreError::NoUniqueIndex { collection: "baskets", .. }), "{error:?}");
        assert_eq!(db.events().count_documents(doc! {}).await.unwrap(), 2);
        assert_eq!(basket.new_events().len(), 1);
    });
}

#[test]
fn reading_creates_neither_a_collection_nor_an_index() {
    with_database(async |db| {
        db.store().await.get(&support::new_id()).await.unwrap_err();
        assert!(db.database.list_collection_names().await.unwrap().is_empty());
    });
}

#[test]
fn commits_of_two_events_race_for_one_version_and_only_one_gets_it_whole() {
    with_database(async |db| {
        let mut basket = created();
        let id = *basket.id();
        let store = db.store().await;
        store.save(&mut basket).await.unwrap();

        let racers = (1..=8).map(|n| {
            let (store, mut basket) = (&store, basket.clone());
            async move {
                basket.decide(|basket| basket.add_item(&product("rocks"), qty(n))).unwrap();
                basket.decide(|basket| basket.add_item(&product("clocks"), qty(n))).unwrap();
                store.save(&mut basket).await
            }
        });
        let outcomes = join_all(racers).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        for outcome in outcomes {
            assert!(matches!(outcome, Ok(()) | Err(StoreError::Conflict { expected: 1, found: 2.. })), "{outcome:?}");
        }
        assert_eq!(db.stream(id).await.len(), 3);
    });
}

#[test]
fn a_standalone_server_keeps_single_events_and_refuses_to_break_up_a_commit() {
    with_database_on(STANDALONE, async |db| {
        let store = db.store().await;
        let mut together = created_with_socks();
        let error = store.save(&mut together).await.unwrap_err();
        assert!(matches!(error, StoreError::NotAReplicaSet { events: 2, .. }), "{error:?}");
        assert!(error.to_string().contains("make mongo"), "{error}");
        assert_eq!(db.events().count_documents(doc! {}).await.unwrap(), 0);

        let mut alone = created();
        store.save(&mut alone).await.unwrap();
        let basket = store.handle(alone.id(), |basket| basket.add_item(&product("rocks"), qty(2))).await.unwrap();
        assert_eq!(store.get(alone.id()).await.unwrap().state(), basket.state());
    });
}

#[test]
fn a_server_says_who_it_is() {
    with_database(async |db| {
        let info = db.store().await.server_info().await.unwrap();
        assert_eq!(info.topology, "replica set 'rs0'");
        assert!(info.version.split('.').count() >= 3, "{info:?}");
    });
    with_database_on(STANDALONE, async |db| {
        assert!(db.store().await.server_info().await.unwrap().topology.starts_with("standalone"));
    });
}

#[tokio::test]
async fn nobody_waits_longer_than_two_seconds_for_a_server_unless_the_address_says_so() {
    let patience =
        async |address| connection::options(address).await.unwrap().server_selection_timeout.unwrap().as_millis();
    assert_eq!(patience("mongodb://127.0.0.1").await, 2_000);
    assert_eq!(patience("mongodb://127.0.0.1/?serverSelectionTimeoutMS=300").await, 300);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable_by_name_and_without_its_password() {
    // Port 1 is closed: nothing but a mistake listens there.
    let address = "mongodb://ann:s3cret@127.0.0.1:1/shop?serverSelectionTimeoutMS=200";
    let store = MongoStore::<basket_mongo::Baskets>::connect(address).await.unwrap();
    let id = support::new_id();
    for error in [store.get(&id).await.unwrap_err(), store.save(&mut created()).await.unwrap_err()] {
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains("mongodb://127.0.0.1:1/shop"), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn wrong_credentials_are_denied_and_never_printed() {
    let address = server(support::REPLICA_SET).replace("mongodb://", "mongodb://ann:s3cret@");
    let store = MongoStore::<basket_mongo::Baskets>::connect(&address).await.unwrap();
    let error = store.get(&support::new_id()).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    assert!(!format!("{error} {error:?} {store:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn an_address_that_is_none_is_told_apart_and_never_printed_with_its_password() {
    for address in [
        "mongodb://",
        "mongodb://ann:s3cr%zzt@127.0.0.1",
        "mongodb://ann:s3cr/et@127.0.0.1",
        "mongodb://ann:s3cret@127.0.0.1/?authMechanism=s3cret",
        "mongodb://ann:s3cret",
        "mongodb://ann:s3cret/shop",
        "mongodb+srv://ann:s3cret",
        "mongodb://127.0.0.1/?tlsAllowInvalidCertificates=s3cret",
        "mongodb://127.0.0.1:port",
        "mongodb://127.0.0.1/?serverSelectionTimeoutMS=soon",
        "postgres://127.0.0.1",
    ] {
        let error = MongoStore::<basket_mongo::Baskets>::connect(address).await.unwrap_err();
        assert!(matches!(error, StoreError::Address { .. }), "{address}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("s3cr"), "{error:?}");
    }
}

#[test]
fn a_head_that_somebody_wrote_with_mongosh_is_a_head_all_the_same() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created());
        store.save(&mut basket).await.unwrap();
        db.events().update_one(doc! { "version": 1 }, doc! { "$set": { "version": 1.0 } }).await.unwrap();
        basket.decide(|basket| basket.add_item(&product("rocks"), qty(1))).unwrap();
        store.save(&mut basket).await.unwrap();
        assert_eq!(store.get(basket.id()).await.unwrap().version(), 2);
    });
}

#[test]
fn a_read_concern_in_the_address_does_not_reach_a_commit() {
    with_database(async |db| {
        for level in ["local", "available", "linearizable"] {
            let address = format!("{}?readConcernLevel={level}", db.address);
            let store = MongoStore::<basket_mongo::Baskets>::connect(&address).await.unwrap();
            let mut basket = created_with_socks();
            store.save(&mut basket).await.unwrap();
            assert_eq!(store.get(basket.id()).await.unwrap().version(), 2, "{level}");
        }
    });
}
