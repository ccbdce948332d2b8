//! `revert` and `restore`: undo by new events, which the deciders allow or refuse. The history stays as it is, and the new
//! events say who undid what.

use std::{fmt::Display, ops::RangeInclusive};

use anyhow::{Context, Result};
use basket_mongo::{EventLog, Meta, Moment, Undo as _, UndoError};

use super::get::note_out_of_order;
use crate::{
    args::{Of, Then, versions},
    domain::{Domain, Event},
    exit::{self, Failure},
    help::PROGRAM,
    output::{Fields, json, print},
    plain::plain,
    signature::Signature,
};

/// Undo the effect of some events by new ones; what came later stays
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} revert {id} 3\n  \
                        {program} revert {id} 3..5 -m 'the wrong {stream}'\n  \
                        {program} revert {id} 3 --dry-run\n\n\
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
#[command(after_help = "Examples:\n  {program} restore {id} --version 3\n  \
                        {program} restore {id} --at yesterday --dry-run")]
#[group(id = "moment", required = true, args = ["version", "at"])]
pub struct Restore<D: Domain> {
    #[command(flatten)]
    then: Then,
    #[command(flatten)]
    undo: Undo<D>,
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
    signature: Signature,
}

impl<D: Domain> Revert<D> {
    pub(super) async fn run(self, store: &impl EventLog<D>) -> Result<()> {
        let Self { undo, versions } = self;
        let (first, last) = (*versions.start(), *versions.end());
        let which = if first == last { format!("version {first}") } else { format!("versions {first} to {last}") };
        let plan = match undo.dry_run {
            true => store.plan_revert(&undo.of.id, versions).await,
            false => store.signed(undo.meta("Revert", &which)?).revert(&undo.of.id, versions).await,
        };
        undo.show(&plan.map_err(failed)?.events, &which)
    }
}

impl<D: Domain> Restore<D> {
    pub(super) async fn run(self, store: &impl EventLog<D>) -> Result<()> {
        let Self { undo, then } = self;
        let version = match then.moment() {
            // The version is found once: events that are written meanwhile change nothing.
            Some(Moment::Time(time)) => {
                let target = store.past(&undo.of.id, Moment::Time(time)).await?;
                note_out_of_order(&target);
                target.root.version()
            }
            Some(Moment::Version(version)) => version,
            None => return Err(Failure(exit::USAGE, "name a moment with --version or --at".into()).into()),
        };
        let (which, moment) = (format!("version {version}"), Moment::Version(version));
        let plan = match undo.dry_run {
            true => store.plan_restore(&undo.of.id, moment).await,
            false => store.signed(undo.meta("Restore", &which)?).restore(&undo.of.id, moment).await,
        };
        undo.show(&plan.map_err(failed)?.events, &format!("what followed {which}"))
    }
}

impl<D: Domain> Undo<D> {
    fn meta(&self, verb: &str, which: &str) -> Result<Meta> {
        let mut meta = self.signature.meta()?;
        meta.reason.get_or_insert_with(|| format!("{verb} {which}"));
        Ok(meta)
    }

    fn show(&self, events: &[Event<D>], what: &str) -> Result<()> {
        let events: Vec<_> = events.iter().map(D::in_words).collect();
        let Self { of: Of { id, format }, dry_run, .. } = self;
        let record = Fields(vec![("id", json(&id.to_string())), ("dry_run", json(dry_run)), ("events", json(&events))]);
        print(*format, &record, |out| match (&*plain(&events.join(", ")), *dry_run) {
            ("", _) => writeln!(out, "nothing to do: the effect of {what} is gone already"),
            (events, true) => writeln!(out, "to undo {what}: {events}; nothing was changed"),
            (events, false) => writeln!(out, "undid {what}: {events}"),
        })
        .with_context(|| if *dry_run { "nothing was changed" } else { "it is done, but could not be printed" })
    }
}

fn failed<R: Display>(error: UndoError<R>) -> anyhow::Error {
    match error {
        UndoError::Store(error) => error.into(),
        UndoError::CantRevert(why) => {
            Failure(exit::REFUSED, format!("{why}; `{PROGRAM} what-if` shows what rests on it")).into()
        }
        other => Failure(exit::REFUSED, other.to_string()).into(),
    }
}
