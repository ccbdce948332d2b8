//! `get`: the state of a stream, now or at a moment in the past.

use std::io;

use anyhow::Result;
use basket_domain::EventSourced;
use basket_mongo::{EventStore, Keys, Past, StoreError};
use serde::Serialize;

use super::each::each;
use crate::{
    args::{Dates, Then, These},
    domain::{Domain, Id, Row, what},
    exit, last,
    named::{are_several, read},
    output::{Fields, Output, Text, json},
    plain::plain,
    secrets::Secrets,
    store::{Store, snapshotted},
    time,
};

/// Show what is in a {stream}, in the order in which it came in; or what was in it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} get {id}\n  \
                        {program} get {id} --format json\n  \
                        {program} get {id} --version 3\n  \
                        {program} list --ids | {program} get -\n  \
                        {program} get {id} --at '2 hours ago'\n  \
                        {program} get {id} --at 2026-11-24T18:00:00Z")]
pub struct Get<D: Domain> {
    #[command(flatten)]
    these: These<D>,
    #[command(flatten)]
    then: Then,
    #[command(flatten)]
    dates: Dates,
}

#[derive(Serialize)]
pub(super) struct StateJson {
    id: String,
    version: u64,
    items: Vec<Fields<'static>>,
}

/// The rows of a state, for JSON.
pub(super) fn rows_json<D: Domain>(rows: &[Row<D::Value>]) -> Vec<Fields<'static>> {
    rows.iter().map(row_json::<D>).collect()
}

fn row_json<D: Domain>(row: &Row<D::Value>) -> Fields<'static> {
    Fields(vec![(D::ROW, json(&row.name)), (D::VALUE, json(&row.value))])
}

impl<D: Domain> Get<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        self.these.form.has(&["id", "version", "items"])?;
        let (asked, several) = (read::<D>(&self.these.ids)?, are_several(&self.these.ids));
        let mut show = Show { store, output: Output::of(&self.these.form, several)?, several };
        let done = each(store, &asked, async |id| self.show(&mut show, &id).await).await;
        show.output.finish()?;
        done
    }

    async fn show(&self, show: &mut Show<'_, impl Store<D>>, id: &Id<D>) -> Result<()> {
        let Some(moment) = self.then.moment() else {
            let root = match D::snapshots() {
                Some(state) => snapshotted(show.store, state).get(id).await?,
                None => show.store.get(id).await?,
            };
            return show.state::<D>(&root).await;
        };
        let past = show.store.past(id, moment).await?;
        show.state::<D>(&past.root).await?;
        let (version, head) = (past.root.version(), past.head);
        let written = format!(
            "its last event was written at {}, {}",
            self.dates.date.of(past.recorded_at),
            time::ago(past.recorded_at)
        );
        exit::note(&match head - version {
            0 => format!("this is version {version}, the newest; {written}"),
            behind => format!("this is the past: version {version} of {head}, {behind} behind now; {written}"),
        });
        note_out_of_order(&past);
        Ok(())
    }
}

/// A row of a state, for people.
pub(super) fn write_row<D: Domain>(out: &mut Text<'_>, row: &Row<D::Value>) -> io::Result<()> {
    writeln!(out, "{}", plain(&in_words::<D>(row)))
}

fn in_words<D: Domain>(Row { name, value }: &Row<D::Value>) -> String {
    format!("{name} = {value}")
}

/// A state for programs, and its rows for people, with their texts opened.
pub(super) async fn opened<D: Domain, K: Keys>(
    root: &EventSourced<D::Aggregate>,
    secrets: &mut Secrets<'_, K>,
) -> Result<(StateJson, Vec<String>), StoreError> {
    let (mut items, mut lines) = (Vec::new(), Vec::new());
    for row in &D::rows(root.state()) {
        lines.push(secrets.text(in_words::<D>(row)).await?);
        let mut fields = row_json::<D>(row);
        for (_, value) in &mut fields.0 {
            *value = secrets.value(value.take()).await?;
        }
        items.push(fields);
    }
    Ok((StateJson { id: root.id().to_string(), version: root.version(), items }, lines))
}

/// Where states are shown.
struct Show<'a, S> {
    store: &'a S,
    output: Output,
    several: bool,
}

impl<S> Show<'_, S> {
    async fn state<D: Domain>(&mut self, root: &EventSourced<D::Aggregate>) -> Result<()>
    where
        S: Store<D>,
    {
        let (record, lines) = opened::<D, _>(root, &mut Secrets::of(self.store)?).await?;
        last::note::<D>(self.store.name(), root.id());
        if self.several {
            self.output.heading(&format!("{} {}", what::<D>(), root.id()))?;
        }
        self.output.show(&record, |out| lines.iter().try_for_each(|line| writeln!(out, "{}", plain(line))))?;
        self.output.flush()?;
        if self.output.is_text() && lines.is_empty() {
            exit::note(&format!("{} '{}' is empty", what::<D>(), root.id()));
        }
        Ok(())
    }
}

/// Says that the state at a time leaves out an event that was written with an earlier time.
pub(super) fn note_out_of_order<R>(past: &Past<R>) {
    if let Some(later) = past.out_of_order {
        exit::note(&format!(
            "the clocks of the writers disagree: version {later} is of an earlier time than one before it, and is left out"
        ));
    }
}
