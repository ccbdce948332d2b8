//! Runs the tests of a stage and reads what they say. Called by `watch`, `check`, `prove` and `record`.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Seek},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    course::{Course, Stage},
    state::FOLDER,
};

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
    /// The address of the replica set.
    ///
    /// # Errors
    /// A MongoDB can't be started.
    pub fn mongo(&self, course: &Course) -> Result<String> {
        let started = self.variables(course)?.into_iter().find(|(name, _)| *name == VARIABLES[0]);
        started.map(|(_, address)| address).map_or_else(|| std::env::var(VARIABLES[0]).context(VARIABLES[0]), Ok)
    }

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

/// Where the start of the servers tells of itself.
const LOG: &str = ".exercise/with-mongo.log";

fn start(course: &Course) -> Result<(Child, [(&'static str, String); 2])> {
    fs::create_dir_all(course.root.join(FOLDER)).with_context(|| format!("{FOLDER} can't be made"))?;
    let mut script = Command::new(course.root.join("scripts/with-mongo"))
        .args(["bash", "-c", &format!("echo \"${}\"; echo \"${}\"; read -r _ || true", VARIABLES[0], VARIABLES[1])])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // What it builds and downloads would run over the screen.
        .stderr(File::create(course.root.join(LOG)).with_context(|| format!("{LOG} can't be written"))?)
        .spawn()
        .context("scripts/with-mongo can't be started")?;
    let mut lines = BufReader::new(script.stdout.take().context("no output")?).lines();
    let mut next =
        || lines.next().and_then(Result::ok).with_context(|| format!("no MongoDB could be started; {LOG} says why"));
    let variables = [(VARIABLES[0], next()?), (VARIABLES[1], next()?)];
    Ok((script, variables))
}

/// Builds and runs the tests of a stage.
///
/// # Errors
/// cargo or a MongoDB can't be started.
pub fn of(course: &Course, stage: &Stage, servers: &Servers) -> Result<Verdict> {
    heard(course, stage, servers).map(|(verdict, _)| verdict)
}

/// The same with what the tests print.
///
/// # Errors
/// As [`of`].
pub fn heard(course: &Course, stage: &Stage, servers: &Servers) -> Result<(Verdict, String)> {
    let output = cargo(course, stage, servers)?.output().context("cargo can't be started")?;
    let verdict = read(course, stage, output.status.success(), &output.stdout, &output.stderr)?;
    Ok((verdict, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The same for somebody who may lose patience: `stop` is asked again and again, with the time since the start, and
/// ends the tests when it says so. Then there is no verdict.
///
/// # Errors
/// As [`of`].
pub fn unless(
    course: &Course,
    stage: &Stage,
    servers: &Servers,
    mut stop: impl FnMut(Duration) -> Result<bool>,
) -> Result<Option<Verdict>> {
    let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut cargo = cargo(course, stage, servers)?;
    // A group of its own, so that a test that never ends goes with its cargo.
    cargo.process_group(0).stdout(out.try_clone()?).stderr(err.try_clone()?);
    let (mut child, start) = (cargo.spawn().context("cargo can't be started")?, Instant::now());
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if stop(start.elapsed())? {
            Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
            child.wait()?;
            return Ok(None);
        }
        sleep(Duration::from_millis(10));
    };
    let mut told = [Vec::new(), Vec::new()];
    for (file, text) in [&mut out, &mut err].into_iter().zip(&mut told) {
        file.rewind()?;
        file.read_to_end(text)?;
    }
    read(course, stage, status.success(), &told[0], &told[1]).map(Some)
}

fn cargo(course: &Course, stage: &Stage, servers: &Servers) -> Result<Command> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--package", &stage.package, "--test", &stage.test]).current_dir(&course.root);
    cargo.env("RUST_BACKTRACE", "0").stdin(Stdio::null());
    if stage.package == "basket-mongo" {
        cargo.envs(servers.variables(course)?);
    }
    Ok(cargo)
}

fn read(course: &Course, stage: &Stage, success: bool, out: &[u8], err: &[u8]) -> Result<Verdict> {
    if success {
        return Ok(Verdict::Green);
    }
    let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    let source = course.read(&format!("crates/{}/tests/{}.rs", stage.package, stage.test))?;
    match failures(&out, &source) {
        none if none.is_empty() => {
            let noise = ["Compiling", "Finished", "Running", "Blocking", "Caused by:", "process didn't exit"];
            let lines = err.lines().filter(|line| !noise.iter().any(|word| line.trim_start().starts_with(word)));
            let told = lines.collect::<Vec<_>>().join("\n");
            // A warning about what is not used yet would stand before the error that counts.
            let blocks = told.split("\n\n").filter(|block| !block.trim_start().starts_with("warning"));
            Ok(Verdict::NotCompiled(blocks.collect::<Vec<_>>().join("\n\n")))
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
