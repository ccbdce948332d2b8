//! Snapshots: the state of a long stream as it was after some version, so that a load reads only what came after it. No answer
//! depends on one: a snapshot that can't be used is named, and the events are read. Here is its shape, and the trait of a
//! store that keeps it; [`snapshotted`](super::snapshotted) loads with it and takes it.
//!
//! ```text
//! { _id: ObjectId, version: Long(1..), schema: 1, event: ObjectId, state: { ... }, taken_at: Date, crc32: Long }
//! ```
//!
//! `_id` is the stream's key, and `event` is the `_id` of its event at this version: a stream that has another one there, or
//! none, as after the restore of a backup, is not the one that the snapshot was taken of.

use std::{fmt, future::Future};

use bson::{Bson, DateTime, Document, RawBson, RawBsonRef, RawDocument, RawDocumentBuf, oid::ObjectId, raw::cstr};
use futures_util::Stream;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    codec::{Codec, Id, integral, key_bytes, shown},
    document::as_stored,
    error::StoreError,
    log::EventLog,
};

/// How the state of an aggregate is written, for its snapshots. An aggregate that has none of these has no snapshots.
///
/// ```
/// # use basket_domain::Aggregate;
/// # use basket_mongo::{StateCodec, store::by_serde::SerdeEvents};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # enum MeterEvent { Counted }
/// #[derive(Default, serde::Serialize, serde::Deserialize)]
/// struct Meter { counted: u64 }
///
/// # impl Aggregate for Meter {
/// #     type Id = String;
/// #     type Event = MeterEvent;
/// #     fn apply(&mut self, _: &MeterEvent) { self.counted += 1 }
/// # }
/// # struct Meters;
/// # impl SerdeEvents for Meters {
/// #     type Aggregate = Meter;
/// #     const COLLECTION: &'static str = "meters";
/// #     const KEY: &'static str = "meter_id";
/// # }
/// const STATE: StateCodec<Meters> = StateCodec::by_serde(1);
/// ```
pub struct StateCodec<C: Codec> {
    /// The number of the state's shape, from 1. Raise it with every change of [`write`](Self::write), and of what the appliers or
    /// the upcasters make of old events: a snapshot of another schema is ignored.
    pub schema: i32,
    /// The state as a document: the same state always as the same one. An error says why it can't be written.
    pub write: fn(&C::Aggregate) -> Result<Document, String>,
    /// The state that [`write`](Self::write) has written. An error says what is wrong with the document.
    pub read: fn(&Id<C>, &RawDocument) -> Result<C::Aggregate, String>,
}

impl<C: Codec> Clone for StateCodec<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: Codec> Copy for StateCodec<C> {}

impl<C: Codec> fmt::Debug for StateCodec<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateCodec").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl<C: Codec<Aggregate: Serialize + DeserializeOwned>> StateCodec<C> {
    /// For a state that derives serde's traits.
    pub const fn by_serde(schema: i32) -> Self {
        Self {
            schema,
            write: |state| bson::serialize_to_document(state).map_err(|error| error.to_string()),
            read: |_, state| bson::deserialize_from_slice(state.as_bytes()).map_err(|error| error.to_string()),
        }
    }
}

/// The state of a stream after a version, as a store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// After so many events, from 1.
    pub version: u64,
    /// The [schema](StateCodec::schema) of the state.
    pub schema: i32,
    /// The `_id` of the event at this version.
    pub event: ObjectId,
    /// What [`StateCodec::write`] has made of the state.
    pub state: RawDocumentBuf,
    /// When it was taken, by the clock of the program that took it.
    pub taken_at: DateTime,
    /// The [`checksum`](Self::checksum) when it was taken.
    pub crc32: u32,
}

impl Snapshot {
    /// A snapshot that is taken now, of the stream `id`.
    pub fn new<C: Codec>(id: &Id<C>, version: u64, schema: i32, event: ObjectId, state: RawDocumentBuf) -> Self {
        let mut new = Self { version, schema, event, state, taken_at: DateTime::now(), crc32: 0 };
        new.crc32 = new.checksum(&C::key(id));
        new
    }

    /// The checksum (CRC-32) of all that is loaded from it, and of the key of its stream.
    pub fn checksum(&self, key: &Bson) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        sum.update(&key_bytes(key));
        sum.update(&self.version.to_be_bytes());
        sum.update(&self.schema.to_be_bytes());
        sum.update(&self.event.bytes());
        sum.update(self.state.as_bytes());
        sum.finalize()
    }

    /// Its document, under the key of its stream. An error says why BSON can't hold the key.
    pub fn document(&self, key: Bson) -> Result<RawDocumentBuf, String> {
        let mut document = RawDocumentBuf::new();
        document.append(cstr!("_id"), RawBson::try_from(key).map_err(|error| error.to_string())?);
        document.append(cstr!("version"), as_stored(self.version));
        document.append(cstr!("schema"), self.schema);
        document.append(cstr!("event"), self.event);
        document.append(cstr!("state"), self.state.clone());
        document.append(cstr!("taken_at"), self.taken_at);
        document.append(cstr!("crc32"), i64::from(self.crc32));
        Ok(document)
    }

    /// Reads the document of a snapshot, and of which stream it is.
    ///
    /// # Errors
    /// [`Unusable::Corrupt`], if it is not as it was written.
    pub fn read<C: Codec>(document: &RawDocument) -> Result<(Id<C>, Self), Unusable> {
        let whole = |value| integral(value).and_then(|number| u32::try_from(number).ok());
        let version =
            |value| integral(value).and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0);
        let read = || {
            let id = field(document, "_id", "an id", C::id)?;
            let snapshot = Self {
                version: field(document, "version", "a whole number from 1", version)?,
                schema: field(document, "schema", "a whole number", |schema| integral(schema)?.try_into().ok())?,
                event: field(document, "event", "an ObjectId", RawBsonRef::as_object_id)?,
                state: field(document, "state", "a document", RawBsonRef::as_document)?.to_owned(),
                taken_at: field(document, "taken_at", "a date", RawBsonRef::as_datetime)?,
                crc32: field(document, "crc32", "a checksum", whole)?,
            };
            match snapshot.checksum(&C::key(&id)) == snapshot.crc32 {
                true => Ok((id, snapshot)),
                false => Err("its checksum is of other bytes".to_owned()),
            }
        };
        read().map_err(Unusable::Corrupt)
    }

    /// The state, as this program reads it. Fails with [`Unusable::OtherSchema`] if another one has written it.
    pub fn state<C: Codec>(&self, id: &Id<C>, codec: &StateCodec<C>) -> Result<C::Aggregate, Unusable> {
        match self.schema == codec.schema {
            true => (codec.read)(id, &self.state).map_err(Unusable::Corrupt),
            false => Err(Unusable::OtherSchema { found: self.schema, known: codec.schema }),
        }
    }
}

fn field<'a, T>(
    document: &'a RawDocument,
    name: &str,
    expected: &str,
    read: impl FnOnce(RawBsonRef<'a>) -> Option<T>,
) -> Result<T, String> {
    match document.get(name) {
        Ok(Some(value)) => read(value).ok_or_else(|| format!("its {name} is {}, expected {expected}", shown(value))),
        Ok(None) => Err(format!("it has no {name}")),
        Err(broken) => Err(format!("its {name} is not valid BSON: {broken}")),
    }
}

/// Why a snapshot is ignored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is not as it was written, or its state can't be read.
    #[error("it is corrupt: {0}")]
    Corrupt(String),
    /// Its schema is `found`, and this program writes and reads `known`.
    #[error("its schema is {found}, and this program's is {known}")]
    OtherSchema {
        /// That of the snapshot.
        found: i32,
        /// That of this program.
        known: i32,
    },
    /// The stream has no such version: the snapshot is of a time that the store has forgotten.
    #[error("it is of version {0}, which the stream does not have; was an older state of the store restored?")]
    Ahead(u64),
    /// The stream has another event at this version.
    #[error("it is of version {0} of another history; was an older state of the store restored?")]
    OtherHistory(u64),
}

impl Unusable {
    /// Whether a newer program has written it, which goes on using it: another one is not to replace it.
    pub fn is_of_newer_program(&self) -> bool {
        matches!(self, Self::OtherSchema { found, known } if found > known)
    }
}

/// A store that keeps snapshots, apart from its events: at most one of each stream, the newest.
///
/// Snapshots are what [`Snapshot::document`] makes, byte for byte; a store does not look into them.
pub trait Snapshots<C: Codec>: EventLog<C> {
    /// The snapshot of a stream, whatever is wrong with it; `None` if there is none.
    fn snapshot(&self, id: &Id<C>) -> impl Future<Output = Result<Option<RawDocumentBuf>, StoreError>> + Send;

    /// The snapshots of all streams, by key.
    fn snapshots(&self) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send;

    /// Keeps the snapshot of a stream, in the place of an earlier one. One of the same or a later version stays, and so does one of a
    /// newer schema.
    fn keep_snapshot(&self, id: &Id<C>, snapshot: &Snapshot) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes the snapshot of a stream, or of all of them; returns how many there were.
    fn drop_snapshots(&self, id: Option<&Id<C>>) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
