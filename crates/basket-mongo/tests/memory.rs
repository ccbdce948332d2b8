//! The store in memory passes the contract, and so does what holds it.

use std::{sync::Arc, time::Duration};

use basket_domain::BasketId;
use basket_mongo::{
    Baskets, Feeds, MemoryStore, StoreError, Until,
    store::feed::{Change, Claim, Claimed, Mark, Moved, Position, RowQuery, Shape, Totals, Which},
};
use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use tokio::time::timeout;

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(test);
}

fn with(test: impl AsyncFnOnce(MemoryStore<Baskets>)) {
    run(test(MemoryStore::default()));
}

testkit::contract!(with);
testkit::feed_contract!(with);
testkit::snapshot_contract!(with);

mod held {
    use super::*;

    fn with(test: impl AsyncFnOnce(Arc<MemoryStore<Baskets>>)) {
        run(test(Arc::default()));
    }

    testkit::feed_contract!(with);
    testkit::snapshot_contract!(with);
}

type Store = MemoryStore<Baskets>;

const SHAPE: Shape = Shape { number: 1, indexes: &[] };
const LEASE: Duration = Duration::from_secs(60);

async fn claim(store: &impl Feeds<Baskets>, feed: &str, holder: &str) -> Claim {
    match store.claim(feed, holder, SHAPE, LEASE, false).await.unwrap() {
        Claimed::Ours(claim) => *claim,
        Claimed::Held { by } => panic!("{by} has it"),
    }
}

fn new_row(key: impl Into<Bson>, row: Document) -> Moved {
    Moved { key: key.into(), from: 0, to: Mark { version: 1, row: Some(row), parked: None } }
}

/// The keys of the rows that a query asks for.
async fn keys(store: &impl Feeds<Baskets>, claim: &Claim, query: RowQuery) -> Vec<Bson> {
    let rows: Vec<_> = store.rows(claim.rows.clone(), query).try_collect().await.unwrap();
    rows.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn rows_are_sorted_by_numbers_of_any_type_and_texts_and_then_by_their_keys() {
    with(async |store| {
        let claim = claim(&store, "rows", "a").await;
        let rows = [
            ("g", doc! { "n": "10" }),
            ("f", doc! { "n": "b" }),
            ("e", doc! { "n": 10_i32 }),
            ("d", doc! { "n": 9.5 }),
            ("c", doc! { "n": 10_i64 }),
            ("b", doc! { "n": -3_i64 }),
            ("a", doc! {}),
        ];
        let marks = rows.map(|(key, row)| new_row(key, row)).into();
        store.keep(&claim, &Change { marks, ..Change::default() }).await.unwrap();
        let keys = async |query| {
            let keys = keys(&store, &claim, query).await;
            keys.iter().map(|key| key.as_str().unwrap()).collect::<String>()
        };
        let by = RowQuery { sort: Some("n"), ..RowQuery::default() };
        assert_eq!(keys(RowQuery::default()).await, "abcdefg");
        assert_eq!(keys(RowQuery { descending: true, ..RowQuery::default() }).await, "gfedcba");
        assert_eq!(keys(by.clone()).await, "abdcegf");
        assert_eq!(keys(RowQuery { descending: true, ..by.clone() }).await, "fgecdba");
        assert_eq!(keys(RowQuery { at_least: Some(("n", 10)), ..by.clone() }).await, "ce", "a text is no number");
        assert_eq!(keys(RowQuery { has: Some(("n", "b".into())), ..by }).await, "f");
    });
}

#[test]
fn keys_are_in_the_order_of_their_type() {
    with(async |store| {
        let claim = claim(&store, "rows", "a").await;
        let id = |last: u8| ObjectId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, last]);
        let ordered: [Bson; 8] = [
            (-5_i64).into(),
            9_i64.into(),
            10_i64.into(),
            "10".into(),
            "9".into(),
            "é".into(),
            id(1).into(),
            id(200).into(),
        ];
        let marks = ordered.iter().rev().map(|key| new_row(key.clone(), doc! {})).collect();
        store.keep(&claim, &Change { marks, ..Change::default() }).await.unwrap();
        assert_eq!(keys(&store, &claim, RowQuery::default()).await, ordered);
    });
}

#[test]
fn totals_are_found_by_their_keys() {
    with(async |store| {
        let claim = claim(&store, "rows", "a").await;
        let add = async |numbers: [(&str, i64); 3]| {
            let totals = numbers.map(|(key, number)| (key.to_owned(), [("n".to_owned(), number)].into())).into();
            store.keep(&claim, &Change { totals, ..Change::default() }).await.unwrap();
        };
        add([("day 1", 3), ("day 2", 4), ("all", 7)]).await;
        add([("day 1", -3), ("day 3", 1), ("all", -2)]).await;
        let kept = async |which| {
            let totals: Totals = store.totals(&claim.rows, &which).await.unwrap();
            totals.into_iter().map(|(key, numbers)| format!("{key}: {}", numbers["n"])).collect::<Vec<_>>()
        };
        assert_eq!(kept(Which::All).await, ["all: 5", "day 2: 4", "day 3: 1"]);
        assert_eq!(kept(Which::Beginning("day".into())).await, ["day 2: 4", "day 3: 1"]);
        assert_eq!(kept(Which::Of(vec!["all".into(), "day 1".into()])).await, ["all: 5"]);
    });
}

#[test]
fn a_position_of_another_kind_of_store_is_an_error() {
    with(async |store| {
        let elsewhere = Position::Token(doc! { "_data": "82" });
        let passed: Result<Vec<_>, StoreError> = store.after(Some(elsewhere)).try_collect().await;
        assert!(passed.is_err_and(|error| error.to_string().contains("of another kind of store")));
    });
}

#[test]
fn a_lease_is_in_real_time_and_what_a_feed_shows_is_in_the_stores() {
    with(async |store| {
        let claim = claim(&store, "rows", "a").await;
        let noon = DateTime::parse_rfc3339_str("2030-01-01T12:00:00Z").unwrap();
        store.set_time(noon);
        store.keep(&claim, &Change { is_last: true, ..Change::default() }).await.unwrap();
        let state = store.feed("rows").await.unwrap().unwrap();
        assert_eq!((state.as_of, state.holder.as_deref()), (Some(noon), Some("a")));
    });
}

/// [`Until`] has a `wait_for` of its own, which ends with its deadline; the one of the trait would wait on.
#[test]
fn a_holder_waits_as_its_store_does() {
    run(async {
        let within = Duration::from_millis(50);
        let store = Arc::new(Until::new(Store::default(), within));
        let id = BasketId::from_bytes([7; 12]);
        let waited = timeout(LEASE / 6, store.wait_for("rows", &id, 1, LEASE)).await.unwrap();
        assert!(matches!(waited, Err(StoreError::Busy { .. })), "{waited:?}");
    });
}
