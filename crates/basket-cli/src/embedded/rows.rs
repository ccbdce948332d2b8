//! A row of the embedded file as an event document, and back. Every row becomes a document, even a broken one, so that both
//! stores report it in the same words. The rest of this folder calls it.

use std::collections::VecDeque;

use basket_mongo::{
    Codec, Query,
    store::{document::as_stored, json},
};
use bson::{
    Binary, Bson, DateTime, Document, RawBson, RawDocumentBuf,
    oid::ObjectId,
    raw::{CStr, cstr},
    spec::BinarySubtype,
};
use rusqlite::{
    Connection, OptionalExtension, Params, Row, params, params_from_iter,
    types::{Value, ValueRef},
};

/// A page has so many rows at most, and no further one once it has so many bytes.
const PAGE: usize = 500;
const PAGE_BYTES: usize = 4 * 1024 * 1024;

pub(super) type Page = VecDeque<RawDocumentBuf>;

/// Whether rows may follow on those of a page.
fn is_full(page: &Page) -> bool {
    page.len() == PAGE || page.iter().map(|document| document.as_bytes().len()).sum::<usize>() >= PAGE_BYTES
}

/// A stream's key, and a version.
pub(super) type Place = (String, i64);

/// Which rows, in which order: a condition on the place after which the next ones come (?1, ?2), and on a text (?3).
#[derive(Clone)]
pub(super) struct Selection {
    pub(super) order: &'static str,
    pub(super) text: String,
}

/// Rows of a query, whose items are the text ?3 as [`Query::json`](basket_mongo::Query::json) writes them.
macro_rules! asked_for {
    () => {
        "EXISTS (SELECT 1 FROM json_each(?3) AS item WHERE
            (json_array_length(item.value, '$.types') = 0
                OR TABLE.type IN (SELECT value FROM json_each(item.value, '$.types')))
            AND NOT EXISTS (SELECT 1 FROM json_each(item.value, '$.tags') AS tag
                WHERE tag.value NOT IN (SELECT value FROM json_each(coalesce(TABLE.tags, '[]')))))"
    };
}
/// Rows with tags, which have an index.
pub(super) const TAGGED: &str =
    concat!("tags IS NOT NULL AND ", asked_for!(), " AND (KEY, version) > (?1, ?2) ORDER BY KEY, version");
pub(super) const MATCHING: &str = concat!(asked_for!(), " AND (KEY, version) > (?1, ?2) ORDER BY KEY, version");

/// The table of one codec's events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The column of the stream's id.
    key: &'static str,
    /// Reads the key that [`key_text`] wrote.
    pub(super) read_key: fn(&str) -> RawBson,
}

impl Table {
    pub(super) fn of<C: Codec>() -> Self {
        let read_key = |text: &str| {
            // One id has one text, so that a stream is one stream.
            let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
            let id = ObjectId::parse_str(text).ok().filter(|_| is_lower).map(RawBson::ObjectId);
            let json = || RawBson::try_from(serde_json::from_str::<Bson>(text).ok()?).ok();
            let is_key = |key: &RawBson| C::id(key.as_raw_bson_ref()).is_some();
            let text = RawBson::String(text.into());
            if is_key(&text) { text } else { id.filter(is_key).or_else(|| json().filter(is_key)).unwrap_or(text) }
        };
        Self { name: C::collection(), key: C::key_field(), read_key }
    }

    /// The columns that [`document`] reads, in its order.
    fn fields(self) -> String {
        format!(r#"_id, "{}", version, type, data, recorded_at, "commit", schema, meta, tags"#, self.key)
    }

    /// Creates the table. Positions are in the order of the commits, since there is one writer at a time.
    pub(super) fn create(self) -> String {
        let Self { name, key, .. } = self;
        format!(
            r#"CREATE TABLE IF NOT EXISTS "{name}" (
                position    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                _id         TEXT    NOT NULL UNIQUE,
                "{key}"     TEXT    NOT NULL,
                version     INTEGER NOT NULL,
                type        TEXT    NOT NULL,
                data        TEXT    NOT NULL, -- JSON
                recorded_at TEXT    NOT NULL, -- RFC 3339, UTC
                "commit"    TEXT    NOT NULL,
                schema      INTEGER NOT NULL,
                meta        TEXT,             -- JSON
                tags        TEXT,             -- JSON
                UNIQUE ("{key}", version)
            ) STRICT;
            CREATE INDEX IF NOT EXISTS "{name}_tags" ON "{name}" (position) WHERE tags IS NOT NULL;"#
        )
    }

    /// Replaces a table of version 1, which had no position and no meta.
    pub(super) fn renew(self) -> String {
        let (Self { name, .. }, create) = (self, self.create());
        let fields = self.fields().replace(", meta, tags", "");
        format!(
            r#"ALTER TABLE "{name}" RENAME TO version_1; {create}
            INSERT INTO "{name}" ({fields}) SELECT {fields} FROM version_1 ORDER BY rowid;
            DROP TABLE version_1;"#
        )
    }

    /// A statement on this table, with KEY for the column of the stream's id and TABLE for the table's name.
    fn select(self, what: &str, rest: &str) -> String {
        let select = format!("SELECT {what} FROM TABLE {rest}");
        select.replace("KEY", &format!("\"{}\"", self.key)).replace("TABLE", &format!("\"{}\"", self.name))
    }

    /// A number that the table has, from 0.
    fn number(self, connection: &Connection, what: &str, rest: &str, params: impl Params) -> rusqlite::Result<u64> {
        let number = connection.query_row(&self.select(what, rest), params, |row| row.get::<_, i64>(0))?;
        Ok(u64::try_from(number).unwrap_or(0))
    }

    pub(super) fn count(self, connection: &Connection) -> rusqlite::Result<u64> {
        self.number(connection, "count(*)", "", [])
    }

    /// The version of a stream's newest row, 0 where it has none.
    pub(super) fn head(self, connection: &Connection, key: &str) -> rusqlite::Result<u64> {
        self.number(connection, "coalesce(max(version), 0)", "WHERE KEY = ?1", [key])
    }

    /// Deletes the rows of a stream, and returns how many there were.
    pub(super) fn delete(self, connection: &Connection, key: &str) -> rusqlite::Result<u64> {
        let delete = format!(r#"DELETE FROM "{}" WHERE "{}" = ?1"#, self.name, self.key);
        connection.execute(&delete, [key]).map(|deleted| deleted as u64)
    }

    /// The position of the newest row, 0 where there is none.
    pub(super) fn last_position(self, connection: &Connection) -> rusqlite::Result<i64> {
        connection.query_row(&self.select("coalesce(max(position), 0)", ""), [], |row| row.get(0))
    }

    /// The `_id` of the row at a position; `None` where there is no such row.
    pub(super) fn id_at(self, connection: &Connection, position: i64) -> rusqlite::Result<Option<String>> {
        let mut select = connection.prepare_cached(&self.select("hex(_id)", "WHERE position = ?1"))?;
        select.query_row([position], |row| row.get(0)).optional()
    }

    /// Whether a row after this position is one that a query asks for.
    pub(super) fn was_appended(self, open: &Connection, query: &Query, position: i64) -> rusqlite::Result<bool> {
        let condition = concat!("WHERE position > ?1 AND ?2 IS NULL AND ", asked_for!());
        let found = self.number(open, "count(*)", condition, params![position, None::<i64>, query.json()])?;
        Ok(found > 0)
    }

    /// The keys of the streams after this one, in order, each with the `_id` of a document of it.
    pub(super) fn keys(self, open: &Connection, after: &str) -> rusqlite::Result<Vec<(String, RawBson, RawBson)>> {
        let mut select = open.prepare_cached(&self.select(
            "CAST(KEY AS TEXT), min(_id), KEY",
            &format!("WHERE KEY > ?1 GROUP BY KEY ORDER BY KEY LIMIT {PAGE}"),
        ))?;
        let rows = select
            .query_map([after], |row| Ok((row.get(0)?, column(row, 1, object_id)?, column(row, 2, self.read_key)?)))?;
        rows.collect()
    }

    pub(super) fn at(self, open: &Connection, key: &str, version: u64) -> rusqlite::Result<Option<RawDocumentBuf>> {
        let (mut page, _) = self.read(open, "KEY = ?1 AND version = ?2", params![key, as_stored(version)])?;
        Ok(page.pop_front())
    }

    /// The next documents, of those that are selected; and the place after them, `None` after the last.
    pub(super) fn page(
        self,
        open: &Connection,
        Selection { order, text }: &Selection,
        after: Place,
    ) -> rusqlite::Result<(Page, Option<Place>)> {
        // A parameter that a statement does not have is refused.
        let (page, last) = match order.contains("?3") {
            true => self.read(open, order, params![after.0, after.1, text])?,
            false => self.read(open, order, params![after.0, after.1])?,
        };
        let more = is_full(&page);
        Ok((page, last.filter(|_| more).map(|(place, _)| place)))
    }

    /// The next documents after a position, in the order of their commits: of every stream, or of one from a version on; and
    /// the position of the last of them.
    pub(super) fn since(
        self,
        open: &Connection,
        position: i64,
        stream: Option<&(String, u64)>,
    ) -> rusqlite::Result<(Page, i64)> {
        let (page, last) = match stream {
            Some((key, version)) => {
                let condition = "position > ?1 AND KEY = ?2 AND version >= ?3 ORDER BY position";
                self.read(open, condition, params![position, key, lowest(*version)])?
            }
            None => self.read(open, "position > ?1 ORDER BY position", [position])?,
        };
        Ok((page, last.map_or(position, |(_, position)| position)))
    }

    /// The next documents behind a position, a page at most, in the order of their commits, each with its position.
    pub(super) fn behind(self, open: &Connection, position: i64) -> rusqlite::Result<VecDeque<(RawDocumentBuf, i64)>> {
        let mut at = open.prepare_cached(&self.select("position", "WHERE position > ?1 ORDER BY position LIMIT ?2"))?;
        let (page, _) = self.read(open, "position > ?1 ORDER BY position", [position])?;
        let count = i64::try_from(page.len()).unwrap_or(i64::MAX);
        let places = at.query_map([position, count], |row| row.get(0))?;
        page.into_iter().zip(places).map(|(document, place)| Ok((document, place?))).collect()
    }

    /// The key that [`key_text`] wrote.
    pub(super) fn key_of(self, text: String) -> Bson {
        Bson::try_from((self.read_key)(&text)).unwrap_or(Bson::Null)
    }

    /// The documents that a condition selects, a page at most; and the place and the position of the last of them.
    fn read(
        self,
        open: &Connection,
        condition: &str,
        params: impl Params,
    ) -> rusqlite::Result<(Page, Option<(Place, i64)>)> {
        let select = self.select(&(self.fields() + ", position"), &format!("WHERE {condition} LIMIT {PAGE}"));
        let mut select = open.prepare_cached(&select)?;
        let mut rows = select.query(params)?;
        let (mut page, mut last) = (Page::new(), None);
        let mut bytes = 0;
        while bytes < PAGE_BYTES
            && let Some(row) = rows.next()?
        {
            let document = document(row, self)?;
            bytes += document.as_bytes().len();
            page.push_back(document);
            last = Some(((row.get(1)?, row.get(2)?), row.get(10)?));
        }
        Ok((page, last))
    }
}

/// A stream's key as a column holds it: a text as it is, an ObjectId in hex, anything else in extended JSON.
pub(super) fn key_text(key: Bson) -> String {
    match key {
        Bson::String(text) => text,
        Bson::ObjectId(id) => id.to_hex(),
        other => serde_json::to_string(&other).unwrap_or_default(),
    }
}

/// The event document of a row with the table's [`fields`](Table::fields).
fn document(row: &Row<'_>, table: Table) -> rusqlite::Result<RawDocumentBuf> {
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("_id"), column(row, 0, object_id)?);
    let key = <&CStr>::try_from(table.key).map_err(unwritable)?;
    document.append(key, column(row, 1, table.read_key)?);
    document.append(cstr!("version"), RawBson::Int64(row.get(2)?));
    document.append(cstr!("type"), column(row, 3, |kind| RawBson::String(kind.into()))?);
    document.append(cstr!("data"), column(row, 4, document_of)?);
    document.append(cstr!("recorded_at"), column(row, 5, time)?);
    document.append(cstr!("commit"), column(row, 6, object_id)?);
    document.append(cstr!("schema"), RawBson::Int64(row.get(7)?));
    if row.get_ref(8)? != ValueRef::Null {
        document.append(cstr!("meta"), column(row, 8, document_of)?);
    }
    if row.get_ref(9)? != ValueRef::Null {
        document.append(cstr!("tags"), column(row, 9, array_of)?);
    }
    Ok(document)
}

/// The lowest version that is asked for. From version 1 on, that is all of them: a row with version 0 or less is read, too.
pub(super) fn lowest(version: u64) -> i64 {
    if version <= 1 { i64::MIN } else { as_stored(version) }
}

/// What is wrong with the file: what SQLite's own check finds, and whether the unique key is missing.
pub(super) fn faults(table: Table, connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut faults = Vec::new();
    connection.pragma_query(None, "integrity_check", |row| {
        faults.push(row.get::<_, String>(0)?);
        Ok(())
    })?;
    faults.retain(|fault| fault != "ok");
    let unique = r#"SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1) AS index_list WHERE "unique" = 1 AND
        (SELECT group_concat(name) FROM pragma_index_info(index_list.name)) = ?2 || ',version')"#;
    if !connection.query_row(unique, [table.name, table.key], |row| row.get::<_, bool>(0))? {
        faults.push(format!(
            "the unique key of {} and version is missing, so two writers can take one version; \
             export the events, and import them into another file",
            table.key
        ));
    }
    Ok(faults)
}

pub(super) fn insert(connection: &Connection, table: Table, document: &Document) -> rusqlite::Result<()> {
    let fields = table.fields();
    let values = fields.split(", ").map(|field| match field.trim_matches('"') {
        key if key == table.key => Ok(document.get(key).cloned().map_or(Value::Null, |key| Value::Text(key_text(key)))),
        field => value(document.get(field)),
    });
    let values = values.collect::<rusqlite::Result<Vec<_>>>()?;
    let insert = format!(r#"INSERT INTO "{}" ({fields}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"#, table.name);
    connection.prepare_cached(&insert)?.execute(params_from_iter(values)).map(drop)
}

fn value(field: Option<&Bson>) -> rusqlite::Result<Value> {
    Ok(match field {
        None => Value::Null,
        Some(Bson::ObjectId(id)) => Value::Text(id.to_hex()),
        Some(Bson::String(text)) => Value::Text(text.clone()),
        Some(Bson::Int32(number)) => Value::Integer((*number).into()),
        Some(Bson::Int64(number)) => Value::Integer(*number),
        Some(Bson::DateTime(time)) => Value::Text(time.try_to_rfc3339_string().map_err(unwritable)?),
        Some(Bson::Document(document)) => {
            let document = RawDocumentBuf::try_from(document).map_err(unwritable)?;
            Value::Text(json::write(&document).map_err(unwritable)?)
        }
        Some(Bson::Array(tags)) => Value::Text(Bson::from(tags.clone()).into_relaxed_extjson().to_string()),
        Some(other) => return Err(unwritable(format!("{other} has no column"))),
    })
}

fn unwritable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

/// Reads the text of a column with `read`; as bytes where it is not UTF-8, which SQLite does not check.
pub(super) fn column(row: &Row<'_>, column: usize, read: impl FnOnce(&str) -> RawBson) -> rusqlite::Result<RawBson> {
    let bytes = row.get_ref(column)?.as_bytes()?;
    let binary = |_| RawBson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.into() });
    Ok(str::from_utf8(bytes).map_or_else(binary, read))
}

pub(super) fn object_id(text: &str) -> RawBson {
    ObjectId::parse_str(text).map_or_else(|_| RawBson::String(text.into()), RawBson::ObjectId)
}

/// A time in the form that a store writes; any other text would come out of it as another one.
pub(super) fn time(text: &str) -> RawBson {
    let is_same = |time: &DateTime| time.try_to_rfc3339_string().is_ok_and(|again| again == text);
    let time = DateTime::parse_rfc3339_str(text).ok().filter(is_same);
    time.map_or_else(|| RawBson::String(text.into()), RawBson::DateTime)
}

/// A JSON array as an array; any other text as a string.
fn array_of(text: &str) -> RawBson {
    let tags = serde_json::from_str::<Vec<String>>(text);
    tags.map_or_else(|_| RawBson::String(text.into()), |tags| RawBson::Array(tags.into_iter().collect()))
}

/// A JSON object as a document; any other text as a string, which is then named as one.
pub(super) fn document_of(text: &str) -> RawBson {
    json::read_as_it_is(text).map_or_else(|_| RawBson::String(text.into()), RawBson::Document)
}
