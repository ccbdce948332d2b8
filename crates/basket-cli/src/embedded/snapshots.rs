//! Snapshots in the embedded file: a table beside that of the events, which the first one makes, a row for each stream that has
//! one. As with the events, a row becomes a document, whatever is wrong with it.

use basket_mongo::{
    Codec, Snapshot, Snapshots, StoreError,
    store::{codec::Id, document::as_stored, json},
};
use bson::{RawBson, RawDocumentBuf, raw::cstr};
use futures_util::{Stream, TryStreamExt, stream};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    file::File,
    rows::{self, Table},
    store::EmbeddedStore,
};

/// So many snapshots are read at once, since each may be large.
const PAGE: usize = 16;

impl Table {
    fn snapshots(self) -> String {
        format!(r#""{}_snapshots""#, self.name)
    }

    fn create_snapshots(self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (
                key      TEXT    NOT NULL PRIMARY KEY,
                version  INTEGER NOT NULL,
                schema   INTEGER NOT NULL,
                event    TEXT    NOT NULL, -- the _id of the event at this version
                state    TEXT    NOT NULL, -- JSON
                taken_at TEXT    NOT NULL, -- RFC 3339, UTC
                crc32    INTEGER NOT NULL
            ) STRICT;",
            self.snapshots()
        )
    }

    fn select_snapshots(self, rest: &str) -> String {
        format!("SELECT key, version, schema, event, state, taken_at, crc32 FROM {} {rest}", self.snapshots())
    }

    fn snapshot(self, row: &Row<'_>) -> rusqlite::Result<(String, RawDocumentBuf)> {
        let mut document = RawDocumentBuf::new();
        document.append(cstr!("_id"), rows::column(row, 0, self.read_key)?);
        document.append(cstr!("version"), RawBson::Int64(row.get(1)?));
        document.append(cstr!("schema"), RawBson::Int64(row.get(2)?));
        document.append(cstr!("event"), rows::column(row, 3, rows::object_id)?);
        document.append(cstr!("state"), rows::column(row, 4, rows::document_of)?);
        document.append(cstr!("taken_at"), rows::column(row, 5, rows::time)?);
        document.append(cstr!("crc32"), RawBson::Int64(row.get(6)?));
        Ok((row.get(0)?, document))
    }
}

impl<C: Codec> EmbeddedStore<C> {
    /// Asks the table of snapshots; the default where there is none.
    async fn ask_snapshots<T: Default + Send + 'static>(
        &self,
        question: impl FnOnce(Table, &Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_thread(move |file| {
            let Some(connection) = file.open_existing()? else { return Ok(T::default()) };
            let ask = || match connection.table_exists(None, format!("{}_snapshots", file.table.name).as_str())? {
                true => question(file.table, &connection),
                false => Ok(T::default()),
            };
            ask().map_err(|error| file.failed(error))
        })
        .await
    }
}

impl<C: Codec> Snapshots<C> for EmbeddedStore<C> {
    async fn snapshot(&self, id: &Id<C>) -> Result<Option<RawDocumentBuf>, StoreError> {
        let key = rows::key_text(C::key(id));
        self.ask_snapshots(move |table, open| {
            let found = open.query_row(&table.select_snapshots("WHERE key = ?1"), [key], |row| table.snapshot(row));
            Ok(found.optional()?.map(|(_, document)| document))
        })
        .await
    }

    fn snapshots(&self) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        let pages = stream::try_unfold(Some(String::new()), move |after| async move {
            let Some(after) = after else { return Ok(None) };
            let page = self.ask_snapshots(move |table, open| {
                let next = format!("WHERE key > ?1 ORDER BY key LIMIT {PAGE}");
                let mut select = open.prepare(&table.select_snapshots(&next))?;
                select.query_map([after], |row| table.snapshot(row))?.collect::<rusqlite::Result<Vec<_>>>()
            });
            let page = page.await?;
            let last = page.last().map(|(key, _)| key.clone());
            let documents = page.into_iter().map(|(_, document)| Ok(document));
            Ok::<_, StoreError>(last.map(|last| (stream::iter(documents), Some(last))))
        });
        pages.try_flatten()
    }

    async fn keep_snapshot(&self, id: &Id<C>, snapshot: &Snapshot) -> Result<(), StoreError> {
        let (key, snapshot) = (rows::key_text(C::key(id)), snapshot.clone());
        self.on_thread(move |file: &File| {
            let state = json::write(&snapshot.state).map_err(|why| file.other(&why))?;
            let taken_at = snapshot.taken_at.try_to_rfc3339_string();
            let taken_at = taken_at.map_err(|error| file.other(&error.to_string()))?;
            let insert = format!(
                "INSERT INTO {} AS found (key, version, schema, event, state, taken_at, crc32)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (key) DO UPDATE SET version = excluded.version,
                schema = excluded.schema, event = excluded.event, state = excluded.state,
                taken_at = excluded.taken_at, crc32 = excluded.crc32
                WHERE found.version < excluded.version AND found.schema <= excluded.schema",
                file.table.snapshots()
            );
            let (version, event) = (as_stored(snapshot.version), snapshot.event.to_hex());
            let values = params![key, version, snapshot.schema, event, state, taken_at, snapshot.crc32];
            let connection = file.open_or_create()?;
            let made = connection.execute_batch(&file.table.create_snapshots());
            let kept = made.and_then(|()| connection.execute(&insert, values));
            kept.map(drop).map_err(|error| file.failed(error))
        })
        .await
    }

    async fn drop_snapshots(&self, id: Option<&Id<C>>) -> Result<u64, StoreError> {
        let key = id.map(|id| rows::key_text(C::key(id)));
        self.ask_snapshots(move |table, open| {
            let delete = format!("DELETE FROM {} WHERE ?1 IS NULL OR key = ?1", table.snapshots());
            Ok(open.execute(&delete, [key])? as u64)
        })
        .await
    }
}
