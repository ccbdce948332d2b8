//! A shell with a folder of its own, for tests of the binary, on the embedded store or on a real MongoDB.

use std::{
    env,
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

/// Runs `basket` as a user would: in a folder, with an empty home, and no variables but those that a test sets.
pub struct Shell {
    /// The working directory and the home.
    pub folder: TempDir,
    variables: Vec<(&'static str, String)>,
    /// Another user than the one who runs the tests.
    user: Option<u32>,
}

/// The outcome of a command.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Default for Shell {
    fn default() -> Self {
        Self::new()
    }
}

impl Shell {
    /// On the embedded store, which is the default.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new(), user: None }
    }

    pub fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((variable, value.into()));
        self
    }

    /// A variable that it was given.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The file in which `basket` keeps its events where nothing says otherwise.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join(".local/share/basket/baskets.db")
    }

    /// As a user without any rights of their own: root may write everything. None where that is not to be had.
    #[cfg(unix)]
    pub fn as_nobody(mut self) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        self.user = (self.folder.path().metadata().unwrap().uid() == 0).then_some(65534);
        self.command(&["--version"]).output().is_ok().then_some(self)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("basket"));
        command.args(arguments).current_dir(self.folder.path());
        command.env_clear().env("HOME", self.folder.path()).envs(self.variables.iter().cloned());
        #[cfg(unix)]
        if let Some(user) = self.user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
        }
        command
    }

    /// Runs `basket` with the words of a line, as [`split`] has them.
    pub fn basket(&self, words: &str) -> Answer {
        self.run(&split(words))
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        answer(self.command(arguments).output().unwrap())
    }

    /// Creates a basket with one product and returns its id.
    pub fn create(&self, product: &str) -> String {
        let created = self.run(&["create", product]);
        assert_eq!(created.code, 0, "{created:?}");
        let id = created.out.strip_prefix("Created basket with id '").and_then(|rest| rest.strip_suffix("'\n"));
        id.unwrap_or_else(|| panic!("{created:?}")).to_owned()
    }
}

/// The words of a command line; a text in single quotes is one word.
pub fn split(line: &str) -> Vec<&str> {
    let parts = line.split('\'').enumerate();
    parts.flat_map(|(at, part)| if at % 2 == 0 { part.split_whitespace().collect() } else { vec![part] }).collect()
}

/// A binary that cargo has built for the tests of its crate, beside them.
pub fn binary(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let folder = test.ancestors().find(|folder| folder.join(name).is_file());
    folder.unwrap_or_else(|| panic!("no `{name}` was built beside {}", test.display())).join(name)
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

    /// It failed with this code and these words, after it had printed something.
    #[track_caller]
    pub fn fails_after_printing(&self, code: i32, words: &str) {
        assert!(self.code == code && self.err.starts_with("error: ") && self.err.contains(words), "{self:?}");
    }

    /// It failed with this code and these words in its last line on standard error, after notes.
    #[track_caller]
    pub fn fails_after(&self, code: i32, words: &str) {
        let is_it = |line: &str| line.starts_with("error: ") && line.contains(words);
        assert!(self.code == code && self.err.lines().any(is_it), "{self:?} has no {words:?}");
    }

    /// The command line was invalid; the usage is printed.
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

/// Makes of `fn name(shell: &Shell)` two tests: `embedded::name` and `mongo::name`, where the server refuses what is no event.
#[macro_export]
macro_rules! on_both_stores {
    ($($name:ident)*) => {
        mod embedded {
            $(#[test] fn $name() { super::$name(&$crate::shell::Shell::new()); })*
        }
        mod mongo {
            $(#[test] fn $name() {
                $crate::mongo::with_database(async |db| {
                    db.store().await.init(&Default::default()).await.unwrap();
                    super::$name(&$crate::shell::Shell::new().with("BASKET_STORE", db.address));
                });
            })*
        }
    };
}
