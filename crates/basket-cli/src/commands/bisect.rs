//! `bisect`: the event with which something became true. One pass asks an [expression](crate::condition) after every event;
//! `bisect run` (`bisect/run.rs`) asks a program, after as few as possible.

mod run;

use std::{ffi::OsString, io, pin::pin};

use anyhow::Result;
use basket_domain::Aggregate;
use basket_mongo::{Entry, Scope, StoreError};
use clap::Subcommand;
use futures_util::TryStreamExt;
use serde::Serialize;

use super::log::{EventJson, event_fields, event_json};
use crate::{
    choice::Location,
    condition::{Condition, condition},
    domain::{Domain, Id, what},
    exit::{self, Failure},
    help::PROGRAM,
    named::{Named, find_if_named, stream},
    output::{Fields, Form, Output, Text, YELLOW, json},
    plain::{count, plain},
    progress,
    secrets::{Secrets, Shown},
    store::{Store, must_exist},
    time,
    walk::Walk,
};

/// Find the event with which something became true
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Names in an expression: each {row}, which has the default value where it is not there, and
`rows['red socks']` where a name is no word or one of these: `rows` (their names, as in
`'socks' in rows`; `rows|largest` is the largest value), `count` and `units` (how many rows and units
there are), `version`, and `type`, that of the event. There are and, or, not, in, + - * / % and
== != < <= > >=. Before the first event of a {stream} nothing is true.

With `run`, a program is asked instead, as few times as possible. It gets the state as `get --format
json` prints it, and BASKET_ID, BASKET_VERSION and BASKET_STORE. If it ends with 0, the state is
good; with 125, it can't be tested; with another code up to 127, it is bad. What it prints goes to
standard error.

Examples:
  {program} bisect {id} --when 'clocks > 10'
  {program} bisect {id} --when 'count == 0 and version > 2'
  {program} bisect --when 'not (units <= 100)'
  {program} bisect run {id} sh -c '! grep -q bread'"
)]
pub struct Bisect<D: Domain> {
    /// The {stream}: its id, such as {id}; without it, the first event of all {streams}
    #[arg(value_parser = stream::<D>)]
    id: Option<Named<Id<D>>>,
    /// What became true
    #[arg(long, value_name = "EXPRESSION", required = true, allow_hyphen_values = true, value_parser = condition::<D>)]
    when: Option<Condition>,
    #[command(flatten)]
    form: Form,
    #[command(subcommand)]
    run: Option<Asked<D>>,
    /// The store, for the program that is run.
    #[arg(skip)]
    store: Option<OsString>,
}

#[derive(Debug, Subcommand)]
enum Asked<D: Domain> {
    Run(run::Run<D>),
}

/// An event with which it became true, or false.
struct Flip<D: Domain> {
    entry: Entry<D>,
    became: bool,
}

/// When it was true of a stream.
struct Truth<D: Domain> {
    /// All of them, or only the first.
    flips: Vec<Flip<D>>,
    number: u64,
    now: bool,
}

#[derive(Serialize)]
struct FlipJson {
    #[serde(flatten)]
    event: EventJson,
    #[serde(flatten)]
    truth: Fields<'static>,
}

impl<D: Domain> Bisect<D> {
    /// Notes which store it runs on.
    pub(super) fn runs_on(&mut self, location: &Location) {
        self.store = Some(match location {
            Location::Mongo(address) => address.into(),
            Location::File(path) => path.into(),
        });
    }

    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        let condition = match (self.run, self.when) {
            (Some(Asked::Run(run)), _) => return run.run(store, self.store).await,
            (None, Some(condition)) => condition,
            (None, None) => return Err(Failure(exit::USAGE, "--when EXPRESSION is missing".into()).into()),
        };
        self.form.has(&event_fields::<D>(&["became", "flips", "now"]))?;
        must_exist(store).await?;
        let id = find_if_named(store, self.id.as_ref()).await?;
        let (scope, total) = match id.clone() {
            Some(id) => (Scope::From(id, 1), 0),
            None => (Scope::All, store.count().await?),
        };
        let bar = progress::bar(total, "events");
        let (mut walk, mut truths, mut unreadable) = (Walk::<D>::new(), Vec::<Truth<D>>::new(), 0);
        let (mut unseen, mut stream, mut now) = (condition.names().clone(), None, false);
        let mut documents = pin!(store.documents(scope));
        while let Some(document) = documents.try_next().await? {
            bar.inc(1);
            let (entry, state) = match walk.step(&document) {
                Ok(Some(step)) => step,
                Ok(None) => continue,
                Err(why) => {
                    unreadable += 1;
                    bar.suspend(|| exit::note(&why.to_string()));
                    continue;
                }
            };
            if stream.as_ref() != Some(&entry.stream) {
                (stream, now) = (Some(entry.stream.clone()), false);
            }
            state.apply(&entry.event);
            let became = condition.holds::<D>(state, &entry, &mut unseen)?;
            if became == now {
                continue;
            }
            now = became;
            let of_stream =
                |truth: &&mut Truth<D>| truth.flips.first().is_some_and(|flip| flip.entry.stream == entry.stream);
            match truths.last_mut().filter(of_stream) {
                None => truths.push(Truth { flips: vec![Flip { entry, became }], number: 1, now }),
                Some(truth) => {
                    (truth.number, truth.now) = (truth.number + 1, now);
                    if id.is_some() {
                        truth.flips.push(Flip { entry, became });
                    }
                }
            }
        }
        bar.finish_and_clear();
        if let (Some(id), 0) = (&id, walk.documents()) {
            return Err(StoreError::not_found::<D>(store.name(), id).into());
        }
        // Within a stream only the version gives the order.
        truths.sort_by(|one, other| first(one).cmp(&first(other)));
        print(store, &truths, id.is_none(), &self.form).await?;
        if truths.is_empty() {
            exit::note(&format!("it was never true, in {}", count(walk.documents(), "event")));
        }
        for name in unseen {
            exit::note(&format!("no {} was ever called '{name}'", D::ROW));
        }
        match unreadable {
            0 => Ok(()),
            some => {
                let why = format!(
                    "{} can't be read, and what came after in the same {} was left out; `{PROGRAM} verify` says more",
                    count(some, "document"),
                    what::<D>()
                );
                Err(Failure(exit::UNREADABLE, why).into())
            }
        }
    }
}

/// When a stream first became true, to sort by.
fn first<D: Domain>(truth: &Truth<D>) -> Option<(bson::DateTime, &Id<D>)> {
    truth.flips.first().map(|Flip { entry, .. }| (entry.recorded_at, &entry.stream))
}

async fn print<D: Domain>(store: &impl Store<D>, truths: &[Truth<D>], all: bool, form: &Form) -> Result<()> {
    let (mut output, mut secrets, mut answer) = (Output::list(form)?, Secrets::of(store)?, true);
    for truth in truths {
        for Flip { entry, became } in &truth.flips {
            let shown = secrets.shown::<D>(entry.clone()).await?;
            let mut fields = vec![("became", json(became))];
            if all {
                fields.extend([("flips", json(&truth.number)), ("now", json(&truth.now))]);
            }
            let record = FlipJson { event: event_json::<D>(&shown), truth: Fields(fields) };
            output.show(&record, |out| {
                let (id, version) = (plain(&entry.stream.to_string()).into_owned(), entry.version);
                if std::mem::take(&mut answer) {
                    writeln!(out, "it first became true with version {version} of {} '{id}':", what::<D>())?;
                }
                if all {
                    write!(out, "{id}  ")?;
                }
                line::<D>(out, &shown)?;
                match (all, truth.now) {
                    (false, _) => writeln!(out, ": became {became}"),
                    (true, true) => writeln!(out, ": became true, and is so"),
                    (true, false) => writeln!(out, ": became true, and is false now"),
                }
            })?;
        }
    }
    Ok(output.finish()?)
}

/// The beginning of a line: version, time, actor, what the event did.
fn line<D: Domain>(out: &mut Text<'_>, Shown { entry, words, .. }: &Shown<D>) -> io::Result<()> {
    let actor = plain(entry.meta.actor.as_deref().unwrap_or("-"));
    let (version, at) = (entry.version, time::local(entry.recorded_at));
    write!(out, "{YELLOW}{version:>4}{YELLOW:#}  {at}  {actor}  {}", plain(words))
}
