//! Which tables of events a file has, whatever they hold: for `--collection`, and to renew the file of an older version.

use basket_mongo::store::exchange::FIELDS;
use bson::{Bson, oid::ObjectId};
use rusqlite::{Connection, OptionalExtension};

use super::rows::key_text;

/// A table of events, of whatever kind.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: String,
    /// The column of the stream's id: that which is none of an event's fields.
    pub(crate) key: String,
    /// An id in it.
    id: Option<String>,
}

impl Kind {
    /// An id as [`key_text`] was given it. The text of an ObjectId, or of extended JSON, was none then.
    pub(crate) fn example(&self) -> Bson {
        let text = self.id.as_deref().unwrap_or_default();
        let id = ObjectId::parse_str(text).ok().map(Bson::ObjectId);
        let read = id.or_else(|| serde_json::from_str(text).ok());
        read.filter(|read| key_text(read.clone()) == text).unwrap_or_else(|| Bson::String(text.into()))
    }
}

/// The tables of events in a file.
pub(super) fn kinds(connection: &Connection) -> rusqlite::Result<Vec<Kind>> {
    let tables = format!(
        "SELECT tables.name, columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND columns.name NOT IN ('position', '{}')
        AND (SELECT count(*) FROM pragma_table_info(tables.name)
            WHERE name IN ('position', '_id', 'version', 'recorded_at', 'commit', 'meta')) = 6
        ORDER BY tables.name",
        FIELDS.join("', '")
    );
    let mut kinds = connection.prepare(&tables)?;
    let kinds = kinds.query_map([], |row| {
        let (name, key): (String, String) = (row.get(0)?, row.get(1)?);
        let id = connection.query_row(&format!(r#"SELECT "{key}" FROM "{name}" LIMIT 1"#), [], |row| row.get(0));
        Ok(Kind { name, key, id: id.optional()? })
    })?;
    kinds.collect()
}

/// Adds to every table of events in a file of version 2 what a query finds events by.
pub(super) fn add_tags(connection: &Connection) -> rusqlite::Result<()> {
    kinds(connection)?.iter().try_for_each(|Kind { name, .. }| {
        connection.execute_batch(&format!(
            r#"ALTER TABLE "{name}" ADD COLUMN tags TEXT;
            CREATE INDEX "{name}_tags" ON "{name}" (position) WHERE tags IS NOT NULL;"#
        ))
    })
}
