//! `get`: the state of a stream, now or at a moment in the past.

use std::io;

use anyhow::Result;
use basket_domain::EventSourced;
use basket_mongo::{EventLog, Past};
use serde::Serialize;

use crate::{
    args::{Of, Then},
    domain::{Domain, Row, what},
    exit,
    output::{Fields, Format, Text, json, print},
    plain::plain,
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
    rows.iter().map(|row| Fields(vec![(D::ROW, json(&row.name)), (D::VALUE, json(&row.value))])).collect()
}

impl<D: Domain> Get<D> {
    pub(super) async fn run(self, store: &impl EventLog<D>) -> Result<()> {
        let Of { id, format } = self.of;
        let Some(moment) = self.then.moment() else { return show::<D>(&store.get(&id).await?, format) };
        let past = store.past(&id, moment).await?;
        show::<D>(&past.root, format)?;
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
pub(super) fn write_row<D: Domain>(out: &mut Text<'_>, Row { name, value }: &Row<D::Value>) -> io::Result<()> {
    writeln!(out, "{}", plain(&format!("{name} = {value}")))
}

fn show<D: Domain>(root: &EventSourced<D::Aggregate>, format: Format) -> Result<()> {
    let rows = D::rows(root.state());
    let record = StateJson { id: root.id().to_string(), version: root.version(), items: rows_json::<D>(&rows) };
    print(format, &record, |out| rows.iter().try_for_each(|row| write_row::<D>(out, row)))?;
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
