//! `revert` and `restore`: undo by new events, which the deciders allow or refuse. The history stays as it is, and the new
//! events say who undid what.

use std::{
    fmt::{Debug, Display},
    ops::RangeInclusive,
};

use anyhow::{Context, Result};
use basket_mongo::{Command, CommandError, Done, Moment, Undo as _, UndoError, store::command::One};

use super::get::note_out_of_order;
use crate::{
    args::{Of, Then, version, versions},
    delivery::{Delivery, Unchanged, in_words, outcome, outcome_fields},
    domain::{Domain, Event, Id, what as kind},
    exit::{self, Failure},
    help::PROGRAM,
    last,
    output::{Fields, json, print},
    plain::plain,
    store::Store,
};

/// Undo the effect of some events by new ones; what came later stays
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} revert {id} 3\n  \
                        {program} revert {id} 3..5 -m 'the wrong {stream}'\n  \
                        {program} revert {id} 3 --dry-run\n  \
                        {program} revert {id} 3 --if-version 9\n\n\
                        Where a later event depends on one of these, it is named, and nothing changes.\n\
                        What was undone before is refused, too; to go back on that, revert what undid it.")]
pub struct Revert<D: Domain> {
    #[command(flatten)]
    undo: Undo<D>,
    /// The event, or the first and the last of several; `{program} log` has the numbers
    #[arg(value_name = "VERSION[..VERSION]", value_parser = versions)]
    versions: RangeInclusive<u64>,
}

/// Bring a whole {stream} back to how it was, by new events
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} restore {id} 3\n  \
                        {program} restore {id} --version 3\n  \
                        {program} restore {id} --at yesterday --dry-run")]
#[group(id = "moment", required = true, args = ["version", "at", "to"])]
pub struct Restore<D: Domain> {
    #[command(flatten)]
    then: Then,
    #[command(flatten)]
    undo: Undo<D>,
    /// As --version
    #[arg(value_name = "VERSION", value_parser = version, conflicts_with_all = ["version", "at"])]
    to: Option<u64>,
}

/// What both commands take.
#[derive(Debug, clap::Args)]
struct Undo<D: Domain> {
    #[command(flatten)]
    of: Of<D>,
    /// Print what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    unchanged: Unchanged,
    #[command(flatten)]
    delivery: Delivery,
}

impl<D: Domain> Revert<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        let Self { undo, versions } = self;
        let (first, last) = (*versions.start(), *versions.end());
        let which = if first == last { format!("version {first}") } else { format!("versions {first} to {last}") };
        undo.check()?;
        let id = undo.of.find(store).await?;
        if undo.dry_run {
            let plan = store.plan_revert(&id, versions).await.map_err(refused)?;
            return undo.show(store, &id, &plan.events, None, &which);
        }
        let done = undo.command(store, &id, "Revert", &which).await?.revert(versions).await.map_err(failed)?;
        undo.show(store, &id, &done.events, Some(&done), &which)
    }
}

impl<D: Domain> Restore<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        let Self { undo, then, to } = self;
        undo.check()?;
        let id = undo.of.find(store).await?;
        let version = match to.map(Moment::Version).or(then.moment()) {
            // The version is found once: events that are written meanwhile change nothing.
            Some(Moment::Time(time)) => {
                let target = store.past(&id, Moment::Time(time)).await?;
                note_out_of_order(&target);
                target.root.version()
            }
            Some(Moment::Version(version)) => version,
            None => return Err(Failure(exit::USAGE, "name a version, or a time with --at".into()).into()),
        };
        let (which, moment) = (format!("version {version}"), Moment::Version(version));
        let what = format!("what followed {which}");
        if undo.dry_run {
            let plan = store.plan_restore(&id, moment).await.map_err(refused)?;
            return undo.show(store, &id, &plan.events, None, &what);
        }
        let done = undo.command(store, &id, "Restore", &which).await?.restore(moment).await.map_err(failed)?;
        undo.show(store, &id, &done.events, Some(&done), &what)
    }
}

impl<D: Domain> Undo<D> {
    /// A field that is not there is refused before anything is changed.
    fn check(&self) -> Result<()> {
        let dry = ["id", "dry_run", "events"];
        Ok(self.of.form.has(&if self.dry_run { dry.into() } else { outcome_fields(&["id", "dry_run"]) })?)
    }

    async fn command<'a, S: Store<D>>(
        &'a self,
        store: &'a S,
        id: &'a Id<D>,
        verb: &str,
        which: &str,
    ) -> Result<Command<'a, S, One<'a, D::Aggregate>>> {
        let command = store.command(id).require(self.unchanged.requirement());
        self.delivery.of(store, command, Some(format!("{verb} {which}"))).await
    }

    fn show(
        &self,
        store: &impl Store<D>,
        id: &Id<D>,
        events: &[Event<D>],
        done: Option<&Done<D::Aggregate>>,
        what: &str,
    ) -> Result<()> {
        let Self { of: Of { form, .. }, dry_run, .. } = self;
        last::note::<D>(store.name(), id);
        let mut record = vec![("id", json(&id.to_string())), ("dry_run", json(dry_run))];
        match done {
            Some(done) => {
                self.delivery.note::<D>(done);
                record.extend(outcome::<D>(done));
            }
            None => record.push(("events", json(&in_words::<D>(events)))),
        }
        let (record, events) = (Fields(record), in_words::<D>(events));
        print(form, &record, |out| match (&*plain(&events.join(", ")), *dry_run) {
            ("", _) => writeln!(out, "nothing to do: without {what}, the {} would be as it is", kind::<D>()),
            (events, true) => writeln!(out, "to undo {what}: {events}; nothing was changed"),
            (events, false) => writeln!(out, "undid {what}: {events}"),
        })
        .with_context(|| if *dry_run { "nothing was changed" } else { "it is done, but could not be printed" })
    }
}

fn failed<E: Debug, R: Display>(error: CommandError<E, UndoError<R>>) -> anyhow::Error {
    match error {
        CommandError::Refused(why) => refused(why),
        CommandError::Store { error, .. } => error.into(),
        CommandError::Stale { .. } => {
            Failure(exit::REFUSED, format!("{error}; `{PROGRAM} log` shows what has happened to it")).into()
        }
        busy => Failure(exit::CONTENDED, busy.to_string()).into(),
    }
}

fn refused<R: Display>(error: UndoError<R>) -> anyhow::Error {
    match error {
        UndoError::Store(error) => error.into(),
        UndoError::CantRevert(why) => {
            Failure(exit::REFUSED, format!("{why}; `{PROGRAM} what-if` shows what rests on it")).into()
        }
        other => Failure(exit::REFUSED, other.to_string()).into(),
    }
}
