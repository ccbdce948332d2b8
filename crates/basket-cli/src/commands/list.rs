//! `list`: all the streams, a line each. [`summary`](crate::summary) folds them out of the events.

use std::{fmt::Display, io, marker::PhantomData, mem, pin::pin};

use anyhow::Result;
use basket_mongo::{EventLog, FeedState, Scope};
use bson::DateTime;
use futures_util::TryStreamExt;

use crate::{
    args::{Dates, row},
    domain::{Domain, Id, what},
    exit,
    listing::kept,
    output::{Fields, Form, Output, RED, Text, YELLOW, json},
    plain::{cut, padded, plain, width},
    progress,
    store::Store,
    summary::{Query, Summary, summaries},
    time::{self, Date},
};

/// List all the {streams}, the one that changed last on top
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "ls",
    after_help = "\
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
  {program} list --sort created --reverse --format ndjson"
)]
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
    #[command(flatten)]
    dates: Dates,
    #[command(flatten)]
    form: Form,
    #[arg(skip)]
    domain: PhantomData<D>,
}

impl<D: Domain> List<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        let Self { row, query, ids, replay, form, dates: Dates { date }, .. } = self;
        if ids {
            return list_ids::<D>(store, &form).await;
        }
        let rows = format!("{}s", D::ROW);
        form.has(&["id", "created", "changed", "versions", &rows, "units", "unreadable"])?;
        let query = Query { row, ..query };
        let kept = match replay || query.at.is_some() {
            true => None,
            false => kept::<D>(store, &query).await?,
        };
        let lines = match kept {
            Some((state, lines)) => {
                exit::note(&how_far(&state, date));
                lines
            }
            None => {
                let bar = progress::bar(store.count().await?, "events");
                let lines = summaries(store, Scope::All, &query, || bar.inc(1)).await?;
                bar.finish_and_clear();
                lines
            }
        };
        if lines.is_empty() && form.is_text() {
            exit::note(&format!("there is no such {}", what::<D>()));
        }
        let (mut output, mut heading) = (Output::list(&form)?, true);
        let table = Table::of::<D>(&lines, &rows, date, output.room());
        for line in &lines {
            output.show(&record::<D>(line, &rows), |out| {
                if mem::take(&mut heading) {
                    table.heading(out, what::<D>(), &rows)?;
                }
                table.line(out, line)
            })?;
        }
        Ok(output.finish()?)
    }
}

/// Says that the answer is of a read model, and how old it may be.
pub(super) fn how_far(state: &FeedState, date: Date) -> String {
    let name = &state.rows.feed;
    match (state.behind, state.as_of) {
        (0, _) => format!("from the read model '{name}', which has read all events"),
        (behind, as_of) => {
            let events = if behind == 1 { "event" } else { "events" };
            let as_of = as_of.map(|time| format!(", and had read all at {}", date.of(time))).unwrap_or_default();
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

/// The widths of the columns.
struct Table {
    id: usize,
    rows: usize,
    date: Date,
    /// There is no room for when a stream was created, nor for the offset of a time.
    is_narrow: bool,
}

/// The columns of a narrow table without its ids and the number of rows.
const NARROW: usize = 2 + 23 + 2 + 8 + 2 + 2 + 6;

impl Table {
    fn of<D: Domain>(lines: &[Summary<Id<D>>], rows: &str, date: Date, room: Option<usize>) -> Self {
        let widths = lines.iter().map(|line| width(&plain(&line.id.to_string())));
        let (id, rows) = (widths.max().unwrap_or_default().max(width(what::<D>())), rows.len().max(8));
        let all = id + 2 + 30 + 2 + 30 + 2 + 8 + 2 + rows + 2 + 10;
        match room.filter(|room| *room < all) {
            None => Self { id, rows, date, is_narrow: false },
            Some(room) => Self { id: id.min(room.saturating_sub(NARROW + rows).max(8)), rows, date, is_narrow: true },
        }
    }

    fn heading(&self, out: &mut Text<'_>, stream: &str, rows: &str) -> io::Result<()> {
        let (stream, column) = (padded(stream, self.id), self.rows);
        match self.is_narrow {
            false => {
                writeln!(out, "{stream}  {:30}  {:30}  versions  {rows:>column$}       units", "changed", "created")
            }
            true => writeln!(out, "{stream}  {:23}  versions  {rows:>column$}   units", "changed"),
        }
    }

    fn line<I: Display>(&self, out: &mut Text<'_>, line: &Summary<I>) -> io::Result<()> {
        let Summary { id, created, changed, versions, rows, units, unreadable } = line;
        let (id, column) = (padded(&cut(&plain(&id.to_string()), self.id), self.id), self.rows);
        let time = |time: &Option<DateTime>| match (time, self.is_narrow) {
            (None, _) => "-".into(),
            (Some(time), true) if self.date == Date::Local => time::short(*time),
            (Some(time), _) => self.date.of(*time),
        };
        write!(out, "{YELLOW}{id}{YELLOW:#}  ")?;
        match self.is_narrow {
            false => {
                write!(out, "{:30}  {:30}  {versions:>8}  {rows:>column$}  {units:>10}", time(changed), time(created))?
            }
            true => write!(out, "{:23}  {versions:>8}  {rows:>column$}  {units:>6}", cut(&time(changed), 23))?,
        }
        match unreadable {
            0 => writeln!(out),
            some => writeln!(out, "  {RED}unreadable: {some}{RED:#}"),
        }
    }
}

async fn list_ids<D: Domain>(store: &impl EventLog<D>, form: &Form) -> Result<()> {
    form.has(&["id"])?;
    let (mut ids, mut output) = (pin!(store.ids()), Output::list(form)?);
    let mut none = true;
    while let Some(id) = ids.try_next().await? {
        none = false;
        let id = id.to_string();
        output.show(&Fields(vec![("id", json(&id))]), |out| writeln!(out, "{}", plain(&id)))?;
    }
    output.finish()?;
    if none && form.is_text() {
        exit::note(&format!("there is no {}", what::<D>()));
    }
    Ok(())
}
