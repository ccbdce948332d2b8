//! A shell with one basket, for tests that work with it: in their commands, `ID` is its id. And what a command prints as
//! data, for any test of the binary.

use serde_json::Value;

use crate::shell::{Answer, Shell};

pub struct OneBasket<'a> {
    pub shell: &'a Shell,
    pub id: String,
}

impl<'a> OneBasket<'a> {
    /// Created with one product: versions 1 and 2.
    pub fn with(shell: &'a Shell, product: &str) -> Self {
        Self { shell, id: shell.create(product) }
    }

    pub fn basket(&self, words: &str) -> Answer {
        self.shell.basket(&words.replace("ID", &self.id))
    }

    /// It works, and prints just this.
    #[track_caller]
    pub fn says(&self, words: &str, expected: &str) {
        self.basket(words).says(expected);
    }

    /// All of these work, one after the other, and print nothing.
    #[track_caller]
    pub fn does<const N: usize>(&self, commands: [&str; N]) {
        commands.into_iter().for_each(|words| self.says(words, ""));
    }

    /// It fails with this code, and says why.
    #[track_caller]
    pub fn fails(&self, words: &str, code: i32, why: &str) {
        self.basket(words).fails(code, why);
    }

    #[track_caller]
    pub fn records(&self, words: &str) -> Vec<Value> {
        records(self.shell, &words.replace("ID", &self.id))
    }

    /// The version of each record.
    #[track_caller]
    pub fn versions(&self, words: &str) -> Vec<u64> {
        self.records(words).iter().map(|record| record["version"].as_u64().unwrap()).collect()
    }
}

/// The records that a command prints, the same ones as JSON lines and as an array.
#[track_caller]
pub fn records(shell: &Shell, words: &str) -> Vec<Value> {
    let [lines, array] = ["ndjson", "json"].map(|format| shell.basket(&format!("{words} --format {format}")));
    assert_eq!((lines.code, lines.err.as_str()), (0, ""), "{lines:?}");
    let records: Vec<_> = lines.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(serde_json::from_str::<Vec<Value>>(&array.out).unwrap(), records, "{array:?}");
    records
}

/// A table for people, row by row and word by word.
pub fn rows(shell: &Shell, words: &str) -> Vec<Vec<String>> {
    let table = shell.basket(words).out;
    table.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// Every event can be read, and follows on the one before it.
#[track_caller]
pub fn is_well(shell: &Shell, store: &str, events: u32) {
    let verified = shell.basket(&format!("verify {store}"));
    let words = format!("{events} events of ");
    assert!(
        verified.code == 0 && verified.err.starts_with(&words) && verified.err.ends_with("all is well\n"),
        "{verified:?}"
    );
}

/// The record that a command prints, and what it says on standard error.
#[track_caller]
pub fn record(answer: Answer) -> (Value, String) {
    assert_eq!(answer.code, 0, "{answer:?}");
    (serde_json::from_str(&answer.out).unwrap(), answer.err)
}
