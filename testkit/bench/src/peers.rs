//! Peers: other stores, each a program of its own beside this crate (`peers/run NAME`) that does the same works. It is asked by
//! lines on its standard input and answers by lines of JSON; it measures itself, so that no pipe is in its figures.

mod works;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use tempfile::TempDir;

pub use works::{PEER_WORKS, PeerWork};

/// The peers that may be installed, in the order of the table.
pub const NAMES: &[&str] = &["pymongo", "emmett", "eventsourcing", "eventsourcing-memory", "cqrs-es", "disintegrate"];

/// How long a peer may take for an answer: the slowest prepares streams of ten thousand events one by one.
const PATIENCE: Duration = Duration::from_secs(180);

/// The first line of a peer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Hello {
    /// What it calls itself, with its version.
    pub name: String,
    /// The versions of its packages.
    pub versions: BTreeMap<String, String>,
    /// The works that it can do.
    pub works: Vec<String>,
    /// What it gives less than a store should; empty if that is nothing.
    pub less: String,
}

/// A peer that runs, until it is dropped.
pub struct Peer {
    /// What it has said first.
    pub hello: Hello,
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    /// Where it may write files.
    _folder: TempDir,
}

#[derive(Deserialize)]
struct Prepared {
    prepared: bool,
}

#[derive(Deserialize)]
struct Ran {
    ns: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Failed { error: String },
    Done(T),
}

impl Peer {
    /// Starts `run NAME`, and waits until it is ready. Fails where the peer is not installed.
    pub fn start(run: &Path, name: &str, server: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(run);
        command.arg(name).env("BENCH_MONGO", server).env("BENCH_FOLDER", folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("'{}' can't be run", run.display()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (input, output) = (input.context("its input is no pipe")?, output.context("its output is no pipe")?);
        let (sender, lines) = channel();
        // A thread of its own, so that a peer that hangs is given up.
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let hello = Hello { name: name.into(), versions: BTreeMap::new(), works: Vec::new(), less: String::new() };
        let mut peer = Self { hello, child, input, lines, _folder: folder };
        peer.hello = peer.answer()?;
        Ok(peer)
    }

    /// Lets it prepare a work, which is not measured.
    pub fn prepare(&mut self, work: &str) -> Result<()> {
        let Prepared { prepared } = self.ask(&format!("prepare {work}"))?;
        ensure!(prepared, "{} has not prepared {work}", self.hello.name);
        Ok(())
    }

    /// Lets it do a work so many times; returns how long that took, by its own clock.
    pub fn run(&mut self, work: &str, times: u32) -> Result<Duration> {
        let Ran { ns } = self.ask(&format!("run {work} {times}"))?;
        Ok(Duration::from_nanos(ns))
    }

    fn ask<T: DeserializeOwned>(&mut self, line: &str) -> Result<T> {
        writeln!(self.input, "{line}").with_context(|| format!("{} has ended", self.hello.name))?;
        self.input.flush()?;
        self.answer().with_context(|| format!("{}, asked to {line}", self.hello.name))
    }

    fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        let line = self.lines.recv_timeout(PATIENCE).context("it has not answered")?;
        match serde_json::from_str(&line).with_context(|| format!("its answer is '{line}'"))? {
            Answer::Done(done) => Ok(done),
            Answer::Failed { error } => bail!("it has failed: {error}"),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Whether it was asked to end in vain, or has ended already, it is gone behind this.
        let asked = writeln!(self.input, "end").and_then(|()| self.input.flush());
        for _ in 0..if asked.is_ok() { 100 } else { 0 } {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
