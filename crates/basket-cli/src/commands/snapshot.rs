//! `snapshot`: takes snapshots of long streams, and removes them. No other command takes one; those that load a stream use
//! what is there.

use std::pin::pin;

use anyhow::Result;
use basket_mongo::{
    EventLog, Scope, Snapshots, Snapshotted, StateCodec, StoreError,
    store::{document::RecordedEvent, snapshotted::Taken},
};
use futures_util::TryStreamExt;

use crate::{
    domain::{Domain, Id, what},
    exit::{self, Failure},
    named::{Asked, find_all, streams},
    output::{Fields, Form, Output, json, print},
    plain::plain,
    store::{Store, must_exist, snapshotted},
};

/// Keep the state of long {streams}, so that they load as fast as short ones
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A {stream} loads from its snapshot on, and reads only the events after it. A snapshot that can't be
used is named in a warning, and all the events are read; so none is needed, and they can be removed
at any time. Run this from time to time: no other command takes snapshots. `{program} verify
--snapshots` compares them with the events.

Examples:
  {program} snapshot
  {program} snapshot --longer-than 10000 --format json
  {program} snapshot {id}
  {program} snapshot --drop")]
pub struct Snapshot<D: Domain> {
    /// The {streams}: their ids, such as {id}, or - for those of standard input; without one, all that are long
    #[arg(value_name = "ID", value_parser = streams::<D>)]
    ids: Vec<Asked<Id<D>>>,
    /// Which are long: those with more events than this
    #[arg(long, value_name = "N", default_value_t = 1_000, conflicts_with = "ids")]
    longer_than: u64,
    /// Remove the snapshots of these {streams}; without an id, of all of them
    #[arg(long, conflicts_with = "longer_than")]
    drop: bool,
    #[command(flatten)]
    form: Form,
}

impl<D: Domain> Snapshot<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        self.form.has(if self.drop { &["dropped"] } else { &["id", "outcome", "version"] })?;
        must_exist(store).await?;
        let ids = find_all(store, &self.ids).await?;
        if self.drop {
            return self.drop_them(store, &ids).await;
        }
        let store = snapshotted(store, state_of::<D>()?);
        let mut run = Run { store, output: Output::live(&self.form)?, taken: 0, before: 0, short: 0, unreadable: 0 };
        for id in &ids {
            run.take(id).await?;
        }
        if self.ids.is_empty() {
            run.take_of_long(self.longer_than).await?;
        }
        run.end()
    }

    async fn drop_them(self, store: &impl Snapshots<D>, ids: &[Id<D>]) -> Result<()> {
        let mut dropped = 0;
        for id in ids {
            dropped += store.drop_snapshots(Some(id)).await?;
        }
        if self.ids.is_empty() {
            dropped = store.drop_snapshots(None).await?;
        }
        let snapshots = if dropped == 1 { "snapshot was" } else { "snapshots were" };
        print(&self.form, &Fields(vec![("dropped", json(&dropped))]), |out| {
            writeln!(out, "{dropped} {snapshots} removed")
        })?;
        Ok(())
    }
}

/// How the states of a domain are written; a failure, if it has no snapshots.
pub(super) fn state_of<D: Domain>() -> Result<StateCodec<D>> {
    let why = || format!("a {} has no snapshots: its domain does not say how a state is written", what::<D>());
    D::snapshots().ok_or_else(|| Failure(exit::USAGE, why()).into())
}

/// One run over some streams.
struct Run<S, D: Domain> {
    store: Snapshotted<S, D>,
    output: Output,
    taken: u64,
    before: u64,
    short: u64,
    unreadable: u64,
}

impl<D: Domain, S: Snapshots<D>> Run<S, D> {
    async fn take_of_long(&mut self, longer_than: u64) -> Result<()> {
        // The ids first: the reader of a list must not be kept waiting.
        let ids: Vec<_> = self.store.ids().try_collect().await?;
        for id in ids {
            let head = {
                let mut newest = pin!(self.store.documents(Scope::NewestFirst(id.clone())));
                newest.try_next().await?
            };
            let Some(head) = head else { continue };
            match RecordedEvent::from_document(head.as_ref().into()).and_then(RecordedEvent::version) {
                Ok(version) if version <= longer_than => self.short += 1,
                // What can't be read is named when it is loaded.
                _ => self.take(&id).await?,
            }
        }
        Ok(())
    }

    async fn take(&mut self, id: &Id<D>) -> Result<()> {
        let taken = match self.store.take(id).await {
            Err(StoreError::Unreadable(why)) => {
                self.unreadable += 1;
                exit::note(&format!("no snapshot of {} '{id}' was taken: {why}", what::<D>()));
                return Ok(());
            }
            taken => taken?,
        };
        let (outcome, version) = match taken {
            Taken::Now(version) => ("taken", Some(version)),
            Taken::Before(version) => ("before", Some(version)),
            Taken::OfNewerProgram => ("of_newer_program", None),
        };
        *(if matches!(taken, Taken::Now(_)) { &mut self.taken } else { &mut self.before }) += 1;
        let id = id.to_string();
        let record = Fields(vec![("id", json(&id)), ("outcome", json(outcome)), ("version", json(&version))]);
        self.output.show(&record, |out| match taken {
            Taken::Now(version) => writeln!(out, "{} at version {version}", plain(&id)),
            Taken::Before(_) | Taken::OfNewerProgram => Ok(()),
        })?;
        Ok(())
    }

    fn end(self) -> Result<()> {
        let Self { output, taken, before, short, unreadable, .. } = self;
        output.finish()?;
        let snapshots = if taken == 1 { "snapshot was" } else { "snapshots were" };
        let done = format!("{taken} {snapshots} taken; {before} had one already, {short} are short");
        if unreadable > 0 {
            return Err(Failure(exit::UNREADABLE, format!("{done}, and {unreadable} can't be read")).into());
        }
        exit::note(&done);
        Ok(())
    }
}
