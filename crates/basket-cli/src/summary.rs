//! All the streams of a store in a few numbers each: one pass over the events folds each stream into a [`Summary`]. `list`
//! prints them, `explore` shows them. Memory holds one summary for each stream, and one state at a time. Each document is
//! read by itself: `verify` finds gaps in a stream.

use std::{cmp::Ordering, pin::pin};

use basket_domain::Aggregate;
use basket_mongo::{
    EventLog, Scope, StoreError,
    store::document::{read_entry, stream_of},
};
use bson::{DateTime, RawDocument};
use clap::ValueEnum;
use futures_util::TryStreamExt;

use crate::{
    domain::{Domain, Id},
    time,
};

/// A stream in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary<I> {
    pub id: I,
    /// When its first event was recorded; none where no event of it can be read.
    pub created: Option<DateTime>,
    /// When its newest event was recorded.
    pub changed: Option<DateTime>,
    /// The version of its newest event.
    pub versions: u64,
    /// The rows and the units that its state has now.
    pub rows: u64,
    pub units: u64,
    /// Documents under its id that can't be read as events; nothing else here counts them.
    pub unreadable: u64,
}

/// By what streams are sorted, and then by their ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// When something last happened to it
    #[default]
    Changed,
    /// When it was created
    Created,
    /// How much has happened to it
    Versions,
    /// How many units are in it
    Items,
}

/// Which streams, in which order.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Query {
    /// Only those whose state has a row of this name now.
    #[arg(skip)]
    pub row: Option<String>,
    /// Only {streams} that changed at or after this time: RFC 3339, as printed, a date, or such as '2 hours ago'
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub since: Option<DateTime>,
    /// As they were at this time, from the events; what happened later does not count
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub at: Option<DateTime>,
    /// By what they are sorted, the newest or the largest first
    #[arg(long, value_enum, default_value_t)]
    pub sort: Sort,
    /// The other way round
    #[arg(short, long)]
    pub reverse: bool,
    /// At most so many
    #[arg(short = 'n', long = "number", visible_alias = "limit", value_name = "N")]
    pub limit: Option<usize>,
}

/// A summary of every stream in the scope that the query asks for; `read` is called after each document. A document that
/// can't be read is counted; one whose key is no id belongs to no stream, so it is in no summary.
pub async fn summaries<D: Domain>(
    store: &impl EventLog<D>,
    scope: Scope<Id<D>>,
    query: &Query,
    mut read: impl FnMut() + Send,
) -> Result<Vec<Summary<Id<D>>>, StoreError> {
    let mut fold = Fold::<D> { query, open: None, over: false, lines: Vec::new() };
    let mut documents = pin!(store.documents(scope));
    while let Some(document) = documents.try_next().await? {
        fold.apply(&document);
        read();
    }
    fold.close();
    fold.shorten();
    Ok(fold.lines)
}

struct Fold<'a, D: Domain> {
    query: &'a Query,
    /// The stream whose events come now, and its state so far.
    open: Option<(Summary<Id<D>>, D::Aggregate)>,
    /// Whether the stream has come to an event after the time that is asked for.
    over: bool,
    /// The streams that have ended.
    lines: Vec<Summary<Id<D>>>,
}

impl<D: Domain> Fold<'_, D> {
    fn apply(&mut self, document: &RawDocument) {
        let entry = read_entry::<D>(document);
        let stream = entry.as_ref().map_or_else(|_| stream_of::<D>(document).ok(), |entry| Some(entry.stream.clone()));
        let Some(id) = stream else { return };
        if self.open.as_ref().is_none_or(|(line, _)| line.id != id) {
            self.close();
        }
        let (line, state) = self.open.get_or_insert_with(|| {
            let new = Summary { id, created: None, changed: None, versions: 0, rows: 0, units: 0, unreadable: 0 };
            (new, D::Aggregate::default())
        });
        match entry {
            // As in a past state, the longest run of events counts that were all recorded by then.
            Ok(entry) if self.over || self.query.at.is_some_and(|at| entry.recorded_at > at) => self.over = true,
            Ok(entry) => {
                line.created = line.created.or(Some(entry.recorded_at));
                (line.changed, line.versions) = (Some(entry.recorded_at), entry.version);
                state.apply(&entry.event);
            }
            Err(_) => line.unreadable += 1,
        }
    }

    /// The stream has ended: keeps its line, where it is asked for, and drops its state.
    fn close(&mut self) {
        let Some((mut line, state)) = self.open.take() else { return };
        self.over = false;
        if self.query.at.is_some() && line.created.is_none() && line.unreadable == 0 {
            return;
        }
        let rows = D::rows(&state);
        let has = |name: &String| rows.iter().any(|row| row.name == *name);
        if self.query.row.as_ref().is_none_or(has) && line.changed >= self.query.since {
            (line.rows, line.units) = (rows.len() as u64, D::units(&state));
            self.lines.push(line);
            if self.query.limit.is_some_and(|limit| self.lines.len() > limit.saturating_mul(2)) {
                self.shorten();
            }
        }
    }

    /// Sorts the lines, and drops those that are beyond the limit: at most twice as many are held.
    fn shorten(&mut self) {
        self.lines.sort_unstable_by(|one, other| self.query.compare(one, other));
        self.lines.truncate(self.query.limit.unwrap_or(usize::MAX));
    }
}

impl Query {
    /// The order of the answer.
    pub(crate) fn compare<I: Ord>(&self, one: &Summary<I>, other: &Summary<I>) -> Ordering {
        let by = match self.sort {
            Sort::Changed => one.changed.cmp(&other.changed),
            Sort::Created => one.created.cmp(&other.created),
            Sort::Versions => one.versions.cmp(&other.versions),
            Sort::Items => one.units.cmp(&other.units),
        };
        let smallest_first = by.then_with(|| one.id.cmp(&other.id));
        if self.reverse { smallest_first } else { smallest_first.reverse() }
    }
}
