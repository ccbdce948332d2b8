//! `list`: all the streams, a line each. [`summary`](crate::summary) folds them out of the events.

use std::{io, marker::PhantomData, mem, pin::pin};

use anyhow::Result;
use basket_mongo::{EventLog, FeedState, Scope};
use bson::DateTime;
use futures_util::TryStreamExt;

use crate::{
    args::row,
    domain::{Domain, Id, what},
    exit,
    listing::kept,
    output::{Fields, Format, Output, RED, Text, YELLOW, json},
    plain::{padded, plain, width},
    progress,
    store::Store,
    summary::{Query, Summary, summaries},
    time,
};

/// List all the {streams}, the one that changed last on top
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It asks the read model that `{program} project` keeps, and says how far behind that is. Where there is
none, and with --replay or --at, it reads every event once, and keeps one line for each {stream}. A
document that can't be read as an event counts only as unreadable in its {stream}'s line; one that
names no {stream} is in no line. `{program} verify` names them.

Examples:
  {program} list
  {program} list --since yesterday
  {program} list --sort items -n 10
  {program} list --ids
  {program} list --at yesterday
  {program} list --sort created --reverse --format ndjson")]
pub struct List<D: Domain> {
    /// Only {streams} that have this {row} now
    #[arg(long = D::ROW, value_name = "NAME", value_parser = row::<D>)]
    row: Option<String>,
    #[command(flatten)]
    query: Query,
    /// Only the ids, of all {streams} by id, without a look at what has happened to them
    #[arg(long, conflicts_with_all = ["row", "since", "at", "sort", "reverse", "limit", "replay"])]
    ids: bool,
    /// Read the events, also where a read model is kept
    #[arg(long)]
    replay: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[arg(skip)]
    domain: PhantomData<D>,
}

impl<D: Domain> List<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        let Self { row, query, ids, replay, format, .. } = self;
        if ids {
            return list_ids::<D>(store, format).await;
        }
        let query = Query { row, ..query };
        let kept = match replay || query.at.is_some() {
            true => None,
            false => kept::<D>(store, &query).await?,
        };
        let lines = match kept {
            Some((state, lines)) => {
                exit::note(&how_far(&state));
                lines
            }
            None => {
                let bar = progress::bar(store.count().await?, "events");
                let lines = summaries(store, Scope::All, &query, || bar.inc(1)).await?;
                bar.finish_and_clear();
                lines
            }
        };
        if lines.is_empty() && format == Format::Text {
            exit::note(&format!("there is no such {}", what::<D>()));
        }
        let widths = lines.iter().map(|line| width(&plain(&line.id.to_string())));
        let columns = widths.max().unwrap_or_default().max(width(what::<D>()));
        let (rows, mut heading) = (format!("{}s", D::ROW), true);
        let mut output = Output::list(format)?;
        for line in &lines {
            output.show(&record::<D>(line, &rows), |out| {
                if mem::take(&mut heading) {
                    let (stream, changed, created) = (padded(what::<D>(), columns), "changed", "created");
                    writeln!(out, "{stream}  {changed:30}  {created:30}  versions  {rows:>8}       units")?;
                }
                print::<D>(out, line, columns, rows.len().max(8))
            })?;
        }
        Ok(output.finish()?)
    }
}

/// Says that the answer is of a read model, and how old it may be.
pub(super) fn how_far(state: &FeedState) -> String {
    let name = &state.rows.feed;
    match (state.behind, state.as_of) {
        (0, _) => format!("from the read model '{name}', which has read all events"),
        (behind, as_of) => {
            let events = if behind == 1 { "event" } else { "events" };
            let as_of = as_of.map(|time| format!(", and had read all at {}", time::local(time))).unwrap_or_default();
            format!("from the read model '{name}', which is {behind} {events} behind{as_of}; --replay reads the events")
        }
    }
}

/// The line of a stream in JSON, where `row` is the name of the column of rows.
pub(super) fn record<'a, D: Domain>(line: &Summary<Id<D>>, row: &'a str) -> Fields<'a> {
    let Summary { id, created, changed, versions, rows, units, unreadable } = line;
    let time = |time: &Option<DateTime>| json(&time.map(time::utc));
    let (id, created, changed) = (json(&id.to_string()), time(created), time(changed));
    let counts = [("versions", versions), (row, rows), ("units", units), ("unreadable", unreadable)];
    let counts = counts.map(|(name, number)| (name, json(number)));
    Fields([("id", id), ("created", created), ("changed", changed)].into_iter().chain(counts).collect())
}

fn print<D: Domain>(out: &mut Text<'_>, line: &Summary<Id<D>>, columns: usize, column: usize) -> io::Result<()> {
    let local = |time: Option<DateTime>| time.map_or_else(|| "-".into(), time::local);
    let Summary { id, created, changed, versions, rows, units, unreadable } = line;
    let (id, created, changed) = (padded(&plain(&id.to_string()), columns), local(*created), local(*changed));
    write!(out, "{YELLOW}{id}{YELLOW:#}  {changed:30}  {created:30}  {versions:>8}  {rows:>column$}  ")?;
    write!(out, "{units:>10}")?;
    match unreadable {
        0 => writeln!(out),
        some => writeln!(out, "  {RED}unreadable: {some}{RED:#}"),
    }
}

async fn list_ids<D: Domain>(store: &impl EventLog<D>, format: Format) -> Result<()> {
    let (mut ids, mut output) = (pin!(store.ids()), Output::list(format)?);
    while let Some(id) = ids.try_next().await? {
        let id = id.to_string();
        output.show(&Fields(vec![("id", json(&id))]), |out| writeln!(out, "{}", plain(&id)))?;
    }
    Ok(output.finish()?)
}
