//! The contract on MongoDB: one document an event, found and kept apart by the unique key (stream, version).
//!
//! - [`store`]: the load, and the append with its retries
//! - `log`: documents in batches, the check of the unique index, and the import
//! - `tail`: events as they happen, from a change stream; `look`: the same from a server that has none
//! - [`connection`]: connecting to a server, and what its errors mean

pub mod connection;
mod log;
mod look;
pub mod store;
mod tail;
