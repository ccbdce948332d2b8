//! Several baskets where one is read, and those of standard input, on both stores.

use std::{io::Write, process::Stdio};

use serde_json::Value;
use testkit::{
    on_both_stores,
    one_basket::records,
    planted::plant_product,
    shell::{Answer, Shell, answer},
};

on_both_stores! {
    several_baskets_are_shown_each_under_its_heading
    programs_get_one_list
    one_that_is_not_there_stops_none_of_the_others
    what_one_command_lists_another_one_shows
    what_is_wrong_stands_under_its_basket
}

const NOWHERE: &str = "5ab69073421aa917e62b4734";

fn two(shell: &Shell) -> [String; 2] {
    let ids = ["socks", "hats"].map(|product| shell.create(product));
    shell.basket(&format!("add {} pins", ids[1])).says("");
    ids
}

/// Runs a command that reads this.
fn fed(shell: &Shell, words: &str, input: &str) -> Answer {
    let mut command = shell.command(&testkit::shell::split(words));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    answer(child.wait_with_output().unwrap())
}

fn several_baskets_are_shown_each_under_its_heading(shell: &Shell) {
    let [one, other] = two(shell);
    let both = format!("basket {other}\nhats = 1\npins = 1\n\nbasket {one}\nsocks = 1\n");
    shell.basket(&format!("get {other} {one}")).says(&both);
    let log = shell.basket(&format!("log {one} @ {} -n 1", &other[..]));
    let headings: Vec<_> = log.out.lines().filter(|line| line.starts_with("basket ")).collect();
    assert_eq!(
        headings,
        [&*format!("basket {one}"), &*format!("basket {one}"), &*format!("basket {other}")],
        "{log:?}"
    );
    assert!(log.out.contains("added 1 of 'socks'\n\nbasket "), "{log:?}");
    let blame = shell.basket(&format!("blame {one} {other}")).out;
    let lines: Vec<_> = blame.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
    assert_eq!(
        lines,
        [&*format!("basket {one}"), "socks = 1", "", &*format!("basket {other}"), "hats = 1", "pins = 1"]
    );
    let verified = shell.basket(&format!("verify {one} {other}"));
    assert_eq!((&*verified.out, &*verified.err), ("", "5 events of 2 baskets were read: all is well\n"));
    // Of one alone, all is as it was.
    shell.basket(&format!("get {one}")).says("socks = 1\n");
}

fn programs_get_one_list(shell: &Shell) {
    let [one, other] = two(shell);
    let states = records(shell, &format!("get {one} {other}"));
    let seen: Vec<_> = states.iter().map(|state| (state["id"].as_str().unwrap(), state["version"].clone())).collect();
    assert_eq!(seen, [(&*one, 2.into()), (&*other, 3.into())]);
    let versions = |words: &str| -> Vec<_> {
        records(shell, &format!("{words} {one} {other}")).iter().map(|event| event["version"].clone()).collect()
    };
    assert_eq!(versions("log"), [2, 1, 3, 2, 1].map(Value::from));
    assert_eq!(versions("log --reverse -n 1"), [2, 3].map(Value::from));
    assert_eq!(records(shell, &format!("blame {one} {other}")).len(), 3);
    let alone = shell.basket(&format!("get {one} --format json")).out;
    assert!(alone.starts_with("{\"id\":"), "{alone}");
}

fn one_that_is_not_there_stops_none_of_the_others(shell: &Shell) {
    let [one, other] = two(shell);
    for words in
        ["get ONE NOWHERE OTHER", "log ONE NOWHERE OTHER", "blame ONE NOWHERE OTHER", "verify ONE NOWHERE OTHER"]
    {
        let words = words.replace("ONE", &one).replace("NOWHERE", NOWHERE).replace("OTHER", &other);
        let both = shell.basket(&words.replace(NOWHERE, ""));
        assert_eq!(both.code, 0, "{both:?}");
        for words in [words.clone(), words.replace(NOWHERE, &NOWHERE[..6])] {
            let answer = shell.basket(&words);
            assert_eq!((answer.code, &answer.out), (3, &both.out), "{words}: {answer:?}");
            let errors: Vec<_> = answer.err.lines().filter(|line| line.starts_with("error: ")).collect();
            let [missing, end] = errors[..] else { panic!("{answer:?}") };
            assert!(missing.starts_with("error: there is no basket '5ab690"), "{missing}");
            assert_eq!(end, "error: 1 of 3 baskets could not be read; the others were");
        }
    }
    let json = shell.basket(&format!("get {NOWHERE} {one} {NOWHERE} --format json"));
    assert_eq!((json.code, serde_json::from_str::<Value>(&json.out).unwrap().as_array().unwrap().len()), (3, 1));
    shell.basket(&format!("get {NOWHERE}")).fails(3, "there is no basket");
    // A version that one of them has not.
    let then = shell.basket(&format!("get {one} {other} --version 3"));
    assert_eq!((then.code, &*then.out), (3, &*format!("basket {other}\nhats = 1\npins = 1\n")), "{then:?}");
}

fn what_one_command_lists_another_one_shows(shell: &Shell) {
    fed(shell, "get -", "").says("");
    fed(shell, "get - --format json", "").says("[]\n");
    let [one, other] = two(shell);
    let listed = shell.basket("list --ids").out;
    let [first, second] = [&one, &other].map(|id| if listed.starts_with(&**id) { (id, 0) } else { (id, 1) });
    let states = fed(shell, "get - --format ndjson", &listed).out;
    let states: Vec<Value> = states.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&states[first.1]["id"], &states[second.1]["id"]), (&(&**first.0).into(), &(&**second.0).into()));
    assert_eq!(fed(shell, &format!("verify {one} -"), &listed).err, "7 events of 3 baskets were read: all is well\n");
    // One of standard input is a list, too: a program can't know how many there are.
    assert!(fed(shell, "get - --format json", &one).out.starts_with("[\n{"));
    fed(shell, "log -", "five\n").fails(2, "line 1 of standard input, 'five', names nothing");
}

fn what_is_wrong_stands_under_its_basket(shell: &Shell) {
    let [one, other] = two(shell);
    shell.basket(&format!("add {other} rocks")).says("");
    shell.basket(&format!("remove {other} rocks")).says("");
    // The newest event of the store, once more: there is nothing left to remove.
    plant_product(shell, "bricks");
    let verified = shell.basket(&format!("verify {one} {NOWHERE} {other}"));
    let lines: Vec<_> = verified.out.lines().collect();
    let [heading, finding] = lines[..] else { panic!("{verified:?}") };
    assert!(heading == format!("basket {other}") && finding.starts_with("warning: "), "{verified:?}");
    assert!(verified.err.contains("8 events of 2 baskets were read: all can be read, with 1 warning"), "{verified:?}");
    assert_eq!(verified.code, 3, "{verified:?}");
    assert_eq!(shell.basket(&format!("verify {one} {NOWHERE} {other} --strict")).code, 7);
}
