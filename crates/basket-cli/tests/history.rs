//! Git for a basket: log, time travel, diff, blame, undo and what if, as a person types them, on both stores.

mod support;

use serde_json::Value;
use support::Shell;

on_both_stores! {
    the_log_is_newest_first_and_keeps_a_commit_together
    the_log_can_be_narrowed_down
    who_and_why_is_written_beside_the_event
    a_basket_is_shown_as_it_was
    a_moment_that_never_was_is_an_error_that_says_which_are_there
    what_changed_is_shown_product_by_product
    blame_names_the_event_that_last_touched_a_product
    an_event_is_undone_by_new_ones_in_one_commit
    a_revert_names_what_stands_in_its_way_and_changes_nothing
    nothing_is_undone_twice
    a_revert_can_be_reverted
    what_was_restored_is_not_reverted_as_well
    a_whole_basket_is_brought_back
    what_if_writes_nothing_and_says_what_would_have_been_refused
}

/// socks, rocks 2, clocks, without socks: versions 1 to 5.
fn story(shell: &Shell) -> String {
    let created = shell.basket("create socks --as ann -m 'first order' --format json");
    let id = serde_json::from_str::<Value>(&created.out).unwrap()["id"].as_str().unwrap().to_owned();
    shell.basket(&format!("add {id} rocks -q 2 --as bob")).says("");
    shell.basket(&format!("add {id} clocks --as ann")).says("");
    shell.basket(&format!("remove {id} socks --as eve -m 'no reason'")).says("");
    id
}

/// The records that a command prints as JSON lines.
fn records(shell: &Shell, words: &str) -> Vec<Value> {
    let answer = shell.basket(&format!("{words} --format ndjson"));
    assert_eq!(answer.code, 0, "{answer:?}");
    answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn versions(shell: &Shell, words: &str) -> Vec<u64> {
    records(shell, words).iter().map(|record| record["version"].as_u64().unwrap()).collect()
}

fn the_log_is_newest_first_and_keeps_a_commit_together(shell: &Shell) {
    let id = story(shell);
    let log = shell.basket(&format!("log {id}")).out;
    let told: Vec<_> = log.lines().map(|line| line.split("  ").last().unwrap().trim()).collect();
    let position =
        |words: &str| told.iter().position(|line| *line == words).unwrap_or_else(|| panic!("{words}: {log}"));
    assert!(position("removed 'socks'") < position("added 1 of 'clocks'"));
    assert_eq!(position("added 1 of 'socks'") + 1, position("created the basket"), "one commit, one heading: {log}");
    assert_eq!(log.matches("commit ").count(), 4, "{log}");
    assert_eq!(versions(shell, &format!("log {id}")), [5, 4, 3, 2, 1]);
    assert_eq!(versions(shell, &format!("log {id} --reverse")), [1, 2, 3, 4, 5]);
    let array = shell.basket(&format!("log {id} --format json")).out;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&array).unwrap(), records(shell, &format!("log {id}")));
    shell.basket("log 5ab69073421aa917e62b4734").fails(3, "there is no basket");
}

fn the_log_can_be_narrowed_down(shell: &Shell) {
    let id = story(shell);
    assert_eq!(versions(shell, &format!("log {id} -n 2")), [5, 4]);
    assert_eq!(versions(shell, &format!("log {id} -n 2 --reverse")), [4, 5]);
    assert_eq!(versions(shell, &format!("log {id} --product socks")), [5, 2]);
    assert_eq!(versions(shell, &format!("log {id} --type ItemAdded -n 1")), [4]);
    assert_eq!(versions(shell, &format!("log {id} --since '1 hour ago' --until now")).len(), 5);
    assert_eq!(versions(shell, &format!("log {id} --until yesterday")), [0; 0]);
    assert_eq!(shell.basket(&format!("log {id} --until yesterday --format json")).out, "[]\n");
    let lines = shell.basket(&format!("log {id} --oneline")).out;
    assert_eq!(lines.lines().count(), 5);
    assert!(lines.lines().next().unwrap().ends_with("eve  removed 'socks'  (no reason)"), "{lines}");
    shell.basket(&format!("log {id} --since someday")).fails(2, "\"someday\" is no time");
}

fn who_and_why_is_written_beside_the_event(shell: &Shell) {
    let id = story(shell);
    let log = records(shell, &format!("log {id} --reverse"));
    assert_eq!((&log[0]["actor"], &log[0]["reason"]), (&"ann".into(), &"first order".into()));
    assert_eq!((&log[2]["actor"], &log[2]["reason"]), (&"bob".into(), &Value::Null));
    assert_eq!(log[2]["data"], serde_json::json!({ "product": "rocks", "qty": 2 }), "the event itself is free of it");
    shell.basket(&format!("add {id} hats --correlation order-7 --causation mail-3")).says("");
    let newest = &records(shell, &format!("log {id} -n 1"))[0];
    assert_eq!((&newest["correlation"], &newest["causation"]), (&"order-7".into(), &"mail-3".into()));
    assert_eq!(newest["actor"], Value::Null, "nobody is known here");
    for words in ["-m ''", "--as 'a\u{7}b'", "--as ' '"] {
        shell.basket(&format!("add {id} hats {words}")).fails(2, "it ");
    }
    assert_eq!(versions(shell, &format!("log {id}")).len(), 6);
}

fn a_basket_is_shown_as_it_was(shell: &Shell) {
    let id = story(shell);
    let then = shell.basket(&format!("get {id} --version 3"));
    assert_eq!((then.code, then.out.as_str()), (0, "socks = 1\nrocks = 2\n"));
    assert!(then.err.starts_with("this is the past: version 3 of 5, 2 behind now;"), "{then:?}");
    let now = shell.basket(&format!("get {id} --at now"));
    assert_eq!((now.code, now.out.as_str()), (0, "rocks = 2\nclocks = 1\n"));
    assert!(now.err.starts_with("this is version 5, the newest"), "{now:?}");
    let log = records(shell, &format!("log {id}"));
    let at = log[2]["recorded_at"].as_str().unwrap();
    let then = shell.basket(&format!("get {id} --at {at} --format json")).out;
    assert_eq!(serde_json::from_str::<Value>(&then).unwrap()["version"], 3);
}

fn a_moment_that_never_was_is_an_error_that_says_which_are_there(shell: &Shell) {
    let id = story(shell);
    shell.basket(&format!("get {id} --version 9")).fails(3, "has versions 1 to 5; there is no version 9");
    shell.basket(&format!("get {id} --version 0")).fails(2, "a version is a whole number from 1");
    shell.basket(&format!("get {id} --at yesterday")).fails(3, "was not there at ");
    shell.basket(&format!("revert {id} 6")).fails(3, "there is no version 6");
    shell.basket(&format!("diff {id} 2..7")).fails(3, "there is no version 7");
    shell.basket(&format!("get {id} --version 1 --at now")).fails_with_usage();
    shell.basket("get 5ab69073421aa917e62b4734 --version 1").fails(3, "there is no basket");
}

fn what_changed_is_shown_product_by_product(shell: &Shell) {
    let id = story(shell);
    shell.basket(&format!("add {id} rocks")).says("");
    shell.basket(&format!("diff {id} 3..")).says("- socks = 1\n- rocks = 2\n+ rocks = 3\n+ clocks = 1\n");
    shell.basket(&format!("diff {id} 0..2")).says("+ socks = 1\n");
    shell.basket(&format!("diff {id} 4..3")).says("- clocks = 1\n");
    shell.basket(&format!("diff {id} 5..5")).says("");
    shell.basket(&format!("diff {id} 3")).says("- socks = 1\n- rocks = 2\n+ rocks = 3\n+ clocks = 1\n");
    for range in ["..5", "3...5", "'  ..'"] {
        shell.basket(&format!("diff {id} {range}")).fails(2, "a range is A..B or A..");
    }
}

fn blame_names_the_event_that_last_touched_a_product(shell: &Shell) {
    let id = story(shell);
    shell.basket(&format!("add {id} rocks --as eve")).says("");
    let blamed: Vec<_> = records(shell, &format!("blame {id}"))
        .iter()
        .map(|record| {
            format!(
                "{} {} {} {}",
                record["product"], record["quantity"], record["event"]["version"], record["event"]["actor"]
            )
        })
        .collect();
    assert_eq!(blamed, [r#""clocks" 1 4 "ann""#, r#""rocks" 3 6 "eve""#, r#""socks" 0 5 "eve""#]);
    let text = shell.basket(&format!("blame {id}")).out;
    assert!(text.lines().last().unwrap().ends_with("eve  socks = 0  (removed)"), "{text}");
}

fn an_event_is_undone_by_new_ones_in_one_commit(shell: &Shell) {
    let id = story(shell);
    shell.basket(&format!("add {id} rocks -q 5")).says("");
    let dry = shell.basket(&format!("revert {id} 3 --dry-run"));
    dry.says("to undo version 3: removed 'rocks', added 5 of 'rocks'; nothing was changed\n");
    assert_eq!(versions(shell, &format!("log {id}")).len(), 6);
    shell.basket(&format!("revert {id} 3 --as ann")).says("undid version 3: removed 'rocks', added 5 of 'rocks'\n");
    shell.basket(&format!("get {id}")).says("clocks = 1\nrocks = 5\n");
    let log = records(shell, &format!("log {id}"));
    assert_eq!(log[0]["commit"], log[1]["commit"]);
    assert_eq!((&log[0]["actor"], &log[0]["reason"]), (&"ann".into(), &"Revert version 3".into()));
    assert_eq!(
        (&log[0]["undoes"], &log[1]["undoes"], &log[2]["undoes"]),
        (&[3, 3].into(), &[3, 3].into(), &Value::Null)
    );
}

fn a_revert_names_what_stands_in_its_way_and_changes_nothing(shell: &Shell) {
    let id = story(shell);
    for dry in ["", "--dry-run"] {
        shell.basket(&format!("revert {id} 2 {dry}")).fails(4, "version 5 stands in the way: ");
    }
    shell.basket(&format!("revert {id} 1")).fails(4, "version 2 stands in the way: ");
    assert_eq!(versions(shell, &format!("log {id}")).len(), 5);
    shell
        .basket(&format!("revert {id} 2..5 -m 'all of it'"))
        .says("undid versions 2 to 5: removed 'rocks', removed 'clocks'\n");
}

fn nothing_is_undone_twice(shell: &Shell) {
    let id = story(shell);
    shell.basket(&format!("revert {id} 3..4")).says("undid versions 3 to 4: removed 'rocks', removed 'clocks'\n");
    let advice = "has been undone before; to go back on that, revert 6..7";
    shell.basket(&format!("revert {id} 4")).fails(4, &format!("version 4 {advice}"));
    shell.basket(&format!("revert {id} 2..3")).fails(4, &format!("version 3 {advice}"));
    // The advice is good: it leads back, and then the way forth is the newest again.
    shell.basket(&format!("revert {id} 6..7")).says("undid versions 6 to 7: added 2 of 'rocks', added 1 of 'clocks'\n");
    shell
        .basket(&format!("revert {id} 3..4"))
        .fails(4, "version 3 has been undone before; to go back on that, revert 8..9");
    shell.basket(&format!("revert {id} 8..9")).says("undid versions 8 to 9: removed 'rocks', removed 'clocks'\n");
    assert_eq!(shell.basket(&format!("get {id}")).err, format!("basket '{id}' is empty\n"));
}

fn a_revert_can_be_reverted(shell: &Shell) {
    let id = story(shell);
    let before = shell.basket(&format!("get {id}")).out;
    shell.basket(&format!("revert {id} 3")).says("undid version 3: removed 'rocks'\n");
    shell.basket(&format!("revert {id} 6 --causation mail-4")).says("undid version 6: added 2 of 'rocks'\n");
    assert_eq!(records(shell, &format!("log {id} -n 1"))[0]["causation"], "mail-4");
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&shell.basket(&format!("get {id}")).out), sorted(&before));
}

fn what_was_restored_is_not_reverted_as_well(shell: &Shell) {
    let id = story(shell);
    shell
        .basket(&format!("restore {id} --version 3"))
        .says("undid what followed version 3: removed 'clocks', added 1 of 'socks'\n");
    shell
        .basket(&format!("revert {id} 5"))
        .fails(4, "version 5 has been undone before; to go back on that, revert 6..7");
    shell.basket(&format!("revert {id} 6..7")).says("undid versions 6 to 7: removed 'socks', added 1 of 'clocks'\n");
}

fn a_whole_basket_is_brought_back(shell: &Shell) {
    let id = story(shell);
    let dry = shell.basket(&format!("restore {id} --version 3 --dry-run"));
    dry.says("to undo what followed version 3: removed 'clocks', added 1 of 'socks'; nothing was changed\n");
    shell
        .basket(&format!("restore {id} --version 3 --as ann"))
        .says("undid what followed version 3: removed 'clocks', added 1 of 'socks'\n");
    shell.basket(&format!("diff {id} 3..")).says("");
    assert_eq!(records(shell, &format!("log {id} -n 1"))[0]["reason"], "Restore version 3");
    shell
        .basket(&format!("restore {id} --version 3"))
        .says("nothing to do: the effect of what followed version 3 is gone already\n");
    assert_eq!(versions(shell, &format!("log {id}")).len(), 7);
    shell.basket(&format!("restore {id}")).fails_with_usage();
}

fn what_if_writes_nothing_and_says_what_would_have_been_refused(shell: &Shell) {
    let id = story(shell);
    shell
        .basket(&format!("what-if {id} --without 2 4"))
        .says("rocks = 2\nversion 5 would have been refused: 'socks' is not in the basket, so it can't be removed\n");
    let json = &records(shell, &format!("what-if {id} --without 3..4"))[0];
    assert_eq!((&json["items"], &json["refused"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!(versions(shell, &format!("log {id}")).len(), 5);
    shell.basket(&format!("what-if {id} --without 6")).fails(3, "there is no version 6");
}

#[test]
fn who_it_was_is_said_or_set_or_known_to_git_or_to_the_login() {
    let path = std::env::var("PATH").unwrap();
    let actor = |shell: &Shell, words: &str| {
        let id = shell.create("socks");
        shell.basket(&format!("add {id} rocks {words}")).says("");
        records(shell, &format!("log {id} -n 1"))[0]["actor"].clone()
    };
    let shell = Shell::new().with("BASKET_STORE", "baskets.db").with("PATH", path).with("LOGNAME", "login");
    assert_eq!(actor(&shell, ""), "login");
    std::fs::write(shell.folder.path().join(".gitconfig"), "[user]\n\tname = Ann of Git\n").unwrap();
    assert_eq!(actor(&shell, ""), "Ann of Git");
    let shell = shell.with("BASKET_ACTOR", "set");
    assert_eq!(actor(&shell, ""), "set");
    assert_eq!(actor(&shell, "--as said"), "said");
}
