//! What is different on a terminal: lists go through the reader's pager, and there is colour.

#![cfg(unix)]

use testkit::shell::Shell;
use testkit::terminal::Terminal;

fn shell(pager: &str) -> (Shell, String) {
    let path = std::env::var("PATH").unwrap();
    let shell = Shell::new().with("BASKET_STORE", "baskets.db").with("PATH", path).with("PAGER", pager);
    let id = shell.create("socks");
    assert_eq!(shell.basket(&format!("add {id} rocks")).code, 0);
    (shell, id)
}

/// What a command shows on a terminal, once these words are there; it ends well.
fn on_terminal(shell: &Shell, words: &[&str], expected: &str) -> String {
    let mut terminal = Terminal::run(shell, words);
    let screen = terminal.shows(expected);
    assert_eq!(terminal.ends().0, 0, "{screen}");
    screen
}

#[test]
fn a_list_goes_through_the_pager_on_a_terminal_and_only_there() {
    let (shell, id) = shell("sed s/^/paged:/");
    on_terminal(&shell, &["log", &id], "paged:commit ");
    assert!(!shell.basket(&format!("log {id}")).out.contains("paged:"));
    // Programs read no pager's output, and a basket is no list.
    for (words, expected) in [(&["log", &id, "--format", "ndjson"][..], "ItemAdded"), (&["get", &id], "rocks = 1")] {
        let screen = on_terminal(&shell, words, expected);
        assert!(!screen.contains("paged:"), "{screen}");
    }
}

#[test]
fn a_pager_that_ends_early_is_no_trouble() {
    let (shell, id) = shell("head -n 1");
    for _ in 0..300 {
        assert_eq!(shell.run(&["add", &id, "socks"]).code, 0);
    }
    let screen = on_terminal(&shell, &["log", &id], "commit ");
    assert!(!screen.contains("error"), "{screen}");
}

#[test]
fn without_a_pager_the_list_is_just_printed() {
    for pager in ["cat", "", " cat "] {
        let (shell, id) = shell(pager);
        let screen = on_terminal(&shell, &["log", &id], "created the basket");
        assert!(!screen.contains("pager"), "{screen}");
    }
    // There is no less to be found here, and no one has asked for it.
    let shell = Shell::new();
    shell.create("socks");
    let screen = on_terminal(&shell, &["list"], "basket");
    assert!(!screen.contains("pager"), "{screen}");
}

/// A program that marks its lines, under this name in the shell's folder.
fn pager_at(shell: &Shell, name: &str) {
    let pager = shell.folder.path().join(name);
    std::fs::write(&pager, "#!/bin/sh\nexec sed s/^/$MARK/\n").unwrap();
    std::fs::set_permissions(pager, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn the_pager_is_what_a_shell_makes_of_it() {
    for pager in
        ["MARK=paged: ./page", "MARK=paged: './my page' --quiet", "exec sed s/^/paged:/", "cat | sed s/^/paged:/"]
    {
        let (shell, id) = shell(pager);
        ["page", "my page"].iter().for_each(|name| pager_at(&shell, name));
        on_terminal(&shell, &["log", &id], "paged:commit ");
    }
}

#[test]
fn a_pager_that_cant_be_started_is_named_and_the_list_is_whole() {
    for pager in ["no-such-pager --here", "'./no such page'", "exec no-such-pager", "./baskets.db"] {
        let (shell, id) = shell(pager);
        let screen = on_terminal(&shell, &["log", &id, "--oneline"], "created the basket");
        let screen = screen.replace('\n', "");
        assert!(screen.contains(&format!("the pager '{pager}' can't be started")), "{screen}");
        assert!(screen.contains("added 1 of 'rocks'") && !screen.contains("error: "), "{screen}");
    }
    // Also where there is more of it than a pipe holds.
    let (shell, id) = shell("no-such-pager");
    let long = "x".repeat(4_000);
    for _ in 0..60 {
        assert_eq!(shell.run(&["add", &id, "rocks", "-m", &long]).code, 0);
    }
    on_terminal(&shell, &["log", &id], "created the basket");
}

#[test]
fn a_terminal_has_colour_unless_it_is_not_wanted() {
    for (no_color, coloured) in [("", true), ("1", false)] {
        let (shell, id) = shell("cat");
        let shell = shell.with("NO_COLOR", no_color);
        let terminal = Terminal::run(&shell, &["log", &id]);
        terminal.shows("created the basket");
        assert_eq!(terminal.is_coloured(), coloured, "NO_COLOR={no_color}");
        let mut explore = Terminal::run(&shell, &["explore", &id]);
        explore.shows("version 3, the newest: live");
        explore.press("m\x1b[H");
        explore.shows("Changes from");
        assert_eq!(explore.is_coloured(), coloured, "NO_COLOR={no_color}");
    }
}

#[test]
fn ctrl_c_is_for_the_pager() {
    let (shell, id) = shell("./pager");
    let pager = shell.folder.path().join("pager");
    std::fs::write(&pager, "#!/bin/sh\ntrap 'echo caught; exit' INT\ncat\nwhile :; do sleep 0.1; done\n").unwrap();
    let runs = std::process::Command::new("chmod").arg("+x").arg(&pager).status().unwrap();
    assert!(runs.success());
    let mut terminal = Terminal::run(&shell, &["log", &id]);
    terminal.shows("created the basket");
    terminal.press("\x03");
    terminal.shows("caught");
    assert_eq!(terminal.ends().0, 0, "it ends with its pager, and is not killed before it");
}

#[test]
fn what_others_wrote_beside_an_event_forges_no_line_and_reaches_no_terminal() {
    let (shell, id) = shell("cat");
    let database = rusqlite::Connection::open(shell.folder.path().join("baskets.db")).unwrap();
    let meta = r#"{"actor":"ann\n   9  eve","reason":"\u001b[31mred\u001b[0m"}"#;
    database.execute("UPDATE baskets SET meta = ?1 WHERE version = 3", [meta]).unwrap();
    for words in ["log", "log --oneline", "blame"] {
        let arguments: Vec<_> = words.split(' ').chain([id.as_str()]).collect();
        let terminal = Terminal::run(&shell, &arguments);
        let screen = terminal.shows("rocks");
        assert!(!screen.contains("\n   9  eve") && !screen.contains("\n9  eve"), "{screen}");
    }
    assert!(shell.basket(&format!("log {id}")).out.contains(r"ann\n   9  eve"));
}
