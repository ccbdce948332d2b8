//! The history of a basket: log, past states, diff, blame, undo and what-if, as a person types them, on both stores.

use serde_json::{Value, json};
use testkit::{
    on_both_stores,
    one_basket::{OneBasket, records},
    shell::{Shell, answer},
};

on_both_stores! {
    the_log_keeps_a_commit_together_and_can_be_narrowed_down
    who_and_why_is_written_beside_the_event
    a_basket_is_shown_as_it_was
    a_moment_that_never_was_is_an_error_that_says_which_are_there
    what_changed_is_shown_product_by_product
    blame_names_the_event_that_last_touched_a_product
    an_event_is_undone_by_new_ones_in_one_commit
    a_revert_names_what_stands_in_its_way_and_changes_nothing
    nothing_is_undone_twice
    a_whole_basket_is_brought_back
    what_if_writes_nothing_and_says_what_would_have_been_refused
}

/// socks, rocks 2, clocks, without socks: versions 1 to 5.
fn story(shell: &Shell) -> OneBasket<'_> {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks -q 2 --as bob", "add ID clocks --as ann", "remove ID socks --as eve -m 'no reason'"]);
    basket
}

fn the_log_keeps_a_commit_together_and_can_be_narrowed_down(shell: &Shell) {
    let basket = story(shell);
    let log = basket.basket("log ID").out;
    assert_eq!(log.matches("commit ").count(), 4, "one commit, one heading: {log}");
    let events: Vec<_> =
        log.lines().filter_map(|line| Some(line.split_once("  ")?.1.rsplit("  ").next()?.trim())).collect();
    assert!(events.ends_with(&["added 1 of 'socks'", "created the basket"]), "the newest first: {log}");
    let cases: [(&str, &[u64]); 8] = [
        ("", &[5, 4, 3, 2, 1]),
        ("--reverse", &[1, 2, 3, 4, 5]),
        ("-n 2", &[5, 4]),
        ("-n 2 --reverse", &[4, 5]),
        ("--product socks", &[5, 2]),
        ("--type ItemAdded -n 1", &[4]),
        ("--since '1 hour ago' --until now", &[5, 4, 3, 2, 1]),
        ("--until yesterday", &[]),
    ];
    for (words, versions) in cases {
        assert_eq!(basket.versions(&format!("log ID {words}")), versions, "{words}");
    }
    basket.says("log ID --until yesterday --format json", "[]\n");
    let lines = basket.basket("log ID --oneline").out;
    assert_eq!(lines.lines().count(), 5);
    assert!(lines.lines().next().unwrap().ends_with("eve  removed 'socks'  (no reason)"), "{lines}");
    basket.fails("log ID --since someday", 2, "\"someday\" is no time");
}

fn who_and_why_is_written_beside_the_event(shell: &Shell) {
    let created = shell.basket("create socks --as ann -m 'first order'").out;
    for event in records(shell, &format!("log {}", created.split('\'').nth(1).unwrap())) {
        assert_eq!((&event["actor"], &event["reason"]), (&"ann".into(), &"first order".into()));
    }
    let basket = story(shell);
    let log = basket.records("log ID --reverse");
    assert_eq!((&log[2]["actor"], &log[2]["reason"]), (&"bob".into(), &Value::Null));
    assert_eq!(log[2]["data"], json!({ "product": "rocks", "qty": 2 }), "the event itself does not have it");
    basket.does(["add ID hats --correlation order-7 --causation mail-3"]);
    let newest = &basket.records("log ID -n 1")[0];
    assert_eq!((&newest["correlation"], &newest["causation"]), (&"order-7".into(), &"mail-3".into()));
    assert_eq!(newest["actor"], Value::Null, "there is no name to be found here");
    for words in ["-m ''", "--as 'a\u{7}b'", "--as ' '"] {
        basket.fails(&format!("add ID hats {words}"), 2, "it ");
    }
    assert_eq!(basket.versions("log ID").len(), 6);
}

fn a_basket_is_shown_as_it_was(shell: &Shell) {
    let basket = story(shell);
    let then = basket.basket("get ID --version 3");
    assert_eq!((then.code, then.out.as_str()), (0, "socks = 1\nrocks = 2\n"));
    assert!(then.err.starts_with("this is the past: version 3 of 5, 2 behind now;"), "{then:?}");
    let now = basket.basket("get ID --at now");
    assert_eq!((now.code, now.out.as_str()), (0, "rocks = 2\nclocks = 1\n"));
    assert!(now.err.starts_with("this is version 5, the newest"), "{now:?}");
    let log = basket.records("log ID");
    let at = log[2]["recorded_at"].as_str().unwrap();
    let then = basket.basket(&format!("get ID --at {at} --format json")).out;
    assert_eq!(serde_json::from_str::<Value>(&then).unwrap()["version"], 3);
}

fn a_moment_that_never_was_is_an_error_that_says_which_are_there(shell: &Shell) {
    let basket = story(shell);
    for (words, code, why) in [
        ("get ID --version 9", 3, "has versions 1 to 5; there is no version 9"),
        ("get ID --version 0", 2, "a version is a whole number from 1"),
        ("get ID --at yesterday", 3, "was not there at "),
        ("revert ID 6", 3, "there is no version 6"),
        ("diff ID 2..7", 3, "there is no version 7"),
        ("what-if ID --without 6", 3, "there is no version 6"),
        ("get 5ab69073421aa917e62b4734 --version 1", 3, "there is no basket"),
        ("log 5ab69073421aa917e62b4734", 3, "there is no basket"),
    ] {
        basket.fails(words, code, why);
    }
    basket.basket("get ID --version 1 --at now").fails_with_usage();
}

fn what_changed_is_shown_product_by_product(shell: &Shell) {
    let basket = story(shell);
    basket.does(["add ID rocks"]);
    for words in ["diff ID 3..", "diff ID 3"] {
        basket.says(words, "- socks = 1\n- rocks = 2\n+ rocks = 3\n+ clocks = 1\n");
    }
    basket.says("diff ID 0..2", "+ socks = 1\n");
    basket.says("diff ID 4..3", "- clocks = 1\n");
    for range in ["..5", "3...5", "'  ..'"] {
        basket.fails(&format!("diff ID {range}"), 2, "a range is A..B or A..");
    }
}

fn blame_names_the_event_that_last_touched_a_product(shell: &Shell) {
    let basket = story(shell);
    basket.does(["add ID rocks --as eve"]);
    let paths = ["/product", "/quantity", "/event/version", "/event/actor"];
    let blamed = basket.records("blame ID").into_iter().map(|record| json!(paths.map(|path| record.pointer(path))));
    assert_eq!(
        json!(blamed.collect::<Vec<_>>()),
        json!([["clocks", 1, 4, "ann"], ["rocks", 3, 6, "eve"], ["socks", 0, 5, "eve"]])
    );
}

fn an_event_is_undone_by_new_ones_in_one_commit(shell: &Shell) {
    let basket = story(shell);
    basket.does(["add ID rocks -q 5"]);
    let would = "to undo version 3: removed 'rocks', added 5 of 'rocks'; nothing was changed\n";
    basket.says("revert ID 3 --dry-run", would);
    assert_eq!(basket.versions("log ID").len(), 6);
    basket.says("revert ID 3 --as ann --causation mail-4", "undid version 3: removed 'rocks', added 5 of 'rocks'\n");
    basket.says("get ID", "clocks = 1\nrocks = 5\n");
    let log = basket.records("log ID");
    assert_eq!(log[0]["commit"], log[1]["commit"]);
    for (field, value) in [("actor", "ann"), ("reason", "Revert version 3"), ("causation", "mail-4")] {
        assert_eq!((&log[0][field], &log[1][field]), (&value.into(), &value.into()));
    }
    let undoes = [0, 1, 2].map(|at| &log[at]["undoes"]);
    assert_eq!(json!(undoes), json!([[3, 3], [3, 3], null]));
}

fn a_revert_names_what_stands_in_its_way_and_changes_nothing(shell: &Shell) {
    let basket = story(shell);
    for dry in ["", "--dry-run"] {
        basket.fails(&format!("revert ID 2 {dry}"), 4, "version 5 stands in the way: ");
    }
    basket.fails("revert ID 1", 4, "version 2 stands in the way: ");
    assert_eq!(basket.versions("log ID").len(), 5);
    basket.says("revert ID 2..5 -m 'all of it'", "undid versions 2 to 5: removed 'rocks', removed 'clocks'\n");
}

fn nothing_is_undone_twice(shell: &Shell) {
    let basket = story(shell);
    basket.says("revert ID 3..4", "undid versions 3 to 4: removed 'rocks', removed 'clocks'\n");
    basket.fails(
        "revert ID 4",
        4,
        "version 4 is not in effect, because 6..7 undid it; to go back on that, revert 6..7",
    );
    basket.fails("revert ID 2..3", 4, "version 3 is not in effect, because 6..7 undid it");
    // The advice works: it leads back, and then they can be undone again.
    basket.says("revert ID 6..7", "undid versions 6 to 7: added 2 of 'rocks', added 1 of 'clocks'\n");
    basket.fails("revert ID 6", 4, "version 6 is not in effect, because 8..9 undid it");
    basket.says("revert ID 3..4", "undid versions 3 to 4: removed 'rocks', removed 'clocks'\n");
    assert_eq!(basket.basket("get ID").err, format!("basket '{}' is empty\n", basket.id));
}

fn a_whole_basket_is_brought_back(shell: &Shell) {
    let basket = story(shell);
    let events = "undo what followed version 3: removed 'clocks', added 1 of 'socks'";
    basket.says("restore ID --version 3 --dry-run", &format!("to {events}; nothing was changed\n"));
    let undid = events.replace("undo", "undid");
    basket.says("restore ID --version 3 --as ann", &format!("{undid}\n"));
    assert_eq!(basket.basket("diff ID 3..").out, "");
    assert_eq!(basket.records("log ID -n 1")[0]["reason"], "Restore version 3");
    let nothing = "nothing to do: without what followed version 3, the basket would be as it is\n";
    basket.says("restore ID --version 3", nothing);
    assert_eq!(basket.versions("log ID").len(), 7);
    basket.basket("restore ID").fails_with_usage();
    // What was restored is not reverted as well, but the restoring can be.
    basket.fails(
        "revert ID 5",
        4,
        "version 5 is not in effect, because 6..7 undid it; to go back on that, revert 6..7",
    );
    basket.says("revert ID 6..7", "undid versions 6 to 7: removed 'socks', added 1 of 'clocks'\n");
}

fn what_if_writes_nothing_and_says_what_would_have_been_refused(shell: &Shell) {
    let basket = story(shell);
    let refused = "version 5 would have been refused: 'socks' is not in the basket, so it can't be removed";
    basket.says("what-if ID --without 2 4", &format!("rocks = 2\n{refused}\n"));
    let answer = basket.basket("what-if ID --without 3..4 --format json").out;
    let what_if: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((&what_if["items"], &what_if["refused"]), (&json!([]), &json!([])));
    assert_eq!(basket.versions("log ID").len(), 5);
}

#[test]
fn who_it_was_is_said_or_set_or_known_to_git_or_to_the_login() {
    let path = std::env::var("PATH").unwrap();
    let actor = |shell: &Shell, words: &str| {
        let basket = OneBasket::with(shell, "socks");
        basket.says(&format!("add ID rocks {words}"), "");
        basket.records("log ID -n 1")[0]["actor"].clone()
    };
    let shell = Shell::new().with("BASKET_STORE", "baskets.db").with("PATH", path).with("LOGNAME", "login");
    assert_eq!(actor(&shell, ""), "login");
    std::fs::write(shell.folder.path().join(".gitconfig"), "[user]\n\tname = Ann of Git\n").unwrap();
    assert_eq!(actor(&shell, ""), "Ann of Git");
    let shell = shell.with("BASKET_ACTOR", "set");
    assert_eq!(actor(&shell, ""), "set");
    assert_eq!(actor(&shell, "--as said"), "said");
}

#[cfg(unix)]
#[test]
fn a_name_in_a_variable_that_cant_be_used_is_refused_and_nobody_else_signs() {
    use std::os::unix::ffi::OsStrExt;
    let shell = Shell::new().with("BASKET_STORE", "baskets.db").with("LOGNAME", "login");
    let basket = OneBasket::with(&shell, "socks");
    basket.does(["add ID clocks"]);
    let long = "x".repeat(257);
    let cases = [
        ("ann\tben".as_bytes(), "it has control characters in it"),
        (long.as_bytes(), "it has 257 characters; 256 at most"),
        (b"ann \xff", "it is not valid UTF-8"),
        ("\u{202e}nna".as_bytes(), "it has characters in it that change the direction of text"),
        ("\u{200b}".as_bytes(), "it needs a letter that can be seen"),
    ];
    for variable in ["BASKET_ACTOR", "BASKET_CORRELATION", "BASKET_CAUSATION"] {
        let run = |words: &str, value: &[u8]| {
            let words = words.replace("ID", &basket.id);
            let mut command = shell.command(&words.split(' ').collect::<Vec<_>>());
            answer(command.env(variable, std::ffi::OsStr::from_bytes(value)).output().unwrap())
        };
        for (value, why) in cases {
            let signing = ["create hats", "add ID hats", "remove ID socks", "revert ID 3", "restore ID --version 2"];
            for words in signing {
                let refused = run(words, value);
                refused.fails(2, why);
                assert!(refused.err.contains(&format!("in the environment variable {variable}: ")), "{refused:?}");
            }
            // Commands that sign nothing need no name.
            assert_eq!(run("get ID", value).code, 0);
            assert_eq!(run("revert ID 3 --dry-run", value).code, 0);
        }
        run("add ID clocks", b"").says("");
    }
    assert_eq!(basket.versions("log ID"), [6, 5, 4, 3, 2, 1]);
    assert_eq!(records(&shell, "list").len(), 1, "no basket was made");
    // What was given comes before the variable, usable or not.
    let shell = Shell::new().with("BASKET_ACTOR", "a\tb").with("BASKET_STORE", "baskets.db");
    assert_eq!(shell.basket("create socks --as ann").code, 0);
}

#[test]
fn a_name_of_git_or_of_the_login_that_cant_be_used_is_passed_over() {
    let path = std::env::var("PATH").unwrap();
    let shell = Shell::new().with("BASKET_STORE", "baskets.db").with("PATH", path);
    let shell = shell.with("USER", "an\tn").with("LOGNAME", "login");
    std::fs::write(shell.folder.path().join(".gitconfig"), "[user]\n\tname = \"Ann\\tof Git\"\n").unwrap();
    let basket = OneBasket::with(&shell, "socks");
    assert_eq!(basket.records("log ID -n 1")[0]["actor"], "login");
}
