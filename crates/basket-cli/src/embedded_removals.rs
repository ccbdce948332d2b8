//! What shoppers take out again, reckoned by SQLite for the embedded store, with the answers of MongoDB's
//! [`removals`](basket_mongo::removals). [`embedded_overview`](crate::embedded_overview) reads the events for it.

use basket_domain::Product;
use basket_mongo::{Finding, Removed, RemovedQuery, StoreError, removals::middle};
use bson::DateTime;
use futures_util::Stream;
use rusqlite::Row;

use crate::{
    EmbeddedStore,
    embedded_overview::{EVENTS, number},
};

/// `stay` says how many removals came before. A stay without units is the removal of what was not there.
const STAYS: &str = "
    numbered AS (
        SELECT *, coalesce(sum(removal) OVER (
            PARTITION BY basket_id, product ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS stay
        FROM events WHERE product > '' AND (:product IS NULL OR product = :product)
    ),
    stays AS MATERIALIZED (
        SELECT basket_id, product, stay, min(version), at AS began, sum(at) FILTER (WHERE removal) AS ended,
            coalesce(sum(quantity), 0) AS units
        FROM numbered GROUP BY basket_id, product, stay
    )";

/// `place` counts the stays that have ended from the shortest on.
const BY_PRODUCT: &str = "
    chosen AS (
        SELECT basket_id, product, stay, units, max(0, ended - began) AS lasted,
            iif(:by_day, began - ((began % 86400000) + 86400000) % 86400000, NULL) AS day
        FROM stays WHERE units > 0 AND (:since IS NULL OR began >= :since) AND (:until IS NULL OR began <= :until)
    ),
    placed AS (
        SELECT *,
            row_number() OVER (PARTITION BY basket_id, product, day ORDER BY stay) = 1 AS first,
            row_number() OVER (PARTITION BY product, day ORDER BY lasted IS NULL, lasted) AS place,
            count(lasted) OVER (PARTITION BY product, day) AS of
        FROM chosen
    ),
    left_out AS (
        SELECT (SELECT count(*) FROM baskets) - (SELECT count(*) FROM events WHERE product IS NOT NULL)
            + (SELECT count(*) FROM stays WHERE units = 0) AS documents
    )
    SELECT NULL AS product, NULL AS day, documents AS baskets, 0 AS stays, 0 AS ended, 0 AS added, 0 AS removed,
        NULL AS low, NULL AS high
    FROM left_out WHERE documents > 0
    UNION ALL
    SELECT product, day, sum(first), count(*), count(lasted), sum(units), sum(units) FILTER (WHERE lasted IS NOT NULL),
        min(lasted) FILTER (WHERE 2 * place >= of), min(lasted) FILTER (WHERE 2 * place > of)
    FROM placed GROUP BY day, product";

impl EmbeddedStore {
    /// What became of each product, by day and name. Before them comes what was left out, where there is such a thing.
    pub fn removed(&self, query: &RemovedQuery) -> impl Stream<Item = Result<Finding, StoreError>> + Send {
        let select = format!("WITH {EVENTS}, {STAYS}, {BY_PRODUCT} ORDER BY day, product");
        let millis = |time: Option<DateTime>| time.map(DateTime::timestamp_millis).into();
        let parameters = vec![
            (":product", query.product.as_ref().map(|product| product.as_str().to_owned()).into()),
            (":since", millis(query.since)),
            (":until", millis(query.until)),
            (":by_day", query.by_day.into()),
        ];
        self.reckoned(select, parameters, finding)
    }
}

fn finding(row: &Row<'_>) -> rusqlite::Result<Finding> {
    let product = row.get::<_, Option<String>>("product")?.and_then(|product| Product::new(&product).ok());
    let Some(product) = product else { return Ok(Finding::LeftOut(number(row, "baskets")?)) };
    let time = |column| row.get::<_, Option<i64>>(column).map(|time| time.map(i64::unsigned_abs));
    Ok(Finding::Product(Removed {
        product,
        day: row.get::<_, Option<i64>>("day")?.map(DateTime::from_millis),
        baskets: number(row, "baskets")?,
        stays: number(row, "stays")?,
        ended: number(row, "ended")?,
        added: number(row, "added")?,
        removed: number(row, "removed")?,
        median: time("low")?.zip(time("high")?).map(|(low, high)| middle(low, high)),
    }))
}
