//! `basket watch` and `explore` where a document that can't be read comes in between: it is named, and nothing else is lost.

use std::thread;

use basket_mongo::EventStore;
use serde_json::Value;
use testkit::{
    mongo::{STANDALONE, created, product, qty, saved, with_database_on},
    on_both_stores,
    one_basket::{OneBasket, records},
    planted::plant,
    shell::Shell,
    terminal::Terminal,
    watcher::Watcher,
};

on_both_stores! {
    it_ends_the_watch_that_says_how_to_go_on
    a_watch_that_skips_it_names_it_and_shows_all_the_others_once
    what_is_written_during_the_catch_up_is_named_once
    the_list_of_explore_counts_it_and_lives_on
}

/// The next note names this document.
#[track_caller]
fn names(watcher: &Watcher, planted: impl std::fmt::Display) {
    let note = watcher.note();
    assert!(note.starts_with(&format!("the document with _id ObjectId('{planted}') (version ")), "{note}");
}

fn versions(records: &[Value]) -> Vec<u64> {
    records.iter().map(|record| record["version"].as_u64().unwrap()).collect()
}

fn it_ends_the_watch_that_says_how_to_go_on(shell: &Shell) {
    shell.create("socks");
    let watcher = Watcher::start(shell, "watch");
    let planted = plant(shell, "ItemBlessed");
    let answer = watcher.end();
    answer.fails(7, &planted.to_hex());
    assert!(answer.err.ends_with("; with --skip-unreadable, a watch goes on after it\n"), "{answer:?}");
}

fn a_watch_that_skips_it_names_it_and_shows_all_the_others_once(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let start = |words: &str| {
        let words = words.replace("ID", &basket.id);
        Watcher::start(shell, &format!("watch {words} --skip-unreadable --format ndjson"))
    };
    let live = ["", "ID", "--from beginning", "ID --from 2"].map(start);
    for (watcher, kept) in live.iter().zip([0, 0, 2, 1]) {
        watcher.records(kept);
    }
    let first = plant(shell, "ItemBlessed");
    plant(shell, "ItemAdded");
    let second = plant(shell, "ItemBroken");
    plant(shell, "ItemAdded");
    for watcher in &live {
        assert_eq!(versions(&watcher.records(2)), [4, 6]);
        names(watcher, first);
        names(watcher, second);
    }
    // Other streams go on, too.
    let other = shell.create("hats");
    for (watcher, many) in live.iter().zip([2, 0, 2, 0]) {
        assert_eq!(watcher.records(many), records(shell, &format!("log {other} --reverse"))[..many]);
        watcher.is_silent();
        assert!(watcher.notes.try_recv().is_err());
        watcher.signal("INT");
    }
    live.into_iter().for_each(|watcher| assert_eq!(watcher.end().code, 0));
    // What was there before is named as well.
    for (words, expected) in
        [("ID --from beginning", &[1, 2, 4, 6][..]), ("ID --from 3", &[4, 6]), ("ID --from 5", &[6])]
    {
        let words = format!("watch {words} --skip-unreadable -n {} --format json", expected.len());
        let answer = basket.basket(&words);
        let shown: Vec<Value> = serde_json::from_str(&answer.out).unwrap();
        assert_eq!((answer.code, versions(&shown).as_slice()), (0, expected), "{answer:?}");
        assert_eq!(answer.err.contains(&first.to_hex()), expected[0] < 6, "{answer:?}");
        assert!(answer.err.contains(&second.to_hex()), "{answer:?}");
    }
}

fn what_is_written_during_the_catch_up_is_named_once(shell: &Shell) {
    const MANY: usize = 20;
    shell.create("socks");
    let (watchers, planted) = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let kinds = (0..MANY).map(|_| "ItemBlessed").flat_map(|kind| [kind, "ItemAdded"]);
            let planted: Vec<_> = kinds.map(|kind| plant(shell, kind)).collect();
            planted.into_iter().step_by(2).map(|planted| planted.to_hex()).collect::<Vec<_>>()
        });
        // Each begins at another moment of the writing.
        let start = |_| Watcher::spawn(shell, "watch --from beginning --skip-unreadable --format ndjson");
        ((0..8).map(start).collect::<Vec<_>>(), writer.join().unwrap())
    });
    for watcher in watchers {
        let good = (1..=2).chain((1..=MANY as u64).map(|at| 2 * at + 2));
        assert_eq!(versions(&watcher.records(2 + MANY)), good.collect::<Vec<_>>());
        let notes: Vec<_> = (0..=MANY).map(|_| watcher.note()).filter(|note| !note.starts_with("watching ")).collect();
        assert!(notes.len() == MANY && notes.iter().zip(&planted).all(|(note, id)| note.contains(id)), "{notes:#?}");
        watcher.is_silent();
        assert!(watcher.notes.try_recv().is_err());
    }
}

fn the_list_of_explore_counts_it_and_lives_on(shell: &Shell) {
    shell.create("socks");
    let mut terminal = Terminal::run(shell, &["explore"]);
    terminal.shows("1 basket");
    for (kind, mark) in [("ItemBlessed", "1 unreadable"), ("ItemBroken", "2 unreadable")] {
        plant(shell, kind);
        terminal.resize(120, 24);
        terminal.shows(mark);
    }
    terminal.shows(&shell.create("hats"));
    terminal.shows("2 baskets");
    terminal.press("q");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
fn mongo_a_server_that_is_no_replica_set_names_it_once_and_goes_on() {
    with_database_on(STANDALONE, async |db| {
        let store = db.store().await;
        let id = *saved(&store, created()).await.id();
        let add = async || store.command(&id).run(|basket| basket.add_item(&product("rocks"), qty(1))).await.map(drop);
        add().await.unwrap();
        let shell = Shell::new().with("BASKET_STORE", db.address.clone());
        let old = plant(&shell, "ItemBlessed");
        let [now, beginning] = ["now", "beginning"]
            .map(|from| Watcher::spawn(&shell, &format!("watch --from {from} --skip-unreadable --format ndjson")));
        names(&beginning, old);
        for watcher in [&now, &beginning] {
            assert!(watcher.note().starts_with("watching "));
        }
        let other = *saved(&store, created()).await.id();
        let new = plant(&shell, "ItemBroken");
        plant(&shell, "ItemAdded");
        assert_eq!(versions(&beginning.records(2)), [1, 2]);
        for watcher in [&now, &beginning] {
            let mut shown = watcher.records(2);
            shown.sort_by_key(|record| record["version"].as_u64());
            assert_eq!((shown[0]["basket"].as_str(), versions(&shown)), (Some(&*other.to_string()), vec![1, 5]));
            names(watcher, new);
            watcher.is_silent();
            assert!(watcher.notes.try_recv().is_err());
        }
    });
}
