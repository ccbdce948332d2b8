//! Runs the tests of a stage and reads what they say. Called by `watch`, `check` and `prove`.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context, Result};

use crate::course::{Course, Stage};

/// What came of a stage's tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All of them pass.
    Green,
    /// Some fail; the first in the order of the file, so the one to mend first.
    Red(Vec<Failure>),
    /// There was nothing to run: what rustc says.
    NotCompiled(String),
}

/// A test that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The test's name, which is a sentence.
    pub test: String,
    /// What it said.
    pub message: String,
    /// Where it said so.
    pub at: String,
}

impl Verdict {
    /// One word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red(_) => "red",
            Self::NotCompiled(_) => "not compiled",
        }
    }
}

/// The MongoDB servers for the stages that need one; started at the first of them, gone at the end.
#[derive(Default)]
pub struct Servers {
    started: OnceLock<(Child, [(&'static str, String); 2])>,
}

const VARIABLES: [&str; 2] = ["BASKET_TEST_MONGO", "BASKET_TEST_MONGO_STANDALONE"];

impl Servers {
    /// The variables that name them, empty where somebody else has set them.
    fn variables(&self, course: &Course) -> Result<Vec<(&'static str, String)>> {
        if VARIABLES.iter().all(|name| std::env::var_os(name).is_some()) {
            return Ok(vec![]);
        }
        if self.started.get().is_none() {
            self.started.set(start(course)?).ok();
        }
        Ok(self.started.get().map(|(_, variables)| variables.to_vec()).unwrap_or_default())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Some((script, _)) = self.started.get_mut() {
            // It waits for its input to end, then cleans up.
            drop(script.stdin.take());
            script.wait().ok();
        }
    }
}

fn start(course: &Course) -> Result<(Child, [(&'static str, String); 2])> {
    let mut script = Command::new(course.root.join("scripts/with-mongo"))
        .args(["bash", "-c", &format!("echo \"${}\"; echo \"${}\"; read -r _ || true", VARIABLES[0], VARIABLES[1])])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("scripts/with-mongo can't be started")?;
    let mut lines = BufReader::new(script.stdout.take().context("no output")?).lines();
    let mut next = || lines.next().and_then(Result::ok).context("no MongoDB could be started; the reason is above");
    let variables = [(VARIABLES[0], next()?), (VARIABLES[1], next()?)];
    Ok((script, variables))
}

/// Builds and runs the tests of a stage.
///
/// # Errors
/// cargo or a MongoDB can't be started.
pub fn of(course: &Course, stage: &Stage, servers: &Servers) -> Result<Verdict> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--package", &stage.package, "--test", &stage.test]).current_dir(&course.root);
    cargo.env("RUST_BACKTRACE", "0").stdin(Stdio::null());
    if stage.package == "basket-mongo" {
        cargo.envs(servers.variables(course)?);
    }
    let output = cargo.output().context("cargo can't be started")?;
    if output.status.success() {
        return Ok(Verdict::Green);
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let source = course.read(&format!("crates/{}/tests/{}.rs", stage.package, stage.test))?;
    match failures(&out, &source) {
        none if none.is_empty() => {
            let noise = ["Compiling", "Finished", "Running", "Blocking", "Caused by:", "process didn't exit"];
            let lines = err.lines().filter(|line| !noise.iter().any(|word| line.trim_start().starts_with(word)));
            Ok(Verdict::NotCompiled(lines.collect::<Vec<_>>().join("\n")))
        }
        failures => Ok(Verdict::Red(failures)),
    }
}

/// The failed tests in what libtest prints, in the order in which the source has them.
fn failures(out: &str, source: &str) -> Vec<Failure> {
    let mut failures: Vec<Failure> = out
        .split("\n---- ")
        .skip(1)
        .filter_map(|section| {
            let (test, told) = section.split_once(" stdout ----\n")?;
            let told = told.split("\n\n\n").next()?.split("\nfailures:").next()?;
            let (_, panic) = told.split_once(" panicked at ")?;
            let (at, message) = panic.split_once(":\n")?;
            let message = message.split("\nnote: ").next()?.trim_end();
            Some(Failure { test: test.to_owned(), message: message.to_owned(), at: at.to_owned() })
        })
        .collect();
    failures.sort_by_key(|failure| source.find(&format!("fn {}(", failure.test)));
    failures
}
