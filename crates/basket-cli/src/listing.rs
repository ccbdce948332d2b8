//! The read model of `list`: a line for each stream, as [`summary`](crate::summary) folds it. What it needs of a
//! stream's state is in its row, so that a list is answered without one event.

use std::pin::pin;

use basket_domain::Aggregate;
use basket_mongo::{
    Codec, Entry, FeedState, Feeds, Projection, StoreError,
    store::{
        codec::{id_of_key, stored_number},
        feed::{RowQuery, Shape},
    },
};
use bson::{Bson, DateTime, Document, doc};
use futures_util::TryStreamExt;

use crate::{
    domain::{Domain, Id},
    help::PROGRAM,
    summary::{Query, Sort, Summary},
};

/// Keeps a [`Summary`] of each stream.
#[derive(Debug, Clone, Copy)]
pub struct Listing;

/// Its name.
pub(crate) const LIST: &str = "list";

const SHAPE: Shape = Shape { number: 1, indexes: &["changed", "created", "versions", "units"] };

impl<D: Domain> Projection<D> for Listing {
    fn name(&self) -> &'static str {
        LIST
    }

    fn shape(&self) -> Shape {
        SHAPE
    }

    fn fold(&self, stream: &[Entry<D>]) -> Document {
        let mut state = D::Aggregate::default();
        stream.iter().for_each(|entry| state.apply(&entry.event));
        let time = |entry: Option<&Entry<D>>| entry.map(|entry| entry.recorded_at.timestamp_millis());
        let names: Vec<_> = D::rows(&state).into_iter().map(|row| row.name).collect();
        doc! {
            "created": time(stream.first()), "changed": time(stream.last()),
            "versions": stream.last().map(|last| number(last.version)),
            "rows": number(names.len() as u64), "units": number(D::units(&state)), "names": names,
        }
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The answer to a query, and how far behind it is; none if the read model is not there, is of another program, or lacks a stream
/// that can't be read.
pub(crate) async fn kept<D: Domain>(
    store: &impl Feeds<D>,
    query: &Query,
) -> Result<Option<(FeedState, Vec<Summary<Id<D>>>)>, StoreError> {
    let Some(state) = store.feed(LIST).await?.filter(|state| is_fit(state, SHAPE)) else { return Ok(None) };
    let sort = match query.sort {
        Sort::Changed => "changed",
        Sort::Created => "created",
        Sort::Versions => "versions",
        Sort::Items => "units",
    };
    let asked = RowQuery {
        sort: Some(sort),
        descending: !query.reverse,
        limit: query.limit,
        at_least: query.since.map(|since| ("changed", since.timestamp_millis())),
        has: query.row.clone().map(|row| ("names", row)),
        is_parked: false,
    };
    let mut rows = pin!(store.rows(state.rows.clone(), asked));
    let mut summaries = Vec::new();
    while let Some((key, mark)) = rows.try_next().await? {
        summaries.push(summary::<D>(&key, &mark.row.unwrap_or_default()).ok_or_else(|| {
            let why = format!(
                "the row of {key} in its read model '{LIST}' can't be read; `{PROGRAM} rebuild {LIST}` makes it again"
            );
            StoreError::other(store.name(), why)
        })?);
    }
    Ok(Some((state, summaries)))
}

/// Whether a read model can answer: it is of this program, has read something, and nothing in it is parked.
pub(crate) fn is_fit(state: &FeedState, shape: Shape) -> bool {
    state.shape == shape.number && state.parked == 0 && state.as_of.is_some()
}

fn summary<D: Codec>(key: &Bson, row: &Document) -> Option<Summary<Id<D>>> {
    let number = |name| stored_number(row.get(name)?);
    let natural = |name| u64::try_from(number(name)?).ok();
    Some(Summary {
        id: id_of_key::<D>(key)?,
        created: Some(DateTime::from_millis(number("created")?)),
        changed: Some(DateTime::from_millis(number("changed")?)),
        versions: natural("versions")?,
        rows: natural("rows")?,
        units: natural("units")?,
        unreadable: 0,
    })
}
