//! Any value that BSON has, in `data` and in `meta`, goes from store to store and back, and is the same bytes then.
//! `PROPTEST_CASES` says how many times some hundred of them are tried.

use std::fs;

use basket_mongo::{Baskets, Codec, store::json};
use bson::{Bson, DateTime, Document, RawDocumentBuf, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use proptest::{collection::vec, prelude::*};
use testkit::{
    mongo::{TestDatabase, new_id, with_database},
    shell::Shell,
    values::a_value,
};

/// Events that hold a value each, of a basket each; but for values that an export refuses.
fn events(values: &[Bson]) -> Vec<RawDocumentBuf> {
    let holding = |value: &Bson| {
        let held = doc! { "x": value };
        let event = doc! {
            "_id": ObjectId::new(), "basket_id": Baskets::key(&new_id()), "version": 1_i64, "type": "BasketCreated",
            "data": &held, "recorded_at": DateTime::from_millis(1_764_000_000_000), "commit": ObjectId::new(),
            "schema": 1, "meta": { "more": held },
        };
        RawDocumentBuf::try_from(&event).unwrap()
    };
    values.iter().map(holding).filter(|event| json::write(event).is_ok()).collect()
}

/// What the collection has, by `_id`.
async fn stored(db: &TestDatabase) -> Vec<RawDocumentBuf> {
    let events = db.events().clone_with_type();
    events.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap().try_collect().await.unwrap()
}

async fn come_back(db: TestDatabase, events: Vec<RawDocumentBuf>) {
    let shell = Shell::new().with("BASKET_STORE", &db.address);
    let export = |store: &str| {
        let answer = shell.basket(&format!("export {store}"));
        assert_eq!(answer.code, 0, "{}", answer.err);
        fs::write(shell.folder.path().join("all"), &answer.out).unwrap();
        answer.out
    };
    let import = |store: &str| {
        let taken = format!("{0} events read: {0} new, 0 there already\n", events.len());
        shell.basket(&format!("import all {store}")).says(&taken);
    };
    db.events().clone_with_type::<RawDocumentBuf>().insert_many(&events).await.unwrap();
    assert_eq!(stored(&db).await, events, "the server itself changes nothing");
    let exported = export("");
    import("--store own.db");
    assert!(export("--store own.db") == exported);
    db.events().delete_many(Document::new()).await.unwrap();
    import("");
    assert_eq!(stored(&db).await, events);
    assert!(export("") == exported);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3),
        max_shrink_iters: 50,
        ..ProptestConfig::default()
    })]
    #[test]
    fn mongo_any_value_goes_from_store_to_store_and_back_byte_for_byte(values in vec(a_value(), 100..300)) {
        let events = events(&values);
        with_database(|db| come_back(db, events));
    }
}
