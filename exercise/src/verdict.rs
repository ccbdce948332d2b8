//! Runs the tests of a stage and reads their output. Called by `watch`, `check`, `prove` and `record`.
//! A run can be asked what it does, and ends when it is dropped. A test that does not end is stopped and named.

use std::{
    fs::File,
    os::unix::{fs::FileExt, process::CommandExt},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    course::{Course, Stage},
    servers::Servers,
    source,
};

/// The result of a stage's tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All of them pass.
    Green,
    /// Some fail, in the order of the file: the first is the one to fix first.
    Red(Vec<Failure>),
    /// They do not compile: rustc's message.
    NotCompiled(String),
    /// They need a MongoDB, and none can be started: why.
    NotRun(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The test's name, which is a sentence.
    pub test: String,
    pub message: String,
    /// File, line and column.
    pub at: String,
}

/// A verdict, with what the learner may want to see beside it.
#[derive(Debug, Clone)]
pub struct Judged {
    pub verdict: Verdict,
    /// The compiler's warnings about the functions of this stage.
    pub warnings: String,
    /// What the tests print.
    pub out: String,
}

impl Verdict {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red(_) => "red",
            Self::NotCompiled(_) => "not compiled",
            Self::NotRun(_) => "not run",
        }
    }
}

/// A test that runs so long while no other one ends does not end. The slowest of ours takes two seconds.
pub const LIMIT: Duration = Duration::from_secs(15);

/// The verdict on a stage.
pub fn of(course: &Course, stage: &Stage, servers: &Servers) -> Result<Judged> {
    if let (true, Err(why)) = (stage.needs_mongo(), servers.variables(course)) {
        let (warnings, out) = Default::default();
        return Ok(Judged { verdict: Verdict::NotRun(why.to_string()), warnings, out });
    }
    let mut run = Run::start(course, stage, servers)?;
    loop {
        if let Some(judged) = run.poll()? {
            return Ok(judged);
        }
        sleep(Duration::from_millis(10));
    }
}

/// The tests of a stage while they are built and run. They end when this is dropped.
pub struct Run<'c> {
    course: &'c Course,
    stage: &'c Stage,
    child: Child,
    /// What they print so far. It is read at positions, which leaves the place where the next line goes alone.
    out: File,
    err: File,
    /// The length of `out` when it last grew, and when that was.
    printed: (u64, Instant),
}

impl<'c> Run<'c> {
    pub fn start(course: &'c Course, stage: &'c Stage, servers: &Servers) -> Result<Self> {
        let (out, err) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let mut cargo = Command::new("cargo");
        cargo.args(["test", "--package", &stage.package, "--test", &stage.test]).current_dir(&course.root);
        cargo.env("RUST_BACKTRACE", "0").stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?);
        if stage.needs_mongo() {
            cargo.envs(servers.variables(course)?);
        }
        // A process group of its own, so that a test that never ends is killed with its cargo.
        let child = cargo.process_group(0).spawn().context("cargo can't be started")?;
        Ok(Self { course, stage, child, out, err, printed: (0, Instant::now()) })
    }

    /// The verdict, once there is one.
    pub fn poll(&mut self) -> Result<Option<Judged>> {
        let ended = self.child.try_wait()?;
        let (out, err) = (text(&self.out)?, text(&self.err)?);
        let length = self.out.metadata()?.len();
        if length != self.printed.0 {
            self.printed = (length, Instant::now());
        }
        let verdict = match ended {
            Some(status) if status.success() => Verdict::Green,
            Some(_) => failed(self.course, self.stage, &out, &err)?,
            None if is_running(&out) && self.printed.1.elapsed() > LIMIT => {
                kill(&mut self.child);
                let message = format!("did not end within {} s, and was stopped", LIMIT.as_secs());
                Verdict::Red(unfinished(&self.course.read(&self.stage.tests())?, &out, &message))
            }
            None => return Ok(None),
        };
        Ok(Some(Judged { verdict, warnings: warnings(self.course, self.stage, &err), out }))
    }

    /// What it does now, in a few words.
    pub fn doing(&self) -> String {
        let (out, err) = (text(&self.out).unwrap_or_default(), text(&self.err).unwrap_or_default());
        let last = err.lines().map(str::trim_start).rfind(|line| line.contains(' ')).unwrap_or_default();
        if is_running(&out) {
            return "running".into();
        }
        match last.split_once(' ') {
            Some(("Blocking", _)) => {
                "another cargo is at work in this folder, and holds its lock: waiting for it".into()
            }
            Some(("Compiling", what)) => format!("compiling {}", what.split(' ').next().unwrap_or_default()),
            _ => "building".into(),
        }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            kill(&mut self.child);
        }
    }
}

/// Kills a command that was started in a process group of its own, with all that it has started.
pub fn kill(child: &mut Child) {
    Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status().ok();
    child.wait().ok();
}

fn text(file: &File) -> Result<String> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len())?];
    let length = file.read_at(&mut bytes, 0)?;
    bytes.truncate(length);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_running(out: &str) -> bool {
    out.contains("\nrunning ")
}

fn failed(course: &Course, stage: &Stage, out: &str, err: &str) -> Result<Verdict> {
    let tests = course.read(&stage.tests())?;
    let failures = failures(out, &tests);
    let message = without_noise(err);
    if !failures.is_empty() {
        return Ok(Verdict::Red(failures));
    }
    if is_running(out) {
        return Ok(Verdict::Red(unfinished(&tests, out, &format!("has ended the whole test program\n{message}"))));
    }
    // Warnings about unused code would stand before the error that counts.
    let blocks = message.split("\n\n").filter(|block| !block.trim_start().starts_with("warning"));
    Ok(Verdict::NotCompiled(blocks.collect::<Vec<_>>().join("\n\n")))
}

/// What cargo prints, without the lines about its own work.
fn without_noise(err: &str) -> String {
    let noise = ["Compiling", "Finished", "Running", "Blocking", "Caused by:", "process didn't exit"];
    let lines = err.lines().filter(|line| !noise.iter().any(|word| line.trim_start().starts_with(word)));
    lines.collect::<Vec<_>>().join("\n")
}

/// The warnings about the functions of a stage. The others are about what is not written yet.
fn warnings(course: &Course, stage: &Stage, err: &str) -> String {
    let is_here = |block: &&str| {
        let Some(at) = block.split_once("--> ").and_then(|(_, rest)| rest.lines().next()) else { return false };
        block.starts_with("warning") && course.part_at(at).is_some_and(|part| stage.part.iter().any(|of| of == part))
    };
    let text = without_noise(err);
    text.split("\n\n").map(str::trim_start).filter(is_here).map(|block| format!("{block}\n")).collect()
}

/// The failed tests in libtest's output, in the order of the source.
fn failures(out: &str, source: &str) -> Vec<Failure> {
    let failures = out.split("\n---- ").skip(1).filter_map(|section| {
        let (test, output) = section.split_once(" stdout ----\n")?;
        let output = output.split("\n\n\n").next()?.split("\nfailures:").next()?;
        let (_, panic) = output.split_once(" panicked at ")?;
        let (at, message) = panic.split_once(":\n")?;
        let message = message.split("\nnote: ").next()?.trim_end();
        Some(Failure { test: test.to_owned(), message: message.to_owned(), at: at.to_owned() })
    });
    in_order(failures.collect(), source)
}

fn in_order(mut failures: Vec<Failure>, source: &str) -> Vec<Failure> {
    failures.sort_by_key(|failure| source.find(&format!("fn {}(", failure.test)));
    failures
}

/// The tests that were running when the output ended. libtest takes them by name, as many at a time as there are processors.
fn unfinished(source: &str, out: &str, message: &str) -> Vec<Failure> {
    let ended = |test: &String| {
        let head = format!("test {test} ... ");
        out.lines().any(|line| line.strip_prefix(&head).is_some_and(|result| !result.is_empty()))
    };
    let mut tests = source::tests(source);
    tests.sort();
    let tests = tests.into_iter().filter(|test| !ended(test));
    let running = tests.take(std::thread::available_parallelism().map_or(1, usize::from));
    let failure = |test| Failure { test, message: format!("this test {message}"), at: String::new() };
    in_order(running.map(failure).collect(), source)
}
