//! The report of what was removed: what the fold computes is what a person would count who looked at each stay.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use basket_cli::{
    EmbeddedStore,
    stays::{Query, Removals, Removed, removals},
};
use basket_domain::{BasketEvent, BasketId, Product, Turnover};
use basket_mongo::{Baskets, EventLog};
use bson::DateTime;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use testkit::{
    histories::{self, Histories, basket_of},
    mongo::{product, with_database},
    on_both_stores,
    one_basket::{OneBasket, records, rows},
    shell::Shell,
};

on_both_stores! {
    the_report_says_how_much_was_taken_out_again
    the_report_can_be_narrowed_down_and_split_by_day
    undo_is_no_shopping
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

fn expected(histories: &Histories, query: &Query) -> Vec<Removed> {
    let mut groups = BTreeMap::<_, Vec<Stay>>::new();
    for stay in stays(histories) {
        let began = DateTime::from_millis(stay.began);
        let wanted = query.product.as_ref().is_none_or(|product| *product == stay.product)
            && query.since.is_none_or(|since| began >= since)
            && query.until.is_none_or(|until| began <= until);
        if wanted {
            let day = query.by_day.then_some(stay.began / DAY * DAY);
            groups.entry((day, stay.product.clone())).or_default().push(stay);
        }
    }
    groups
        .into_iter()
        .map(|((day, product), stays)| {
            let ended = || stays.iter().filter_map(|stay| Some((stay.units, stay.ended? - stay.began)));
            let mut times: Vec<_> = ended().map(|(_, millis)| millis.max(0) as u64).collect();
            times.sort_unstable();
            // The mean of the two in the middle, which are the same one where the number is odd.
            let middle = |count: usize| (times[(count - 1) / 2] + times[count / 2]) / 2;
            let median = Some(times.len()).filter(|count| *count > 0).map(middle);
            let turnover = Turnover {
                baskets: stays.iter().map(|stay| stay.basket).collect::<BTreeSet<_>>().len() as u64,
                added: stays.iter().map(|stay| stay.units).sum(),
                removed: ended().map(|(units, _)| units).sum(),
            };
            Removed {
                product,
                day: day.map(DateTime::from_millis),
                turnover,
                stays: stays.len() as u64,
                ended: times.len() as u64,
                median: median.map(Duration::from_millis),
            }
        })
        .collect()
}

/// A median has three digits: below 1,024 milliseconds it is exact, and beyond that at most a thousandth too short.
fn is_to_three_digits(found: Duration, exact: Duration) -> bool {
    match (found.as_millis(), exact.as_millis()) {
        (found, exact @ ..1_024) => found == exact,
        // Two in the middle, whose mean is rounded down.
        (found, exact) => (exact - exact / 1_000 - 1..=exact).contains(&found),
    }
}

async fn assert_reports(store: &impl EventLog<Baskets>, histories: &Histories) {
    let time = |days: i64| Some(DateTime::from_millis(1_780_000_000_000 + days * DAY));
    let all = Query::default();
    // The very moment at which a stay began.
    let moment = stays(histories).last().map(|stay| DateTime::from_millis(stay.began));
    let queries = [
        all.clone(),
        Query { by_day: true, ..all.clone() },
        Query { since: time(2), ..all.clone() },
        Query { until: time(2), by_day: true, ..all.clone() },
        Query { since: moment, ..all.clone() },
        Query { until: moment, ..all.clone() },
        Query { product: Some(product("socks")), since: time(1), until: time(3), ..all.clone() },
    ];
    for query in queries {
        let mut documents = 0;
        let Removals { mut products, left_out } = removals(store, &query, || documents += 1).await.unwrap();
        let expected = expected(histories, &query);
        for (found, expected) in products.iter_mut().zip(&expected) {
            if found.median.zip(expected.median).is_some_and(|(found, exact)| is_to_three_digits(found, exact)) {
                found.median = expected.median;
            }
        }
        assert_eq!((products, left_out), (expected, 0), "{query:?} of {histories:?}");
        assert_eq!(documents, histories.iter().flatten().count());
    }
}

#[test]
fn mongo_and_the_file_are_reported_as_a_person_would_count() {
    with_database(async |db| {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut runner) = (folder.path().join("baskets.db"), TestRunner::default());
        let (mongo, file) = (db.store().await, EmbeddedStore::<Baskets>::at(&path));
        for case in 0..90 {
            // Stays of a few days, and by turns of a few seconds.
            let histories = histories::within(&mut runner, if case % 3 == 0 { 3_000 } else { histories::DAYS });
            histories::into_mongo(&db, &histories).await;
            assert_reports(&mongo, &histories).await;
            histories::into_file(&path, &histories).await;
            assert_reports(&file, &histories).await;
        }
    });
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
    let lines = records(shell, "report removed");
    assert_eq!(sums(&lines[0]), ("clocks", [2, 3, 1, 5, 3]));
    assert_eq!(sums(&lines[1]), ("socks", [1, 1, 0, 7, 0]));
    assert_eq!((lines[0]["share_removed"].as_f64(), &lines[1]["median_seconds"]), (Some(0.6), &Value::Null));
    assert!(lines[0]["median_seconds"].as_f64().is_some_and(|median| median < 60.0), "{lines:?}");

    let rows = rows(shell, "report removed");
    assert_eq!(rows[0], ["product", "baskets", "added", "removed", "share", "median", "stay"]);
    assert_eq!(rows[1][..7], ["clocks", "2", "5", "3", "60", "%", "████████████········"]);
    assert_eq!(rows[2][1..], ["1", "7", "0", "0", "%", "····················", "-"]);
}

fn the_report_can_be_narrowed_down_and_split_by_day(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks"]);
    let rocks = basket.records("report removed --product rocks");
    assert_eq!(rocks.iter().map(sums).collect::<Vec<_>>(), [("rocks", [1, 1, 0, 1, 0])]);
    assert_eq!(basket.records("report removed --since '1 hour ago' --until now").len(), 2);
    assert_eq!(basket.records("report removed --until yesterday").len(), 0);
    let none = "no such product ever was in a basket then";
    let meant = |words: &str| basket.basket(&format!("report removed --product {words}")).err;
    assert_eq!(meant("rokcs --by day"), format!("{none}; did you mean 'rocks'?\n"));
    assert_eq!(meant("rokcs --until yesterday"), format!("{none}\n"));
    let by_day = basket.records("report removed --by day");
    let today = by_day[0]["day"].as_str().unwrap();
    let today = today.strip_suffix("T00:00:00.000Z").unwrap();
    assert_eq!(by_day.len(), 2);
    let text = basket.basket("report removed --by day").out;
    assert!(text.starts_with("day (UTC)    product") && text.contains(&format!("{today}Z  ")), "{text}");
    assert!(basket.basket("project --once").code == 0 && meant("rokcs").ends_with("did you mean 'rocks'?\n"));
}

fn undo_is_no_shopping(shell: &Shell) {
    let basket = OneBasket::with(shell, "clocks");
    basket.does(["add ID clocks -q 11"]);
    basket.says("revert ID 3", "undid version 3: removed 'clocks', added 1 of 'clocks'\n");
    let report = |words: &str| sums(&basket.records(&format!("report removed {words}"))[0]).1;
    assert_eq!(report(""), [1, 1, 0, 1, 0]);
    basket.says("restore ID --version 3", "undid what followed version 3: added 11 of 'clocks'\n");
    assert_eq!(report(""), [1, 1, 0, 12, 0]);
    assert_eq!(report("--include-undos"), [1, 2, 1, 24, 12]);
    basket.does(["remove ID clocks"]);
    assert_eq!(report(""), [1, 1, 1, 12, 12]);
}
