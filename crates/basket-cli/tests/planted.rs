//! A document that is no event, written among good ones: the list counts it as unreadable, and the report leaves it out and
//! says so. What else is read stays as it was.

use bson::{Document, doc, oid::ObjectId};
use serde_json::Value;
use testkit::{
    mongo::with_database,
    one_basket::{records, rows},
    shell::Shell,
};

const LEFT_OUT: &str = "documents left out, because they can't be read as events or remove what was not in the basket: 1; `basket verify` names them\n";

/// Versions, products, units and unreadable documents of the basket where one can't be read.
const UNREADABLE: [u64; 4] = [2, 1, 1, 1];
/// The same where the document belongs to no basket.
const NO_BASKETS: [u64; 4] = [2, 1, 1, 0];
/// The same where it removes what is not in the basket.
const READABLE: [u64; 4] = [3, 1, 1, 0];

fn is_listed_and_left_out(shell: &Shell, listed: [u64; 4], report: &str, planted: &str) {
    let list = records(shell, "list");
    let of_one = |list: &Value| ["versions", "products", "units", "unreadable"].map(|key| list[key].as_u64().unwrap());
    assert_eq!(list.iter().map(of_one).collect::<Vec<_>>(), [listed], "{planted}");
    assert_eq!(shell.basket("list").out.ends_with("  unreadable: 1\n"), listed == UNREADABLE, "{planted}");
    let answer = shell.basket("report removed");
    assert_eq!((answer.out.as_str(), answer.err.as_str()), (report, LEFT_OUT), "{planted}");
    assert!(shell.basket("report removed --until yesterday").err.ends_with(LEFT_OUT), "{planted}");
    assert_eq!(rows(shell, "report removed --product socks --by day").len(), 2, "{planted}");
}

#[test]
fn mongo_a_document_that_is_no_event_is_listed_as_unreadable_and_left_out_of_the_report() {
    // One for each field; `basket-mongo` has all the ways in which a field can be wrong.
    let unreadable = [
        doc! { "version": "three" },
        doc! { "version": 0 },
        doc! { "type": "ItemRemoved", "version": 1.5 },
        doc! { "type": "ItemBlessed" },
        doc! { "type": bson::Bson::Null },
        doc! { "type": "BasketCreated", "schema": 2 },
        doc! { "recorded_at": "today" },
        doc! { "commit": "once" },
        doc! { "meta": "ann" },
        doc! { "data": "socks" },
        doc! { "data": { "product": "x".repeat(129), "qty": 1 } },
        doc! { "data": { "product": "socks", "qty": 1.5 } },
    ];
    let cases = unreadable.into_iter().map(|changes| (changes, UNREADABLE)).chain([
        (doc! { "basket_id": "five" }, NO_BASKETS),
        (doc! { "type": "ItemRemoved", "data": { "product": "hats" } }, READABLE),
    ]);
    with_database(async |db| {
        let shell = Shell::new().with("BASKET_STORE", db.address.as_str());
        shell.create("socks");
        let good = db.events().find_one(doc! { "version": 2 }).await.unwrap().unwrap();
        let report = shell.basket("report removed").out;
        for (changes, listed) in cases {
            let (planted, mut bad): (_, Document) = (ObjectId::new(), good.clone());
            bad.extend(doc! { "_id": planted, "version": 3_i64 });
            bad.extend(changes);
            db.events().insert_one(&bad).await.unwrap();
            is_listed_and_left_out(&shell, listed, &report, &format!("{bad:?}"));
            db.events().delete_one(doc! { "_id": planted }).await.unwrap();
        }
    });
}

#[test]
fn embedded_a_row_that_is_no_event_is_named_listed_as_unreadable_and_left_out_of_the_report() {
    let cases = [
        ("version = 0", "(version 0) can't be read: its version is 0"),
        ("type = 'ItemBlessed'", "its type 'ItemBlessed' is none that a basket knows"),
        ("type = CAST(x'ff' AS TEXT)", "its type is Binary("),
        ("schema = 2", "its schema is 2, and this program knows 1 as the newest"),
        ("data = 'socks'", "its data is \"socks\", expected a document"),
        ("data = '[1]'", "its data is \"[1]\", expected a document"),
        ("data = 'so' || char(10) || 'cks'", "its data is \"so\u{fffd}cks\", expected a document"),
        ("data = CAST(x'7b2270726f64756374223a22ff222c22717479223a317d' AS TEXT)", "its data is Binary("),
        ("data = '{}'", "data.product is missing"),
        ("data = '{\"product\":\"so\\ncks\",\"qty\":1}'", "control character"),
        ("data = '{\"product\":\"socks\",\"qty\":1.5}'", "data.qty is 1.5"),
        ("data = '{\"product\":\"socks\",\"qty\":\"1\"}'", "data.qty is \"1\""),
        ("data = '{\"product\":\"socks\",\"qty\":18446744073709551615}'", "18446744073709551615"),
        ("data = '{\"product\":\"socks\",\"product\":\"rocks\",\"qty\":1}'", "the key \"product\" is there twice"),
        ("data = '{\"product\":\"socks\",\"qty\":1,\"x\":[{\"y\":1,\"y\":1}]}'", "the key \"y\" is there twice"),
        ("meta = '{\"actor\":\"ann\",\"actor\":\"eve\"}'", "the key \"actor\" is there twice"),
        ("meta = '{\"x\":{\"y\":1,\"y\":1}}'", "the key \"y\" is there twice"),
        ("meta = '{\"x\":{\"$oid\":\"\",\"$oid\":1,\"y\":1}}'", "the key \"$oid\" is there twice"),
        ("recorded_at = 'today'", "its recorded_at is \"today\", expected a date"),
        (
            "recorded_at = '2026-01-01T00:00:00.123456Z'",
            "its recorded_at is \"2026-01-01T00:00:00.123456Z\", expected a date",
        ),
        ("recorded_at = '10000-01-01T00:00:00Z'", "its recorded_at is \"10000-"),
        ("recorded_at = '9999-12-31T12:00:00Z'", "expected one from 0001-01-02 to 9999-12-30"),
    ];
    let cases = cases.into_iter().map(|(change, why)| (change, Some(why), UNREADABLE)).chain([
        ("data = '{\"product\":\"so\ncks\",\"qty\":1}'", None, UNREADABLE),
        // These are not needed for a basket's state.
        ("\"commit\" = 'once'", None, UNREADABLE),
        ("basket_id = 'five'", None, NO_BASKETS),
        // One id has one text.
        ("basket_id = upper(basket_id)", None, NO_BASKETS),
        ("type = 'ItemRemoved', data = '{\"product\":\"hats\"}'", None, READABLE),
    ]);
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    let id = shell.create("socks");
    let report = shell.basket("report removed").out;
    let file = rusqlite::Connection::open(shell.folder.path().join("baskets.db")).unwrap();
    for (change, why, listed) in cases {
        let planted = ObjectId::new();
        file.execute_batch(&format!(
            "INSERT INTO baskets SELECT NULL, '{planted}', basket_id, 3, type, data, recorded_at, \"commit\", schema, meta, tags
             FROM baskets WHERE version = 2; UPDATE baskets SET {change} WHERE _id = '{planted}'"
        ))
        .unwrap();
        is_listed_and_left_out(&shell, listed, &report, change);
        let named = format!("the document with _id ObjectId('{planted}')");
        for words in [format!("get {id}"), format!("add {id} rocks")].iter().filter(|_| why.is_some()) {
            let answer = shell.basket(words);
            answer.fails(7, why.unwrap_or_default());
            assert!(answer.err.contains(&named), "{answer:?}");
        }
        file.execute("DELETE FROM baskets WHERE _id = ?1", [planted.to_hex()]).unwrap();
    }
}
