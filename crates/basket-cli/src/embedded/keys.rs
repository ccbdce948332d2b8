//! The keys of subjects in the embedded file: a table beside those of the events. Once a deleted key is wiped,
//! none of its bytes stay.

use basket_domain::Subject;
use basket_mongo::{
    Codec, StoreError, Unreadable,
    store::keys::{Kept, Keys, SUBJECT_KEYS, WrappedKey},
};
use bson::DateTime;
use futures_util::{Stream, TryStreamExt, stream};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, named_params};

use super::store::EmbeddedStore;

/// A row: the key, by what it was wrapped, and when it was deleted.
type Row = (Option<Vec<u8>>, Option<String>, Option<i64>);

impl<C: Codec> EmbeddedStore<C> {
    /// Asks the table, or changes it; the file is made if it is not there.
    async fn on_keys<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_thread(move |file| {
            let mut connection = file.open_or_create()?;
            let run = || {
                connection.pragma_update(None, "secure_delete", "ON")?;
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                transaction.execute_batch(&create())?;
                let done = work(&transaction)?;
                transaction.commit().map(|()| done)
            };
            run().map_err(|error| file.failed(error))
        })
        .await
    }

    /// Asks the table; the default where there is none.
    async fn ask_keys<T: Default + Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_thread(move |file| {
            let Some(connection) = file.open_existing()? else { return Ok(T::default()) };
            let ask = || match connection.table_exists(None, SUBJECT_KEYS)? {
                true => question(&connection),
                false => Ok(T::default()),
            };
            ask().map_err(|error| file.failed(error))
        })
        .await
    }

    /// Leaves no byte of a deleted key in the file: the table is written anew, since SQLite overwrites what is deleted, but not what it
    /// has moved from one page to another; and the log of the file is emptied. Whether no reader has kept it from that.
    pub(crate) async fn wipe_keys(&self) -> Result<bool, StoreError> {
        let anew = self.ask_keys(|_| Ok(true)).await?;
        if anew {
            self.on_keys(|open| {
                let old = format!("{SUBJECT_KEYS}_old");
                open.execute_batch(&format!(
                    "ALTER TABLE {SUBJECT_KEYS} RENAME TO {old}; {};
                    INSERT INTO {SUBJECT_KEYS} SELECT * FROM {old}; DROP TABLE {old};",
                    create()
                ))
            })
            .await?;
        }
        self.on_thread(|file| {
            let Some(connection) = file.open_existing()? else { return Ok(true) };
            let busy: i64 = connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))
                .map_err(|error| file.failed(error))?;
            Ok(busy == 0)
        })
        .await
    }
}

fn create() -> String {
    format!(
        r#"CREATE TABLE IF NOT EXISTS {SUBJECT_KEYS} (
            subject      TEXT NOT NULL PRIMARY KEY,
            key          BLOB,
            "by"         TEXT,
            forgotten_at INTEGER -- milliseconds since 1970
        ) STRICT, WITHOUT ROWID"#
    )
}

impl<C: Codec> Keys for EmbeddedStore<C> {
    async fn key(&self, subject: &Subject) -> Result<Kept, StoreError> {
        let name = subject.clone();
        kept(subject, self.ask_keys(move |open| find(open, &name)).await?)
    }

    async fn keep_key(&self, subject: &Subject, fresh: WrappedKey) -> Result<Kept, StoreError> {
        let name = subject.clone();
        let found = self.on_keys(move |open| {
            let insert =
                format!(r#"INSERT OR IGNORE INTO {SUBJECT_KEYS} (subject, key, "by") VALUES (:subject, :key, :by)"#);
            open.execute(&insert, named_params! { ":subject": name.as_str(), ":key": fresh.bytes, ":by": fresh.by })?;
            find(open, &name)
        });
        kept(subject, found.await?)
    }

    async fn delete_key(&self, subject: &Subject) -> Result<Kept, StoreError> {
        let (name, now) = (subject.clone(), DateTime::now().timestamp_millis());
        let before = self.on_keys(move |open| {
            let before = find(open, &name)?;
            let forget = format!(
                r#"INSERT INTO {SUBJECT_KEYS} (subject, forgotten_at) VALUES (:subject, :now)
                ON CONFLICT DO UPDATE SET key = NULL, "by" = NULL, forgotten_at = coalesce(forgotten_at, :now)"#
            );
            open.execute(&forget, named_params! { ":subject": name.as_str(), ":now": now })?;
            Ok(before)
        });
        kept(subject, before.await?)
    }

    async fn replace_key(&self, subject: &Subject, old: &WrappedKey, new: WrappedKey) -> Result<bool, StoreError> {
        let (name, old) = (subject.clone(), old.bytes.clone());
        self.on_keys(move |open| {
            let replace =
                format!(r#"UPDATE {SUBJECT_KEYS} SET key = :new, "by" = :by WHERE subject = :subject AND key = :old"#);
            let values = named_params! { ":subject": name.as_str(), ":old": old, ":new": new.bytes, ":by": new.by };
            Ok(open.execute(&replace, values)? == 1)
        })
        .await
    }

    fn subjects(&self) -> impl Stream<Item = Result<Subject, StoreError>> + Send {
        let names = self.ask_keys(|open| {
            let select = format!("SELECT subject FROM {SUBJECT_KEYS} WHERE key IS NOT NULL ORDER BY subject");
            open.prepare(&select)?.query_map((), |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()
        });
        let subject =
            |name: String| name.parse().map_err(|why| unreadable(&name, &format!("it names no subject: {why}")).into());
        stream::once(names).map_ok(move |names| stream::iter(names.into_iter().map(subject))).try_flatten()
    }
}

fn find(open: &Connection, subject: &Subject) -> rusqlite::Result<Option<Row>> {
    let select = format!(r#"SELECT key, "by", forgotten_at FROM {SUBJECT_KEYS} WHERE subject = ?1"#);
    open.query_row(&select, [subject.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
}

fn kept(subject: &Subject, found: Option<Row>) -> Result<Kept, StoreError> {
    match found {
        None => Ok(Kept::Unknown),
        Some((.., Some(at))) => Ok(Kept::Forgotten(DateTime::from_millis(at))),
        Some((Some(bytes), Some(by), None)) => Ok(Kept::Key(WrappedKey { bytes, by })),
        Some(_) => Err(unreadable(subject.as_str(), "it has neither a key nor a time at which it was deleted").into()),
    }
}

fn unreadable(subject: &str, why: &str) -> Unreadable {
    Unreadable { document: format!("'{subject}' in {SUBJECT_KEYS}"), version: None, why: why.to_owned() }
}
