//! The tables of `docs/faults.md`, and the figures behind them beside it, so that one fault can be tried again and the other rows stay.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::{faults::FAULTS, laws::Law, row::Row};

/// Figures of all that was tried, the newest of each.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// What each fault has shown, by its name.
    pub faults: BTreeMap<String, Tried>,
    /// What each mistake was seen by, by its name.
    pub mistakes: BTreeMap<String, Seen>,
}

/// A fault that was tried.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tried {
    /// What it has shown.
    pub row: Row,
    /// Where: the machine, and the server.
    pub machine: String,
}

/// A mistake that was made on purpose.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seen {
    /// What was done.
    pub what: String,
    /// Where it was made: in a file, or by a store around the store.
    pub place: String,
    /// The fault that has shown it.
    pub by: String,
    /// The law that it was expected to break, and how often it did.
    pub law: Law,
    /// How often it was broken.
    pub times: usize,
    /// What else was broken.
    pub others: BTreeMap<Law, usize>,
}

/// Where a table begins and ends in the text around it.
fn mark(name: &str, end: &str) -> String {
    format!("<!-- {name}{end} -->\n")
}

impl Report {
    /// The figures beside this file of text.
    pub fn read(text: &Path) -> anyhow::Result<Self> {
        let path = text.with_extension("json");
        match fs::read_to_string(&path) {
            Ok(json) => serde_json::from_str(&json).with_context(|| format!("'{}' can't be read", path.display())),
            Err(_) => Ok(Self::default()),
        }
    }

    /// Writes the figures, and the tables into the text. The sentences around the tables stay as they are.
    pub fn write(&self, text: &Path) -> anyhow::Result<()> {
        fs::write(text.with_extension("json"), serde_json::to_string_pretty(self)? + "\n")?;
        let mut words = fs::read_to_string(text).with_context(|| format!("'{}' can't be read", text.display()))?;
        for (name, table) in [("faults", self.faults_table()), ("mistakes", self.mistakes_table())] {
            let (begin, end) = (mark(name, ""), mark(name, " end"));
            let missing = || format!("'{}' has no '{}'", text.display(), begin.trim());
            let (before, rest) = words.split_once(&begin).with_context(missing)?;
            let (_, after) = rest.split_once(&end).with_context(missing)?;
            words = format!("{before}{begin}{table}{end}{after}");
        }
        Ok(fs::write(text, words)?)
    }

    fn faults_table(&self) -> String {
        let mut table = String::from(
            "| fault | what is done | rounds | acknowledged | lost | twice | other laws broken | unknown | longest without \
             an answer | seed | took | also seen |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n",
        );
        for fault in FAULTS {
            let Some(Tried { row, .. }) = self.faults.get(fault.name) else { continue };
            if let Some(why) = &row.not_run {
                table += &format!("| `{}` | {} | not run: {why} ||||||||||\n", fault.name, fault.what);
                continue;
            }
            let (lost, twice) = (row.count(Law::NothingLost), row.count(Law::NothingTwice));
            let others = row.broken.values().sum::<usize>() - lost - twice;
            let longest = row.longest_ms.map_or_else(|| "–".into(), |ms| format!("{:.1} s", ms as f64 / 1_000.0));
            table += &format!(
                "| `{}` | {} | {} | {} | {lost} | {twice} | {others} | {} | {longest} | {} | {} s | {} |\n",
                fault.name,
                fault.what,
                thousands(row.rounds),
                thousands(row.acknowledged),
                row.unknown,
                row.seed,
                row.seconds,
                row.note
            );
        }
        let machines: std::collections::BTreeSet<_> =
            self.faults.values().map(|tried| tried.machine.as_str()).collect();
        table + &format!("\nTried on: {}.\n", machines.into_iter().collect::<Vec<_>>().join("; "))
    }

    fn mistakes_table(&self) -> String {
        let mut table = String::from(
            "| mistake | what is done | made in | seen by | law that is broken | times | also broken |\n|---|---|---|---|---|--:|---|\n",
        );
        for (name, Seen { what, place, by, law, times, others }) in &self.mistakes {
            let others: Vec<_> = others.iter().map(|(law, times)| format!("{law:?} {times}")).collect();
            table += &format!("| `{name}` | {what} | {place} | `{by}` | {law:?} | {times} | {} |\n", others.join(", "));
        }
        table
    }
}

/// A number with a comma between its thousands.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let places = digits.len();
    (digits.chars().enumerate())
        .flat_map(|(at, digit)| (at > 0 && (places - at).is_multiple_of(3)).then_some(',').into_iter().chain([digit]))
        .collect()
}

/// This machine and its server.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let version = std::env::var("BASKET_TEST_MONGOD").ok().and_then(|program| {
        let output = Command::new(program).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.lines().next()?.replace("db version v", "MongoDB "))
    });
    format!("{cores} cores, {}, {}", std::env::consts::OS, version.unwrap_or_else(|| "no program of MongoDB".into()))
}
