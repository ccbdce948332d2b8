//! The list of all the baskets: what the fold computes is what a person would count who read all the events.

use basket_cli::{
    EmbeddedStore,
    summary::{Query, Sort, Summary, summaries},
};
use basket_domain::{Basket, BasketId, scenario::given};
use basket_mongo::{Baskets, EventLog, Scope};
use bson::DateTime;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use testkit::{
    histories::{self, Dated, Histories, basket_of},
    mongo::{product, with_database},
    on_both_stores,
    one_basket::{records, rows},
    shell::Shell,
};

on_both_stores! {
    the_list_has_a_line_for_each_basket
    the_list_can_be_narrowed_down_and_sorted
    nothing_to_show_is_no_trouble
    the_ids_alone_are_listed_by_id
}

fn the_ids_alone_are_listed_by_id(shell: &Shell) {
    assert_eq!(shell.basket("list --ids").err, "there is no basket\n");
    shell.basket("list --ids --format json").says("[]\n");
    let mut ids = [(); 3].map(|()| shell.create("socks"));
    shell.basket(&format!("add {} rocks", ids[1])).says("");
    ids.sort();
    shell.basket("list --ids").says(&(ids.join("\n") + "\n"));
    let records = records(shell, "list --ids");
    assert_eq!(records.iter().map(|record| record["id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    for words in ["-n 2", "--product socks", "--since yesterday", "--sort items", "--reverse"] {
        let answer = shell.basket(&format!("list --ids {words}"));
        assert!(answer.code == 2 && answer.err.contains("cannot be used with"), "{answer:?}");
    }
}

#[test]
fn mongo_a_key_that_is_no_id_is_named_and_not_left_out() {
    with_database(async |db| {
        let store = db.store().await;
        let planted = bson::oid::ObjectId::new();
        db.events().insert_one(bson::doc! { "_id": planted, "basket_id": "zzz", "version": 1 }).await.unwrap();
        let ids: Vec<_> = futures_util::StreamExt::collect(store.ids()).await;
        let [Err(error)] = &ids[..] else { panic!("{ids:?}") };
        assert!(error.to_string().contains(&planted.to_hex()) && error.to_string().contains("no id"), "{error}");
    });
}

/// What a person would write down about a basket, and the basket.
fn read(history: &[Dated]) -> (Summary<BasketId>, Basket) {
    let basket = given::<Basket>(history.iter().map(|(event, _)| event.clone())).state().clone();
    let summary = Summary {
        id: basket_of(history),
        created: history.first().map(|(_, at)| DateTime::from_millis(*at)),
        changed: history.last().map(|(_, at)| DateTime::from_millis(*at)),
        versions: history.len() as u64,
        rows: basket.items().count() as u64,
        units: basket.items().map(|(_, quantity)| u64::from(quantity)).sum(),
        unreadable: 0,
    };
    (summary, basket)
}

fn expected(histories: &Histories, query: &Query) -> Vec<Summary<BasketId>> {
    let all = histories.iter().map(|history| read(history));
    let holding = all.filter(|(_, basket)| query.row.as_ref().is_none_or(|row| basket.contains(&product(row))));
    let mut lines: Vec<_> = holding.map(|(line, _)| line).filter(|line| line.changed >= query.since).collect();
    lines.sort_by_key(|line| {
        let by = match query.sort {
            Sort::Created => line.created.unwrap().timestamp_millis(),
            Sort::Versions => line.versions as i64,
            Sort::Items => line.units as i64,
            Sort::Changed => line.changed.unwrap().timestamp_millis(),
        };
        (by, line.id)
    });
    if !query.reverse {
        lines.reverse();
    }
    lines.truncate(query.limit.unwrap_or(usize::MAX));
    lines
}

async fn assert_lists(store: &impl EventLog<Baskets>, histories: &Histories, limit: usize) {
    // The very moment at which a basket changed last.
    let moment = histories.last().map(|history| history[history.len() - 1].1).map(DateTime::from_millis);
    for sort in [Sort::Changed, Sort::Created, Sort::Versions, Sort::Items] {
        let queries = [
            Query { sort, ..Query::default() },
            Query { sort, limit: Some(limit), ..Query::default() },
            Query { sort, reverse: true, limit: Some(limit), ..Query::default() },
            Query { sort, row: Some("socks".into()), ..Query::default() },
            Query { sort, since: Some(DateTime::from_millis(1_780_200_000_000)), ..Query::default() },
            Query { sort, since: moment, ..Query::default() },
        ];
        for query in queries {
            let mut documents = 0;
            let listed = summaries(store, Scope::All, &query, || documents += 1).await.unwrap();
            assert_eq!(listed, expected(histories, &query), "{query:?} of {histories:?}");
            assert_eq!(documents, histories.iter().flatten().count());
        }
    }
}

#[test]
fn mongo_and_the_file_are_listed_as_a_person_would() {
    with_database(async |db| {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut runner) = (folder.path().join("baskets.db"), TestRunner::default());
        let (mongo, file) = (db.store().await, EmbeddedStore::<Baskets>::at(&path));
        for case in 0..60 {
            let histories = histories::random(&mut runner);
            histories::into_mongo(&db, &histories).await;
            assert_lists(&mongo, &histories, case % 4).await;
            histories::into_file(&path, &histories).await;
            assert_lists(&file, &histories, case % 4).await;
        }
        // More than a page, all of one moment.
        let histories: Histories = (0..1_234).map(|_| histories::created_at(1_780_000_000_000)).collect();
        histories::into_file(&path, &histories).await;
        assert_lists(&file, &histories, 7).await;
    });
}

fn the_list_has_a_line_for_each_basket(shell: &Shell) {
    let (first, second) = (shell.create("socks"), shell.create("rocks"));
    shell.basket(&format!("add {first} socks -q 4")).says("");
    shell.basket(&format!("remove {second} rocks")).says("");
    let of_one = |basket: &Value| {
        let numbers = ["versions", "products", "units", "unreadable"].map(|key| basket[key].as_u64().unwrap());
        (basket["id"].as_str().unwrap().to_owned(), numbers)
    };
    let list: Vec<_> = records(shell, "list").iter().map(of_one).collect();
    assert_eq!(list, [(second, [3, 0, 0, 0]), (first.clone(), [3, 1, 5, 0])]);
    let rows = rows(shell, "list");
    assert_eq!(rows[0], ["basket", "changed", "created", "versions", "products", "units"]);
    assert_eq!((rows.len(), &rows[2][0], &rows[2][7..]), (3, &first, &["3", "1", "5"].map(String::from)[..]));
}

fn the_list_can_be_narrowed_down_and_sorted(shell: &Shell) {
    let (first, second) = (shell.create("socks"), shell.create("rocks"));
    shell.basket(&format!("add {first} clocks -q 4")).says("");
    let cases: [(&str, &[&String]); 7] = [
        ("", &[&first, &second]),
        ("--sort created", &[&second, &first]),
        ("--sort items -r", &[&second, &first]),
        ("--sort versions -n 1", &[&first]),
        ("--product rocks", &[&second]),
        ("--since '1 hour ago'", &[&first, &second]),
        ("-n 0", &[]),
    ];
    for (words, expected) in cases {
        let list = records(shell, &format!("list {words}"));
        let ids: Vec<_> = list.iter().map(|basket| basket["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{words}");
    }
    assert_eq!(shell.basket("list --product hats").err, "there is no such basket\n");
}

fn nothing_to_show_is_no_trouble(shell: &Shell) {
    for (words, note) in
        [("list", "there is no such basket\n"), ("report removed", "no such product ever was in a basket then\n")]
    {
        assert_eq!(shell.basket(&format!("{words} --format json")).out, "[]\n");
        let none = shell.basket(words);
        assert_eq!((none.code, none.out.as_str(), none.err.as_str()), (0, "", note));
    }
}
