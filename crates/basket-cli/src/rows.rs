//! A row of the embedded file as an event document, and back. [`embedded`](crate::embedded) calls it; whatever a row
//! holds becomes a document, so that one that is off is named in the words that MongoDB's documents are named in.

use std::collections::VecDeque;

use basket_domain::BasketId;
use basket_mongo::{document::next, exchange::for_text};
use bson::{Binary, Bson, DateTime, Document, RawBson, RawDocumentBuf, oid::ObjectId, raw::cstr, spec::BinarySubtype};
use rusqlite::{
    Connection, OptionalExtension, Row, Transaction, params, params_from_iter,
    types::{Value, ValueRef},
};

/// The columns that [`document`] reads, in its order.
pub const FIELDS: &str = r#"_id, basket_id, version, type, data, recorded_at, "commit", schema, meta"#;

/// How many rows are held at once.
const PAGE: usize = 500;

/// The event document that a row of [`FIELDS`] stands for.
///
/// # Errors
/// SQLite's, where it can't read the row.
pub fn document(row: &Row<'_>) -> rusqlite::Result<RawDocumentBuf> {
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("_id"), column(row, 0, object_id)?);
    document.append(cstr!("basket_id"), column(row, 1, object_id)?);
    document.append(cstr!("version"), RawBson::Int64(row.get(2)?));
    document.append(cstr!("type"), column(row, 3, RawBson::String)?);
    document.append(cstr!("data"), column(row, 4, json)?);
    document.append(cstr!("recorded_at"), column(row, 5, time)?);
    document.append(cstr!("commit"), column(row, 6, object_id)?);
    document.append(cstr!("schema"), RawBson::Int64(row.get(7)?));
    if row.get_ref(8)? != ValueRef::Null {
        document.append(cstr!("meta"), column(row, 8, json)?);
    }
    Ok(document)
}

/// The next documents after a place (a basket's id and a version), in an order that goes on from it; and the place after.
///
/// # Errors
/// SQLite's, where it can't read the rows.
pub fn page(
    connection: &Connection,
    order: &str,
    mut after: (String, i64),
) -> rusqlite::Result<(Vec<RawDocumentBuf>, (String, i64))> {
    let select = format!("SELECT {FIELDS} FROM baskets WHERE {order} LIMIT {PAGE}");
    let mut select = connection.prepare_cached(&select)?;
    let mut rows = select.query(params![after.0, after.1])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(document(row)?);
        after = (row.get(1)?, row.get(2)?);
    }
    Ok((page, after))
}

/// The next documents behind a position, in the order of their commits: of every basket, or of one from a version on; and
/// the position of the last of them.
///
/// # Errors
/// SQLite's, where it can't read the rows.
pub fn since(
    connection: &Connection,
    mut position: i64,
    stream: Option<(&BasketId, u64)>,
) -> rusqlite::Result<(VecDeque<RawDocumentBuf>, i64)> {
    let ours = if stream.is_some() { "AND basket_id = ?2 AND version >= ?3" } else { "" };
    let select =
        format!("SELECT {FIELDS}, position FROM baskets WHERE position > ?1 {ours} ORDER BY position LIMIT {PAGE}");
    let mut select = connection.prepare_cached(&select)?;
    let mut rows = match stream {
        Some((id, version)) => select.query(params![position, id.to_string(), lowest(version)])?,
        None => select.query([position])?,
    };
    let mut page = VecDeque::new();
    while let Some(row) = rows.next()? {
        page.push_back(document(row)?);
        position = row.get(9)?;
    }
    Ok((page, position))
}

/// The lowest version that is asked for; from the first one on, that is all of them, so that one with a version that is none
/// is met as well.
pub fn lowest(version: u64) -> i64 {
    if version <= 1 { i64::MIN } else { next(version - 1) }
}

/// The position of the newest row, 0 where there is none.
///
/// # Errors
/// SQLite's.
pub fn last_position(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(position), 0) FROM baskets", [], |row| row.get(0))
}

/// A number that changes whenever another connection has committed.
///
/// # Errors
/// SQLite's.
pub fn mark(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

/// The document at a version of a basket.
///
/// # Errors
/// SQLite's, where it can't read the row.
pub fn at(connection: &Connection, basket_id: &str, version: u64) -> rusqlite::Result<Option<RawDocumentBuf>> {
    let select = format!("SELECT {FIELDS} FROM baskets WHERE basket_id = ?1 AND version = ?2");
    let version = i64::try_from(version).unwrap_or(i64::MAX);
    connection.prepare_cached(&select)?.query_row(params![basket_id, version], document).optional()
}

/// Writes an event document.
///
/// # Errors
/// SQLite's: another row has its place, or the file can't be written.
pub fn insert(transaction: &Transaction<'_>, document: &Document) -> rusqlite::Result<()> {
    let values = FIELDS.split(", ").map(|field| value(document.get(field.trim_matches('"'))));
    let values = values.collect::<rusqlite::Result<Vec<_>>>()?;
    let insert = format!("INSERT INTO baskets ({FIELDS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    transaction.prepare_cached(&insert)?.execute(params_from_iter(values)).map(drop)
}

fn value(field: Option<&Bson>) -> rusqlite::Result<Value> {
    let unwritable = |error: Box<dyn std::error::Error + Send + Sync>| rusqlite::Error::ToSqlConversionFailure(error);
    Ok(match field {
        None => Value::Null,
        Some(Bson::ObjectId(id)) => Value::Text(id.to_hex()),
        Some(Bson::String(text)) => Value::Text(text.clone()),
        Some(Bson::Int32(number)) => Value::Integer((*number).into()),
        Some(Bson::Int64(number)) => Value::Integer(*number),
        Some(Bson::DateTime(time)) => {
            Value::Text(time.try_to_rfc3339_string().map_err(|error| unwritable(error.into()))?)
        }
        Some(other) => {
            Value::Text(serde_json::to_string(&for_text(other.clone())).map_err(|error| unwritable(error.into()))?)
        }
    })
}

/// What `read` makes of a column's text; its bytes, where they are none, for SQLite does not see to its being UTF-8.
fn column(row: &Row<'_>, column: usize, read: impl FnOnce(String) -> RawBson) -> rusqlite::Result<RawBson> {
    let bytes = row.get_ref(column)?.as_bytes()?.to_owned();
    Ok(String::from_utf8(bytes).map_or_else(
        |error| RawBson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: error.into_bytes() }),
        read,
    ))
}

fn object_id(text: String) -> RawBson {
    ObjectId::parse_str(&text).map_or(RawBson::String(text), RawBson::ObjectId)
}

fn time(text: String) -> RawBson {
    DateTime::parse_rfc3339_str(&text).map_or(RawBson::String(text), RawBson::DateTime)
}

/// A JSON object as a document; anything else as the text that it is.
pub(crate) fn json(text: String) -> RawBson {
    let document = serde_json::from_str::<Document>(&text).ok();
    document.and_then(|document| RawBson::try_from(Bson::Document(document)).ok()).unwrap_or(RawBson::String(text))
}
