//! What people type and what they see, on both stores alike.

mod support;

use support::Shell;

on_both_stores! {
    the_session_of_the_talk
    quantities_accumulate_and_json_says_the_same
    a_basket_may_be_empty
    what_is_refused_says_why_and_writes_no_event
    a_basket_that_nobody_created_is_not_found
    products_of_all_tongues_come_back_as_they_went_in
}

fn the_session_of_the_talk(shell: &Shell) {
    let id = shell.create("socks");
    assert!(id.len() == 24 && id.bytes().all(|digit| digit.is_ascii_hexdigit()), "{id}");
    shell.basket(&format!("add {id} rocks")).says("");
    shell.basket(&format!("add {id} clocks")).says("");
    shell.basket(&format!("remove {id} socks")).says("");
    shell.basket(&format!("get {id}")).says("rocks = 1\nclocks = 1\n");
}

fn quantities_accumulate_and_json_says_the_same(shell: &Shell) {
    let created = shell.basket("create socks --quantity 2 --format json");
    let id = created.out[7..31].to_owned();
    created.says(&format!("{{\"id\":\"{id}\"}}\n"));
    shell.basket(&format!("add {id} rocks -q 4294967294")).says("");
    shell.basket(&format!("add {id} socks -q 3")).says("");
    shell.basket(&format!("add {id} rocks")).says("");
    shell.basket(&format!("get {id}")).says("socks = 5\nrocks = 4294967295\n");
    shell.basket(&format!("get {id} --format json")).says(&format!(
        "{{\"id\":\"{id}\",\"version\":5,\"items\":[{{\"product\":\"socks\",\"quantity\":5}},{{\"product\":\"rocks\",\"quantity\":4294967295}}]}}\n"
    ));
}

fn a_basket_may_be_empty(shell: &Shell) {
    let id = shell.create("socks");
    shell.basket(&format!("remove {id} socks")).says("");
    let empty = shell.basket(&format!("get {id}"));
    assert_eq!((empty.code, empty.out.as_str()), (0, ""));
    assert_eq!(empty.err, format!("basket '{id}' is empty\n"));
    shell.basket(&format!("get {id} --format json")).says(&format!("{{\"id\":\"{id}\",\"version\":3,\"items\":[]}}\n"));
}

fn what_is_refused_says_why_and_writes_no_event(shell: &Shell) {
    let id = shell.create("socks");
    let before = shell.basket(&format!("get {id} --format json")).out;
    let fails = |words: &str, code, why| shell.basket(&words.replace("ID", &id)).fails(code, why);
    fails("add ID rocks -q 0", 2, "a quantity is a whole number from 1 to 4294967295");
    fails("add ID rocks -q -1", 2, "a quantity is a whole number");
    fails("add ID rocks -q two", 2, "a quantity is a whole number");
    fails("add ID rocks -q 1.5", 2, "a quantity is a whole number");
    fails("add ID rocks -q 4294967296", 2, "a quantity is a whole number");
    fails("create socks -q 0", 2, "a quantity is a whole number");
    fails("add five rocks", 2, "a basket id is 24 hex digits");
    fails("remove IDD socks", 2, "a basket id is 24 hex digits");
    fails("add ID socks -q 4294967295", 4, "so it takes 4294967294 at most");
    fails(
        "remove ID rocks",
        4,
        "'rocks' is not in the basket, so it can't be removed; `basket get` shows what is in it",
    );
    shell.run(&["add", &id, "  "]).fails(2, "a product's name can't be empty");
    shell.run(&["add", &id, "so\ncks"]).fails(2, "control character '\\n'");
    shell.run(&["add", &id, &"x".repeat(129)]).fails(2, "at most 128 characters, this one has 129");
    assert_eq!(shell.basket(&format!("get {id} --format json")).out, before);
}

fn a_basket_that_nobody_created_is_not_found(shell: &Shell) {
    for words in
        ["get 5ab69073421aa917e62b4734", "add 5ab69073421aa917e62b4734 socks", "remove 5ab69073421aa917e62b4734 socks"]
    {
        shell.basket(words).fails(3, "there is no basket '5ab69073421aa917e62b4734' in ");
    }
}

fn products_of_all_tongues_come_back_as_they_went_in(shell: &Shell) {
    let names = ["Söckchen", "靴下", "🧦", "$set", "a.b", "{\"$oid\": 1}", "it's", "\"", "-0", "null", "تلفن"];
    let id = shell.create("socks");
    for name in names {
        shell.run(&["add", &id, "--", name]).says("");
    }
    let got = shell.basket(&format!("get {id}")).out;
    let expected: String = names.iter().map(|name| format!("{name} = 1\n")).collect();
    assert_eq!(got, format!("socks = 1\n{expected}"));
}

#[test]
fn help_has_the_exit_codes_and_examples_that_work() {
    let shell = Shell::new();
    let mut typed = 0;
    let top = shell.basket("--help").out;
    let commands = top.split("Commands:\n").nth(1).unwrap().lines().take_while(|line| !line.is_empty());
    let commands = commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    for words in commands.map(|name| format!("{name} --help")).chain(["--help".into()]) {
        let help = shell.basket(&words);
        assert!(help.code == 0 && help.out.contains("Example"), "{words}: {help:?}");
        let examples = help.out.lines().filter_map(|line| line.strip_prefix("  basket "));
        // A watch ends by itself only where it is told how many events to show.
        let endless = |line: &str| line.starts_with("watch") && !line.contains(" -n ");
        let typed_here = |line: &&str| !line.contains("mongodb://") && !line.contains(" | ") && !endless(line);
        for example in examples.filter(typed_here) {
            let exported = shell.basket("export").out;
            std::fs::write(shell.folder.path().join("baskets.ndjson"), exported).unwrap();
            let id = shell.create("socks");
            for product in ["rocks", "clocks", "hats", "pins", "bricks", "bread", "milk"] {
                shell.basket(&format!("add {id} {product}")).says("");
            }
            // What follows two blanks or a > is for people and shells.
            let words = example.split("  ").next().unwrap().split(" > ").next().unwrap();
            let answer = shell.basket(&words.replace("5ab69073421aa917e62b4734", &id));
            if example.starts_with("explore") {
                // It needs a terminal, and has one in tests/explore.rs.
                answer.fails(2, "needs a terminal");
                continue;
            }
            let long_ago = ["ago", "yesterday", "202"].iter().any(|time| example.contains(time));
            assert!(answer.code == 0 || long_ago && answer.code == 3, "{example}: {answer:?}");
            typed += 1;
        }
    }
    assert!(typed > 20, "{typed}");
    for code in 0..=8 {
        assert!(top.contains(&format!("\n  {code}  ")), "{code} in {top}");
    }
    assert_eq!(shell.basket("").code, 2);
    assert!(shell.basket("--version").out.starts_with("basket 0."));
}

#[test]
fn where_nobody_can_read_nothing_breaks_and_no_id_is_lost() {
    let shell = Shell::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let deaf = shell.command(&["get", "five"]).stderr(full()).status().unwrap();
    assert_eq!(deaf.code(), Some(2));
    let answer = support::answer(shell.command(&["create", "socks"]).stdout(full()).output().unwrap());
    assert_eq!(answer.code, 1);
    let id = answer.err.split('\'').nth(1).unwrap().to_owned();
    shell.basket(&format!("get {id}")).says("socks = 1\n");
}

#[test]
fn completions_are_scripts_that_know_the_commands() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish"] {
        let script = shell.basket(&format!("completions {name}"));
        assert!(script.code == 0 && script.out.contains("remove") && script.out.contains("quantity"), "{name}");
    }
    let syntax = std::process::Command::new("bash").args(["-n", "-c", &shell.basket("completions bash").out]).status();
    assert!(syntax.unwrap().success());
}

#[test]
fn colour_is_for_terminals_only() {
    let shell = Shell::new();
    for answer in [shell.basket("get five"), shell.basket("--help"), shell.basket("frobnicate")] {
        assert!(!format!("{}{}", answer.out, answer.err).contains('\u{1b}'), "{answer:?}");
    }
    assert!(shell.with("CLICOLOR_FORCE", "1").basket("get 5ab69073421aa917e62b4734").err.contains('\u{1b}'));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_trouble() {
    let shell = Shell::new();
    let id = shell.create("socks");
    let mut child = shell.command(&["get", &id]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
