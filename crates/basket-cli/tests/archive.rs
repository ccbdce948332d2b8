//! `archive`: streams move to a file and back, on both stores; whatever happens, each is in one of the two.

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use basket_cli::EmbeddedStore;
use basket_mongo::{Archive, Baskets, EventStore, StoreError, store::archive::Archived};
use bson::{DateTime, doc};
use testkit::{
    mongo::{created_with_socks, saved, with_database},
    on_both_stores,
    one_basket::{OneBasket, records},
    shell::Shell,
};

on_both_stores! {
    a_basket_moves_to_a_file_and_back
    what_can_t_be_moved_stays_and_leaves_no_file
    a_kill_at_any_moment_loses_no_basket
    an_older_export_does_not_hide_where_the_newest_events_are
    what_others_rest_on_and_what_a_reader_has_not_read_stays
    a_read_model_that_is_rebuilt_knows_how_far_it_is_without_what_was_moved
}

fn a_basket_moves_to_a_file_and_back(shell: &Shell) {
    let other = OneBasket::with(shell, "hats").id;
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks -q 2 --request-id r-1", "remove ID socks"]);
    let (all, before) = (shell.basket("export").out, basket.basket("log ID").out);
    basket.fails("archive ID --to old.ndjson", 4, "something has happened to basket '");
    let moved = basket.basket("archive ID --to old.ndjson --idle 0");
    let file = shell.folder.path().join("old.ndjson").display().to_string();
    assert_eq!(moved.out, format!("moved '{}' to '{file}': 4 events\n", basket.id), "{moved:?}");

    let to_it = [
        "get ID",
        "get ID --version 2",
        "log ID",
        "diff ID 1..2",
        "blame ID",
        "explore ID",
        "watch ID -n 1",
        "what-if ID --without 2",
        "revert ID 3",
        "restore ID --version 2",
        "add ID rocks",
        "add ID rocks --voucher V",
        "remove ID rocks",
        &format!("merge {other} ID"),
        "verify ID",
        "export ID",
    ];
    for words in to_it {
        let answer = basket.basket(words);
        let says = ["/old.ndjson' at ", "with 4 events; `basket import` brings it back"];
        let needs_a_terminal = words == "explore ID" && answer.code == 2;
        assert!(
            needs_a_terminal || answer.code == 3 && says.iter().all(|says| answer.err.contains(says)),
            "{words}: {answer:?}"
        );
    }
    assert_eq!(records(shell, "list").len(), 1, "the others stay");
    assert_eq!(shell.basket("verify").code, 0);
    let list = records(shell, "archive --list");
    assert_eq!(
        (&list[0]["id"], &list[0]["file"], &list[0]["events"]),
        (&basket.id.clone().into(), &file.clone().into(), &4.into())
    );

    shell.basket("import old.ndjson").says("4 events read: 4 new, 0 there already\n");
    assert_eq!((shell.basket("export").out, basket.basket("log ID").out), (all, before));
    assert_eq!(shell.basket("archive --list").err, "no basket was moved to a file\n");
    basket.does(["add ID rocks"]);
    // The id of a request is that of one basket, wherever it is.
    let created = shell.basket("create socks --request-id r-2 --format json").out;
    let id = created.split('"').nth(3).unwrap().to_owned();
    shell.basket(&format!("archive {id} --to other.ndjson --idle 0"));
    shell.basket("create socks --request-id r-2").fails(3, "/other.ndjson' at ");
}

fn what_can_t_be_moved_stays_and_leaves_no_file(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let file = |name: &str| shell.folder.path().join(name);
    fs::write(file("there.ndjson"), "mine").unwrap();
    basket.fails("archive ID --to there.ndjson --idle 0", 2, "/there.ndjson' is there already, and is not overwritten");
    assert_eq!(fs::read_to_string(file("there.ndjson")).unwrap(), "mine");
    basket.fails("archive ID 5ab69073421aa917e62b4799 --to new.ndjson --idle 0", 3, "/new.ndjson': there is no basket");
    basket.fails("archive ID --to no/new.ndjson --idle 0", 2, "/no/new.ndjson' can't be made");
    for idle in ["-1", "soon", "1y"] {
        assert_eq!(basket.basket(&format!("archive ID --to new.ndjson --idle={idle}")).code, 2);
    }
    shell.basket("archive").fails_with_usage();
    basket.fails("archive ID --to new.ndjson --idle 1.5d", 4, "within the last 1 day 12 hours");
    basket.says("get ID", "socks = 1\n");
    let files = fs::read_dir(shell.folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(!files.into_iter().any(|name| name.contains("new.ndjson")));
}

fn a_kill_at_any_moment_loses_no_basket(shell: &Shell) {
    // How long one takes here and now, so that the moments fall all over its run.
    let (first, start) = (shell.create("socks"), Instant::now());
    shell.basket(&format!("archive {first} --to first.ndjson --idle 0"));
    let run = start.elapsed().as_nanos() as u64;
    let mut moved = 0;
    for round in 0..40 {
        let basket = OneBasket::with(shell, "socks");
        for product in ["rocks", "hats"] {
            basket.does([&format!("add ID {product}")]);
        }
        let words = format!("archive {} --to {round}.ndjson --idle 0", basket.id);
        let mut archive = shell.command(&words.split(' ').collect::<Vec<_>>());
        let mut archive = archive.stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_nanos(fastrand::u64(..run * 6 / 5)));
        archive.kill().unwrap();
        archive.wait().unwrap();
        let answer = basket.basket("get ID");
        if answer.code == 3 {
            moved += 1;
            assert!(answer.err.contains(&format!("/{round}.ndjson' at ")), "{answer:?}");
            shell.basket(&format!("import {round}.ndjson")).says("4 events read: 4 new, 0 there already\n");
        }
        basket.says("get ID", "socks = 1\nrocks = 1\nhats = 1\n");
    }
    println!("{moved} of 40 were moved before they were killed");
}

fn a_read_model_that_is_rebuilt_knows_how_far_it_is_without_what_was_moved(shell: &Shell) {
    let (kept, moved) = (shell.create("socks"), shell.create("hats"));
    assert_eq!(shell.basket("project --once").code, 0);
    let archived = shell.basket(&format!("archive {moved} --to old.ndjson --idle 0"));
    assert!(archived.err.contains("`basket rebuild` mends both"), "{archived:?}");
    for name in ["list", "removed"] {
        assert_eq!(shell.basket(&format!("rebuild {name}")).code, 0);
    }
    shell.basket(&format!("add {kept} rocks")).says("");
    let behind = |expected: [u64; 2]| {
        let feeds = records(shell, "feed");
        assert_eq!(
            feeds.iter().map(|feed| feed["behind"].as_u64().unwrap()).collect::<Vec<_>>(),
            expected,
            "{feeds:?}"
        );
    };
    behind([1, 1]);
    assert_eq!(shell.basket("project --once").code, 0);
    behind([0, 0]);
    let listed = || shell.basket("list --format ndjson").out.lines().count();
    assert_eq!(listed(), 1);
    shell.basket("import old.ndjson").says("2 events read: 2 new, 0 there already\n");
    behind([2, 2]);
    assert_eq!(shell.basket("project --once").code, 0);
    behind([0, 0]);
    assert_eq!(listed(), 2);
}

fn an_older_export_does_not_hide_where_the_newest_events_are(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    fs::write(shell.folder.path().join("before.ndjson"), shell.basket("export").out).unwrap();
    basket.does(["add ID rocks"]);
    assert_eq!(basket.basket("snapshot ID").code, 0);
    assert_eq!(basket.basket("archive ID --to old.ndjson --idle 0").code, 0);
    assert_eq!(shell.basket("verify --snapshots --strict").code, 0, "its snapshot has gone, too");
    let part = shell.basket("import before.ndjson");
    assert!(part.err.contains("2 of 3 events are here; the others are in the file '"), "{part:?}");
    assert_eq!(records(shell, "archive --list").len(), 1);
    shell.basket("import old.ndjson").says("3 events read: 1 new, 2 there already\n");
    assert_eq!(shell.basket("archive --list").err, "no basket was moved to a file\n");
    basket.says("get ID", "socks = 1\nrocks = 1\n");
}

fn what_others_rest_on_and_what_a_reader_has_not_read_stays(shell: &Shell) {
    let (basket, other) = (OneBasket::with(shell, "socks"), shell.create("hats"));
    basket.does(["add ID rocks --voucher SPRING"]);
    let archive = "archive ID --to old.ndjson --idle 0";
    basket.fails(archive, 4, "has a VoucherRedeemed, which decisions about other baskets look for");
    basket.fails(&format!("add {other} rocks --voucher SPRING"), 4, "SPRING");

    assert_eq!(shell.basket("project list --once").code, 0);
    shell.basket(&format!("add {other} rocks")).says("");
    let archive = archive.replace("ID", &other);
    shell.basket(&archive).fails(4, "the feed 'list' is 1 events behind");
    assert_eq!(shell.basket("project list --once").code, 0);
    assert_eq!(shell.basket(&archive).code, 0);
}

/// A field that no event has would be in no export.
#[test]
fn mongo_a_field_that_an_export_does_not_carry_is_not_lost() {
    with_database(async |db| {
        let shell = Shell::new().with("BASKET_STORE", db.address.as_str());
        let id = shell.create("socks");
        db.events().update_many(doc! {}, doc! { "$set": { "source": "till 7" } }).await.unwrap();
        let archive = format!("archive {id} --to old.ndjson --idle 0");
        shell.basket(&archive).fails(4, "the field 'source' of 2 events is none that an export carries");
        assert!(!shell.folder.path().join("old.ndjson").exists());
        shell.basket(&format!("get {id}")).says("socks = 1\n");
    });
}

/// Nothing is deleted if the stream is longer or shorter than what is in the file.
async fn a_stream_that_has_changed_is_not_moved(store: impl EventStore<basket_domain::Basket> + Archive<Baskets>) {
    let id = *saved(&store, created_with_socks()).await.id();
    for events in [1, 3] {
        let to = Archived { file: "old.ndjson".into(), events, at: DateTime::now() };
        let moved = store.archive(&id, &to).await;
        assert!(matches!(moved, Err(StoreError::Conflict { expected, found: 2 }) if expected == events), "{moved:?}");
        assert_eq!((store.get(&id).await.unwrap().version(), store.archived(&id).await.unwrap()), (2, None));
    }
    let to = Archived { file: "old.ndjson".into(), events: 2, at: DateTime::from_millis(1_000) };
    store.archive(&id, &to).await.unwrap();
    assert_eq!(store.archived(&id).await.unwrap(), Some(to));
    assert!(matches!(store.get(&id).await, Err(StoreError::NotFound { .. })));
    assert!(store.unarchive(&id).await.unwrap() && !store.unarchive(&id).await.unwrap());
}

#[test]
fn mongo_a_stream_that_has_changed_is_not_moved() {
    with_database(async |db| a_stream_that_has_changed_is_not_moved(db.store().await).await);
}

#[tokio::test]
async fn embedded_a_stream_that_has_changed_is_not_moved() {
    let folder = tempfile::tempdir().unwrap();
    a_stream_that_has_changed_is_not_moved(EmbeddedStore::<Baskets>::at(folder.path().join("baskets.db"))).await;
}
