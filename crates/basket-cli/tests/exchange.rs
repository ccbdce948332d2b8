//! Events from one store to another and back, and whether a store can be read at all.

use std::fs;

use serde_json::Value;
use testkit::{mongo::with_database, on_both_stores, shell::Shell};

on_both_stores! {
    an_export_comes_back_byte_for_byte_and_can_be_imported_again
    an_import_is_tried_dry_and_resumed_where_it_was_cut_short
    another_history_is_refused_and_nothing_is_merged
    a_damaged_file_is_named_by_its_line
    some_baskets_are_exported_alone
    cloudevents_are_for_other_systems
    what_can_be_read_is_verified
}

/// Three baskets of three events, with words that JSON must escape.
fn fill(shell: &Shell) -> Vec<String> {
    let fill = |name: &str| {
        let id = shell.create(name);
        let reason = "a \"reason\"\nof ünicode 🧦";
        assert_eq!(shell.run(&["add", &id, "½ rocks", "-q", "4294967295", "-m", reason, "--as", "ann"]).code, 0);
        id
    };
    ["socks", "hats", "clocks"].map(fill).to_vec()
}

/// Exports into a file of the shell's folder.
fn export(shell: &Shell, words: &str, file: &str) -> String {
    let answer = shell.basket(&format!("export {words}"));
    assert_eq!(answer.code, 0, "{answer:?}");
    fs::write(shell.folder.path().join(file), &answer.out).unwrap();
    answer.out
}

/// The lines that another store with the same baskets exports.
fn exported_elsewhere() -> Vec<String> {
    let source = Shell::new();
    fill(&source);
    export(&source, "", "all").lines().map(str::to_owned).collect()
}

fn write(shell: &Shell, file: &str, lines: &[String]) {
    fs::write(shell.folder.path().join(file), lines.join("\n") + "\n").unwrap();
}

fn an_export_comes_back_byte_for_byte_and_can_be_imported_again(shell: &Shell) {
    let ids = fill(shell);
    let exported = export(shell, "", "all");
    assert_eq!(exported.lines().count(), 9 + 2);
    shell.basket("import all --store other.db").says("9 events read: 9 new, 0 there already\n");
    assert_eq!(shell.basket("export --store other.db").out, exported);
    for id in &ids {
        let log = |store: &str| shell.basket(&format!("log {id} --format json {store}")).out;
        assert_eq!(log("--store other.db"), log(""), "all of it, and not only what an export looks at");
    }
    shell.basket(&format!("add {} pins", ids[1])).says("");
    let more = shell.basket("export").out;
    shell.basket("import all").says("9 events read: 0 new, 9 there already\n");
    assert_eq!(shell.basket("export").out, more);
}

#[test]
fn mongo_events_go_from_a_file_and_back() {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    let ids = fill(&shell);
    let exported = export(&shell, "", "all");
    with_database(async |db| {
        let other = format!("--store {}", db.address);
        shell.basket(&format!("import all {other}")).says("9 events read: 9 new, 0 there already\n");
        assert_eq!(shell.basket(&format!("export {other}")).out, exported);
        // What came in takes commands, and has the same index as what was written there.
        assert_eq!(shell.basket(&format!("add {} pins {other}", ids[0])).code, 0);
        assert_eq!(shell.basket(&format!("verify {other}")).code, 0);
        // What JSON has no literal for is carried over, too, and what is written as JSON in a file comes back.
        let weight = bson::doc! { "$set": { "data.weight": f64::NAN, "data.sizes": [1_i32, 2.5, f64::NEG_INFINITY] } };
        db.events().update_one(bson::doc! { "version": 4_i64 }, weight).await.unwrap();
        let newer = export(&shell, &other, "newer");
        shell.basket("import newer").says("10 events read: 1 new, 9 there already\n");
        assert_eq!(shell.basket("export").out, newer);
        db.events().drop().await.unwrap();
        assert_eq!(shell.basket(&format!("import newer {other}")).code, 0);
        let back = db.events().find_one(bson::doc! { "version": 4_i64 }).await.unwrap().unwrap();
        let data = back.get_document("data").unwrap();
        assert!(data.get_f64("weight").unwrap().is_nan() && data.get_i64("qty").unwrap() == 1, "{data}");
        assert_eq!(data.get_array("sizes").unwrap()[1..], [2.5.into(), f64::NEG_INFINITY.into()]);
    });
}

fn an_import_is_tried_dry_and_resumed_where_it_was_cut_short(shell: &Shell) {
    let lines = exported_elsewhere();
    write(shell, "all", &lines);
    shell.basket("import all --dry-run").says("9 events read: 9 would be new, 0 there already\n");
    assert_eq!(shell.basket("list").out, "");
    // Two events of the second basket's first commit are there, and a third one could have followed.
    write(shell, "cut", &lines[..6]);
    let cut = shell.basket("import cut");
    cut.fails(7, "line 7: the end is missing: the file was cut short");
    assert!(cut.err.contains("of which 3 new events were imported"), "{cut:?}");
    assert_eq!(shell.basket("verify").err, "3 events of 1 basket were read: all is well\n");
    shell.basket("import all").says("9 events read: 6 new, 3 there already\n");
    assert_eq!(shell.basket("export").out, lines.join("\n") + "\n");
}

fn another_history_is_refused_and_nothing_is_merged(shell: &Shell) {
    let id = fill(shell).remove(0);
    export(shell, "", "before");
    shell.basket("import before --store other.db").says("9 events read: 9 new, 0 there already\n");
    shell.basket(&format!("add {id} here")).says("");
    shell.basket(&format!("add {id} there --store other.db")).says("");
    let here = export(shell, "", "here");
    for (dry, imported) in [("", "were imported"), ("--dry-run", "would have been imported")] {
        let refused = shell.basket(&format!("import here --store other.db {dry}"));
        refused.fails(
            4,
            &format!("'here', of which 0 new events {imported}: basket '{id}' has another event at version 4"),
        );
        assert!(refused.err.contains("other.db: the histories differ, and are never merged"));
    }
    export(shell, "--store other.db", "there");
    shell.basket("import there").fails(4, "has another event at version 4");
    assert_eq!(shell.basket("export").out, here);
}

fn a_damaged_file_is_named_by_its_line(shell: &Shell) {
    let lines = exported_elsewhere();
    let with = |at: usize, line: &str| [&lines[..at], &[line.to_owned()], &lines[at + 1..]].concat();
    let replaced = |at: usize, from, to| with(at, &lines[at].replace(from, to));
    for (damaged, why) in [
        ([&lines[..2], &lines[3..]].concat(), "version 2 is missing before it"),
        ([&lines[..3], &lines[6..7], &lines[4..6], &lines[3..4], &lines[7..]].concat(), "line "),
        (replaced(3, "ann", "eve"), "line 4: the line is damaged"),
        (with(3, "{}"), "line 4: the line is damaged"),
        (with(3, "½"), "line 4: the line is damaged"),
        (replaced(0, "basket-events", "hats"), "line 1: it is no export of events"),
        (replaced(0, ":1", ":2"), "line 1: the file has format 2, and this program reads 1"),
        (replaced(0, "baskets", "silos"), "line 1: the events are of 'silos', expected 'baskets'"),
        (replaced(10, ":9", ":8"), "line 11: 9 events end here, not 8"),
    ] {
        write(shell, "damaged", &damaged);
        shell.basket("import damaged --dry-run").fails(7, why);
        shell.basket("import damaged").fails(7, why);
    }
    shell.basket("import nowhere").fails(1, "'nowhere' can't be opened");
}

fn some_baskets_are_exported_alone(shell: &Shell) {
    let mut ids = fill(shell);
    ids.sort();
    let some = shell.basket(&format!("export {} {} {}", ids[2], ids[0], ids[2])).out;
    assert_eq!(some.lines().count(), 6 + 2);
    assert!(some.lines().skip(1).take(3).all(|line| line.contains(&ids[0])), "by id, each of them once");
    assert_eq!(shell.basket("export 5ab69073421aa917e62b4734").code, 3);
}

fn cloudevents_are_for_other_systems(shell: &Shell) {
    let id = fill(shell).remove(0);
    let exported = export(shell, &format!("{id} --format cloudevents"), "events");
    let events: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 3);
    for event in &events {
        for required in ["specversion", "id", "source", "type"] {
            assert!(event[required].as_str().is_some_and(|text| !text.is_empty()), "{required}: {event}");
        }
        let names = event.as_object().unwrap().keys();
        let plain = |name: &String| name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        assert!(names.into_iter().all(plain), "a CloudEvents attribute is lower-case letters and digits: {event}");
    }
    assert_eq!(
        (&events[2]["type"], &events[2]["sequence"]),
        (&"basket.ItemAdded".into(), &"00000000000000000003".into())
    );
    assert_eq!((&events[2]["subject"], &events[2]["actor"]), (&id.into(), &"ann".into()));
}

fn what_can_be_read_is_verified(shell: &Shell) {
    let ids = fill(shell);
    let all = shell.basket("verify");
    assert_eq!((all.code, all.out.as_str()), (0, ""));
    assert_eq!(all.err, "9 events of 3 baskets were read: all is well\n");
    assert!(shell.basket(&format!("verify {}", ids[0])).err.starts_with("3 events of 1 basket"));
    shell.basket("verify 5ab69073421aa917e62b4734").fails(3, "there is no basket");
    // A file that is not there is no store without fault.
    for command in ["verify", "export"] {
        shell.basket(&format!("{command} --store typo.db")).fails(6, "typo.db: there is no such file");
    }
}

#[test]
fn verify_names_what_is_off_in_a_file_and_the_log_says_where_a_gap_is() {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    let ids = fill(&shell);
    let log_of_gap = || shell.basket(&format!("log {}", ids[1])).err;
    assert_eq!(log_of_gap(), "");
    let database = rusqlite::Connection::open(shell.folder.path().join("baskets.db")).unwrap();
    let change = "UPDATE baskets SET type = 'ItemBlessed' WHERE version = 2 AND basket_id = ?1";
    database.execute(change, [&ids[0]]).unwrap();
    database.execute("UPDATE baskets SET version = 5 WHERE version = 3 AND basket_id = ?1", [&ids[1]]).unwrap();
    assert!(log_of_gap().starts_with("versions are missing between these"));
    let answer = shell.basket("verify --format ndjson");
    assert_eq!(answer.code, 7);
    assert!(answer.err.starts_with("error: 9 events of 3 baskets were read, and 2 things are off"), "{answer:?}");
    let findings = answer.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found: Vec<_> = findings.map(|finding| (finding["version"].as_i64(), finding["why"].to_string())).collect();
    found.sort();
    let expected = ["\"its type 'ItemBlessed' is none that a basket knows\"", "\"version 3 is missing before it\""];
    assert_eq!(found, [(Some(2), expected[0].to_owned()), (Some(5), expected[1].to_owned())]);
    shell.basket("export").fails_after_printing(7, "can't be read");
    assert_eq!(shell.basket(&format!("export {}", ids[2])).code, 0, "what is well can be saved");
}
