//! The report of what was removed: what the stores reckon is what a fold of the same events comes to.

mod support;

use std::{collections::BTreeMap, time::Duration};

use basket_cli::{EmbeddedStore, store::Store};
use basket_domain::{Aggregate, BasketEvent, BasketId, Product};
use basket_mongo::{Finding, ListQuery, Removed, RemovedQuery};
use bson::{Bson, DateTime, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use support::{
    Shell,
    histories::{self, Histories, basket_of},
    mongo::{product, with_database},
};

on_both_stores! {
    the_report_says_how_much_was_taken_out_again
    the_report_can_be_narrowed_down_and_split_by_day
    where_nothing_happened_nothing_is_reported
}

const DAY: i64 = 86_400_000;

struct Stay {
    basket: BasketId,
    product: Product,
    began: i64,
    ended: Option<i64>,
    units: u64,
}

fn stays(histories: &Histories) -> Vec<Stay> {
    let mut all = Vec::<Stay>::new();
    for history in histories {
        let basket = basket_of(history);
        for (event, at) in history {
            let Some(product) = event.product().cloned() else { continue };
            let open =
                all.iter_mut().find(|stay| stay.basket == basket && stay.product == product && stay.ended.is_none());
            match (event, open) {
                (BasketEvent::ItemAdded { qty, .. }, Some(stay)) => stay.units += u64::from(qty.get()),
                (BasketEvent::ItemAdded { qty, .. }, None) => {
                    all.push(Stay { basket, product, began: *at, ended: None, units: qty.get().into() });
                }
                (_, Some(stay)) => stay.ended = Some(*at),
                (_, None) => panic!("{event:?} is refused"),
            }
        }
    }
    all
}

fn expected(histories: &Histories, query: &RemovedQuery) -> Vec<Finding> {
    let mut groups = BTreeMap::<_, Vec<Stay>>::new();
    for stay in stays(histories) {
        let began = DateTime::from_millis(stay.began);
        let of_product = query.product.as_ref().is_none_or(|product| *product == stay.product);
        if of_product
            && query.since.is_none_or(|since| began >= since)
            && query.until.is_none_or(|until| began <= until)
        {
            let day = query.by_day.then_some(stay.began / DAY * DAY);
            groups.entry((day, stay.product.clone())).or_default().push(stay);
        }
    }
    groups
        .into_iter()
        .map(|((day, product), stays)| {
            let mut baskets: Vec<_> = stays.iter().map(|stay| stay.basket).collect();
            baskets.sort_unstable();
            baskets.dedup();
            let ended = || stays.iter().filter(|stay| stay.ended.is_some());
            let mut times: Vec<_> = ended().map(|stay| (stay.ended.unwrap() - stay.began).max(0) as u64).collect();
            times.sort_unstable();
            let median = match times.len() {
                0 => None,
                odd if odd % 2 == 1 => Some(times[odd / 2]),
                even => Some((times[even / 2 - 1] + times[even / 2]) / 2),
            };
            Finding::Product(Removed {
                product,
                day: day.map(DateTime::from_millis),
                baskets: baskets.len() as u64,
                stays: stays.len() as u64,
                ended: times.len() as u64,
                added: stays.iter().map(|stay| stay.units).sum(),
                removed: ended().map(|stay| stay.units).sum(),
                median: median.map(Duration::from_millis),
            })
        })
        .collect()
}

async fn reported(store: &Store, query: &RemovedQuery) -> Vec<Finding> {
    store.removed(query).try_collect().await.unwrap()
}

async fn assert_reports(store: &Store, histories: &Histories) {
    let time = |days: i64| Some(DateTime::from_millis(1_780_000_000_000 + days * DAY));
    let all = RemovedQuery::default();
    let queries = [
        all.clone(),
        RemovedQuery { by_day: true, ..all.clone() },
        RemovedQuery { since: time(2), ..all.clone() },
        RemovedQuery { until: time(2), by_day: true, ..all.clone() },
        RemovedQuery { product: Some(product("socks")), since: time(1), until: time(3), by_day: false },
    ];
    for query in queries {
        let expected = expected(histories, &query);
        assert_eq!(reported(store, &query).await, expected, "{query:?} of {histories:?}");
        if let Store::Mongo(store) = store {
            let frugally: Vec<_> = store.removed_frugally(&query).try_collect().await.unwrap();
            assert_eq!(frugally, expected, "{query:?} of {histories:?}");
        }
    }

    let mut report = basket_domain::Report::default();
    histories.iter().flatten().for_each(|(event, _)| report.apply(event));
    let sums = |finding: Finding| match finding {
        Finding::Product(removed) => (removed.product, removed.baskets, removed.added, removed.removed),
        Finding::LeftOut(_) => panic!("{finding:?}"),
    };
    let found: Vec<_> = reported(store, &all).await.into_iter().map(sums).collect();
    let folded = report.products().map(|(product, fate)| (product.clone(), fate.baskets, fate.added, fate.removed));
    assert_eq!(found, folded.collect::<Vec<_>>(), "{histories:?}");
}

#[test]
fn mongo_reports_what_a_fold_comes_to() {
    with_database(async |db| {
        let (store, mut runner) = (Store::Mongo(db.store().await), TestRunner::default());
        for _ in 0..60 {
            let histories = histories::random(&mut runner);
            histories::into_mongo(&db, &histories).await;
            assert_reports(&store, &histories).await;
        }
    });
}

#[tokio::test]
async fn embedded_reports_what_a_fold_comes_to() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut runner) = (folder.path().join("baskets.db"), TestRunner::default());
    for _ in 0..60 {
        let histories = histories::random(&mut runner);
        histories::into_file(&path, &histories).await;
        assert_reports(&Store::Embedded(EmbeddedStore::new(&path)), &histories).await;
    }
}

fn records(shell: &Shell, words: &str) -> Vec<Value> {
    let answer = shell.basket(&format!("report removed {words} --format ndjson"));
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{answer:?}");
    answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sums(record: &Value) -> (&str, [u64; 5]) {
    let sums = ["baskets", "stays", "ended", "added", "removed"].map(|key| record[key].as_u64().unwrap());
    (record["product"].as_str().unwrap(), sums)
}

fn the_report_says_how_much_was_taken_out_again(shell: &Shell) {
    let (first, second) = (shell.create("clocks"), shell.create("clocks"));
    shell.basket(&format!("add {first} clocks -q 2")).says("");
    shell.basket(&format!("remove {first} clocks")).says("");
    shell.basket(&format!("add {first} clocks")).says("");
    shell.basket(&format!("add {second} socks -q 7")).says("");
    let told = records(shell, "");
    assert_eq!(sums(&told[0]), ("clocks", [2, 3, 1, 5, 3]));
    assert_eq!(sums(&told[1]), ("socks", [1, 1, 0, 7, 0]));
    assert_eq!((told[0]["share_removed"].as_f64(), &told[1]["median_seconds"]), (Some(0.6), &Value::Null));
    assert!(told[0]["median_seconds"].as_f64().is_some_and(|median| median < 60.0), "{told:?}");

    let text = shell.basket("report removed").out;
    let rows: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["product", "baskets", "added", "removed", "share", "median", "stay"]);
    assert_eq!(rows[1][..7], ["clocks", "2", "5", "3", "60", "%", "████████████········"]);
    assert_eq!(rows[2][1..], ["1", "7", "0", "0", "%", "····················", "-"]);
    let array = shell.basket("report removed --format json").out;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&array).unwrap(), told);
}

fn the_report_can_be_narrowed_down_and_split_by_day(shell: &Shell) {
    let id = shell.create("socks");
    shell.basket(&format!("add {id} rocks")).says("");
    assert_eq!(records(shell, "--product rocks").iter().map(sums).collect::<Vec<_>>(), [("rocks", [1, 1, 0, 1, 0])]);
    assert_eq!(records(shell, "--since '1 hour ago' --until now").len(), 2);
    assert_eq!(records(shell, "--until yesterday").len(), 0);
    let by_day = records(shell, "--by day");
    let today = &records(shell, "--by day")[0]["day"];
    assert!(by_day.len() == 2 && today.as_str().is_some_and(|day| day.len() == 10), "{by_day:?}");
    let text = shell.basket("report removed --by day").out;
    assert!(text.starts_with("day (UTC)   product") && text.contains(today.as_str().unwrap()), "{text}");
}

fn where_nothing_happened_nothing_is_reported(shell: &Shell) {
    assert_eq!(shell.basket("report removed --format json").out, "[]\n");
    let none = shell.basket("report removed");
    assert_eq!((none.code, none.out.as_str()), (0, ""));
    assert_eq!(none.err, "no such product ever was in a basket then\n");
}

const LEFT_OUT: &str = "documents left out, because they can't be read as events or remove what was not in the basket: 1; `basket verify` names them\n";

#[test]
fn what_was_planted_is_left_out_and_said_to_be() {
    with_database(async |db| {
        let shell = Shell::new().with("BASKET_STORE", db.address.as_str());
        shell.create("socks");
        let store = db.store().await;
        let good = db.events().find_one(doc! { "version": 2 }).await.unwrap().unwrap();
        let before = shell.basket("report removed").out;
        let qty = |qty: Bson| ("data", doc! { "product": "socks", "qty": qty }.into());
        let planted: [(&str, Bson); 13] = [
            ("basket_id", "five".into()),
            ("version", "three".into()),
            ("version", 0.into()),
            ("type", "ItemBlessed".into()),
            ("type", Bson::Null),
            ("data", "socks".into()),
            ("data", doc! { "product": "  ", "qty": 1 }.into()),
            ("data", doc! { "product": "hats" }.into()),
            ("schema", 2.into()),
            ("recorded_at", "today".into()),
            qty(0.into()),
            qty(1.5.into()),
            qty("1".into()),
        ];
        let also = [
            doc! { "type": "BasketCreated", "schema": 2 },
            doc! { "type": "ItemRemoved", "data": { "product": "hats" } },
            doc! { "type": "ItemRemoved", "data": { "product": "socks" }, "version": 1.5 },
        ];
        for changes in planted.into_iter().map(|(field, value)| doc! { field: value }).chain(also) {
            let mut bad = good.clone();
            bad.extend(doc! { "_id": ObjectId::new(), "version": 3 });
            bad.extend(changes);
            db.events().insert_one(&bad).await.unwrap();
            let answer = shell.basket("report removed");
            assert_eq!((answer.out.as_str(), answer.err.as_str()), (before.as_str(), LEFT_OUT), "{bad:?}");
            let frugally: Vec<_> = store.removed_frugally(&RemovedQuery::default()).try_collect().await.unwrap();
            assert_eq!(frugally, reported(&Store::Mongo(store.clone()), &RemovedQuery::default()).await, "{bad:?}");
            let query = ListQuery::default();
            let frugally: Vec<_> = store.list_frugally(&query).try_collect().await.unwrap();
            assert_eq!(frugally, store.list(&query).try_collect::<Vec<_>>().await.unwrap(), "{bad:?}");
            assert_eq!(shell.basket("report removed --product socks --by day").out.lines().count(), 2, "{bad:?}");
            db.events().delete_one(doc! { "_id": bad.get_object_id("_id").unwrap() }).await.unwrap();
        }
    });
}

#[test]
fn a_basket_that_is_more_than_the_server_can_hold_is_reckoned_all_the_same() {
    with_database(async |db| {
        let shell = Shell::new().with("BASKET_STORE", db.address.as_str());
        let id = shell.create("clocks");
        for _ in 0..40 {
            shell.basket(&format!("add {id} clocks -q 2")).says("");
        }
        let admin = db.database.client().database("admin");
        let hold = |bytes: Bson| admin.run_command(doc! { "setParameter": 1, "internalQueryMaxPushBytes": bytes });
        // Whatever other test meets this meanwhile gets its answer, too: that is what is tested.
        let before = hold(1_000.into()).await.unwrap();
        let pushed = db.events().aggregate([doc! { "$group": { "_id": 1, "all": { "$push": "$$ROOT" } } }]).await;
        let (list, report) = (shell.basket("list --format ndjson"), shell.basket("report removed --format ndjson"));
        hold(before.get("was").unwrap().clone()).await.unwrap();
        assert!(pushed.unwrap_err().to_string().contains("memory"), "the server has another limit by now");
        assert!(list.out.contains("\"versions\":42,\"products\":1,\"units\":81,\"unreadable\":0"), "{list:?}");
        assert!(report.out.contains("\"stays\":1,\"ended\":0,\"added\":81"), "{report:?}");
    });
}

#[test]
fn a_row_that_was_planted_is_left_out_and_said_to_be() {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    shell.create("socks");
    let before = shell.basket("report removed").out;
    let file = rusqlite::Connection::open(shell.folder.path().join("baskets.db")).unwrap();
    for change in [
        "basket_id = 'five'",
        "version = 0",
        "type = 'ItemBlessed'",
        "schema = 2",
        "recorded_at = 'today'",
        "data = '{}'",
        "type = 'ItemRemoved', data = '{\"product\":\"hats\"}'",
    ] {
        file.execute_batch(&format!(
            "INSERT INTO baskets SELECT NULL, 'planted', basket_id, 3, type, data, recorded_at, \"commit\", schema, meta
             FROM baskets WHERE version = 2; UPDATE baskets SET {change} WHERE _id = 'planted'"
        ))
        .unwrap();
        let answer = shell.basket("report removed");
        assert_eq!((answer.out.as_str(), answer.err.as_str()), (before.as_str(), LEFT_OUT), "{change}");
        file.execute("DELETE FROM baskets WHERE _id = 'planted'", []).unwrap();
    }
}
