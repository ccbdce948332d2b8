//! The store in one SQLite file, for users without a server: the same documents as in MongoDB, a row each. Several processes
//! may use one file at once: SQLite's write-ahead log and its locks allow that.
//!
//! - `store`: loads and appends; every call of SQLite runs on a thread that may block
//! - `log`: documents in pages, the checks of the file, and imports
//! - `tail`: events as they happen
//! - `feeds`: what is kept of a reader, and of a read model; `following`: what comes after its position
//! - `snapshots`: the states of long streams, in a table of their own
//! - `file`: the file itself: created, recognised, opened
//! - `keys`: the keys of subjects; `archive`: streams that were moved to another file
//! - `rows`: a row as a document, and back; `kinds`: which tables a file has

mod archive;
mod feeds;
mod file;
mod following;
mod keys;
mod kinds;
mod log;
mod rows;
mod snapshots;
mod store;
mod tail;

pub use store::EmbeddedStore;
