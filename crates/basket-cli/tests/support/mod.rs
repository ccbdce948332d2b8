//! What the tests of the binary share: a shell with a folder of its own, on the embedded store or on a real MongoDB.

#![allow(dead_code, reason = "each test file takes what it needs")]

#[path = "../../../basket-mongo/tests/support/mod.rs"]
pub mod mongo;
pub mod own_server;
pub mod watcher;

pub mod console;
pub mod histories;

use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs `basket` as a person would: in a folder, with a home that is empty, and nothing set that a test did not set.
pub struct Shell {
    /// The working directory and the home.
    pub folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

/// What came of a command.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Shell {
    /// On the embedded store, which is what a fresh machine has.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    pub fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((variable, value.into()));
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_basket"));
        command.args(arguments).current_dir(self.folder.path());
        command.env_clear().env("HOME", self.folder.path()).envs(self.variables.iter().cloned());
        command
    }

    /// Runs `basket` with these words; what stands between single quotes is one word.
    pub fn basket(&self, words: &str) -> Answer {
        let parts = words.split('\'').enumerate();
        let words = parts.flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        });
        self.run(&words.collect::<Vec<_>>())
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        answer(self.command(arguments).output().unwrap())
    }

    /// Creates a basket with one product and returns its id.
    pub fn create(&self, product: &str) -> String {
        let created = self.run(&["create", product]);
        assert_eq!(created.code, 0, "{created:?}");
        let id =
            created.out.trim_end().strip_prefix("Created basket with id '").and_then(|rest| rest.strip_suffix('\''));
        id.unwrap_or_else(|| panic!("{created:?}")).to_owned()
    }
}

pub fn answer(output: Output) -> Answer {
    Answer {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Answer {
    /// It worked, and printed just this.
    #[track_caller]
    pub fn says(&self, expected: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (0, expected, ""));
    }

    /// It failed with this code and these words, after some of its answer was out.
    #[track_caller]
    pub fn fails_after_printing(&self, code: i32, words: &str) {
        assert!(self.code == code && self.err.starts_with("error: ") && self.err.contains(words), "{self:?}");
    }

    /// The command line was not understood; the usage is said.
    #[track_caller]
    pub fn fails_with_usage(&self) {
        assert!(self.code == 2 && self.out.is_empty() && self.err.contains("Usage: basket"), "{self:?}");
    }

    /// It failed with this code and one line on standard error that has these words; nothing on standard output.
    #[track_caller]
    pub fn fails(&self, code: i32, words: &str) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "one line, not {:?}", self.err);
        assert!(self.err.starts_with("error: ") && self.err.contains(words), "{:?} has no {words:?}", self.err);
    }
}

/// Makes of `fn name(shell: &Shell)` two tests: `embedded::name` and `mongo::name`.
#[macro_export]
macro_rules! on_both_stores {
    ($($name:ident)*) => {
        mod embedded {
            $(#[test] fn $name() { super::$name(&super::support::Shell::new()); })*
        }
        mod mongo {
            $(#[test] fn $name() {
                super::support::mongo::with_database(async |db| {
                    super::$name(&super::support::Shell::new().with("BASKET_STORE", db.address));
                });
            })*
        }
    };
}
