//! `docs/errors.md` has every error that `cases.rs` runs into: the exit code and the words that the real program prints, on the
//! embedded store. With RECORD in the environment the file is written again; otherwise it must be what is printed now.
#![cfg(target_os = "linux")]

mod cases;

use std::{collections::BTreeMap, env, fmt::Write, fs, process::Command, thread};

use cases::Case;
use rusqlite::Connection;
use testkit::shell::{Answer, Shell, answer, binary};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
/// What stands for the id of the basket, for any other id, and for a time.
const ID: &str = "5ab69073421aa917e62b4734";
const OTHER: &str = "6b0624b5dbb6dfcc24ad5859";
const TIME: &str = "2026-11-25T10:30:00.456";
const KEYS: [&str; 2] =
    ["AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="];

const ABOUT: &str = "# Errors

A command that fails prints `error: ` and the reason on standard error. Its exit code says of which kind the error is.

Each row but the last few was made by the program itself, on the embedded store; [cases.rs](../crates/basket-cli/tests/errors/cases.rs) says what was
done before. `RECORD=1 cargo test -p basket-cli --test errors` writes this file, and the same test fails where it is not what
`basket` prints. `ID` is the id of a basket with socks in it, which has versions 1 and 2; `$KEY` is a key as `openssl rand
-base64 32` prints it. Notes before an error, and the usage that follows on a wrong command line, are left out.
";

/// What a server alone can answer. The words are those of `StoreError`; the tests on MongoDB bring each of them about.
const OF_SERVERS: [(u8, &str, &str); 7] = [
    (5, "an event that was asked for was appended", "repeat it"),
    (6, "has a certificate that is not accepted", "`openssl s_client -connect HOST:PORT -showcerts` prints it"),
    (6, "refuses access", "check the user, the password and `authSource`; [access.md](access.md) has the rights"),
    (6, "is not a replica set, so it can't", "start a replica set of one: `make mongo`, or `mongod --replSet`"),
    (6, "no longer knows what happened since the last event shown", "watch from the version after it on"),
    (6, "can't keep events in", "`basket verify` names what stands in the way"),
    (8, "did not say whether commit", "look with `basket log`; with the same `--request-id` it is safe to repeat it"),
];

/// Runs a script in a shell whose `basket` is the one that was built.
fn run(shell: &Shell, id: &str, script: &str) -> Answer {
    let home = shell.folder.path();
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).current_dir(home).env_clear().env("HOME", home).env("ID", id);
    command.env("KEY", KEYS[0]).env("OTHER_KEY", KEYS[1]).env("TZ", "UTC");
    let folder = binary("basket").parent().unwrap().display().to_string();
    answer(command.env("PATH", format!("{folder}:/usr/bin:/bin")).output().unwrap())
}

/// The exit code of a case, and its row.
fn row(case: &Case) -> (i32, String) {
    let shell = Shell::new();
    let id = shell.create("socks");
    let before = run(&shell, &id, &format!("set -e\n{}", case.before));
    assert_eq!(before.code, 0, "before `{}`: {before:?}", case.fails);
    let file = Connection::open(shell.file()).unwrap();
    file.execute_batch(case.sql).unwrap();
    // Where a lock is held, it is held until the command has ended.
    let held = case.sql.starts_with("BEGIN").then_some(file);
    let failed = run(&shell, &id, case.fails);
    drop(held);
    assert!(failed.err.contains("error: "), "`{}` did not fail: {failed:?}", case.fails);
    let said = failed.err.lines().skip_while(|line| !line.starts_with("error: ")).take_while(|line| !line.is_empty());
    let said = said.map(|line| code(&plain(line, &shell, &id, case.fails))).collect::<Vec<_>>().join("<br>");
    (failed.code, format!("| {} | {said} | {} |\n", code(&case.fails.replace("$ID", "ID")), case.mends))
}

/// Text as code in a cell.
fn code(text: &str) -> String {
    let text = text.trim().replace('|', "\\|");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// A line with the same folder, ids and times in each run.
fn plain(line: &str, shell: &Shell, id: &str, command: &str) -> String {
    let line = line.replace(&shell.folder.path().display().to_string(), "/home/ann").replace(id, ID);
    let is_id = |word: &&str| word.len() == 24 && word.bytes().all(|digit| digit.is_ascii_hexdigit());
    let words: Vec<_> = line.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_id).map(str::to_owned).collect();
    let others = words.into_iter().filter(|word| word != ID && !command.contains(word.as_str()));
    without_times(&others.fold(line, |line, other| line.replace(&other, OTHER)))
}

/// Replaces what looks like `2026-11-25T10:30:00.456`, or has a space in it; what was typed, or is an example, stays.
fn without_times(line: &str) -> String {
    let shape = b"0000-00-00T00:00:00";
    let is_time = |at: usize| {
        let bytes = line.as_bytes().get(at..at + shape.len());
        bytes.is_some_and(|bytes| {
            !bytes.starts_with(b"2000")
                && !bytes.starts_with(b"2026-11-25")
                && bytes.iter().zip(shape).all(|(byte, shape)| match shape {
                    b'0' => byte.is_ascii_digit(),
                    b'T' => b"T ".contains(byte),
                    mark => byte == mark,
                })
        })
    };
    let Some(at) = (0..line.len()).find(|at| is_time(*at)) else { return line.to_owned() };
    let (before, rest) = line.split_at(at);
    let rest = rest[shape.len()..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    format!("{before}{TIME}{}", without_times(rest))
}

/// What `basket --help` says of each exit code.
fn kinds() -> BTreeMap<i32, String> {
    let help = Shell::new().basket("--help").out;
    let mut kinds: Vec<(i32, String)> = Vec::new();
    for line in help.split("Exit codes:\n").nth(1).unwrap().lines() {
        match line.trim().split_once("  ") {
            Some((code, words)) => kinds.push((code.parse().unwrap(), words.to_owned())),
            None => write!(kinds.last_mut().unwrap().1, " {}", line.trim()).unwrap(),
        }
    }
    kinds.into_iter().filter(|(code, _)| *code > 0).collect()
}

fn document() -> String {
    let cases = cases::all();
    let mut rows: BTreeMap<i32, String> = BTreeMap::new();
    thread::scope(|scope| {
        let some = cases.chunks(cases.len().div_ceil(4));
        let threads: Vec<_> = some.map(|some| scope.spawn(|| some.iter().map(row).collect::<Vec<_>>())).collect();
        for (code, row) in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
            *rows.entry(code).or_default() += &row;
        }
    });
    let kinds = kinds();
    assert_eq!(rows.keys().collect::<Vec<_>>(), kinds.keys().collect::<Vec<_>>(), "every exit code, and no other");
    let mut text = ABOUT.to_owned();
    for (code, kind) in kinds {
        let rows = &rows[&code];
        write!(
            text,
            "\n## {code}: {}\n\n| command | what it says | what mends it |\n|---|---|---|\n{rows}",
            kind.trim()
        )
        .unwrap();
    }
    text += "\n## On MongoDB only\n\n| exit code | what it says | what mends it |\n|--:|---|---|\n";
    for (code, words, mends) in OF_SERVERS {
        writeln!(text, "| {code} | `... {words} ...` | {mends} |").unwrap();
    }
    text
}

#[test]
fn every_error_in_the_table_is_what_basket_says_now() {
    let (file, now) = (format!("{ROOT}docs/errors.md"), document());
    if env::var_os("RECORD").is_some() {
        fs::write(&file, &now).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    for (now, kept) in now.lines().zip(kept.lines()) {
        assert_eq!(now, kept, "if the new words are right: RECORD=1 cargo test -p basket-cli --test errors");
    }
    assert_eq!(now.lines().count(), kept.lines().count());
}

#[test]
fn the_errors_of_servers_have_the_words_of_the_library() {
    let source = fs::read_to_string(format!("{ROOT}crates/basket-mongo/src/store/error.rs")).unwrap();
    for (_, words, _) in OF_SERVERS {
        assert!(source.contains(words), "no error says '{words}'");
    }
}
