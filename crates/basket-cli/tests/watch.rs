//! `basket watch` beside other processes that change baskets, on both stores.

use std::{fs, process::Stdio, thread, time::Duration};

use basket_mongo::EventStore;
use serde_json::Value;
use testkit::{
    mongo::{STANDALONE, created, product, qty, saved, with_database, with_database_on},
    on_both_stores,
    one_basket::{OneBasket, records},
    planted::plant,
    shell::Shell,
    watcher::Watcher,
};

on_both_stores! {
    what_others_do_is_shown_in_order_as_it_happens
    from_the_beginning_what_was_kept_comes_first
    from_a_version_on_only_one_basket_is_shown
    what_is_written_during_the_catch_up_is_shown_once
    a_line_for_people_begins_with_the_basket_where_all_are_watched
    ending_it_prints_whole_lines_and_is_a_success
    after_so_many_events_it_ends_by_itself
    a_reader_that_has_seen_enough_ends_it
    an_event_that_can_not_be_read_ends_it_and_is_named
    what_can_not_be_watched_is_said_at_once
}

/// The log of a basket, oldest first.
fn log(shell: &Shell, id: &str) -> Vec<Value> {
    records(shell, &format!("log {id} --reverse"))
}

fn what_others_do_is_shown_in_order_as_it_happens(shell: &Shell) {
    let before = shell.create("socks");
    let watcher = Watcher::start(shell, "watch --format ndjson");
    watcher.is_silent();
    shell.basket(&format!("add {before} rocks -q 2 --as ann -m order")).says("");
    assert_eq!(watcher.records(1), log(shell, &before)[2..]);
    let new = shell.create("hats");
    shell.basket(&format!("remove {before} socks")).says("");
    assert_eq!(watcher.records(3), [log(shell, &new), log(shell, &before)[3..].to_vec()].concat());
    watcher.is_silent();
}

fn from_the_beginning_what_was_kept_comes_first(shell: &Shell) {
    let ids = [shell.create("socks"), shell.create("hats")];
    let watcher = Watcher::start(shell, "watch --from beginning --format ndjson");
    let shown = watcher.records(4);
    for id in &ids {
        // MongoDB's catch-up goes basket by basket, the file's commit by commit.
        let of_one: Vec<_> = shown.iter().filter(|record| record["basket"] == **id).cloned().collect();
        assert_eq!(of_one, log(shell, id));
    }
    shell.basket(&format!("add {} rocks", ids[0])).says("");
    assert_eq!(watcher.records(1), log(shell, &ids[0])[2..]);
    watcher.is_silent();
}

fn from_a_version_on_only_one_basket_is_shown(shell: &Shell) {
    let (basket, other) = (OneBasket::with(shell, "socks"), OneBasket::with(shell, "hats"));
    basket.does(["add ID rocks"]);
    let log = || log(shell, &basket.id);
    let from = |words: &str| Watcher::start(shell, &format!("watch {} {words} --format ndjson", basket.id));
    let (from_2, from_4, from_now) = (from("--from 2"), from("--from 4"), from(""));
    assert_eq!(from_2.records(2), log()[1..]);
    for basket in [&other, &basket, &other] {
        basket.does(["add ID clocks"]);
    }
    for watcher in [from_2, from_4, from_now] {
        assert_eq!(watcher.records(1), log()[3..]);
        watcher.is_silent();
    }
    let from_the_future = from("--from 6");
    basket.does(["add ID pins", "add ID bricks"]);
    assert_eq!(from_the_future.records(1), log()[5..]);
}

fn what_is_written_during_the_catch_up_is_shown_once(shell: &Shell) {
    let ids: Vec<_> = (0..3).map(|_| shell.create("socks")).collect();
    let watchers = thread::scope(|scope| {
        for id in &ids {
            scope.spawn(move || (0..30).for_each(|_| shell.basket(&format!("add {id} rocks")).says("")));
        }
        // Each begins at another moment of the writing.
        (0..8).map(|_| Watcher::start(shell, "watch --from beginning --format ndjson")).collect::<Vec<_>>()
    });
    for watcher in watchers {
        let shown = watcher.records(3 * 32);
        for id in &ids {
            let versions =
                shown.iter().filter(|record| record["basket"] == **id).map(|record| record["version"].as_u64());
            assert!(versions.eq((1..=32).map(Some)), "{shown:?}");
        }
        watcher.signal("INT");
        assert_eq!(watcher.end().out, "");
    }
}

fn a_line_for_people_begins_with_the_basket_where_all_are_watched(shell: &Shell) {
    let id = shell.create("socks");
    let (all, one) = (Watcher::start(shell, "watch"), Watcher::start(shell, &format!("watch {id}")));
    shell.basket(&format!("add {id} rocks -q 2 --as ann -m 'for Bob'")).says("");
    let line = shell.basket(&format!("log {id} --oneline -n 1")).out;
    assert_eq!((all.line(), one.line()), (format!("{id}  {}", line.trim_end()), line.trim_end().to_owned()));
    assert!(line.ends_with("ann  added 2 of 'rocks'  (for Bob)\n"), "{line}");
}

fn ending_it_prints_whole_lines_and_is_a_success(shell: &Shell) {
    let id = shell.create("socks");
    for signal in ["INT", "TERM"] {
        let watchers = ["json -n 9", "ndjson", "text"]
            .map(|format| Watcher::start(shell, &format!("watch --from beginning --format {format}")));
        let [json, ndjson, text] = watchers.map(|watcher| {
            let first = watcher.line();
            watcher.signal(signal);
            let answer = watcher.end();
            assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{answer:?}");
            format!("{first}\n{}", answer.out)
        });
        assert_eq!(serde_json::from_str::<Vec<Value>>(&json).unwrap(), log(shell, &id));
        assert_eq!((ndjson.lines().count(), text.lines().count()), (2, 2));
    }
}

fn after_so_many_events_it_ends_by_itself(shell: &Shell) {
    let id = shell.create("socks");
    let kept = shell.basket("watch --from beginning -n 2 --format json");
    assert_eq!(serde_json::from_str::<Vec<Value>>(&kept.out).unwrap(), log(shell, &id));
    let watcher = Watcher::start(shell, "watch -n 1 --format ndjson");
    shell.basket(&format!("add {id} rocks")).says("");
    let answer = watcher.end();
    assert_eq!((answer.code, answer.out.lines().count(), answer.err.as_str()), (0, 1, ""));
}

fn a_reader_that_has_seen_enough_ends_it(shell: &Shell) {
    let id = shell.create("socks");
    // At once where there is something to show, and soon where there is nothing.
    for words in [&["watch", "--from", "beginning"][..], &["watch"], &["watch", &id]] {
        let mut child = shell.command(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        assert!(child.wait().unwrap().success());
    }
}

fn an_event_that_can_not_be_read_ends_it_and_is_named(shell: &Shell) {
    let id = shell.create("socks");
    let watchers = ["watch", &format!("watch {id}")].map(|words| Watcher::start(shell, words));
    let planted = plant(shell, "ItemBlessed");
    for watcher in watchers {
        watcher.end().fails(7, &format!("_id ObjectId('{planted}') (version 3) can't be read"));
    }
    shell.basket(&format!("watch {id} --from 3")).fails(7, &planted.to_hex());
}

fn what_can_not_be_watched_is_said_at_once(shell: &Shell) {
    for (words, code, why) in [
        ("5ab69073421aa917e62b4734", 3, "there is no basket '5ab69073421aa917e62b4734'"),
        ("--from yesterday", 2, "write now, beginning, or a version, from 1"),
        ("5ab69073421aa917e62b4734 --from 0", 2, "write now, beginning, or a version, from 1"),
        ("--from 3", 2, "a version is one of a basket"),
        ("--format json", 2, "use --format ndjson"),
    ] {
        shell.basket(&format!("watch {words}")).fails(code, why);
    }
}

#[cfg(unix)]
#[test]
fn embedded_a_file_that_is_replaced_or_removed_ends_it() {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    let [file, backup] = ["baskets.db", "backup.db"].map(|name| shell.folder.path().join(name));
    shell.create("socks");
    let watcher = Watcher::start(&shell, "watch");
    shell.basket("create rocks --store backup.db");
    fs::rename(backup, &file).unwrap();
    watcher.end().fails(6, "another file has taken the place of the one that was read");

    let watcher = Watcher::start(&shell, "watch");
    fs::remove_file(file).unwrap();
    watcher.end().fails(6, "the file is gone");
}

/// As `cp` does, which leaves SQLite's log of the other file beside it.
#[test]
fn embedded_a_file_that_is_copied_over_ends_it_unless_it_has_the_same_history() {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    let copy = |from: &str, to: &str| {
        fs::write(shell.folder.path().join(to), fs::read(shell.folder.path().join(from)).unwrap()).unwrap()
    };
    let id = shell.create("socks");
    copy("baskets.db", "older.db");
    shell.basket("create rocks --store another.db");
    (0..3).for_each(|_| drop(shell.basket("create clocks --store longer.db")));
    shell.basket(&format!("add {id} rocks")).says("");
    copy("baskets.db", "same.db");
    for other in ["older.db", "another.db", "longer.db"] {
        for words in ["watch", "watch --from beginning", &format!("watch {id}")] {
            copy("same.db", "baskets.db");
            let watcher = Watcher::start(&shell, words);
            // Linux counts the time of a file in ticks of up to 10 ms.
            thread::sleep(Duration::from_millis(50));
            copy(other, "baskets.db");
            let end = watcher.end();
            let replaced = "another file has taken the place of the one that was read";
            assert!(end.code == 6 && end.err.contains(replaced), "{other} under {words}: {end:?}");
        }
    }
    copy("same.db", "baskets.db");
    let watcher = Watcher::start(&shell, "watch --format ndjson");
    thread::sleep(Duration::from_millis(50));
    copy("same.db", "baskets.db");
    thread::sleep(Duration::from_millis(500));
    shell.basket(&format!("add {id} hats")).says("");
    assert_eq!(watcher.records(1), log(&shell, &id)[3..]);
}

#[test]
fn embedded_a_file_that_is_not_there_yet_is_waited_for() {
    let shell = Shell::new();
    let watchers =
        ["now", "beginning"].map(|from| Watcher::start(&shell, &format!("watch --from {from} --format ndjson")));
    let id = shell.create("socks");
    for watcher in watchers {
        assert_eq!(watcher.records(2), log(&shell, &id));
    }
}

#[test]
fn mongo_a_dropped_collection_ends_it() {
    with_database(async |db| {
        let shell = Shell::new().with("BASKET_STORE", db.address.clone());
        let id = shell.create("socks");
        let watchers = ["watch", &format!("watch {id}")].map(|words| Watcher::start(&shell, words));
        db.events().drop().await.unwrap();
        for watcher in watchers {
            watcher.end().fails(6, "'baskets' was dropped or renamed");
        }
    });
}

#[test]
fn mongo_a_server_that_is_no_replica_set_is_read_every_second_and_that_is_said() {
    with_database_on(STANDALONE, async |db| {
        let store = db.store().await;
        let [basket, other] = [saved(&store, created()).await, saved(&store, created()).await].map(|it| *it.id());
        let shell = Shell::new().with("BASKET_STORE", db.address.clone());
        let words = ["watch", "watch --from beginning", &format!("watch {basket} --from 2")];
        let watchers = words.map(|words| Watcher::spawn(&shell, &format!("{words} --format ndjson")));
        for watcher in &watchers {
            let note = watcher.note();
            assert!(note.contains("(a look every 1 second, since it is no replica set); Ctrl-C ends it"), "{note}");
        }
        for name in ["rocks", "clocks"] {
            store.command(&basket).run(|basket| basket.add_item(&product(name), qty(1))).await.unwrap();
        }
        for (watcher, mut kept) in watchers.iter().zip([vec![], vec![basket, other], vec![]]) {
            let shown = watcher.records(kept.len() + 2).into_iter();
            let shown = shown.map(|it| (it["basket"].as_str().unwrap().to_owned(), it["version"].as_u64().unwrap()));
            // What was kept comes first, by id.
            kept.sort();
            let kept = kept.iter().map(|id| (id.to_string(), 1));
            let new = [2, 3].map(|version| (basket.to_string(), version));
            assert_eq!(shown.collect::<Vec<_>>(), kept.chain(new).collect::<Vec<_>>());
            watcher.is_silent();
        }
    });
}
