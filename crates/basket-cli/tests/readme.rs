//! The README can't drift: its sessions are typed into the real binary. Its pictures of a terminal are made in `films.rs`.

use std::fs;

use testkit::{
    console::{Names, retype_with},
    mongo::with_database,
    shell::Shell,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");

fn read(file: &str) -> String {
    fs::read_to_string(format!("{ROOT}{file}")).unwrap()
}

/// The lines of each fenced block of a language.
fn blocks(text: &str, language: &str) -> Vec<Vec<String>> {
    // Fences come in pairs: every second part of the text is in a block, and begins with its language.
    let blocks =
        text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    blocks.map(|block| block.lines().map(str::to_owned).collect()).collect()
}

fn shell() -> Shell {
    Shell::new().with("BASKET_KEY", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")
}

#[test]
fn every_session_in_the_readme_prints_what_it_says() {
    type_all(&shell());
}

#[test]
fn mongo_too_prints_what_every_session_in_the_readme_says() {
    with_database(async |db| type_all(&shell().with("BASKET_STORE", db.address)));
}

fn type_all(shell: &Shell) {
    let sessions = blocks(&read("README.md"), "console");
    assert!(!sessions.is_empty());
    let mut names = Names::of(shell);
    for session in sessions {
        assert_eq!(retype_with(shell, &mut names, &session), session);
    }
}

#[test]
fn the_readme_lists_every_command_and_every_make_target() {
    let readme = read("README.md");
    let help = Shell::new().basket("--help").out;
    let commands = help.split("Commands:\n").nth(1).unwrap().lines().take_while(|line| !line.is_empty());
    for command in commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        assert!(readme.contains(&format!("`basket {command}")), "{command}");
    }
    for target in read("Makefile").lines().filter(|line| line.contains(": ## ")) {
        let target = target.split(':').next().unwrap_or_default();
        assert!(readme.contains(&format!("`make {target}`")), "make {target}");
    }
}

/// `make tests-offline` skips tests by this name.
#[test]
fn a_test_that_needs_a_mongodb_says_so_in_its_name() {
    for entry in fs::read_dir(format!("{ROOT}crates/basket-cli/tests")).unwrap() {
        let file = entry.unwrap().path();
        // This one has the words that are looked for.
        if file.ends_with("readme.rs") || !file.is_file() {
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        for test in source.split("#[test]\n").skip(1) {
            let name = test.split_once("fn ").and_then(|(_, rest)| rest.split_once('(')).map_or("", |(name, _)| name);
            let body = test.split_once("\n}\n").map_or(test, |(body, _)| body);
            let needs_one = ["with_database", "OwnServer", "OwnSet"].iter().any(|word| body.contains(word));
            assert!(!needs_one || name.starts_with("mongo_"), "{name} in {}", file.display());
        }
    }
}
