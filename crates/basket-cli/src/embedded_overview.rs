//! All the baskets at a glance, reckoned by SQLite for the embedded store, with the answers of MongoDB's
//! [`overview`](basket_mongo::overview). The codec itself says what an event is: SQL calls it.

use basket_domain::{BasketEvent, BasketId};
use basket_mongo::{Baskets, Codec, ListQuery, Order, StoreError, Summary};
use bson::{DateTime, RawBson};
use futures_util::{Stream, TryStreamExt, stream};
use rusqlite::{Connection, Row, ToSql, functions::FunctionFlags, types::Value};

use crate::{EmbeddedStore, rows};

/// How many rows of an answer are held at once.
const PAGE: usize = 500;

/// The events, read, each once: `product` is NULL where a row can't be read, and empty where it is about none; `at` is in
/// milliseconds. A row whose `basket_id` is none belongs to no basket, so it is not among them.
pub(crate) const EVENTS: &str = "
    events AS MATERIALIZED (
        SELECT basket_id, version, type = 'ItemRemoved' AS removal, quantity(type, data, schema) AS quantity,
            millis(recorded_at) AS at,
            iif(version > 0 AND millis(recorded_at) IS NOT NULL, product(type, data, schema), NULL) AS product
        FROM baskets WHERE length(basket_id) = 24 AND basket_id NOT GLOB '*[^0-9a-f]*'
    )";

/// `later` says how many removals of its product come after an event.
const LIST: &str = "
    marked AS (
        SELECT *, sum(removal) OVER (
            PARTITION BY basket_id, product ORDER BY version DESC ROWS UNBOUNDED PRECEDING
        ) AS later FROM events
    ),
    summed AS (
        SELECT basket_id,
            min(version) FILTER (WHERE product IS NOT NULL) AS first,
            max(version) FILTER (WHERE product IS NOT NULL) AS versions,
            count(DISTINCT product) FILTER (WHERE product > '' AND later = 0) AS products,
            coalesce(sum(quantity) FILTER (WHERE product > '' AND later = 0), 0) AS units,
            count(*) FILTER (WHERE product IS NULL) AS unreadable,
            count(*) FILTER (WHERE product = :product AND later = 0) AS holds
        FROM marked GROUP BY basket_id
    ),
    timed AS (
        SELECT *,
            (SELECT millis(recorded_at) FROM baskets WHERE basket_id = summed.basket_id AND version = first) AS created,
            (SELECT millis(recorded_at) FROM baskets WHERE basket_id = summed.basket_id AND version = versions) AS changed
        FROM summed
    )
    SELECT basket_id, created, changed, versions, products, units, unreadable FROM timed
    WHERE (:product IS NULL OR holds > 0) AND (:since IS NULL OR changed >= :since)";

impl EmbeddedStore {
    /// All the baskets that the query asks for, a line each. No more of them are held than a page.
    pub fn list(&self, query: &ListQuery) -> impl Stream<Item = Result<Summary, StoreError>> + Send {
        let direction = if query.reverse { "ASC" } else { "DESC" };
        let by = match query.order {
            Order::Changed => "changed",
            Order::Created => "created",
            Order::Versions => "versions",
            Order::Items => "units",
        };
        let limit = query.limit.map_or(-1, i64::from);
        let select = format!("WITH {EVENTS}, {LIST} ORDER BY {by} {direction}, basket_id {direction} LIMIT {limit}");
        let product = query.product.as_ref().map(|product| product.as_str().to_owned());
        let since = query.since.map(DateTime::timestamp_millis);
        self.reckoned(select, vec![(":product", product.into()), (":since", since.into())], summary)
    }

    /// The rows of a SELECT with [`EVENTS`]. SQLite puts the answer into a table that is gone with the connection, and
    /// from there it comes in pages, so that no more of it is held than one of them.
    pub(crate) fn reckoned<T: Send>(
        &self,
        select: String,
        parameters: Vec<(&'static str, Value)>,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> impl Stream<Item = Result<T, StoreError>> + Send {
        let pages = stream::try_unfold((None::<Connection>, 0), move |(open, after)| {
            let reckon = || {
                let Some(open) = self.open_existing()? else { return Ok(None) };
                let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, value as &dyn ToSql)).collect();
                let table = format!("CREATE TEMP TABLE answer AS {select}");
                let made = teach(&open).and_then(|()| open.execute(&table, &*parameters));
                made.map(|_| Some(open)).map_err(|error| self.failed(error))
            };
            let next = || {
                let Some(open) = open.map_or_else(reckon, |open| Ok(Some(open)))? else {
                    return Ok::<_, StoreError>(None);
                };
                let (page, after) = page(&open, after, read).map_err(|error| self.failed(error))?;
                Ok((!page.is_empty()).then(|| (stream::iter(page.into_iter().map(Ok)), (Some(open), after))))
            };
            std::future::ready(next())
        });
        pages.try_flatten()
    }
}

fn page<T>(
    open: &Connection,
    mut after: i64,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<(Vec<T>, i64)> {
    let select = format!("SELECT *, rowid AS place FROM answer WHERE rowid > ?1 ORDER BY rowid LIMIT {PAGE}");
    let mut select = open.prepare_cached(&select)?;
    let mut rows = select.query([after])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(read(row)?);
        after = row.get("place")?;
    }
    Ok((page, after))
}

fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    let time = |column| row.get::<_, Option<i64>>(column).map(|time| time.map(DateTime::from_millis));
    Ok(Summary {
        id: row.get::<_, String>("basket_id")?.parse().unwrap_or(NOBODY),
        created: time("created")?,
        changed: time("changed")?,
        versions: number(row, "versions")?,
        products: number(row, "products")?,
        units: number(row, "units")?,
        unreadable: number(row, "unreadable")?,
    })
}

/// A number from 0.
pub(crate) fn number(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(row.get::<_, Option<i64>>(column)?.and_then(|number| u64::try_from(number).ok()).unwrap_or_default())
}

/// Stands in for an id where it doesn't matter: an event is read without its basket.
const NOBODY: BasketId = BasketId::from_bytes([0; 12]);

/// Gives SQL the words for what is in an event.
fn teach(open: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    open.create_scalar_function("product", 3, flags, |call| {
        let event = event(call.get_raw(0).as_str().ok(), call.get_raw(1).as_str().ok(), call.get(2)?);
        Ok(event.map(|event| event.product().map_or_else(String::new, ToString::to_string)))
    })?;
    open.create_scalar_function("quantity", 3, flags, |call| {
        let event = event(call.get_raw(0).as_str().ok(), call.get_raw(1).as_str().ok(), call.get(2)?);
        Ok(match event {
            Some(BasketEvent::ItemAdded { qty, .. }) => Some(qty.get()),
            _ => None,
        })
    })?;
    open.create_scalar_function("millis", 1, flags, |call| {
        let time = call.get_raw(0).as_str().ok().and_then(|time| DateTime::parse_rfc3339_str(time).ok());
        Ok(time.map(DateTime::timestamp_millis))
    })
}

/// The event that a row stands for, by itself; none where it can't be read.
fn event(kind: Option<&str>, data: Option<&str>, schema: i64) -> Option<BasketEvent> {
    let schema = i32::try_from(schema).ok().filter(|schema| (1..=Baskets::SCHEMA).contains(schema))?;
    match rows::json(data?.to_owned()) {
        RawBson::Document(data) => Baskets::decode(&NOBODY, schema, kind?, &data).ok(),
        _ => None,
    }
}
