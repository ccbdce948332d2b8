//! What a command may be given beside its arguments, on both stores: a request that is carried out once, a version that it is
//! meant for, and headers.

use std::{
    process::{Child, Stdio},
    thread::sleep,
    time::Duration,
};

use serde_json::{Value, json};
use testkit::{
    on_both_stores,
    one_basket::{OneBasket, is_well, record},
    shell::{Shell, answer},
};

on_both_stores! {
    a_request_creates_one_basket_and_prints_its_id_again
    a_request_is_carried_out_once_by_every_command
    a_request_that_changed_nothing_is_decided_again
    a_request_is_any_text_that_can_be_printed
    six_processes_with_one_request_append_one_event_and_five_are_told
    processes_with_one_request_are_killed_at_any_moment_and_one_event_is_there
    a_version_that_is_required_is_there_or_nothing_changes
    headers_are_kept_shown_and_exported
    headers_that_can_not_be_kept_are_refused
}

const NOWHERE: &str = "5ab69073421aa917e62b4734";

fn a_request_creates_one_basket_and_prints_its_id_again(shell: &Shell) {
    let first = shell.basket("create socks --request-id r-1");
    let id = first.out.split('\'').nth(1).unwrap();
    first.says(&format!("Created basket with id '{id}'\n"));
    let again = shell.basket("create socks --request-id r-1");
    assert_eq!((again.code, &again.out), (0, &first.out));
    let note =
        "request 'r-1' was carried out before, so nothing was done now: created the basket, added 1 of 'socks'\n";
    assert_eq!(again.err, note);
    let (record, _) = record(shell.basket("create hats --request-id r-1 --format json"));
    assert_eq!(
        (&record["id"], &record["outcome"], &record["versions"]),
        (&json!(id), &json!("before"), &json!([1, 2]))
    );
    assert_eq!(shell.basket("list --format ndjson").out.lines().count(), 1);
    assert_ne!(shell.basket("create socks --request-id r-2").out, first.out);
}

fn a_request_is_carried_out_once_by_every_command(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    for (words, did) in [
        ("add ID rocks -q 3", json!(["added 3 of 'rocks'"])),
        ("add ID rocks --voucher ONCE", json!(["added 1 of 'rocks'", "redeemed the voucher 'ONCE'"])),
        ("remove ID socks", json!(["removed 'socks'"])),
        ("revert ID 10", json!(["added 1 of 'socks'"])),
        ("restore ID --version 2", json!(["removed 'rocks'"])),
    ] {
        let words = format!("{words} --format json --request-id '{words}'");
        let (first, nothing) = record(basket.basket(&words));
        assert_eq!((&first["outcome"], &first["events"], &*nothing), (&json!("now"), &did, ""), "{words}");
        let kept = basket.basket("log ID").out;
        // Another command in between, so that the head is not what the request has left.
        basket.does(["add ID pins"]);
        let (again, note) = record(basket.basket(&words));
        for field in ["id", "events", "versions", "commit"] {
            assert_eq!(again[field], first[field], "{field} of {words}");
        }
        assert_eq!(again["outcome"], "before", "{words}");
        assert!(note.contains("was carried out before") && note.lines().count() == 1, "{note}");
        basket.basket("remove ID pins");
        assert!(basket.basket("log ID").out.ends_with(&kept), "{words}");
    }
}

fn a_request_that_changed_nothing_is_decided_again(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.fails("remove ID rocks --request-id r", 4, "rocks");
    let (restored, note) = record(basket.basket("restore ID --version 2 --request-id r --format json"));
    assert_eq!((&restored["outcome"], &restored["commit"], &*note), (&json!("unchanged"), &Value::Null, ""));
    basket.does(["add ID rocks", "remove ID rocks --request-id r"]);
    basket.says("get ID", "socks = 1\n");
}

fn a_request_is_any_text_that_can_be_printed(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let longest = "x".repeat(256);
    for request in ["0", "$set", "a.b", "ü 😀", "{\"$oid\": 1}", "a--b", "ID", &longest] {
        let words = ["add", &basket.id, "rocks", "--request-id", request];
        shell.run(&words).says("");
        assert_eq!(shell.run(&words).code, 0);
    }
    basket.says("get ID", "socks = 1\nrocks = 8\n");
    let tooth = "x".repeat(257);
    for (request, why) in [
        ("", "it can't be empty"),
        (" ", "it can't be empty"),
        ("-", "'-' is standard input"),
        ("a\nb", "control characters"),
        ("a\u{1b}[31m", "control characters"),
        ("a\u{202e}b", "the direction of text"),
        ("\u{200b}", "a letter that can be seen"),
        (&tooth, "256 at most"),
    ] {
        shell.run(&["add", &basket.id, "rocks", "--request-id", request]).fails(2, why);
        shell.run(&["create", "rocks", "--request-id", request]).fails(2, why);
    }
    shell.basket(&format!("add {NOWHERE} rocks --request-id r")).fails(3, "there is no basket");
}

fn start(shell: &Shell, words: &str) -> Child {
    let mut command = shell.command(&testkit::shell::split(words));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn six_processes_with_one_request_append_one_event_and_five_are_told(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    for round in 1..=5 {
        let words = format!("add {} rocks --request-id r{round} --format json", basket.id);
        let processes: Vec<_> = (0..6).map(|_| start(shell, &words)).collect();
        let records = processes.into_iter().map(|process| record(answer(process.wait_with_output().unwrap())));
        let records: Vec<_> = records.collect();
        let with = |outcome| records.iter().filter(|(record, _)| record["outcome"] == outcome).count();
        assert_eq!((with("now"), with("before")), (1, 5), "{records:?}");
        let version = 2 + round;
        assert!(records.iter().all(|(record, _)| record["versions"] == json!([version, version])), "{records:?}");
        assert!(records.iter().all(|(record, _)| record["commit"] == records[0].0["commit"]), "{records:?}");
        assert!(records.iter().all(|(record, note)| note.is_empty() == (record["outcome"] == "now")), "{records:?}");
    }
    basket.says("get ID", "socks = 1\nrocks = 5\n");
}

fn processes_with_one_request_are_killed_at_any_moment_and_one_event_is_there(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    for round in 1..=12 {
        let words = format!("add {} rocks --request-id r{round} --format json", basket.id);
        let mut processes: Vec<_> = (0..6).map(|_| start(shell, &words)).collect();
        for process in &mut processes[..4] {
            // Some die before they have sent anything, some while it is under way, some are done.
            sleep(Duration::from_millis(round));
            process.kill().ok();
        }
        let left = processes.split_off(4).into_iter();
        left.for_each(|process| drop(record(answer(process.wait_with_output().unwrap()))));
        processes.into_iter().for_each(|mut process| drop(process.wait()));
        let (again, _) = record(basket.basket(&words));
        assert_eq!((&again["outcome"], &again["version"]), (&json!("before"), &json!(2 + round)), "{again}");
    }
    // All are killed, and then it is repeated.
    for round in 13..=24 {
        let words = format!("add {} rocks --request-id r{round} --format json", basket.id);
        let mut processes: Vec<_> = (0..3).map(|_| start(shell, &words)).collect();
        sleep(Duration::from_millis(3 * (round - 12)));
        processes.iter_mut().for_each(|process| drop(process.kill()));
        processes.into_iter().for_each(|mut process| drop(process.wait()));
        let (again, _) = record(basket.basket(&words));
        assert_eq!(again["version"], 2 + round, "{again}");
    }
    basket.says("get ID", "socks = 1\nrocks = 24\n");
    is_well(shell, "", 26);
}

fn a_version_that_is_required_is_there_or_nothing_changes(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks --if-version 2", "remove ID rocks --if-version 3", "add ID pins --if-version 4"]);
    for words in
        ["add ID rocks", "remove ID socks", "revert ID 2", "restore ID --version 2", "add ID rocks --voucher V"]
    {
        for version in [1, 4, 6, u64::MAX] {
            let why = format!("is at version 5, and not at {version}, which was required; `basket log` shows");
            basket.fails(&format!("{words} --if-version {version}"), 4, &why);
        }
        let nowhere = words.replace("ID", NOWHERE);
        shell.basket(&format!("{nowhere} --if-version 1")).fails(3, "there is no basket");
        for none in ["0", "-1", "five", "''", "1.5", "18446744073709551616"] {
            basket.fails(&format!("{words} --if-version {none}"), 2, "a version is a whole number from 1");
        }
    }
    basket.says("revert ID 5 --if-version 5 --request-id r", "undid version 5: removed 'pins'\n");
    // It was carried out on that version, and says so though the basket has moved on.
    let (again, _) = record(basket.basket("revert ID 5 --if-version 5 --request-id r --format json"));
    assert_eq!((&again["outcome"], &again["version"]), (&json!("before"), &json!(6)));
    basket.says("get ID", "socks = 1\n");
}

fn headers_are_kept_shown_and_exported(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let shown = |words: &str| basket.records(words)[0]["headers"].clone();
    assert_eq!(shown("log ID"), Value::Null);
    basket.does(["add ID rocks --header tenant=acme --header ' ü.x = a=b '"]);
    let expected = json!({ "tenant": "acme", "ü.x": "a=b" });
    assert_eq!(shown("log ID"), expected);
    basket.does(["add ID rocks --header tenant=-", "add ID pins --voucher V --header k=v"]);
    basket.basket("revert ID 2 --header by=revert").says("undid version 2: removed 'socks'\n");
    assert_eq!(shown("log ID"), json!({ "by": "revert" }));
    assert_eq!(basket.records("log ID")[1]["headers"], json!({ "k": "v" }));

    let copied = shell.basket("export").out;
    std::fs::write(shell.folder.path().join("copy.ndjson"), &copied).unwrap();
    assert_eq!(shell.basket("import copy.ndjson --store copy.db").code, 0);
    assert_eq!(basket.basket("log ID --format json --store copy.db").out, basket.basket("log ID --format json").out);
    assert_eq!(shell.basket("export --store copy.db").out, copied);
}

fn headers_that_can_not_be_kept_are_refused(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    for (header, why) in [
        ("tenant", "a header is NAME=VALUE, such as tenant=acme"),
        ("", "a header is NAME=VALUE"),
        ("=acme", "of its name, it can't be empty"),
        ("tenant=", "of its value, it can't be empty"),
        ("a\nb=c", "of its name, it has control characters"),
        ("b=a\u{1b}c", "of its value, it has control characters"),
        // As extended JSON, it would be an ObjectId.
        ("$oid=5ab69073421aa917e62b4734", "its name can't begin with '$'"),
    ] {
        shell.run(&["add", &basket.id, "rocks", "--header", header]).fails(2, why);
    }
    basket.fails("add ID rocks --header a=1 --header a=2", 2, "the header \"a\" is given twice");
    assert_eq!(basket.versions("log ID"), [2, 1]);
}
