//! The contract on MongoDB: one document an event, found and kept apart by the unique key (stream, version).
//!
//! - [`store`]: the load; `append`: what is written, and the retries
//! - `guards`: what keeps the answer to a query as it was, until a commit that counts on it
//! - `log`: the documents, and the import; `reading`: one pass over documents, which survives a lost cursor
//! - `driven`: a stream that goes on by itself, so that it keeps no lock between two calls
//! - `tail`: events as they happen, from a change stream; `look`: the same from a server that has none
//! - `feeds`: what is kept of a reader, and of a read model; `following`: what comes after its position
//! - `keys`: the keys of subjects; `archive`: streams that were moved to a file
//! - `snapshots`: the states of long streams, in a collection of their own
//! - [`builder`]: a store whose names and limits are known at run time
//! - [`connection`]: the address of a server and the driver's options; `failure`: what the driver's errors mean
//! - `events`: the collection, how it is searched, and the newest time seen, so that no older state is shown
//! - `observed`: what is known of the server and the collection, for whoever listens
//! - `suitable`: what in a collection could lose events, and the unique index
//! - `setup`: the start of a store; `shape`: its validator; `rights`: the role of a user

mod append;
mod archive;
pub mod builder;
pub mod connection;
mod driven;
mod events;
mod failure;
mod feeds;
mod following;
mod guards;
mod keys;
mod log;
mod look;
#[cfg(any(feature = "metrics", feature = "tracing"))]
mod observed;
mod reading;
mod rights;
mod setup;
mod shape;
mod snapshots;
pub mod store;
mod suitable;
mod tail;
