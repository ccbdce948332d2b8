//! Read models: `list` and `report` say the same from them as from the events, whatever has happened, and say how far behind
//! they are.

use bson::doc;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use testkit::{histories, mongo::with_database, on_both_stores, one_basket::OneBasket, planted::plant, shell::Shell};

on_both_stores! {
    what_is_kept_says_how_far_behind_it_is
    an_undo_changes_what_is_kept
    a_list_can_be_asked_for_a_time
    what_cant_be_read_is_parked_and_looked_at
    a_read_model_is_built_again
    there_are_no_others
}

/// What a command prints, and what it says beside it.
fn asked(shell: &Shell, words: &str) -> (String, String) {
    let answer = shell.basket(words);
    assert_eq!(answer.code, 0, "{words}: {answer:?}");
    (answer.out, answer.err)
}

/// The same from the read model as from the events.
#[track_caller]
fn is_the_same(shell: &Shell, words: &str) {
    let (kept, from) = asked(shell, words);
    assert!(from.contains("from the read model"), "{words}: {from}");
    let (folded, from) = asked(shell, &format!("{words} --replay"));
    assert!(!from.contains("read model"), "{from}");
    assert_eq!(kept, folded, "{words}: left is from the read model");
}

const QUESTIONS: [&str; 14] = [
    "list",
    "list -n 2",
    "list --reverse",
    "list --sort created",
    "list --sort created -n 1 --reverse",
    "list --sort versions",
    "list --sort items --format ndjson",
    "list --product socks",
    "list --product rocks --sort items -n 3 --format json",
    "list --since 2026-05-30T00:00:00Z",
    "report removed",
    "report removed --format json",
    "report removed --by day",
    "report removed --by day --product socks",
];

fn all_is_the_same(shell: &Shell) {
    QUESTIONS.iter().for_each(|words| is_the_same(shell, words));
}

fn what_is_kept_says_how_far_behind_it_is(shell: &Shell) {
    let id = shell.create("socks");
    assert!(!asked(shell, "list").1.contains("read model"), "there is none yet");
    let (_, said) = asked(shell, "project --once");
    assert!(said.contains("'list' has read all events; 2 of them were new"), "{said}");
    assert!(asked(shell, "list").1.contains("which has read all events"));
    all_is_the_same(shell);
    shell.basket(&format!("add {id} rocks")).says("");
    let (list, said) = asked(shell, "list --format json");
    assert!(said.contains("1 event behind") && said.contains("--replay"), "{said}");
    assert_eq!(serde_json::from_str::<Value>(&list).unwrap()[0]["versions"], 2);
    assert!(asked(shell, "report removed").1.contains("1 event behind"));
    shell.basket(&format!("feed wait list {id} 2")).says("");
    let late = shell.basket(&format!("feed wait list {id} 3 --timeout 200ms"));
    assert!(late.code == 6 && late.err.contains("has not read version 3"), "{late:?}");
    asked(shell, "project --once");
    shell.basket(&format!("feed wait list {id} 3")).says("");
    all_is_the_same(shell);
    let feeds: Vec<Value> = serde_json::from_str(&asked(shell, "feed --format json").0).unwrap();
    assert_eq!(feeds.iter().map(|feed| feed["feed"].as_str().unwrap()).collect::<Vec<_>>(), ["list", "removed"]);
    assert!(
        feeds.iter().all(|feed| feed["events"] == 3 && feed["behind"] == 0 && feed["holder"].is_null()),
        "{feeds:?}"
    );
}

fn an_undo_changes_what_is_kept(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks -q 3", "remove ID rocks", "add ID rocks"]);
    asked(shell, "project --once");
    all_is_the_same(shell);
    basket.basket("revert ID 4");
    asked(shell, "project --once");
    all_is_the_same(shell);
    assert!(asked(shell, "report removed --include-undos").1.is_empty(), "what undo took back is not kept");
    assert!(asked(shell, "report removed --since yesterday").1.is_empty(), "nor is the time of a day");
}

fn a_list_can_be_asked_for_a_time(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let then = basket.records("log ID")[0]["recorded_at"].as_str().unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_millis(5));
    basket.does(["add ID rocks -q 4"]);
    shell.create("clocks");
    asked(shell, "project --once");
    let list: Vec<Value> = serde_json::from_str(&asked(shell, &format!("list --at {then} --format json")).0).unwrap();
    let [line] = &list[..] else { panic!("{list:?}") };
    assert_eq!((&line["id"], &line["versions"], &line["units"]), (&basket.id.into(), &2.into(), &1.into()));
    assert_eq!(asked(shell, "list --at 2001-01-01 --format json").0, "[]\n");
    assert_eq!(asked(shell, "list --at now").0, asked(shell, "list --replay").0);
}

fn what_cant_be_read_is_parked_and_looked_at(shell: &Shell) {
    let id = shell.create("socks");
    asked(shell, "project --once");
    let planted = plant(shell, "BasketPainted").to_hex();
    let stopped = shell.basket("project list --once");
    stopped.fails(7, &planted);
    assert!(stopped.err.contains("--park"), "{stopped:?}");
    asked(shell, "project list --once --park");
    let (parked, _) = asked(shell, "feed parked list --format json");
    let parked: Vec<Value> = serde_json::from_str(&parked).unwrap();
    let [one] = &parked[..] else { panic!("{parked:?}") };
    assert!(one["document"].as_str().unwrap().contains(&planted), "{one}");
    assert!(asked(shell, "feed parked list").0.contains(&planted));
    // A list that lacks a basket is none: the events are read, where the document is counted.
    assert!(!asked(shell, "list").1.contains("read model"));
    assert!(asked(shell, "feed retry list").1.contains("1 parked before, 1 now"));
    shell.basket("feed parked nothing").fails(3, "there is no feed 'nothing'");
    assert_eq!(asked(shell, "feed parked removed").0, "");
    assert!(id.len() == 24);
}

fn a_read_model_is_built_again(shell: &Shell) {
    for product in ["socks", "rocks"] {
        shell.create(product);
    }
    // Also where there was none.
    let (out, said) = asked(shell, "rebuild list");
    assert!(out.is_empty() && said.contains("'list' is built: 4 events"), "{out}{said}");
    is_the_same(shell, "list");
    shell.create("clocks");
    let (dry, said) = asked(shell, "rebuild list --dry-run --format json");
    let dry: Value = serde_json::from_str(&dry).unwrap();
    assert_eq!((&dry["compared"], &dry["differ"], &dry["replaced"]), (&2.into(), &0.into(), &false.into()));
    assert!(said.contains("dropped again"), "{said}");
    assert!(asked(shell, "list").1.contains("2 events behind"));
    let (out, _) = asked(shell, "rebuild list");
    assert_eq!(out, "2 rows of the old one compared: 0 differ\n");
    is_the_same(shell, "list");
    let feeds: Vec<Value> = serde_json::from_str(&asked(shell, "feed --format json").0).unwrap();
    assert_eq!(feeds.len(), 1);
    assert_eq!(feeds[0]["generation"], 2);
}

fn there_are_no_others(shell: &Shell) {
    shell.create("socks");
    for words in ["project sales", "rebuild sales", "project list sales --once"] {
        shell.basket(words).fails(2, "there is no read model \"sales\"; there is list, removed");
    }
    shell.basket("feed retry sales").fails(3, "there is no feed 'sales'");
    shell.basket("project --timeout 3").fails(2, "takes no --timeout");
    assert!(asked(shell, "feed").1.contains("there is no feed"));
}

#[test]
fn a_file_that_is_not_there_is_not_made_by_a_question() {
    let shell = Shell::new();
    for words in ["project --once", "rebuild list"] {
        shell.basket(words).fails(6, "there is no such file");
    }
    shell.basket("feed --format json").says("[]\n");
    assert!(asked(&shell, "list --format json").0 == "[]\n");
    assert!(!shell.folder.path().join(".local").exists());
}

/// Products, times and removals at random, on both stores, also after they grew.
#[test]
fn mongo_random_histories_are_the_same_from_a_read_model() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..8 {
        let histories = histories::random(&mut runner);
        with_database(async |db| {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("baskets.db");
            histories::into_mongo(&db, &histories).await;
            histories::into_file(&file, &histories).await;
            for store in [db.address.clone(), file.display().to_string()] {
                let shell = Shell::new().with("BASKET_STORE", store);
                if histories.is_empty() {
                    continue;
                }
                asked(&shell, "project --once");
                all_is_the_same(&shell);
                let id = shell.create("socks");
                shell.basket(&format!("remove {id} socks")).says("");
                asked(&shell, "project --once");
                all_is_the_same(&shell);
            }
        });
    }
}

/// A stream whose document was mended comes back, and so does one whose document named no stream.
#[test]
fn mongo_what_was_mended_is_read_again() {
    with_database(async |db| {
        let shell = Shell::new().with("BASKET_STORE", db.address.clone());
        let [id, other, third] = ["socks", "rocks", "clocks"].map(|product| shell.create(product));
        shell.basket(&format!("add {third} rocks -q 5")).says("");
        shell.basket(&format!("add {id} rocks -q 2")).says("");
        shell.basket(&format!("add {id} clocks")).says("");
        let event = |id: &str, version: i64| doc! { "basket_id": bson::oid::ObjectId::parse_str(id).unwrap(), "version": version };
        let set = async |filter: bson::Document, fields| {
            assert_eq!(db.events().update_one(filter, doc! { "$set": fields }).await.unwrap().modified_count, 1);
        };
        set(event(&id, 3), doc! { "data.qty": "two" }).await;
        // One that others come after, and one that nothing comes after.
        set(event(&other, 1), doc! { "basket_id": 7 }).await;
        set(event(&third, 3), doc! { "basket_id": 7 }).await;
        asked(&shell, "project --park --once");
        let parked: Vec<Value> = serde_json::from_str(&asked(&shell, "feed parked list --format json").0).unwrap();
        assert_eq!(
            parked.len(),
            4,
            "the event that can't be read, the two without a basket, and the one behind the first of these: {parked:?}"
        );
        set(event(&id, 3), doc! { "data.qty": 2 }).await;
        for (id, version) in [(&other, 1), (&third, 3)] {
            let key = bson::oid::ObjectId::parse_str(id).unwrap();
            set(doc! { "basket_id": 7, "version": version }, doc! { "basket_id": key }).await;
        }
        for name in ["list", "removed"] {
            asked(&shell, &format!("feed retry {name}"));
            asked(&shell, &format!("project {name} --once"));
            assert_eq!(asked(&shell, &format!("feed parked {name}")).0, "", "{name}");
        }
        all_is_the_same(&shell);
    });
}

#[test]
fn mongo_a_standalone_server_has_no_feeds() {
    testkit::mongo::with_database_on(testkit::mongo::STANDALONE, async |db| {
        let shell = Shell::new().with("BASKET_STORE", db.address.clone());
        db.store().await.collection().insert_one(doc! {}).await.unwrap();
        shell.basket("project --once").fails(6, "is not a replica set");
    });
}
