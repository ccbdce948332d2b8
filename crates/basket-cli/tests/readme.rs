//! The README can't drift: its sessions are typed into the real binary, and its picture shows the first of them.

mod support;

use std::fs;

use support::{
    Shell,
    console::{Names, retype_with},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");

fn read(file: &str) -> String {
    fs::read_to_string(format!("{ROOT}{file}")).unwrap()
}

/// The lines of each fenced block of a language.
fn blocks(text: &str, language: &str) -> Vec<Vec<String>> {
    let (mut blocks, mut open) = (Vec::new(), None::<Vec<String>>);
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some(if info == language { vec![] } else { vec!["other".into()] }),
            (Some(_), Some(_)) => {
                let block = open.take().unwrap_or_default();
                if block.first().is_none_or(|first| first != "other") {
                    blocks.push(block);
                }
            }
            (Some(block), None) => block.push(line.into()),
            (None, None) => {}
        }
    }
    blocks
}

on_both_stores! {
    every_session_in_the_readme_prints_what_it_says
}

fn every_session_in_the_readme_prints_what_it_says(shell: &Shell) {
    let sessions = blocks(&read("README.md"), "console");
    assert!(!sessions.is_empty());
    let mut names = Names::of(shell);
    for session in sessions {
        assert_eq!(retype_with(shell, &mut names, &session), session);
    }
}

#[test]
fn the_picture_shows_the_first_session() {
    let picture = read(".github/session.svg");
    let drawn: Vec<_> = picture
        .split("<text ")
        .skip(1)
        .map(|text| {
            let spans: String =
                text.split('<').map(|part| part.split_once('>').map_or("", |(_, words)| words)).collect();
            spans.replace("&apos;", "'").trim().to_owned()
        })
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(drawn, blocks(&read("README.md"), "console")[0]);
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
