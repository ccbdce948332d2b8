//! How the events of an aggregate are stored and read back, and in which collection. A codec is a type of its own, so
//! that an aggregate need not know of any store. [`Baskets`](crate::Baskets) is an example to copy; every store calls it.

use std::fmt::{Debug, Display};

use basket_domain::Aggregate;
use bson::{Bson, Document, RawBson, RawBsonRef, RawDocument, doc};

use super::{json, upcaster::Upcaster};

/// An aggregate that a store can keep: every [`Aggregate`] that can cross threads, under an id that can be printed and compared.
pub trait Storable: Aggregate<Id: StreamId, Event: Send + Sync> + Send + Sync {}
impl<A: Aggregate<Id: StreamId, Event: Send + Sync> + Send + Sync> Storable for A {}

/// An id of a [`Storable`] aggregate.
pub trait StreamId: Clone + Debug + Display + PartialEq + Send + Sync {}
impl<I: Clone + Debug + Display + PartialEq + Send + Sync> StreamId for I {}

/// Turns the events of one kind of aggregate into documents and back.
///
/// The stream's id is the document's key and is not repeated in its `data`.
pub trait Codec {
    /// The aggregate whose events these are.
    type Aggregate: Storable;

    /// The collection (or table) that holds the events of all these streams: `baskets`.
    const COLLECTION: &'static str;
    /// The field that holds the stream's id: `basket_id`.
    const KEY: &'static str;
    /// The steps from old shapes of `data` to the newest, which is the one that this program writes and
    /// [`decode`](Self::decode) reads. A newer one is refused, not guessed at.
    const UPCASTERS: &'static [Upcaster] = &[];

    /// Types of events that a [query](crate::Query) may ask for without a tag. An append of such an event is a transaction,
    /// and these appends wait for each other.
    const GUARDED: &'static [&'static str] = &[];

    /// The type of every [`key`](Self::key), as `$type` of MongoDB calls it: `objectId`, `string`. A validator refuses keys of another
    /// type; of none, it takes any.
    const KEY_TYPE: Option<&'static str> = None;

    /// Whether events of every schema are [decoded](Self::decode) as they are stored: for a program that shows events whose rules it
    /// does not know.
    const ANY_SCHEMA: bool = false;

    /// The [`COLLECTION`](Self::COLLECTION), unless it is only known when the program runs.
    fn collection() -> &'static str {
        Self::COLLECTION
    }

    /// The [`KEY`](Self::KEY), unless it is only known when the program runs.
    fn key_field() -> &'static str {
        Self::KEY
    }

    /// The stream's id as the value of [`KEY`](Self::KEY).
    fn key(id: &Id<Self>) -> Bson;

    /// The id that [`key`](Self::key) made this value of; `None` if it is no such value.
    fn id(key: RawBsonRef<'_>) -> Option<Id<Self>>;

    /// The event's name and its data.
    fn encode(event: &Event<Self>) -> (&'static str, Document);

    /// The event that [`encode`](Self::encode) wrote; [`UPCASTERS`](Self::UPCASTERS) have brought older data to the newest shape.
    /// Fields it doesn't know are ignored.
    ///
    /// # Errors
    /// Says which field is invalid and what was expected, for a person to read. [`text`] and [`whole_number`] do.
    fn decode(id: &Id<Self>, kind: &str, data: &RawDocument) -> Result<Event<Self>, String>;

    /// What a [query](crate::Query) can find the event by, whatever its stream: `voucher:SPRING`. An append of an event with
    /// tags is a transaction, and appends that share a tag wait for each other.
    fn tags(event: &Event<Self>) -> Vec<String> {
        let _ = event;
        Vec::new()
    }

    /// Whether the event can follow on this state at all: only what the appliers rely on. Business rules do not belong
    /// here: they are in the deciders, may change, and don't apply to the past. An error says what is wrong with the event.
    fn check(state: &Self::Aggregate, event: &Event<Self>) -> Result<(), String> {
        let _ = (state, event);
        Ok(())
    }

    /// What is odd about the event at this place, though the appliers can work with it. `verify` lists it as a warning.
    fn warning(state: &Self::Aggregate, event: &Event<Self>) -> Option<String> {
        let _ = (state, event);
        None
    }
}

/// What names a stream of a codec's aggregate.
pub type Id<C> = <<C as Codec>::Aggregate as Aggregate>::Id;

/// What can happen to a codec's aggregate.
pub type Event<C> = <<C as Codec>::Aggregate as Aggregate>::Event;

/// The id that a stream's key stands for; `None` if it is no key of the codec's.
pub fn id_of_key<C: Codec + ?Sized>(key: &Bson) -> Option<Id<C>> {
    C::id(RawBson::try_from(key.clone()).ok()?.as_raw_bson_ref())
}

/// A key as bytes, by which it can be looked up.
pub(crate) fn key_bytes(key: &Bson) -> Vec<u8> {
    bson::serialize_to_vec(&doc! { "": key }).unwrap_or_default()
}

/// The name of the codec's streams: its [`KEY`](Codec::KEY) without `_id`.
pub fn what<C: Codec + ?Sized>() -> &'static str {
    C::key_field().trim_end_matches("_id")
}

/// The text in a field of `data`. An error says that the field is missing, or what it holds instead.
pub fn text<'a>(data: &'a RawDocument, field: &str) -> Result<&'a str, String> {
    match value(data, field)? {
        RawBsonRef::String(text) => Ok(text),
        other => Err(format!("data.{field} is {}, expected a text", shown(other))),
    }
}

/// The whole number in a field of `data`, however it is stored: int32, int64, or a double such as mongosh writes. An error
/// says that the field is missing, or what it holds instead.
pub fn whole_number(data: &RawDocument, field: &str) -> Result<i64, String> {
    let value = value(data, field)?;
    integral(value).ok_or_else(|| format!("data.{field} is {}, expected a whole number", shown(value)))
}

fn value<'a>(data: &'a RawDocument, field: &str) -> Result<RawBsonRef<'a>, String> {
    match data.get(field) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(format!("data.{field} is missing")),
        Err(broken) => Err(format!("data.{field} is not valid BSON: {broken}")),
    }
}

/// The whole number that a value stands for, if it does.
pub(crate) fn integral(value: RawBsonRef<'_>) -> Option<i64> {
    /// Beyond 2^53, a double does not hold every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        RawBsonRef::Int32(number) => Some(number.into()),
        RawBsonRef::Int64(number) => Some(number),
        RawBsonRef::Double(number) if number.fract() == 0.0 && number.abs() <= EXACT => Some(number as i64),
        _ => None,
    }
}

/// The whole number of a field that a store has written, in either type that it may come back in.
pub fn stored_number(value: &Bson) -> Option<i64> {
    value.as_i64().or_else(|| value.as_i32().map(i64::from))
}

/// A value as mongosh would show it, cut short if it is long.
pub(crate) fn shown(value: RawBsonRef<'_>) -> String {
    const LONGEST: usize = 60;
    let text = match value {
        RawBsonRef::ObjectId(id) => format!("ObjectId('{id}')"),
        other if json::is_too_deep(other) => "(a value that is nested too deep to be shown)".to_owned(),
        other => Bson::try_from(other).map_or_else(|_| format!("{other:?}"), |value| value.to_string()),
    };
    // It is printed in a line, on a terminal.
    let text = text.replace(char::is_control, "\u{fffd}");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… ({} bytes)", text.get(..end).unwrap_or_default(), text.len()),
        None => text,
    }
}
