//! `get`: the state of a stream, now or at a moment in the past.

use std::io;

use anyhow::Result;
use basket_domain::EventSourced;
use basket_mongo::{EventStore, Past};
use serde::Serialize;

use crate::{
    args::{Of, Then},
    domain::{Domain, Row, what},
    exit, last,
    output::{Fields, Format, Text, json, print},
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
                        {program} get {id} --at '2 hours ago'\n  \
                        {program} get {id} --at 2026-11-24T18:00:00Z")]
pub struct Get<D: Domain> {
    #[command(flatten)]
    of: Of<D>,
    #[command(flatten)]
    then: Then,
}

#[derive(Serialize)]
struct StateJson {
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
        let (id, format) = (self.of.find(store).await?, self.of.format);
        let Some(moment) = self.then.moment() else {
            let root = match D::snapshots() {
                Some(state) => snapshotted(store, state).get(&id).await?,
                None => store.get(&id).await?,
            };
            return show::<D>(store, &root, format).await;
        };
        let past = store.past(&id, moment).await?;
        show(store, &past.root, format).await?;
        let (version, head) = (past.root.version(), past.head);
        let written =
            format!("its last event was written at {}, {}", time::local(past.recorded_at), time::ago(past.recorded_at));
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

async fn show<D: Domain>(store: &impl Store<D>, root: &EventSourced<D::Aggregate>, format: Format) -> Result<()> {
    let (rows, mut secrets) = (D::rows(root.state()), Secrets::of(store)?);
    let (mut items, mut lines) = (Vec::new(), Vec::new());
    for row in &rows {
        lines.push(secrets.text(in_words::<D>(row)).await?);
        let mut fields = row_json::<D>(row);
        for (_, value) in &mut fields.0 {
            *value = secrets.value(value.take()).await?;
        }
        items.push(fields);
    }
    let record = StateJson { id: root.id().to_string(), version: root.version(), items };
    last::note::<D>(store.name(), root.id());
    print(format, &record, |out| lines.iter().try_for_each(|line| writeln!(out, "{}", plain(line))))?;
    if format == Format::Text && rows.is_empty() {
        exit::note(&format!("{} '{}' is empty", what::<D>(), root.id()));
    }
    Ok(())
}

/// Says that the state at a time leaves out an event that was written with an earlier time.
pub(super) fn note_out_of_order<R>(past: &Past<R>) {
    if let Some(later) = past.out_of_order {
        exit::note(&format!(
            "the clocks of the writers disagree: version {later} is of an earlier time than one before it, and is left out"
        ));
    }
}
