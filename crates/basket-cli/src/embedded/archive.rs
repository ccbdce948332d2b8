//! Streams that were moved out of the embedded file: a table of notes beside that of the events.

use basket_mongo::{
    Archive, Codec, StoreError, Unreadable,
    store::{
        archive::Archived,
        codec::{Id, id_of_key},
        document::as_stored,
    },
};
use bson::DateTime;
use futures_util::{Stream, TryStreamExt, stream};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, named_params};

use super::{
    rows::{Table, key_text},
    store::EmbeddedStore,
};

/// A note: the stream's key, the file, how many events, and when, in milliseconds since 1970.
type Note = (String, String, i64, i64);

fn name(table: Table) -> String {
    format!("\"{}_archive\"", table.name)
}

/// Whether a stream was ever moved out of this table.
pub(super) fn has_notes(open: &Connection, table: Table) -> rusqlite::Result<bool> {
    open.table_exists(None, name(table).trim_matches('"'))
}

impl<C: Codec> EmbeddedStore<C> {
    /// Asks the notes; the default where there are none.
    async fn ask_notes<T: Default + Send + 'static>(
        &self,
        question: impl FnOnce(&Connection, &str) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_thread(move |file| {
            let Some(connection) = file.open_existing()? else { return Ok(T::default()) };
            let ask = || match has_notes(&connection, file.table)? {
                true => question(&connection, &name(file.table)),
                false => Ok(T::default()),
            };
            ask().map_err(|error| file.failed(error))
        })
        .await
    }
}

impl<C: Codec> Archive<C> for EmbeddedStore<C> {
    async fn archived(&self, id: &Id<C>) -> Result<Option<Archived>, StoreError> {
        let key = key_text(C::key(id));
        let note = self.ask_notes(move |open, notes| {
            open.query_row(&format!("SELECT key, file, events, at FROM {notes} WHERE key = ?1"), [key], note).optional()
        });
        Ok(note.await?.map(|(_, file, events, at)| archived(file, events, at)))
    }

    fn archives(&self) -> impl Stream<Item = Result<(Id<C>, Archived), StoreError>> + Send {
        let notes = self.ask_notes(|open, notes| {
            let mut select = open.prepare(&format!("SELECT key, file, events, at FROM {notes} ORDER BY key"))?;
            select.query_map((), note)?.collect::<Result<Vec<_>, _>>()
        });
        let table = self.file.table;
        let read = move |(key, file, events, at): Note| {
            let id = id_of_key::<C>(&table.key_of(key.clone()));
            let why =
                || Unreadable { document: key, version: None, why: "a note of the archive names no stream".into() };
            Ok((id.ok_or_else(why)?, archived(file, events, at)))
        };
        stream::once(notes).map_ok(move |notes| stream::iter(notes.into_iter().map(read))).try_flatten()
    }

    async fn archive(&self, id: &Id<C>, to: &Archived) -> Result<(), StoreError> {
        let (key, to) = (key_text(C::key(id)), to.clone());
        self.on_thread(move |file| {
            let mut connection = file.open_or_create()?;
            let notes = name(file.table);
            let mut run = || {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let deleted = file.table.delete(&transaction, &key)?;
                if deleted != to.events {
                    return Ok(Err(StoreError::Conflict { expected: to.events, found: deleted }));
                }
                transaction.execute_batch(&format!(
                    "CREATE TABLE IF NOT EXISTS {notes} (
                        key    TEXT    NOT NULL PRIMARY KEY,
                        file   TEXT    NOT NULL,
                        events INTEGER NOT NULL,
                        at     INTEGER NOT NULL -- milliseconds since 1970
                    ) STRICT, WITHOUT ROWID"
                ))?;
                let insert = format!("INSERT OR REPLACE INTO {notes} VALUES (:key, :file, :events, :at)");
                let (events, at) = (as_stored(to.events), to.at.timestamp_millis());
                transaction
                    .execute(&insert, named_params! { ":key": key, ":file": to.file, ":events": events, ":at": at })?;
                transaction.commit().map(Ok)
            };
            run().map_err(|error: rusqlite::Error| file.failed(error))?
        })
        .await
    }

    async fn unarchive(&self, id: &Id<C>) -> Result<bool, StoreError> {
        let key = key_text(C::key(id));
        self.ask_notes(move |open, notes| Ok(open.execute(&format!("DELETE FROM {notes} WHERE key = ?1"), [key])? > 0))
            .await
    }
}

fn note(row: &Row<'_>) -> rusqlite::Result<Note> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn archived(file: String, events: i64, at: i64) -> Archived {
    Archived { file, events: u64::try_from(events).unwrap_or(0), at: DateTime::from_millis(at) }
}
