//! `bisect run`: a program says whether a state is good. The versions between a good one and a bad one are halved, as
//! `git bisect run` does; where some can't be tested, the answer may be several versions.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    io::{self, ErrorKind, Write},
    process::{Command, Stdio},
};

use anyhow::Result;
use basket_domain::EventSourced;
use basket_mongo::{Entry, Keys};
use futures_util::TryStreamExt;
use serde::Serialize;

use super::line;
use crate::{
    args::Of,
    choice::variable,
    commands::{
        get::opened,
        log::{EventJson, event_json},
    },
    domain::{Domain, what},
    exit::{self, Failure},
    output::{Fields, json, print},
    plain::plain,
    secrets::Secrets,
    store::Store,
};

/// Ask a program after as few events as possible; see `{program} bisect --help`
#[derive(Debug, clap::Args)]
pub(super) struct Run<D: Domain> {
    #[command(flatten)]
    of: Of<D>,
    /// The program and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

#[derive(Serialize)]
struct RunJson {
    #[serde(flatten)]
    answer: Fields<'static>,
    events: Vec<EventJson>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
    Skip,
}

/// The program that is asked, and what it gets with each question.
struct Tester<'a, K> {
    command: &'a [OsString],
    store: Option<OsString>,
    secrets: Secrets<'a, K>,
    runs: u64,
}

impl<D: Domain> Run<D> {
    pub(super) async fn run(self, store: &impl Store<D>, location: Option<OsString>) -> Result<()> {
        self.of.form.has(&[what::<D>(), "first", "last", "runs", "skipped", "events"])?;
        let id = self.of.find(store).await?;
        let history: Vec<Entry<D>> = store.history(&id).try_collect().await?;
        let head = history.len() as u64;
        let mut tester = Tester { command: &self.command, store: location, secrets: Secrets::of(store)?, runs: 0 };
        // What is good is folded once; each state in between is folded on from there.
        let (mut good, mut bad) = (EventSourced::<D::Aggregate>::new(id.clone()), head);
        let state = |good: &EventSourced<D::Aggregate>, version: u64| {
            let events = history.iter().skip(good.version() as usize).take((version - good.version()) as usize);
            good.clone().replay(events.map(|entry| entry.event.clone()))
        };
        let nothing = match tester.test::<D>(&state(&good, head)).await? {
            Verdict::Bad => None,
            Verdict::Good => Some("is good, so there is nothing to find"),
            Verdict::Skip => Some("can't be tested, so nothing is known to be bad"),
        };
        if let Some(why) = nothing {
            return Err(
                Failure(exit::REFUSED, format!("version {head}, the newest of {} '{id}', {why}", what::<D>())).into()
            );
        }
        let mut skipped = BTreeSet::new();
        while let Some(version) = next(good.version(), bad, &skipped) {
            let root = state(&good, version);
            match tester.test::<D>(&root).await? {
                Verdict::Good => good = root,
                Verdict::Bad => bad = version,
                Verdict::Skip => drop(skipped.insert(version)),
            }
        }
        let first = good.version() + 1;
        let skipped: Vec<u64> = skipped.range(first..bad).copied().collect();
        let mut found = Vec::new();
        for entry in history.iter().skip(good.version() as usize).take((bad - good.version()) as usize) {
            found.push(tester.secrets.shown::<D>(entry.clone()).await?);
        }
        let answer = Fields(vec![
            (what::<D>(), json(&id.to_string())),
            ("first", json(&first)),
            ("last", json(&bad)),
            ("runs", json(&tester.runs)),
            ("skipped", json(&skipped)),
        ]);
        let record = RunJson { answer, events: found.iter().map(event_json::<D>).collect() };
        print(&self.of.form, &record, |out| {
            let (id, runs) = (plain(&id.to_string()).into_owned(), tester.runs);
            match first == bad {
                true => {
                    writeln!(out, "version {bad} of {} '{id}' is the first bad one, after {runs} runs:", what::<D>())?
                }
                false => writeln!(
                    out,
                    "the first bad one of {} '{id}' is one of versions {first} to {bad}, since those before {bad} can't be \
                     tested, after {runs} runs:",
                    what::<D>()
                )?,
            }
            found.iter().try_for_each(|shown| {
                line::<D>(out, shown)?;
                writeln!(out)
            })
        })?;
        Ok(())
    }
}

/// The version to test next: the middle of the longest run of versions between the good one and the bad one that were not
/// tried. So a run of versions that can't be tested is left at once.
fn next(good: u64, bad: u64, skipped: &BTreeSet<u64>) -> Option<u64> {
    let between = skipped.range(good + 1..bad).copied();
    let mut from = good;
    let gaps = between.chain([bad]).map(|to| (std::mem::replace(&mut from, to), to));
    let (from, to) = gaps.max_by_key(|(from, to)| to - from).filter(|(from, to)| to - from > 1)?;
    Some(from + (to - from) / 2)
}

impl<K: Keys> Tester<'_, K> {
    async fn test<D: Domain>(&mut self, root: &EventSourced<D::Aggregate>) -> Result<Verdict> {
        let version = root.version();
        let state = serde_json::to_string(&opened::<D, K>(root, &mut self.secrets).await?.0)?;
        self.runs += 1;
        let verdict = self.ask(&root.id().to_string(), version, &state)?;
        let said = match verdict {
            Verdict::Good => "good",
            Verdict::Bad => "bad",
            Verdict::Skip => "can't be tested",
        };
        exit::note(&format!("version {version}: {said}"));
        Ok(verdict)
    }

    fn ask(&self, id: &str, version: u64, state: &str) -> Result<Verdict> {
        let name = self.command.first().map(|name| name.to_string_lossy()).unwrap_or_default();
        let failed = |why: &dyn std::fmt::Display, code| Failure(code, format!("'{name}' at version {version}: {why}"));
        let mut command = Command::new(self.command.first().map_or_else(Default::default, Clone::clone));
        command.args(self.command.iter().skip(1)).env(variable("ID"), id).env(variable("VERSION"), version.to_string());
        command.envs(self.store.iter().map(|store| (variable("STORE"), store)));
        // Standard output is for the answer.
        command.stdin(Stdio::piped()).stdout(io::stderr());
        let mut child = command.spawn().map_err(|why| failed(&format!("it can't be run: {why}"), exit::USAGE))?;
        if let Some(mut input) = child.stdin.take() {
            match writeln!(input, "{state}") {
                // It need not read the state.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    return Err(failed(&error, exit::UNEXPECTED).into());
                }
                _ => {}
            }
        }
        let status = child.wait()?;
        match status.code() {
            Some(0) => Ok(Verdict::Good),
            Some(125) => Ok(Verdict::Skip),
            Some(1..=127) => Ok(Verdict::Bad),
            _ => {
                let why = format!("{status} says nothing; 0 is good, 125 can't be tested, and 1 to 127 is bad");
                Err(failed(&why, exit::UNEXPECTED).into())
            }
        }
    }
}
