//! What people type and what they see, on both stores alike.

use testkit::{
    on_both_stores,
    one_basket::{OneBasket, records},
    receiver::Receiver,
    shell::{Shell, answer},
};

on_both_stores! {
    quantities_accumulate_and_json_says_the_same
    a_basket_may_be_empty
    what_is_refused_says_why_and_writes_no_event
    products_in_every_language_come_back_as_they_went_in
    a_hyphen_is_standard_input_or_an_error
}

fn quantities_accumulate_and_json_says_the_same(shell: &Shell) {
    let created = shell.basket("create socks --quantity 2 --format json");
    let id = created.out[7..31].to_owned();
    let json: serde_json::Value = serde_json::from_str(&created.out).unwrap();
    assert_eq!((&json["id"], &json["outcome"], &json["version"]), (&id.as_str().into(), &"now".into(), &2.into()));
    for words in ["rocks -q 4294967294", "socks -q 3", "rocks"] {
        shell.basket(&format!("add {id} {words}")).says("");
    }
    shell.basket(&format!("get {id}")).says("socks = 5\nrocks = 4294967295\n");
    shell.basket(&format!("get {id} --format json")).says(&format!(
        "{{\"id\":\"{id}\",\"version\":5,\"items\":[{{\"product\":\"socks\",\"quantity\":5}},{{\"product\":\"rocks\",\"quantity\":4294967295}}]}}\n"
    ));
}

fn a_basket_may_be_empty(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["remove ID socks"]);
    let (id, empty) = (&basket.id, basket.basket("get ID"));
    assert_eq!((empty.code, empty.out, empty.err), (0, String::new(), format!("basket '{id}' is empty\n")));
    basket.says("get ID --format json", &format!("{{\"id\":\"{id}\",\"version\":3,\"items\":[]}}\n"));
}

fn what_is_refused_says_why_and_writes_no_event(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let long = format!("add ID {}", "x".repeat(129));
    for (words, code, why) in [
        ("add ID rocks -q 0", 2, "a quantity is a whole number from 1 to 4294967295"),
        ("add ID rocks -q -1", 2, "a quantity is a whole number"),
        ("add ID rocks -q two", 2, "a quantity is a whole number"),
        ("add ID rocks -q 1.5", 2, "a quantity is a whole number"),
        ("add ID rocks -q 4294967296", 2, "a quantity is a whole number"),
        ("create socks -q 0", 2, "a quantity is a whole number"),
        ("add five rocks", 2, "a basket id is 24 hex digits"),
        ("remove IDD socks", 2, "a basket id is 24 hex digits"),
        ("add ID socks -q 4294967295", 4, "so it takes 4294967294 at most"),
        ("remove ID rocks", 4, "so it can't be removed; `basket get` shows what is in it"),
        ("add ID '  '", 2, "a product's name can't be empty"),
        ("add ID 'so\ncks'", 2, "control character '\\n'"),
        ("get 5ab69073421aa917e62b4734", 3, "there is no basket '5ab69073421aa917e62b4734' in "),
        ("add 5ab69073421aa917e62b4734 socks", 3, "there is no basket '5ab69073421aa917e62b4734' in "),
        ("remove 5ab69073421aa917e62b4734 socks", 3, "there is no basket '5ab69073421aa917e62b4734' in "),
        (&long, 2, "at most 128 characters, this one has 129"),
    ] {
        basket.fails(words, code, why);
    }
    assert_eq!(basket.versions("log ID"), [2, 1]);
}

/// `-` is standard input where a file or several ids are asked for, and nothing elsewhere: `basket --help` says so.
fn a_hyphen_is_standard_input_or_an_error(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    for words in [
        "create -",
        "create ' - '",
        "add ID -",
        "add ID -- -",
        "add - rocks",
        "remove ID -",
        "list --product -",
        "log ID --product -",
        "report removed --product -",
        "add ID rocks --as -",
        "add ID rocks -m -",
        "add ID rocks --correlation -",
        "add ID rocks --causation -",
        "watch -",
        "explore -",
        "show -",
        "browse -",
        "list --store -",
    ] {
        basket.fails(words, 2, "'-' is standard input, which is only read where a FILE or several IDs are asked for");
    }
    assert_eq!(basket.versions("log ID"), [2, 1]);
    let mut import = shell.command(&["import", "-", "--store", "other.db"]);
    let export = shell.basket("export").out;
    let mut import = import.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut import.stdin.take().unwrap(), export.as_bytes()).unwrap();
    assert!(import.wait_with_output().unwrap().stdout.starts_with(b"2 events read"));
    assert!(shell.basket("--help").out.contains("As a FILE, `-` is standard input, and so are several IDs"));
}

fn products_in_every_language_come_back_as_they_went_in(shell: &Shell) {
    let names = ["Söckchen", "靴下", "🧦", "$set", "a.b", "{\"$oid\": 1}", "it's", "\"", "-0", "null", "تلفن"];
    let basket = OneBasket::with(shell, "socks");
    for name in names {
        shell.run(&["add", &basket.id, "--", name]).says("");
    }
    let added: String = names.iter().map(|name| format!("{name} = 1\n")).collect();
    basket.says("get ID", &format!("socks = 1\n{added}"));
}

#[test]
fn help_has_the_exit_codes_and_examples_that_work() {
    let shell = Shell::new().with("BASKET_KEY", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    let top = shell.basket("--help").out;
    let commands = top.split("Commands:\n").nth(1).unwrap().lines().take_while(|line| !line.is_empty());
    let commands = commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let (mut typed, receiver) = (0, Receiver::start());
    for words in commands.chain(["", "report removed"]) {
        let help = shell.basket(&format!("{words} --help"));
        assert!(help.code == 0 && help.out.contains("Example"), "{words}: {help:?}");
        // The words of the aggregate are put in where the source has `{stream}` and the like.
        assert!(!help.out.contains(['{', '}']), "{words}: {help:?}");
        for example in help.out.lines().filter_map(|line| line.strip_prefix("  basket ")) {
            // A watch ends by itself only after a number of events that is given with -n, a project once all was read; how a
            // browse ends is in tests/browse.rs.
            let endless = example.starts_with("browse")
                || example.starts_with("watch") && !example.contains(" -n ")
                || example.starts_with("project") && !example.contains("--once");
            if endless || ["mongodb://", "kurrentdb://", " | "].iter().any(|other| example.contains(other)) {
                continue;
            }
            let basket = OneBasket::with(&shell, "socks");
            for product in ["rocks", "clocks", "hats", "pins", "bricks", "bread", "milk"] {
                basket.says(&format!("add ID {product}"), "");
            }
            std::fs::write(shell.folder.path().join("baskets.ndjson"), shell.basket("export").out).unwrap();
            // What follows two blanks or a > is for people and shells.
            let words = example.split("  ").next().unwrap().split(" > ").next().unwrap();
            let mut words = words.replace("5ab69073421aa917e62b4734", "ID");
            if example.starts_with("forward") {
                words = words.replace("https://example.org/events", &receiver.url).replace(" --once", "") + " --once";
            }
            if example.starts_with("forget") {
                basket.basket("add ID hats -m 'a present' --about customer-4711");
            }
            let words = words.replace("5ab69073421aa917e62b4735", &shell.create("hats"));
            if example.starts_with("feed") {
                assert_eq!(basket.basket("project --once").code, 0);
            }
            if example.starts_with("archive") {
                // What a reader has not read is not moved.
                for feed in records(&shell, "feed") {
                    basket.basket(&format!("feed forget {}", feed["feed"].as_str().unwrap()));
                }
            }
            let answer = basket.basket(&words);
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
fn an_output_that_is_full_or_closed_breaks_nothing_and_loses_no_id() {
    let shell = Shell::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let unseen = shell.command(&["get", "five"]).stderr(full()).status().unwrap();
    assert_eq!(unseen.code(), Some(2));
    let created = answer(shell.command(&["create", "socks"]).stdout(full()).output().unwrap());
    assert_eq!(created.code, 1);
    let id = created.err.split('\'').nth(1).unwrap().to_owned();
    shell.basket(&format!("get {id}")).says("socks = 1\n");
    // A reader that has seen enough closes the pipe.
    let mut child = shell.command(&["get", &id]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
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
fn each_command_has_a_page_for_man_that_says_what_its_help_says() {
    let (shell, help) = (Shell::new(), clap_names(&Shell::new().basket("--help").out));
    let folder = shell.folder.path().join("pages");
    assert_eq!(shell.basket(&format!("man --to {}", folder.display())).code, 0);
    assert!(help.len() > 30, "{help:?}");
    for command in help.iter().filter(|command| *command != "help") {
        let page = std::fs::read_to_string(folder.join(format!("basket-{command}.1"))).unwrap();
        assert_eq!(page, shell.basket(&format!("man {command}")).out);
        assert!(page.contains(".SH SYNOPSIS") && !page.contains("{program}") && !page.contains('\u{1b}'), "{page}");
    }
    let one = shell.basket("man feed wait").out;
    assert!(one.contains("basket\\-feed\\-wait") || one.contains("basket-feed-wait"), "{one}");
    assert!(shell.basket("man").out.contains("basket\\-log"), "{}", shell.basket("man").out);
    let unknown = shell.basket("man feed bake");
    assert!(unknown.code == 2 && unknown.err.contains("feed bake"), "{unknown:?}");
    std::fs::write(shell.folder.path().join("taken"), "").unwrap();
    let refused = shell.basket(&format!("man --to {}", shell.folder.path().join("taken").display()));
    assert!(refused.code == 1 && refused.err.contains("taken"), "{refused:?}");
}

/// The commands that a help lists.
fn clap_names(help: &str) -> Vec<String> {
    let listed =
        help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1).take_while(|line| !line.is_empty());
    listed
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn colour_is_for_terminals_only() {
    let shell = Shell::new();
    for answer in [shell.basket("get five"), shell.basket("--help"), shell.basket("frobnicate")] {
        assert!(!format!("{}{}", answer.out, answer.err).contains('\u{1b}'), "{answer:?}");
    }
    assert!(shell.with("CLICOLOR_FORCE", "1").basket("get 5ab69073421aa917e62b4734").err.contains('\u{1b}'));
}
