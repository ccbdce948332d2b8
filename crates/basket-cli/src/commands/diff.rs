//! `diff`: what changed between two moments, row by row.

use std::{io, pin::pin};

use anyhow::Result;
use basket_mongo::{EventLog, Moment, Scope, StoreError};
use futures_util::TryStreamExt;
use serde::Serialize;

use super::get::note_out_of_order;
use crate::{
    args::{Of, moments},
    domain::{Change, Domain, Id, changes, what},
    exit, last,
    output::{Fields, GREEN, RED, Text, json, print},
    plain::plain,
    store::Store,
};

/// Show what changed in a {stream} between two moments
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} diff {id}                    the last commit\n  \
                        {program} diff {id} 3..5\n  \
                        {program} diff {id} 3..                to now\n  \
                        {program} diff {id} 0..2               from before there was a {stream}\n  \
                        {program} diff {id} '2 hours ago..'")]
pub struct Diff<D: Domain> {
    #[command(flatten)]
    of: Of<D>,
    /// From one moment to another, each a version or a time; without the second, to now; without both, what the last commit has
    /// changed
    #[arg(value_name = "A..B", value_parser = moments)]
    range: Option<(Moment, Option<Moment>)>,
}

#[derive(Serialize)]
struct DiffJson {
    id: String,
    from: u64,
    to: u64,
    changes: Vec<Fields<'static>>,
}

impl<D: Domain> Diff<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        let form = &self.of.form;
        form.has(&["id", "from", "to", "changes"])?;
        let id = self.of.find(store).await?;
        let (from, to) = match self.range {
            Some(range) => range,
            None => last_commit(store, &id).await?,
        };
        let (from, before) = at(store, &id, Some(from)).await?;
        let (to, after) = at(store, &id, to).await?;
        last::note::<D>(store.name(), &id);
        let changes = changes::<D>(&before, &after);
        let record = DiffJson { id: id.to_string(), from, to, changes: changes_json::<D>(&changes) };
        print(form, &record, |out| write_changes::<D>(out, &changes))?;
        if changes.is_empty() && form.is_text() {
            exit::note(&format!("version {to} of {} '{id}' is as version {from}", what::<D>()));
        }
        Ok(())
    }
}

/// The rows that differ, for JSON.
pub(super) fn changes_json<D: Domain>(changes: &[Change<D::Value>]) -> Vec<Fields<'static>> {
    let change = |Change { name, before, after }: &Change<D::Value>| {
        Fields(vec![(D::ROW, json(name)), ("before", json(before)), ("after", json(after))])
    };
    changes.iter().map(change).collect()
}

/// The rows that differ, for people.
pub(super) fn write_changes<D: Domain>(out: &mut Text<'_>, changes: &[Change<D::Value>]) -> io::Result<()> {
    let none = D::Value::default();
    for Change { name, before, after } in changes {
        let row = |value: &D::Value| plain(&format!("{name} = {value}")).into_owned();
        if *before != none {
            writeln!(out, "{RED}- {}{RED:#}", row(before))?;
        }
        if *after != none {
            writeln!(out, "{GREEN}+ {}{GREEN:#}", row(after))?;
        }
    }
    Ok(())
}

/// From before the last commit to after it.
async fn last_commit<D: Domain>(store: &impl EventLog<D>, id: &Id<D>) -> Result<(Moment, Option<Moment>), StoreError> {
    let mut entries = pin!(store.log(Scope::NewestFirst(id.clone())));
    let mut next = entries.try_next().await?;
    let Some((head, commit)) = next.as_ref().map(|entry| (entry.version, entry.commit)) else {
        return Err(StoreError::not_found::<D>(store.name(), id));
    };
    let mut first = head;
    while let Some(entry) = next.filter(|entry| entry.commit == commit) {
        first = entry.version;
        next = entries.try_next().await?;
    }
    Ok((Moment::Version(first.saturating_sub(1)), Some(Moment::Version(head))))
}

/// The version and the state at a moment; now where there is none, and the empty state for version 0.
async fn at<D: Domain>(
    store: &impl EventLog<D>,
    id: &Id<D>,
    moment: Option<Moment>,
) -> Result<(u64, D::Aggregate), StoreError> {
    let root = match moment {
        None => store.get(id).await?,
        Some(Moment::Version(0)) => return store.get(id).await.map(|_| (0, D::Aggregate::default())),
        Some(moment) => {
            let past = store.past(id, moment).await?;
            note_out_of_order(&past);
            past.root
        }
    };
    Ok((root.version(), root.state().clone()))
}
