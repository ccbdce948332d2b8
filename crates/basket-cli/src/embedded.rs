//! Events in an embedded SQLite file, for whoever has no server: the same documents as in MongoDB, a row each, and the
//! same contract. Several processes may use one file at once: SQLite's write-ahead log and its locks see to that.

use std::{
    fs,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use basket_domain::{Basket, BasketEvent, BasketId, EventSourced};
use basket_mongo::{
    Baskets, CommitId, EventLog, EventStore, Expected, Meta, StoreError,
    document::{RecordedEvent, new_events, next},
};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};

use crate::rows::{self, FIELDS};

/// How long to wait for another process that is writing; it takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Marks a file as ours ("bskt"), in the place that SQLite's file format keeps for that.
const APPLICATION_ID: i32 = 0x6273_6b74;

/// The shape of the table below; a file with a newer one is left alone.
const FILE_VERSION: i32 = 2;

/// The position is the order of the commits: one writer at a time takes the next.
const SCHEMA: &str = r#"
    CREATE TABLE baskets (
        position    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        _id         TEXT    NOT NULL UNIQUE,
        basket_id   TEXT    NOT NULL,
        version     INTEGER NOT NULL,
        type        TEXT    NOT NULL,
        data        TEXT    NOT NULL, -- JSON
        recorded_at TEXT    NOT NULL, -- RFC 3339, UTC
        "commit"    TEXT    NOT NULL,
        schema      INTEGER NOT NULL,
        meta        TEXT,             -- JSON
        UNIQUE (basket_id, version)
    ) STRICT;"#;

/// From the first shape of the file, which had no position and no meta.
const FROM_VERSION_1: &str = r#"
    INSERT INTO baskets (_id, basket_id, version, type, data, recorded_at, "commit", schema)
        SELECT _id, basket_id, version, type, data, recorded_at, "commit", schema FROM version_1 ORDER BY rowid;
    DROP TABLE version_1;"#;

/// The events of all baskets in one file.
///
/// Its futures never wait: SQLite is called where it stands, in a program that does one thing and ends.
#[derive(Debug, Clone)]
pub struct EmbeddedStore {
    pub(crate) path: PathBuf,
    pub(crate) meta: Meta,
}

impl EmbeddedStore {
    /// The store in this file, which is made by the first append.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), meta: Meta::default() }
    }

    /// Whether there is a file of ours already; the first append makes it.
    ///
    /// # Errors
    /// [`StoreError::Other`] says what is wrong with the one that is there.
    pub fn exists(&self) -> Result<bool, StoreError> {
        Ok(self.open_existing()?.is_some())
    }

    /// Whether the file has stayed where it is, for whoever has it open.
    pub(crate) fn is_there(&self) -> Result<(), StoreError> {
        match self.path.try_exists() {
            Ok(true) => Ok(()),
            _ => Err(self.other("the file is gone; watch again once it is back".into())),
        }
    }

    /// The open file; `None` where there is none, or nothing in it yet.
    pub(crate) fn open_existing(&self) -> Result<Option<Connection>, StoreError> {
        if !self.path.try_exists().map_err(|error| self.other(error.to_string()))? {
            return Ok(None);
        }
        let mut connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        Ok(self.is_ours(&mut connection)?.then_some(connection))
    }

    /// The open file; made where there is none.
    pub(crate) fn open_or_create(&self) -> Result<Connection, StoreError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|error| self.other(format!("its folder can't be made: {error}")))?;
        }
        let mut connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        if !self.is_ours(&mut connection)? {
            self.create(&mut connection)?;
        }
        Ok(connection)
    }

    fn open(&self, flags: OpenFlags) -> Result<Connection, StoreError> {
        let open = || {
            let connection = Connection::open_with_flags(&self.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.busy_timeout(PATIENCE)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            Ok(connection)
        };
        open().map_err(|error| self.failed(error))
    }

    /// Whether the file has our table, which is brought to its newest shape; `false` where it is empty.
    fn is_ours(&self, connection: &mut Connection) -> Result<bool, StoreError> {
        let read = || {
            // One transaction, so that a file that another process is just making is seen before or after, not between.
            let snapshot = connection.unchecked_transaction()?;
            let pragma = |name| snapshot.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
            Ok((pragma("application_id")?, pragma("user_version")?, pragma("schema_version")?))
        };
        match read().map_err(|error| self.failed(error))? {
            (APPLICATION_ID, FILE_VERSION, _) => Ok(true),
            (APPLICATION_ID, 1, _) => self.renew(connection).map(|()| true),
            (APPLICATION_ID, newer, _) => {
                Err(self.other(format!("the file has version {newer}, made by a newer basket; use that one")))
            }
            (0, 0, 0) => Ok(false),
            _ => {
                Err(self
                    .other("the file is a database, but none of ours, so it is left alone; name another one".into()))
            }
        }
    }

    fn create(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let mut create = || {
            write_ahead(connection)?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // Another process may have been here first.
            if transaction.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0))? == 0 {
                transaction.execute_batch(SCHEMA)?;
                transaction.pragma_update(None, "user_version", FILE_VERSION)?;
                transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            }
            transaction.commit()
        };
        create().map_err(|error| self.failed(error))
    }

    fn renew(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let mut renew = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if transaction.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0))? == 1 {
                transaction.execute_batch("ALTER TABLE baskets RENAME TO version_1")?;
                transaction.execute_batch(SCHEMA)?;
                transaction.execute_batch(FROM_VERSION_1)?;
                transaction.pragma_update(None, "user_version", FILE_VERSION)?;
            }
            transaction.commit()
        };
        renew().map_err(|error| self.failed(error))
    }

    pub(crate) fn failed(&self, error: rusqlite::Error) -> StoreError {
        self.other(match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => {
                "the file is no database of ours, so it is left alone; name another one".into()
            }
            _ if is_busy(&error) => {
                format!("another process has held the file for {} seconds; try again", PATIENCE.as_secs())
            }
            _ => error.to_string(),
        })
    }

    pub(crate) fn other(&self, why: String) -> StoreError {
        StoreError::Other { store: EventLog::name(self), why }
    }

    fn replay(&self, connection: &Connection, id: &BasketId) -> Result<EventSourced<Basket>, StoreError> {
        let failed = |error| self.failed(error);
        let select = format!("SELECT {FIELDS} FROM baskets WHERE basket_id = ?1 ORDER BY version");
        let mut stream = connection.prepare(&select).map_err(failed)?;
        let mut rows = stream.query([id.to_string()]).map_err(failed)?;
        let mut root = EventSourced::new(*id);
        while let Some(row) = rows.next().map_err(failed)? {
            let document = rows::document(row).map_err(failed)?;
            root = RecordedEvent::from_document(document.as_ref().into())?.replay_onto::<Baskets>(root)?;
        }
        Ok(root)
    }
}

impl EventStore<Basket> for EmbeddedStore {
    async fn get(&self, id: &BasketId) -> Result<EventSourced<Basket>, StoreError> {
        let root = match self.open_existing()? {
            Some(connection) => self.replay(&connection, id)?,
            None => EventSourced::new(*id),
        };
        match root.version() {
            0 => Err(self.not_found(id)),
            _ => Ok(root),
        }
    }

    async fn append(
        &self,
        id: &BasketId,
        expected: Expected,
        commit: CommitId,
        events: &[BasketEvent],
    ) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        // Inside the transaction nobody else writes, so the head is read at no risk, whoever named the version.
        let (Expected::Loaded(expected) | Expected::Claimed(expected)) = expected;
        let mut connection = self.open_or_create()?;
        let mut append = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let found: i64 = transaction.query_row(
                "SELECT coalesce(max(version), 0) FROM baskets WHERE basket_id = ?1",
                [id.to_string()],
                |row| row.get(0),
            )?;
            let found = u64::try_from(found).unwrap_or(0);
            if found != expected {
                let ours = r#"SELECT 1 FROM baskets WHERE basket_id = ?1 AND version = ?2 AND "commit" = ?3"#;
                let ours =
                    transaction.prepare(ours)?.exists(params![id.to_string(), next(expected), commit.to_hex()])?;
                return Ok(if ours { Ok(()) } else { Err(StoreError::Conflict { expected, found }) });
            }
            for event in new_events::<Baskets>(expected, commit, &self.meta, events) {
                rows::insert(&transaction, &event.document::<Baskets>(id))?;
            }
            transaction.commit().map(Ok)
        };
        append().map_err(|error| self.failed(error))?
    }
}

/// Readers don't wait for a writer then, nor it for them. The mode stays with the file.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let start = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            // SQLite waits by itself for every lock but this one.
            Err(error) if is_busy(&error) && start.elapsed() < PATIENCE => sleep(Duration::from_millis(5)),
            done => return done,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
