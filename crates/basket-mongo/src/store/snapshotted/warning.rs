//! What is said about snapshots, for the log of a program.

use std::fmt;

use crate::store::{
    codec::{Codec, Id, what},
    error::StoreError,
    snapshot::Unusable,
};

/// Something about a snapshot that its operator should know. No answer is wrong for it.
#[derive(Debug)]
pub struct Warning {
    /// The kind of stream: its key without `_id`.
    pub what: &'static str,
    /// The stream.
    pub id: String,
    /// What it is.
    pub why: Why,
}

/// What is wrong about a snapshot.
#[derive(Debug)]
pub enum Why {
    /// It was ignored, and the events were read in its place.
    Ignored(Unusable),
    /// The store did not return it, and the events were read in its place.
    NotRead(StoreError),
    /// None was taken.
    NotTaken(StoreError),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, id, why } = self;
        match why {
            Why::Ignored(why) => write!(f, "the snapshot of {what} '{id}' is ignored: {why}"),
            Why::NotRead(why) => write!(f, "the snapshot of {what} '{id}' can't be read: {why}"),
            Why::NotTaken(why) => write!(f, "no snapshot of {what} '{id}' was taken: {why}"),
        }
    }
}

impl Warning {
    pub(super) fn new<C: Codec>(id: &Id<C>, why: Why) -> Self {
        Self { what: what::<C>(), id: id.to_string(), why }
    }
}
