//! Feeds in the embedded file: a table of feeds, and two for each of them, its rows with the marks and its totals. They are in the
//! file of the events, so one transaction writes all, and a copy of the file has them, too. The position of a feed is
//! that of a row, which are in the order of the commits, so nothing is ever shown twice.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use basket_mongo::{
    Codec, Feeds, StoreError,
    store::{
        document::as_stored,
        feed::{
            Change, Claim, Claimed, FeedState, Mark, Parked, Passed, Position, RowQuery, Rows, Shape, Totals, Which,
            first_fence, has_moved,
        },
    },
};
use bson::{Bson, DateTime};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use rusqlite::{
    Connection, OptionalExtension, Row, ToSql, TransactionBehavior, named_params, params, params_from_iter,
};

use super::{
    archive,
    file::File,
    following,
    rows::{Table, key_text},
    store::EmbeddedStore,
};

/// The columns of a feed, in the order in which [`state`] and [`claim_of`] read them.
const FEED: &str = "name, generation, shape, fence, position, holder, until, events, as_of, retries, healed, rate";

impl<C: Codec> EmbeddedStore<C> {
    /// Runs a transaction on the file, which it makes if it is not there.
    async fn transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Names) -> rusqlite::Result<Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_thread(move |file| {
            let mut connection = file.open_or_create()?;
            let run = || {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let names = Names(file.table);
                names.make_feeds(&transaction)?;
                let done = work(&transaction, &names)?;
                if done.is_ok() {
                    transaction.commit()?;
                }
                Ok(done)
            };
            run().map_err(|error| file.failed(error))?
        })
        .await
    }

    /// Asks the tables of the feeds; the default where they were never made.
    async fn ask_feeds<T: Default + Send + 'static>(
        &self,
        question: impl FnOnce(&Connection, &Names, &File) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_thread(move |file| {
            let Some(connection) = file.open_existing()? else { return Ok(T::default()) };
            let names = Names(file.table);
            let ask = || match connection.table_exists(None, names.feeds().as_str())? {
                true => question(&connection, &names, file),
                false => Ok(T::default()),
            };
            ask().map_err(|error| file.failed(error))
        })
        .await
    }

    fn fenced<T>(&self, feed: &str) -> Result<T, StoreError> {
        Err(StoreError::Fenced { store: self.file.name.clone(), feed: feed.to_owned() })
    }
}

/// What the tables are called.
struct Names(Table);

impl Names {
    fn feeds(&self) -> String {
        format!("{}_feeds", self.0.name)
    }

    fn rows(&self, rows: &Rows) -> String {
        format!("{}_{}_{}", self.0.name, rows.feed, rows.generation)
    }

    fn totals(&self, rows: &Rows) -> String {
        format!("{}_totals", self.rows(rows))
    }

    /// Makes the table of the feeds; to one that an older basket has made, it adds the column that this one had not.
    fn make_feeds(&self, open: &Connection) -> rusqlite::Result<()> {
        open.execute_batch(&self.create_feeds())?;
        match self.has_rates(open)? {
            true => Ok(()),
            false => open.execute_batch(&format!(r#"ALTER TABLE "{}" ADD COLUMN rate REAL"#, self.feeds())),
        }
    }

    fn has_rates(&self, open: &Connection) -> rusqlite::Result<bool> {
        open.column_exists(None, self.feeds().as_str(), "rate")
    }

    fn create_feeds(&self) -> String {
        format!(
            r#"CREATE TABLE IF NOT EXISTS "{}" (
                name       TEXT    NOT NULL PRIMARY KEY,
                generation INTEGER NOT NULL,
                shape      INTEGER NOT NULL,
                fence      INTEGER NOT NULL,
                position   TEXT,
                holder     TEXT    NOT NULL,
                until      INTEGER NOT NULL, -- milliseconds since 1970
                events     INTEGER NOT NULL,
                as_of      INTEGER,          -- milliseconds since 1970
                retries    INTEGER NOT NULL,
                healed     INTEGER NOT NULL,
                rate       REAL              -- events a second
            ) STRICT;"#,
            self.feeds()
        )
    }

    fn create(&self, rows: &Rows, shape: Shape) -> String {
        let (name, totals) = (self.rows(rows), self.totals(rows));
        let mut create = format!(
            r#"CREATE TABLE IF NOT EXISTS "{name}" (
                key     TEXT    NOT NULL PRIMARY KEY,
                version INTEGER NOT NULL,
                row     TEXT, -- JSON
                parked  TEXT  -- JSON
            ) STRICT;
            CREATE INDEX IF NOT EXISTS "{name}_parked" ON "{name}" (key) WHERE parked IS NOT NULL;
            CREATE TABLE IF NOT EXISTS "{totals}" (
                key    TEXT    NOT NULL,
                name   TEXT    NOT NULL,
                number INTEGER NOT NULL,
                PRIMARY KEY (key, name)
            ) STRICT, WITHOUT ROWID;"#
        );
        for field in shape.indexes {
            create += &format!(r#"CREATE INDEX IF NOT EXISTS "{name}_{field}" ON "{name}" ({}, key);"#, path(field));
        }
        create
    }

    fn drop(&self, rows: &Rows) -> String {
        format!(r#"DROP TABLE IF EXISTS "{}"; DROP TABLE IF EXISTS "{}";"#, self.rows(rows), self.totals(rows))
    }

    fn select(&self, rest: &str) -> String {
        format!(r#"SELECT {FEED} FROM "{}" {rest}"#, self.feeds())
    }

    /// Whether this claim is the newest.
    fn is_ours(&self, open: &Connection, claim: &Claim) -> rusqlite::Result<bool> {
        let select = format!(r#"SELECT 1 FROM "{}" WHERE name = ?1 AND fence = ?2"#, self.feeds());
        open.prepare(&select)?.exists(params![claim.rows.feed, claim.fence])
    }

    /// Writes the marks and the totals; false if a mark is not where it should be.
    fn write(&self, open: &Connection, rows: &Rows, change: &Change) -> rusqlite::Result<bool> {
        let name = self.rows(rows);
        let mut insert = open.prepare(&format!(
            r#"INSERT INTO "{name}" (key, version, row, parked) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (key) DO UPDATE SET version = ?2, row = ?3, parked = ?4 WHERE version = ?5"#
        ))?;
        for moved in &change.marks {
            let row = moved.to.row.clone().map(|row| Bson::Document(row).into_relaxed_extjson().to_string());
            let parked = moved.to.parked.as_ref().map(serde_json::to_string).transpose();
            let parked = parked.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            let key = key_text(moved.key.clone());
            let (version, from) = (as_stored(moved.to.version), as_stored(moved.from));
            if insert.execute(params![key, version, row, parked, from])? == 0 {
                return Ok(false);
            }
        }
        let mut add = open.prepare(&format!(
            r#"INSERT INTO "{}" (key, name, number) VALUES (?1, ?2, ?3)
            ON CONFLICT (key, name) DO UPDATE SET number = number + ?3"#,
            self.totals(rows)
        ))?;
        for (key, numbers) in &change.totals {
            for (name, number) in numbers.iter().filter(|(_, number)| **number != 0) {
                add.execute(params![key, name, number])?;
            }
        }
        Ok(true)
    }

    /// The rows that a condition selects.
    fn find(
        &self,
        open: &Connection,
        rows: &Rows,
        condition: &str,
        values: &[&dyn ToSql],
    ) -> rusqlite::Result<Vec<Kept>> {
        if !open.table_exists(None, self.rows(rows).as_str())? {
            return Ok(Vec::new());
        }
        let mut select =
            open.prepare(&format!(r#"SELECT key, version, row, parked FROM "{}" {condition}"#, self.rows(rows)))?;
        let kept =
            |row: &Row<'_>| Ok(Kept { key: row.get(0)?, version: row.get(1)?, row: row.get(2)?, parked: row.get(3)? });
        select.query_map(values, kept)?.collect()
    }
}

/// A row as it is in its table.
struct Kept {
    key: String,
    version: i64,
    row: Option<String>,
    parked: Option<String>,
}

impl Kept {
    fn read(self, table: Table) -> (Bson, Mark) {
        let row = match self.row.and_then(|text| serde_json::from_str(&text).ok()) {
            Some(Bson::Document(row)) => Some(row),
            _ => None,
        };
        let parked = self.parked.and_then(|text| serde_json::from_str::<Parked>(&text).ok());
        (table.key_of(self.key), Mark { version: natural(self.version), row, parked })
    }
}

/// A field of a row, as an index has it.
fn path(field: &str) -> String {
    format!("json_extract(row, '$.{field}')")
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn position(row: &Row<'_>) -> rusqlite::Result<Option<Position>> {
    let text = row.get::<_, Option<String>>(4)?;
    let position = text.map(|text| text.parse()).transpose();
    position
        .map_err(|why: String| rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, why.into()))
}

fn rows_of(row: &Row<'_>) -> rusqlite::Result<Rows> {
    Ok(Rows { feed: row.get(0)?, generation: row.get(1)? })
}

fn state(row: &Row<'_>) -> rusqlite::Result<FeedState> {
    let until: i64 = row.get(6)?;
    let is_held = until > now();
    Ok(FeedState {
        rows: rows_of(row)?,
        shape: row.get(2)?,
        holder: Some(row.get(5)?).filter(|_| is_held),
        rate: row.get::<_, Option<f64>>(11)?.filter(|_| is_held),
        position: position(row)?,
        events: natural(row.get(7)?),
        behind: 0,
        as_of: row.get::<_, Option<i64>>(8)?.map(DateTime::from_millis),
        retries: natural(row.get(9)?),
        healed: natural(row.get(10)?),
        parked: 0,
    })
}

impl<C: Codec> Feeds<C> for EmbeddedStore<C> {
    fn after(&self, position: Option<Position>) -> impl Stream<Item = Result<Passed<C>, StoreError>> + Send {
        following::after(self, position)
    }

    async fn claim(
        &self,
        feed: &str,
        holder: &str,
        shape: Shape,
        lease: Duration,
        by_force: bool,
    ) -> Result<Claimed, StoreError> {
        let (feed, holder) = (feed.to_owned(), holder.to_owned());
        self.transaction(move |open, names| {
            open.execute(
                &format!(
                    r#"INSERT INTO "{}" (name, generation, shape, fence, holder, until, events, retries, healed)
                    VALUES (?1, 1, ?2, ?3, '', 0, 0, 0, 0) ON CONFLICT DO NOTHING"#,
                    names.feeds()
                ),
                params![feed, shape.number, first_fence()],
            )?;
            let taken = open.execute(
                &format!(
                    r#"UPDATE "{}" SET fence = fence + 1, holder = :holder, until = :until
                    WHERE name = :feed AND (until <= :now OR holder = :holder OR :by_force)"#,
                    names.feeds()
                ),
                named_params! {
                    ":holder": holder, ":until": now().saturating_add(millis(lease)), ":feed": feed, ":now": now(),
                    ":by_force": by_force,
                },
            )?;
            let claim = open.query_row(&names.select("WHERE name = ?1"), [&feed], |row| match taken {
                0 => Ok(Claimed::Held { by: row.get(5)? }),
                _ => Ok(Claimed::Ours(Box::new(Claim {
                    rows: rows_of(row)?,
                    shape: row.get(2)?,
                    fence: row.get(3)?,
                    position: position(row)?,
                    lease,
                }))),
            })?;
            if let Claimed::Ours(claim) = &claim {
                open.execute_batch(&names.create(&claim.rows, shape))?;
            }
            Ok(Ok(claim))
        })
        .await
    }

    async fn keep(&self, claim: &Claim, change: &Change) -> Result<(), StoreError> {
        let (feed, claim, change) = (claim.rows.feed.clone(), claim.clone(), change.clone());
        let store = self.file.name.clone();
        let kept = self.transaction(move |open, names| {
            if !names.is_ours(open, &claim)? {
                return Ok(Ok(false));
            }
            if !names.write(open, &claim.rows, &change)? {
                return Ok(Err(has_moved(&store)));
            }
            let as_of = change.is_last.then(now);
            let update = format!(
                r#"UPDATE "{}" SET position = CASE WHEN :again THEN NULL ELSE coalesce(:position, position) END, until = :until, events = events + :events,
                as_of = coalesce(:as_of, as_of), retries = retries + :retries, healed = healed + :healed,
                rate = coalesce(:rate, rate) WHERE name = :name"#,
                names.feeds()
            );
            open.execute(
                &update,
                named_params! {
                    ":position": change.position.as_ref().map(ToString::to_string), ":again": change.again, ":as_of": as_of,
                    ":until": now().saturating_add(millis(claim.lease)), ":events": as_stored(change.events()),
                    ":retries": as_stored(change.retries), ":healed": as_stored(change.healed), ":rate": change.rate,
                    ":name": claim.rows.feed,
                },
            )?;
            Ok(Ok(true))
        });
        // Nothing that was written under a stale fence is kept: it was found before the first write, or is not committed.
        match kept.await? {
            true => Ok(()),
            false => self.fenced(&feed),
        }
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let claim = claim.clone();
        self.transaction(move |open, names| {
            let release =
                format!(r#"UPDATE "{}" SET until = 0, holder = '' WHERE name = ?1 AND fence = ?2"#, names.feeds());
            open.execute(&release, params![claim.rows.feed, claim.fence])?;
            Ok(Ok(()))
        })
        .await
    }

    async fn marks(&self, rows: &Rows, keys: Vec<Bson>) -> Result<Vec<(Bson, Mark)>, StoreError> {
        let (rows, keys) = (rows.clone(), keys.into_iter().map(key_text).collect::<Vec<_>>());
        self.ask_feeds(move |open, names, _| {
            let keys = serde_json::Value::from(keys).to_string();
            let found = names.find(open, &rows, "WHERE key IN (SELECT value FROM json_each(?1))", &[&keys])?;
            Ok(found.into_iter().map(|row| row.read(names.0)).collect())
        })
        .await
    }

    fn rows(&self, rows: Rows, query: RowQuery) -> impl Stream<Item = Result<(Bson, Mark), StoreError>> + Send {
        let table = self.file.table;
        let found = self.ask_feeds(move |open, names, _| {
            let mut condition =
                String::from(if query.is_parked { "WHERE parked IS NOT NULL" } else { "WHERE row IS NOT NULL" });
            let mut values: Vec<Box<dyn ToSql>> = Vec::new();
            if let Some((field, least)) = query.at_least {
                values.push(Box::new(least));
                // To SQLite, every text is more than a number.
                let (field, place) = (path(field), values.len());
                condition += &format!(" AND {field} >= ?{place} AND typeof({field}) IN ('integer', 'real')");
            }
            if let Some((field, text)) = query.has {
                values.push(Box::new(text));
                condition +=
                    &format!(" AND EXISTS (SELECT 1 FROM json_each(row, '$.{field}') WHERE value = ?{})", values.len());
            }
            let way = if query.descending { "DESC" } else { "ASC" };
            let by = query.sort.map(|field| format!("{} {way}, ", path(field))).unwrap_or_default();
            condition += &format!(" ORDER BY {by}key {way}");
            if let Some(limit) = query.limit {
                condition += &format!(" LIMIT {limit}");
            }
            let values: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
            names.find(open, &rows, &condition, &values)
        });
        // As texts they are small; each becomes a document when it is read.
        stream::once(found).map_ok(move |found| stream::iter(found).map(move |row| Ok(row.read(table)))).try_flatten()
    }

    async fn totals(&self, rows: &Rows, which: &Which) -> Result<Totals, StoreError> {
        let rows = rows.clone();
        let (condition, value) = match which {
            Which::All => ("?1 IS NOT NULL", String::new()),
            Which::Beginning(start) => ("key >= ?1 AND key < ?1 || char(1114111)", start.clone()),
            Which::Of(keys) => {
                ("key IN (SELECT value FROM json_each(?1))", serde_json::Value::from(keys.clone()).to_string())
            }
        };
        self.ask_feeds(move |open, names, _| {
            let mut totals = Totals::new();
            if !open.table_exists(None, names.totals(&rows).as_str())? {
                return Ok(totals);
            }
            let select =
                format!(r#"SELECT key, name, number FROM "{}" WHERE number != 0 AND {condition}"#, names.totals(&rows));
            let mut select = open.prepare(&select)?;
            let mut found = select.query([value])?;
            while let Some(row) = found.next()? {
                totals.entry(row.get(0)?).or_default().insert(row.get(1)?, row.get(2)?);
            }
            Ok(totals)
        })
        .await
    }

    async fn replace(&self, feed: &str, by: &Claim) -> Result<(), StoreError> {
        let (feed, by) = (feed.to_owned(), by.clone());
        let name = feed.clone();
        let replaced = self.transaction(move |open, names| {
            if !names.is_ours(open, &by)? {
                return Ok(Ok(false));
            }
            let old = open
                .query_row(&names.select("WHERE name = ?1"), [&feed], |row| Ok((rows_of(row)?, row.get::<_, i64>(3)?)));
            let old = old.optional()?;
            let (generation, fence) =
                old.as_ref().map_or((0, first_fence()), |(rows, fence)| (rows.generation, *fence));
            let new = Rows { feed: feed.clone(), generation: generation.saturating_add(1) };
            for (from, to) in [(names.rows(&by.rows), names.rows(&new)), (names.totals(&by.rows), names.totals(&new))] {
                open.execute_batch(&format!(r#"ALTER TABLE "{from}" RENAME TO "{to}";"#))?;
            }
            if let Some((old, _)) = &old {
                open.execute_batch(&names.drop(old))?;
                open.execute(&format!(r#"DELETE FROM "{}" WHERE name = ?1"#, names.feeds()), [&feed])?;
            }
            open.execute(
                &format!(
                    r#"UPDATE "{}" SET name = ?1, generation = ?2, fence = ?3, holder = '', until = 0 WHERE name = ?4"#,
                    names.feeds()
                ),
                params![feed, new.generation, fence.saturating_add(1), by.rows.feed],
            )?;
            Ok(Ok(true))
        });
        match replaced.await? {
            true => Ok(()),
            false => self.fenced(&name),
        }
    }

    async fn forget(&self, feed: &str) -> Result<(), StoreError> {
        let feed = feed.to_owned();
        self.transaction(move |open, names| {
            let old = open.query_row(&names.select("WHERE name = ?1"), [&feed], rows_of).optional()?;
            if let Some(old) = old {
                open.execute_batch(&names.drop(&old))?;
                open.execute(&format!(r#"DELETE FROM "{}" WHERE name = ?1"#, names.feeds()), [&feed])?;
            }
            Ok(Ok(()))
        })
        .await
    }

    async fn feeds(&self) -> Result<Vec<FeedState>, StoreError> {
        self.ask_feeds(|open, names, file| {
            // Only an archive deletes rows; where there was none, the newest position is their number, and needs no count.
            let rows = match archive::has_notes(open, file.table)? {
                true => file.table.count(open)?,
                false => natural(file.table.last_position(open)?),
            };
            let select = names.select("ORDER BY name");
            // A file that is only read stays as an older basket has made it.
            let select = if names.has_rates(open)? { select } else { select.replace(", rate", ", NULL") };
            let mut select = open.prepare(&select)?;
            let feeds = select.query_map(params_from_iter([] as [&str; 0]), state)?;
            let feeds = feeds.map(|feed| {
                let feed = feed?;
                let parked = format!(r#"SELECT count(*) FROM "{}" WHERE parked IS NOT NULL"#, names.rows(&feed.rows));
                let parked = natural(open.query_row(&parked, [], |row| row.get(0))?);
                Ok(FeedState { behind: rows.saturating_sub(feed.events), parked, ..feed })
            });
            feeds.collect()
        })
        .await
    }
}
