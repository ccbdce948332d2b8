//! The events of a domain that this program has never seen, for `--collection`: any collection of our shape. Their data are JSON, and
//! a state is every path of these data with the value that was written there last; nothing here knows a rule.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, OnceLock, PoisonError},
};

use basket_domain::{Aggregate, Reversible};
use basket_mongo::Codec;
use bson::{Bson, Document, RawBsonRef, RawDocument, oid::ObjectId};
use serde::Serialize;
use serde_json::Value;

use crate::domain::{Domain, Row};

/// The codec of the one collection that this process reads. Its names are known only when the program runs.
#[derive(Debug, Clone, Copy)]
pub struct Unseen;

static COLLECTION: OnceLock<String> = OnceLock::new();
static KEY: OnceLock<Key> = OnceLock::new();

/// Where the stream's id stands in an event.
#[derive(Debug)]
pub(crate) struct Key {
    /// The field.
    pub(crate) field: String,
    /// A value of it, which says of what type the ids are.
    pub(crate) example: Bson,
}

impl Unseen {
    /// Says which collection it is, once, before its store is opened.
    pub(crate) fn is_in(collection: &str) {
        COLLECTION.get_or_init(|| collection.to_owned());
    }

    /// Says where its ids are, once, before any event is read.
    pub(crate) fn has(key: Key) {
        KEY.get_or_init(|| key);
    }
}

/// All data that a stream has had: paths such as `address.city`, each with its last value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Paths(BTreeMap<String, Datum>);

/// A value in the data.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Datum(Value);

impl fmt::Display for Datum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// An event of any type.
#[derive(Debug, Clone, PartialEq)]
pub struct UnseenEvent {
    kind: &'static str,
    data: Document,
    paths: BTreeMap<String, Datum>,
}

/// Nothing can be decided for a domain whose rules are not known.
#[derive(Debug, thiserror::Error)]
#[error("the rules of '{}' are not known here; only a program that knows them can decide that", Unseen::collection())]
pub struct RulesUnknown;

impl Aggregate for Paths {
    type Id = String;
    type Event = UnseenEvent;

    fn apply(&mut self, event: &UnseenEvent) {
        self.0.extend(event.paths.clone());
    }
}

impl Reversible for Paths {
    type Refusal = RulesUnknown;

    /// What was decided once is decided again: there is no rule that could refuse it.
    fn decide_again(&self, event: &UnseenEvent) -> Result<Vec<UnseenEvent>, RulesUnknown> {
        Ok(vec![event.clone()])
    }

    fn lead_to(&self, target: &Self) -> Result<Vec<UnseenEvent>, RulesUnknown> {
        if self == target { Ok(Vec::new()) } else { Err(RulesUnknown) }
    }
}

impl Codec for Unseen {
    type Aggregate = Paths;

    const COLLECTION: &'static str = "events";
    const KEY: &'static str = "stream_id";
    const ANY_SCHEMA: bool = true;

    fn collection() -> &'static str {
        COLLECTION.get().map_or(Self::COLLECTION, String::as_str)
    }

    fn key_field() -> &'static str {
        KEY.get().map_or(Self::KEY, |key| key.field.as_str())
    }

    fn key(id: &String) -> Bson {
        let read = match KEY.get().map(|key| &key.example) {
            Some(Bson::ObjectId(_)) => id.parse::<ObjectId>().ok().map(Bson::ObjectId),
            Some(Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_)) => id.parse().ok().map(Bson::Int64),
            Some(Bson::String(_)) | None => None,
            Some(_) => serde_json::from_str(id).ok(),
        };
        read.unwrap_or_else(|| Bson::String(id.clone()))
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        match Bson::try_from(key).ok()? {
            Bson::String(text) => Some(text),
            Bson::ObjectId(id) => Some(id.to_hex()),
            Bson::Null | Bson::Undefined => None,
            other => Some(other.into_relaxed_extjson().to_string()),
        }
    }

    fn encode(event: &UnseenEvent) -> (&'static str, Document) {
        (event.kind, event.data.clone())
    }

    fn decode(_: &String, kind: &str, data: &RawDocument) -> Result<UnseenEvent, String> {
        let data = Document::try_from(data).map_err(|broken| format!("its data are not valid BSON: {broken}"))?;
        let mut paths = BTreeMap::new();
        for (name, value) in &data {
            spread(name, value.clone().into_relaxed_extjson(), &mut paths);
        }
        Ok(UnseenEvent { kind: known(kind), data, paths })
    }
}

/// Puts what is in a value under its path. A value such as `{"$oid": …}` is one.
fn spread(path: &str, value: Value, paths: &mut BTreeMap<String, Datum>) {
    match value {
        Value::Object(fields) if fields.keys().any(|name| !name.starts_with('$')) => {
            fields.into_iter().for_each(|(name, value)| spread(&format!("{path}.{name}"), value, paths));
        }
        value => drop(paths.insert(path.to_owned(), Datum(value))),
    }
}

/// The name of a type. There are a few of them, which are kept until the program ends.
fn known(kind: &str) -> &'static str {
    static KINDS: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let mut kinds = KINDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kinds.get(kind) {
        return known;
    }
    let known = String::leak(kind.to_owned());
    kinds.insert(known);
    known
}

impl Domain for Unseen {
    type Value = Datum;

    const TYPES: &'static [&'static str] = &[];
    const ROW: &'static str = "path";
    const VALUE: &'static str = "value";
    const EXAMPLE_ID: &'static str = "ID";

    fn parse_id(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    fn in_words(event: &UnseenEvent) -> String {
        format!("{} {}", event.kind, Bson::Document(event.data.clone()).into_relaxed_extjson())
    }

    fn about(event: &UnseenEvent) -> Vec<&str> {
        event.paths.keys().map(String::as_str).collect()
    }

    fn rows(state: &Paths) -> Vec<Row<Datum>> {
        state.0.iter().map(|(name, value)| Row { name: name.clone(), value: value.clone() }).collect()
    }
}
