//! Runs the tests of a stage and reads their output. Called by `watch`, `check`, `prove` and `record`.

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader, Read, Seek},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::course::{Course, Stage};

/// The result of a stage's tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All of them pass.
    Green,
    /// Some fail, in the order of the file: the first is the one to fix first.
    Red(Vec<Failure>),
    /// They do not compile: rustc's message.
    NotCompiled(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The test's name, which is a sentence.
    pub test: String,
    pub message: String,
    pub at: String,
}

impl Verdict {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red(_) => "red",
            Self::NotCompiled(_) => "not compiled",
        }
    }
}

/// The MongoDB servers for the stages that need one: started for the first of them, stopped at the end.
#[derive(Default)]
pub struct Servers {
    started: OnceLock<(Child, Variables)>,
}

type Variables = [(&'static str, String); 2];

const VARIABLES: [&str; 2] = ["BASKET_TEST_MONGO", "BASKET_TEST_MONGO_STANDALONE"];

impl Servers {
    pub fn mongo(&self, course: &Course) -> Result<String> {
        let [(_, replica_set), _] = self.variables(course)?;
        Ok(replica_set)
    }

    /// The variables that name them, from the environment if it has them.
    fn variables(&self, course: &Course) -> Result<Variables> {
        if let [Ok(replica_set), Ok(standalone)] = VARIABLES.map(env::var) {
            return Ok([(VARIABLES[0], replica_set), (VARIABLES[1], standalone)]);
        }
        if self.started.get().is_none() {
            self.started.set(start(course)?).ok();
        }
        self.started.get().map(|(_, variables)| variables.clone()).context("no MongoDB")
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

const LOG: &str = ".exercise/with-mongo.log";

fn start(course: &Course) -> Result<(Child, Variables)> {
    course.write(LOG, "")?;
    let mut script = Command::new(course.root.join("scripts/with-mongo"))
        .args(["bash", "-c", &format!("echo \"${}\"; echo \"${}\"; read -r _ || true", VARIABLES[0], VARIABLES[1])])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Its build and download messages would fill the screen.
        .stderr(File::create(course.root.join(LOG))?)
        .spawn()
        .context("scripts/with-mongo can't be started")?;
    let mut lines = BufReader::new(script.stdout.take().context("no output")?).lines();
    let mut next =
        || lines.next().and_then(Result::ok).with_context(|| format!("no MongoDB could be started; {LOG} says why"));
    let variables = [(VARIABLES[0], next()?), (VARIABLES[1], next()?)];
    Ok((script, variables))
}

/// The verdict on a stage, with the output of its tests.
pub fn of(course: &Course, stage: &Stage, servers: &Servers) -> Result<(Verdict, String)> {
    let output = cargo(course, stage, servers)?.output().context("cargo can't be started")?;
    let verdict = read(course, stage, output.status.success(), &output.stdout, &output.stderr)?;
    Ok((verdict, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The same, but the tests can be stopped: `stop` is called repeatedly, with the time since the start. If it returns
/// `true`, the tests are ended, and there is no verdict.
pub fn with_stop(
    course: &Course,
    stage: &Stage,
    servers: &Servers,
    mut stop: impl FnMut(Duration) -> Result<bool>,
) -> Result<Option<Verdict>> {
    let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut cargo = cargo(course, stage, servers)?;
    // A process group of its own, so that a test that never ends is killed with its cargo.
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
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    for (file, text) in [(&mut out, &mut stdout), (&mut err, &mut stderr)] {
        file.rewind()?;
        file.read_to_end(text)?;
    }
    read(course, stage, status.success(), &stdout, &stderr).map(Some)
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
    let failures = failures(&out, &course.read(&stage.tests())?);
    if !failures.is_empty() {
        return Ok(Verdict::Red(failures));
    }
    let noise = ["Compiling", "Finished", "Running", "Blocking", "Caused by:", "process didn't exit"];
    let lines = err.lines().filter(|line| !noise.iter().any(|word| line.trim_start().starts_with(word)));
    let message = lines.collect::<Vec<_>>().join("\n");
    // Warnings about unused code would stand before the error that counts.
    let blocks = message.split("\n\n").filter(|block| !block.trim_start().starts_with("warning"));
    Ok(Verdict::NotCompiled(blocks.collect::<Vec<_>>().join("\n\n")))
}

/// The failed tests in libtest's output, in the order of the source.
fn failures(out: &str, source: &str) -> Vec<Failure> {
    let mut failures: Vec<Failure> = out
        .split("\n---- ")
        .skip(1)
        .filter_map(|section| {
            let (test, output) = section.split_once(" stdout ----\n")?;
            let output = output.split("\n\n\n").next()?.split("\nfailures:").next()?;
            let (_, panic) = output.split_once(" panicked at ")?;
            let (at, message) = panic.split_once(":\n")?;
            let message = message.split("\nnote: ").next()?.trim_end();
            Some(Failure { test: test.to_owned(), message: message.to_owned(), at: at.to_owned() })
        })
        .collect();
    failures.sort_by_key(|failure| source.find(&format!("fn {}(", failure.test)));
    failures
}
