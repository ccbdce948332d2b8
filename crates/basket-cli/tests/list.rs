//! The list of all the baskets: what the stores reckon is what a fold of the same events comes to.

mod support;

use basket_cli::{
    EmbeddedStore,
    store::{Store, Store::Embedded},
};
use basket_domain::{Aggregate, Basket};
use basket_mongo::{ListQuery, Order, Summary};
use bson::{DateTime, doc};
use futures_util::TryStreamExt;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use support::{
    Shell,
    histories::{self, Dated, Histories, basket_of},
    mongo::{product, with_database},
};

on_both_stores! {
    the_list_has_a_line_for_each_basket
    the_list_can_be_narrowed_down_and_sorted
    no_basket_is_no_trouble
}

/// What a person would say of a basket who read all its events.
fn told(history: &[Dated]) -> (Summary, Basket) {
    let mut basket = Basket::default();
    history.iter().for_each(|(event, _)| basket.apply(event));
    let summary = Summary {
        id: basket_of(history),
        created: history.first().map(|(_, at)| DateTime::from_millis(*at)),
        changed: history.last().map(|(_, at)| DateTime::from_millis(*at)),
        versions: history.len() as u64,
        products: basket.items().len() as u64,
        units: basket.items().map(|(_, many)| u64::from(many)).sum(),
        unreadable: 0,
    };
    (summary, basket)
}

fn expected(histories: &Histories, query: &ListQuery) -> Vec<Summary> {
    let all = histories.iter().map(|history| told(history));
    let holding = all.filter(|(_, basket)| query.product.as_ref().is_none_or(|product| basket.contains(product)));
    let mut lines: Vec<_> = holding.map(|(line, _)| line).filter(|line| line.changed >= query.since).collect();
    lines.sort_by_key(|line| {
        let by = match query.order {
            Order::Created => line.created.unwrap().timestamp_millis(),
            Order::Versions => line.versions as i64,
            Order::Items => line.units as i64,
            _ => line.changed.unwrap().timestamp_millis(),
        };
        (by, line.id)
    });
    if !query.reverse {
        lines.reverse();
    }
    lines.truncate(query.limit.map_or(usize::MAX, |limit| limit as usize));
    lines
}

async fn assert_lists(store: &Store, histories: &Histories, case: u32) {
    for order in [Order::Changed, Order::Created, Order::Versions, Order::Items] {
        let queries = [
            ListQuery { order, ..ListQuery::default() },
            ListQuery { order, reverse: true, limit: Some(case % 4), ..ListQuery::default() },
            ListQuery { order, product: Some(product("socks")), ..ListQuery::default() },
            ListQuery { order, since: Some(DateTime::from_millis(1_780_200_000_000)), ..ListQuery::default() },
        ];
        for query in queries {
            let listed: Vec<_> = store.list(&query).try_collect().await.unwrap();
            assert_eq!(listed, expected(histories, &query), "{query:?} of {histories:?}");
            if let Store::Mongo(store) = store {
                let frugally: Vec<_> = store.list_frugally(&query).try_collect().await.unwrap();
                assert_eq!(frugally, listed, "{query:?} of {histories:?}");
            }
        }
    }
}

#[test]
fn mongo_lists_what_a_fold_comes_to() {
    with_database(async |db| {
        let (store, mut runner) = (Store::Mongo(db.store().await), TestRunner::default());
        for case in 0..40 {
            let histories = histories::random(&mut runner);
            histories::into_mongo(&db, &histories).await;
            assert_lists(&store, &histories, case).await;
        }
    });
}

#[tokio::test]
async fn embedded_lists_what_a_fold_comes_to() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut runner) = (folder.path().join("baskets.db"), TestRunner::default());
    for case in 0..40 {
        let histories = histories::random(&mut runner);
        histories::into_file(&path, &histories).await;
        assert_lists(&Embedded(EmbeddedStore::new(&path)), &histories, case).await;
    }
}

#[tokio::test]
async fn a_long_list_comes_in_pages_and_each_basket_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baskets.db");
    let histories: Histories = (0..1_234).map(|_| histories::created_at(1_780_000_000_000)).collect();
    histories::into_file(&path, &histories).await;
    let listed: Vec<_> = EmbeddedStore::new(&path).list(&ListQuery::default()).try_collect().await.unwrap();
    assert_eq!(listed, expected(&histories, &ListQuery::default()));
}

fn listed(shell: &Shell, words: &str) -> Vec<Value> {
    let answer = shell.basket(&format!("list {words} --format ndjson"));
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{answer:?}");
    answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(shell: &Shell, words: &str) -> Vec<String> {
    listed(shell, words).iter().map(|basket| basket["id"].as_str().unwrap().to_owned()).collect()
}

fn the_list_has_a_line_for_each_basket(shell: &Shell) {
    let (first, second) = (shell.create("socks"), shell.create("rocks"));
    shell.basket(&format!("add {first} socks -q 4")).says("");
    shell.basket(&format!("remove {second} rocks")).says("");
    let told: Vec<_> = listed(shell, "")
        .iter()
        .map(|basket| ["id", "versions", "products", "units", "unreadable"].map(|key| basket[key].to_string()))
        .collect();
    let line = |id: &str, products: &str, units: &str| {
        [format!("\"{id}\""), "3".into(), products.into(), units.into(), "0".into()]
    };
    assert_eq!(told, [line(&second, "0", "0"), line(&first, "1", "5")]);
    let text = shell.basket("list").out;
    let rows: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["basket", "changed", "created", "versions", "products", "units"]);
    assert_eq!((rows.len(), rows[2][0], &rows[2][7..]), (3, first.as_str(), &["3", "1", "5"][..]), "{text}");
    let array = shell.basket("list --format json").out;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&array).unwrap(), listed(shell, ""));
}

fn the_list_can_be_narrowed_down_and_sorted(shell: &Shell) {
    let (first, second) = (shell.create("socks"), shell.create("rocks"));
    shell.basket(&format!("add {first} clocks -q 4")).says("");
    assert_eq!(ids(shell, ""), [first.clone(), second.clone()]);
    assert_eq!(ids(shell, "--sort created"), [second.clone(), first.clone()]);
    assert_eq!(ids(shell, "--sort items -r"), [second.clone(), first.clone()]);
    assert_eq!(ids(shell, "--sort versions -n 1"), [first.as_str()]);
    assert_eq!(ids(shell, "--product rocks"), [second.as_str()]);
    assert_eq!(ids(shell, "--since '1 hour ago'").len(), 2);
    assert_eq!(ids(shell, "-n 0"), [""; 0]);
    assert_eq!(shell.basket("list --product hats").err, "there is no such basket\n");
}

fn no_basket_is_no_trouble(shell: &Shell) {
    assert_eq!(shell.basket("list --format json").out, "[]\n");
    let none = shell.basket("list");
    assert_eq!((none.code, none.out.as_str(), none.err.as_str()), (0, "", "there is no such basket\n"));
}

#[test]
fn what_was_planted_is_counted_as_unreadable_and_as_nothing_else() {
    with_database(async |db| {
        let shell = Shell::new().with("BASKET_STORE", db.address.as_str());
        let id = shell.create("socks");
        let good = db.events().find_one(doc! { "version": 2 }).await.unwrap().unwrap();
        let plant = |field: &str, value: bson::Bson| {
            let mut bad = good.clone();
            bad.insert("_id", bson::oid::ObjectId::new());
            bad.insert("version", 3_i64);
            bad.insert(field, value);
            bad
        };
        let qty = |qty: bson::Bson| ("data", doc! { "product": "socks", "qty": qty }.into());
        let product = |name: &str| ("data", doc! { "product": name, "qty": 1 }.into());
        let planted = [
            ("version", bson::Bson::from("three")),
            ("version", 2.5.into()),
            ("version", 0.into()),
            ("type", "ItemBlessed".into()),
            ("type", 7.into()),
            ("data", "socks".into()),
            ("schema", 2.into()),
            ("recorded_at", "today".into()),
            ("data", doc! { "product": 7, "qty": 1 }.into()),
            qty(0.into()),
            qty((-1).into()),
            qty(1.5.into()),
            qty(f64::NAN.into()),
            qty("1".into()),
            qty(4_294_967_296_i64.into()),
            product(""),
            product(" socks"),
            product("so\ncks"),
            product(&"x".repeat(129)),
        ];
        for (field, value) in planted {
            let bad = plant(field, value);
            let bad_id = bad.get_object_id("_id").unwrap();
            db.events().insert_one(&bad).await.unwrap();
            let line = &listed(&shell, "")[0];
            let found = ["versions", "products", "units", "unreadable"].map(|key| line[key].as_u64().unwrap());
            assert_eq!(found, [2, 1, 1, 1], "{bad:?}: {line:?}");
            db.events().delete_one(doc! { "_id": bad_id }).await.unwrap();
        }
        db.events().insert_one(plant("type", "ItemBlessed".into())).await.unwrap();
        assert!(shell.basket("list").out.ends_with("  unreadable: 1\n"));
        db.events().insert_one(plant("basket_id", "five".into())).await.unwrap();
        assert_eq!(ids(&shell, ""), [id]);
    });
}

#[test]
fn a_row_that_was_planted_is_counted_as_unreadable_and_as_nothing_else() {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    let id = shell.create("socks");
    let file = rusqlite::Connection::open(shell.folder.path().join("baskets.db")).unwrap();
    let planted = [
        "version = 0",
        "type = 'ItemBlessed'",
        "schema = 2",
        "recorded_at = 'today'",
        "data = 'socks'",
        "data = '{\"product\":\"socks\"}'",
        "data = '{\"product\":\"socks\",\"qty\":0}'",
        "data = '{\"product\":\"so\\ncks\",\"qty\":1}'",
        "type = CAST(x'ff' AS TEXT)",
    ];
    for change in planted {
        file.execute_batch(&format!(
            "INSERT INTO baskets SELECT NULL, 'planted', basket_id, 3, type, data, recorded_at, \"commit\", schema, meta
             FROM baskets WHERE version = 2; UPDATE baskets SET {change} WHERE _id = 'planted'"
        ))
        .unwrap();
        let line = &listed(&shell, "")[0];
        let found = ["versions", "products", "units", "unreadable"].map(|key| line[key].as_u64().unwrap());
        assert_eq!(found, [2, 1, 1, 1], "{change}: {line:?}");
        file.execute("UPDATE baskets SET basket_id = 'five' WHERE _id = 'planted'", []).unwrap();
        assert_eq!(ids(&shell, ""), [id.as_str()]);
        file.execute("DELETE FROM baskets WHERE _id = 'planted'", []).unwrap();
    }
}
