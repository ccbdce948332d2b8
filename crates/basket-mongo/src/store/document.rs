//! The shape of an event document, written and read:
//!
//! ```text
//! { _id: ObjectId, basket_id: ObjectId, version: Long(1..), type: "ItemAdded",
//!   data: { product: "rocks", qty: 1 }, recorded_at: Date, commit: ObjectId, schema: 1,
//!   meta: { actor: "ann", reason: "...", correlation: "...", causation: "...", request: "...", headers: { ... } },
//!   tags: ["voucher:SPRING"] }
//! ```
//!
//! `meta` and `tags` are only there if there is something in them. Tags are what [`Codec::tags`] says of the event: they are
//! there for the index, and no reader of an event needs them.
//!
//! Stores call it for every event; nothing unreadable gets past it, and nothing unreadable is skipped.

use basket_domain::EventSourced;
use bson::{DateTime, Document, RawBsonRef, RawDocument, doc, oid::ObjectId};

use super::{
    codec::{Codec, Event, Id, integral, shown},
    entry::{Commit, CommitId, Entry, LogEntry, Meta},
    error::Unreadable,
    json,
    upcaster::{newest, upcast},
};

/// Whether a time is in the years 1 to 9999, the only ones that RFC 3339 has, wherever on Earth it is read.
fn is_in_calendar(time: DateTime) -> bool {
    const DAY: i64 = 86_400_000;
    const YEAR_1: i64 = -719_162 * DAY;
    const YEAR_10_000: i64 = 2_932_897 * DAY;
    (YEAR_1 + DAY..YEAR_10_000 - DAY).contains(&time.timestamp_millis())
}

/// The fields of an event document, as found; `None` if it is missing. The first five are what a replay needs.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "each is the field of its name")]
pub struct RecordedEvent<'a> {
    pub _id: Option<RawBsonRef<'a>>,
    pub version: Option<RawBsonRef<'a>>,
    pub r#type: Option<RawBsonRef<'a>>,
    pub data: Option<RawBsonRef<'a>>,
    pub schema: Option<RawBsonRef<'a>>,
    pub recorded_at: Option<RawBsonRef<'a>>,
    pub commit: Option<RawBsonRef<'a>>,
    pub meta: Option<RawBsonRef<'a>>,
    pub tags: Option<RawBsonRef<'a>>,
}

impl<'a> RecordedEvent<'a> {
    /// Picks the fields out of a document, without a copy. Fails if it is not valid BSON, or has a key twice.
    pub fn from_document(document: RawBsonRef<'a>) -> Result<Self, Unreadable> {
        let mut found = Self::default();
        let RawBsonRef::Document(document) = document else {
            return Err(found.unreadable(format!("it is {}, expected a document", shown(document))));
        };
        let Err(why) = json::fields(document, |name, value| found.pick(name, value)) else { return Ok(found) };
        // What names the document may come behind what is wrong with it.
        document.iter().flatten().for_each(|(name, value)| found.pick(name.as_str(), value));
        Err(found.unreadable(why))
    }

    fn pick(&mut self, name: &str, value: RawBsonRef<'a>) {
        match name {
            "_id" => self._id = Some(value),
            "version" => self.version = Some(value),
            "type" => self.r#type = Some(value),
            "data" => self.data = Some(value),
            "schema" => self.schema = Some(value),
            "recorded_at" => self.recorded_at = Some(value),
            "commit" => self.commit = Some(value),
            "meta" => self.meta = Some(value),
            "tags" => self.tags = Some(value),
            _ => {}
        }
    }

    /// Reads the event and applies it to the root, which it must follow directly. An error names the document and says why it
    /// can't be the next event of this stream.
    #[inline]
    pub fn replay_onto<C: Codec>(
        self,
        root: EventSourced<C::Aggregate>,
    ) -> Result<EventSourced<C::Aggregate>, Unreadable> {
        match self.next_event::<C>(root.id(), root.version(), root.state()) {
            Ok(event) => Ok(root.replay([event])),
            Err(why) => Err(self.unreadable(why)),
        }
    }

    /// The event, which must follow on this state, after `version` others.
    pub(crate) fn next_event<C: Codec>(
        self,
        id: &Id<C>,
        version: u64,
        state: &C::Aggregate,
    ) -> Result<Event<C>, String> {
        self.check_version(version + 1)?;
        let event = self.event::<C>(id)?;
        C::check(state, &event).map(|()| event)
    }

    /// The event by itself, whatever came before it.
    pub(crate) fn event<C: Codec>(self, id: &Id<C>) -> Result<Event<C>, String> {
        let kind = field("type", self.r#type, "the name of an event", RawBsonRef::as_str)?;
        let newest = if C::ANY_SCHEMA { i32::MAX } else { newest::<C>(kind) };
        let schema = self.check_schema(newest)?;
        self.check_time()?;
        let data = field("data", self.data, "a document", RawBsonRef::as_document)?;
        match C::ANY_SCHEMA || schema == newest {
            true => C::decode(id, kind, data),
            false => C::decode(id, kind, &upcast::<C>(kind, schema, data)?),
        }
    }

    /// All that the document says, with the event as `event` reads it.
    pub(crate) fn entry<I, E>(
        self,
        stream: I,
        event: impl FnOnce(Self) -> Result<E, String>,
    ) -> Result<LogEntry<I, E>, Unreadable> {
        let read = || {
            Ok(LogEntry {
                version: self.read_version()?,
                event: event(self)?,
                document: field("_id", self._id, "an ObjectId", RawBsonRef::as_object_id)?,
                recorded_at: field("recorded_at", self.recorded_at, "a date", RawBsonRef::as_datetime)?,
                commit: field("commit", self.commit, "an ObjectId", RawBsonRef::as_object_id)?,
                meta: self.meta.map_or_else(|| Ok(Meta::default()), Meta::read)?,
                stream,
            })
        };
        read().map_err(|why| self.unreadable(why))
    }

    /// Whether this commit has appended it, or another one for the same request.
    pub(crate) fn is_of(self, commit: &Commit) -> bool {
        let field = |name| self.meta?.as_document()?.get_str(name).ok();
        self.commit.and_then(RawBsonRef::as_object_id) == Some(commit.id)
            || commit.meta.request.as_deref().is_some_and(|request| field("request") == Some(request))
    }

    /// Its version, from 1. Fails if it has none, or an invalid one.
    pub fn version(self) -> Result<u64, Unreadable> {
        self.read_version().map_err(|why| self.unreadable(why))
    }

    fn read_version(self) -> Result<u64, String> {
        let version =
            |value| integral(value).and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0);
        field("version", self.version, "a whole number from 1", version)
    }

    pub(crate) fn check_version(self, next: u64) -> Result<(), String> {
        match self.read_version()? {
            version if version == next => Ok(()),
            version if version > next => Err(format!("version {next} is missing before it")),
            version => Err(format!("version {version} is there twice")),
        }
    }

    /// The state does not depend on the time, so it may be missing. One that is there must have a text that every program
    /// reads, in every zone.
    fn check_time(self) -> Result<(), String> {
        let Some(value) = self.recorded_at else { return Ok(()) };
        match value.as_datetime() {
            Some(time) if is_in_calendar(time) => Ok(()),
            Some(time) => {
                let millis = time.timestamp_millis();
                Err(format!("its recorded_at is Date({millis}), expected one from 0001-01-02 to 9999-12-30"))
            }
            None => Err(format!("its recorded_at is {}, expected a date", shown(value))),
        }
    }

    /// A document without a schema was put there by hand; it is read as the first one.
    fn check_schema(self, newest: i32) -> Result<i32, String> {
        let Some(value) = self.schema else { return Ok(1) };
        match integral(value).map(i32::try_from) {
            Some(Ok(schema)) if (1..=newest).contains(&schema) => Ok(schema),
            Some(Ok(schema)) if schema > newest => Err(format!(
                "its schema is {schema}, and this program knows {newest} as the newest; read it with a newer release"
            )),
            _ => Err(format!("its schema is {}, expected a whole number from 1", shown(value))),
        }
    }

    pub(crate) fn unreadable(self, why: String) -> Unreadable {
        Unreadable {
            document: self._id.map_or_else(|| "(none)".to_owned(), shown),
            version: self.version.and_then(integral),
            why,
        }
    }
}

/// Reads an event document, whatever comes before it in its stream. An error names the document and says which field is
/// invalid.
pub fn read_entry<C: Codec>(document: &RawDocument) -> Result<Entry<C>, Unreadable> {
    let event = RecordedEvent::from_document(RawBsonRef::Document(document))?;
    let stream = stream_of::<C>(document).map_err(|why| event.unreadable(why))?;
    event.entry(stream.clone(), |event| event.event::<C>(&stream))
}

/// The stream that a document names. An error says what is there in place of an id.
pub fn stream_of<C: Codec>(document: &RawDocument) -> Result<Id<C>, String> {
    match document.get(C::key_field()) {
        Ok(Some(key)) => C::id(key).ok_or_else(|| no_id::<C>(key)),
        Ok(None) => Err(format!("it has no {}", C::key_field())),
        Err(broken) => Err(format!("its {} is not valid BSON: {broken}", C::key_field())),
    }
}

/// The stream with this key, of which `document` is the `_id` of an event. Fails if the key is no id.
pub fn id_of<C: Codec>(document: Option<RawBsonRef<'_>>, key: Option<RawBsonRef<'_>>) -> Result<Id<C>, Unreadable> {
    let event = RecordedEvent { _id: document, ..RecordedEvent::default() };
    let id = key
        .map_or_else(|| Err(format!("it has no {}", C::key_field())), |key| C::id(key).ok_or_else(|| no_id::<C>(key)));
    id.map_err(|why| event.unreadable(why))
}

fn no_id<C: Codec>(key: RawBsonRef<'_>) -> String {
    format!("its {} is {}, which is no id", C::key_field(), shown(key))
}

/// The value of a field, if `read` can read it.
fn field<'a, T>(
    name: &str,
    value: Option<RawBsonRef<'a>>,
    expected: &str,
    read: impl FnOnce(RawBsonRef<'a>) -> Option<T>,
) -> Result<T, String> {
    let value = value.ok_or_else(|| format!("it has no {name}"))?;
    read(value).ok_or_else(|| format!("its {name} is {}, expected {expected}", shown(value)))
}

/// An event on its way into a store: the fields of its document, but for the stream's key.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each is the field of its name")]
pub struct NewEvent {
    pub _id: ObjectId,
    pub version: i64,
    pub r#type: &'static str,
    pub data: Document,
    pub recorded_at: DateTime,
    pub commit: CommitId,
    pub schema: i32,
    pub meta: Option<Document>,
    pub tags: Vec<String>,
}

impl NewEvent {
    /// Its document in the stream `id`.
    pub fn document<C: Codec>(&self, id: &Id<C>) -> Document {
        let mut document = doc! {
            "_id": self._id,
            C::key_field(): C::key(id),
            "version": self.version,
            "type": self.r#type,
            "data": &self.data,
            "recorded_at": self.recorded_at,
            "commit": self.commit,
            "schema": self.schema,
        };
        document.extend(self.meta.iter().map(|meta| ("meta".to_owned(), meta.into())));
        if !self.tags.is_empty() {
            document.insert("tags", &self.tags);
        }
        document
    }
}

/// The events of one commit in one stream, the first of which becomes the version after `expected`. Every call makes new
/// `_id`s, so a retry must send the same result again.
pub fn new_events<C: Codec>(
    expected: u64,
    commit: &Commit,
    recorded_at: DateTime,
    events: &[Event<C>],
) -> Vec<NewEvent> {
    let meta = commit.meta.document();
    let new_event = |(place, event)| {
        let version = as_stored(expected.saturating_add(place));
        let (r#type, data) = C::encode(event);
        let (meta, tags) = (meta.clone(), C::tags(event));
        NewEvent {
            _id: ObjectId::new(),
            version,
            r#type,
            data,
            recorded_at,
            commit: commit.id,
            schema: newest::<C>(r#type),
            meta,
            tags,
        }
    };
    (1..).zip(events).map(new_event).collect()
}

/// A version as a store keeps it, in 64 bits with a sign.
pub fn as_stored(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
