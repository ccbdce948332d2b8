//! `--json FIELDS` on every command that prints JSON, on both stores: only these fields, and those that there are by name.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::{on_both_stores, one_basket::OneBasket, shell::Shell};

on_both_stores! {
    every_command_names_the_fields_that_it_has_and_prints_those_that_are_asked_for
    a_field_that_is_not_there_is_refused_before_anything_is_changed
    the_fields_stand_in_the_order_in_which_they_are_asked_for
}

/// The fields that a command says there are.
fn named(basket: &OneBasket<'_>, words: &str) -> Vec<String> {
    let refused = basket.basket(&format!("{words} --json nonsense"));
    refused.fails(2, "there is no field 'nonsense' in this answer; there are ");
    let fields = refused.err.trim().split_once("; there are ").unwrap().1;
    fields.split(", ").map(str::to_owned).collect()
}

/// The documents of an answer, and their fields.
fn documents(text: &str) -> Vec<Value> {
    match serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}")) {
        Value::Array(documents) => documents,
        document => vec![document],
    }
}

fn fields_of(document: &Value) -> BTreeSet<String> {
    document.as_object().unwrap().keys().cloned().collect()
}

fn every_command_names_the_fields_that_it_has_and_prints_those_that_are_asked_for(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let other = shell.create("hats");
    basket.does(["add ID rocks -q 3", "add ID clocks", "remove ID rocks"]);
    std::fs::write(shell.folder.path().join("baskets.ndjson"), shell.basket("export").out).unwrap();
    let merge = format!("merge ID {other}");
    let commands = [
        "create pins",
        "add ID pins",
        "remove ID pins",
        &merge,
        "get ID",
        "get ID @",
        "list",
        "list --replay",
        "list --ids",
        "log ID",
        "log ID --stat",
        "show ID@2",
        "blame ID",
        "diff ID 1..3",
        "what-if ID --without 3",
        "revert ID 4 --dry-run",
        "revert ID 4",
        "restore ID 3 --dry-run",
        "restore ID 3",
        "watch ID --from 1 -n 2",
        "report removed",
        "report removed --by day",
        "snapshot ID",
        "snapshot --drop",
        "import baskets.ndjson",
        "init",
        "store",
        "feed",
        "rebuild list",
        "archive ID --to old.ndjson --idle 0",
        "archive --list",
    ];
    for words in commands {
        if words == "feed" {
            assert_eq!(basket.basket("project --once").code, 0);
        }
        if words.starts_with("archive ID") {
            // Nothing is moved that a reader has not read.
            assert_eq!(basket.basket("project --once").code, 0);
        }
        let fields = named(&basket, words);
        let (first, last) = (&fields[0], &fields[fields.len() - 1]);
        // A command that changes something is given once.
        let some = fields.join(",");
        let answer = basket.basket(&format!("{words} --json {some}"));
        assert_eq!(answer.code, 0, "{words}: {answer:?}");
        let all = documents(&answer.out);
        assert!(!all.is_empty(), "{words}");
        let expected: BTreeSet<_> = fields.iter().cloned().collect();
        assert!(all.iter().all(|document| fields_of(document) == expected), "{words}: {fields:?} {all:?}");
        let reads = ["get", "list", "log", "show", "blame", "diff", "what-if", "watch", "report", "store", "feed"];
        if reads.contains(&words.split(' ').next().unwrap()) {
            // Without a choice, all of them and no other is printed.
            let whole = documents(&basket.basket(&format!("{words} --format json")).out);
            assert!(whole.iter().all(|document| fields_of(document) == expected), "{words}: {fields:?} {whole:?}");
            let lines = basket.basket(&format!("{words} --format ndjson --json {first},{last}")).out;
            let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let two = BTreeSet::from([first.clone(), last.clone()]);
            assert!(!lines.is_empty() && lines.iter().all(|line| fields_of(line) == two), "{words}: {lines:?}");
        }
    }
}

fn a_field_that_is_not_there_is_refused_before_anything_is_changed(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let before = shell.basket("export").out;
    for words in
        ["create hats", "add ID rocks", "remove ID socks", "revert ID 2", "restore ID 1", "archive ID --to a.ndjson"]
    {
        basket.fails(&format!("{words} --json id,nonsense"), 2, "there is no field 'nonsense' in this answer");
    }
    // Also where there is nothing to print.
    basket.fails("log ID --until yesterday --json versions", 2, "there are basket, version, type, data, ");
    assert_eq!(shell.basket("export").out, before);
    assert!(!shell.folder.path().join("a.ndjson").exists());
    let none = basket.basket("get ID --json");
    assert!(none.code == 2 && none.out.is_empty() && none.err.contains("--json <FIELD,...>"), "{none:?}");
}

fn the_fields_stand_in_the_order_in_which_they_are_asked_for(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let id = &basket.id;
    basket.says("get ID --json version,id", &format!("{{\"version\":2,\"id\":\"{id}\"}}\n"));
    shell.run(&["get", id, "--json", "version, id"]).says(&format!("{{\"version\":2,\"id\":\"{id}\"}}\n"));
    basket.says(
        "log ID --json version,type --format ndjson",
        "{\"version\":2,\"type\":\"ItemAdded\"}\n{\"version\":1,\"type\":\"BasketCreated\"}\n",
    );
    let list = documents(&basket.basket("list --json id").out);
    assert_eq!(json!(list), json!([{ "id": id }]));
    shell.basket("report removed --json product --product pins").says("[]\n");
}
