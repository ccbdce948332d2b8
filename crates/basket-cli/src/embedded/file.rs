//! The file of an embedded store: created, recognised as made by basket, and opened. [`store`](super::store) calls it, on
//! a thread that may wait for disks and locks. It knows nothing about the rows.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use basket_mongo::StoreError;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, TransactionBehavior};

use super::{
    kinds::{self, Kind},
    rows::Table,
};

/// How long to wait for another process that is writing; it takes a few milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Marks a file as made by basket ("bskt"), in the field that SQLite's file format has for that.
const APPLICATION_ID: i32 = 0x6273_6b74;

/// The version of the tables; a file with a newer one is not opened.
const FILE_VERSION: i32 = 3;

/// The device and inode of a file; none on systems without them.
pub(super) type Identity = Option<(u64, u64)>;

/// A file, and the table in it that a store uses.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) table: Table,
}

impl File {
    pub(super) fn at(path: PathBuf, table: Table) -> Self {
        Self { name: path.display().to_string(), path, table }
    }

    /// Which file is there now.
    pub(super) fn identity(&self) -> Identity {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            fs::metadata(&self.path).ok().map(|about| (about.dev(), about.ino()))
        }
        #[cfg(not(unix))]
        None
    }

    /// When the file was written to last. What SQLite commits stands in a file beside it at first.
    pub(super) fn written(&self) -> Option<SystemTime> {
        fs::metadata(&self.path).and_then(|about| about.modified()).ok()
    }

    /// Whether the file was written to just now.
    pub(super) fn is_fresh(&self) -> bool {
        let age = self.written().and_then(|written| written.elapsed().ok());
        age.is_none_or(|age| age < Duration::from_secs(1))
    }

    /// Fails where the file that a reader has open is gone, or another one has taken its place.
    pub(super) fn is_there(&self, identity: Identity) -> Result<(), StoreError> {
        match self.path.try_exists() {
            Ok(true) if self.identity() == identity => Ok(()),
            Ok(true) => Err(self.was_replaced()),
            _ => Err(self.other("the file is gone; watch again once it is back")),
        }
    }

    pub(super) fn was_replaced(&self) -> StoreError {
        self.other("another file has taken the place of the one that was read; begin again")
    }

    /// Opens the file to read it; `None` where there is none, or no table in it yet.
    pub(super) fn open_existing(&self) -> Result<Option<Connection>, StoreError> {
        let Some(mut connection) = self.open_as_it_is()? else { return Ok(None) };
        Ok(self.has_table(&mut connection)?.then_some(connection))
    }

    /// The kinds of streams in the file.
    pub(super) fn kinds(&self) -> Result<Vec<Kind>, StoreError> {
        let Some(mut connection) = self.open_as_it_is()? else { return Ok(Vec::new()) };
        self.has_table(&mut connection)?;
        kinds::kinds(&connection).map_err(|error| self.failed(error))
    }

    fn open_as_it_is(&self) -> Result<Option<Connection>, StoreError> {
        if !self.path.try_exists().map_err(|error| self.system("it can't be read", error))? {
            return Ok(None);
        }
        match open(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE) {
            Err(error) if is_not_let(&error) && self.is_read_only() => self.open_unchanging().map(Some),
            opened => opened.map(Some).map_err(|error| self.failed(error)),
        }
    }

    /// Opens the file; creates it where there is none.
    pub(super) fn open_or_create(&self) -> Result<Connection, StoreError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|error| self.system("its folder can't be made", error))?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut connection =
            open(&self.path, flags).map_err(|error| match is_not_let(&error) && self.is_read_only() {
                true => self.read_only(error),
                false => self.failed(error),
            })?;
        if !self.has_table(&mut connection)? {
            self.create(&mut connection)?;
        }
        Ok(connection)
    }

    /// Opens a file in a folder that can't be written, where SQLite can't make its log: as a file that does not change while
    /// it is read. What another user has written to a log there would not be seen, so there must be none.
    fn open_unchanging(&self) -> Result<Connection, StoreError> {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        if fs::metadata(&log).is_ok_and(|about| about.len() > 0) {
            let why = format!(
                "its newest events are in {}, which SQLite can't read in a folder that is read-only; copy both files to another \
                 folder",
                log.display()
            );
            return Err(self.other(&why));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        open(Path::new(&(uri(&self.path) + "?immutable=1")), flags).map_err(|error| self.failed(error))
    }

    /// Whether the file can't be written, or the folder, in which SQLite keeps a log while it writes.
    #[cfg(unix)]
    fn is_read_only(&self) -> bool {
        use rustix::{
            fs::{Access, access},
            io::Errno,
        };
        let may_not = |path: &Path| {
            let refused = access(path, Access::WRITE_OK).err();
            refused.is_some_and(|error| [Errno::ACCESS, Errno::PERM, Errno::ROFS].contains(&error))
        };
        may_not(&self.path) || self.path.parent().is_some_and(may_not)
    }

    #[cfg(not(unix))]
    fn is_read_only(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|about| about.permissions().readonly())
    }

    /// Whether the table is there, which an older version of basket may have made: it is upgraded then.
    fn has_table(&self, connection: &mut Connection) -> Result<bool, StoreError> {
        let read = || {
            // One transaction, so that a file that another process is creating is seen before or after that.
            let snapshot = connection.unchecked_transaction()?;
            let pragma = |name| pragma(&snapshot, name);
            Ok((pragma("application_id")?, pragma("user_version")?, pragma("schema_version")?))
        };
        match read().map_err(|error| self.failed(error))? {
            (APPLICATION_ID, FILE_VERSION, _) => {}
            (APPLICATION_ID, 1..FILE_VERSION, _) if cant_change(connection) => {
                let why = "an older basket made the file, and it can't be renewed where it is read-only; copy it";
                return Err(self.other(why));
            }
            (APPLICATION_ID, 1..FILE_VERSION, _) => self.renew(connection)?,
            (APPLICATION_ID, newer, _) => {
                let why = format!("the file has version {newer}, made by a newer program; use that one");
                return Err(self.other(&why));
            }
            (0, 0, 0) => return Ok(false),
            _ => {
                let why = "the file is a database, but none of ours, so it is left alone; name another one";
                return Err(self.other(why));
            }
        }
        connection.table_exists(None, self.table.name).map_err(|error| self.failed(error))
    }

    fn create(&self, connection: &mut Connection) -> Result<(), StoreError> {
        write_ahead(connection).map_err(|error| self.failed(error))?;
        self.change(connection, |transaction| {
            // Another process may have created it meanwhile.
            if pragma(transaction, "application_id")? == 0 {
                transaction.pragma_update(None, "user_version", FILE_VERSION)?;
                transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            }
            transaction.execute_batch(&self.table.create())
        })
    }

    /// Renews the file of an older version, every table in it.
    fn renew(&self, connection: &mut Connection) -> Result<(), StoreError> {
        self.change(connection, |transaction| {
            let version = pragma(transaction, "user_version")?;
            if version == 1 {
                transaction.execute_batch(&self.table.renew())?;
            }
            if version == 2 {
                kinds::add_tags(transaction)?;
            }
            transaction.pragma_update(None, "user_version", FILE_VERSION)
        })
    }

    fn change(
        &self,
        connection: &mut Connection,
        change: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let done = transaction.and_then(|transaction| {
            change(&transaction)?;
            transaction.commit()
        });
        done.map_err(|error| self.failed(error))
    }

    pub(super) fn failed(&self, error: rusqlite::Error) -> StoreError {
        let why = match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly) => return self.read_only(error),
            Some(ErrorCode::DatabaseCorrupt) => return self.damaged(error),
            Some(ErrorCode::NotADatabase) if self.begins_as_a_database() => return self.damaged(error),
            Some(ErrorCode::NotADatabase) => {
                "the file is no database of ours, so it is left alone; name another one".into()
            }
            _ if is_busy(&error) => {
                let why =
                    format!("another process has held the file for {} seconds; try again", BUSY_TIMEOUT.as_secs());
                return StoreError::Busy { store: self.name.clone(), why, source: Some(error.into()) };
            }
            _ => error.to_string(),
        };
        StoreError::Other { store: self.name.clone(), why, source: Some(error.into()) }
    }

    fn read_only(&self, error: rusqlite::Error) -> StoreError {
        let why =
            "the file is read-only, or its folder is, so nothing was written; copy it, or name another one".into();
        StoreError::Other { store: self.name.clone(), why, source: Some(error.into()) }
    }

    fn damaged(&self, error: rusqlite::Error) -> StoreError {
        StoreError::Damaged { store: self.name.clone(), why: error.to_string(), source: Some(error.into()) }
    }

    /// Whether the file was a database once, though it may be cut anywhere.
    fn begins_as_a_database(&self) -> bool {
        let mut start = Vec::new();
        let read = fs::File::open(&self.path).and_then(|file| file.take(16).read_to_end(&mut start));
        read.is_ok_and(|bytes| bytes > 0) && b"SQLite format 3\0".starts_with(&start)
    }

    fn system(&self, what: &str, error: std::io::Error) -> StoreError {
        StoreError::Other { store: self.name.clone(), why: format!("{what}: {error}"), source: Some(error.into()) }
    }

    pub(super) fn other(&self, why: &str) -> StoreError {
        StoreError::other(&self.name, why)
    }
}

/// Opens a file, and reads a little of it: SQLite does not look at it before that.
fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    pragma(&connection, "schema_version")?;
    Ok(connection)
}

/// The path as SQLite reads it in a URI.
fn uri(path: &Path) -> String {
    let as_it_is = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    let path: String =
        bytes.map(|byte| if as_it_is(byte) { char::from(*byte).to_string() } else { format!("%{byte:02x}") }).collect();
    format!("file:{}{path}", if path.starts_with('/') { "//" } else { "" })
}

/// Whether the connection can only read.
pub(super) fn cant_change(connection: &Connection) -> bool {
    connection.is_readonly(MAIN_DB).unwrap_or(false)
}

/// Sets the mode in which readers and writers don't wait for each other. The file keeps it.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let start = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            // SQLite waits by itself for every lock but this one.
            Err(error) if is_busy(&error) && start.elapsed() < BUSY_TIMEOUT => sleep(Duration::from_millis(5)),
            done => return done,
        }
    }
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Whether the system did not let SQLite write the file, or make one beside it.
fn is_not_let(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
