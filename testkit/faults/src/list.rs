//! The aggregate that the faults are tried on: a list that values are appended to, each of them once in the whole run. So what a
//! client has seen of a stream is said by its length and its last value, and what became of a value can be looked up.

use basket_domain::Aggregate;
use basket_mongo::{Codec, store::codec::text};
use bson::{Bson, Document, RawBsonRef, RawDocument, doc};

/// Something has happened to a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListEvent {
    /// A value was put at its end.
    Appended {
        /// One that no other event has.
        value: String,
    },
}
use ListEvent::Appended;

/// A list of values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List(pub Vec<String>);

impl List {
    /// Appends these values, whatever the list holds.
    pub fn append(&self, values: &[String]) -> Vec<ListEvent> {
        values.iter().map(|value| Appended { value: value.clone() }).collect()
    }
}

impl Aggregate for List {
    type Id = String;
    type Event = ListEvent;

    fn apply(&mut self, Appended { value }: &ListEvent) {
        self.0.push(value.clone());
    }
}

/// How lists are stored.
#[derive(Debug, Clone, Copy)]
pub struct Lists;

impl Codec for Lists {
    type Aggregate = List;

    const COLLECTION: &'static str = "lists";
    const KEY: &'static str = "list_id";
    const KEY_TYPE: Option<&'static str> = Some("string");

    fn key(id: &String) -> Bson {
        Bson::String(id.clone())
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        key.as_str().map(str::to_owned)
    }

    fn encode(Appended { value }: &ListEvent) -> (&'static str, Document) {
        ("Appended", doc! { "value": value })
    }

    /// A value that claims something is `CLIENT.NUMBER@WHAT`: whoever claims it finds who has claimed it before.
    fn tags(Appended { value }: &ListEvent) -> Vec<String> {
        claim_of(value).map(|claim| claim.to_owned()).into_iter().collect()
    }

    fn decode(_: &String, kind: &str, data: &RawDocument) -> Result<ListEvent, String> {
        match kind {
            "Appended" => Ok(Appended { value: text(data, "value")?.to_owned() }),
            other => Err(format!("its type is '{other}', which nothing appends to a list")),
        }
    }
}

/// What a value claims, which only one may; most claim nothing.
pub fn claim_of(value: &str) -> Option<&str> {
    value.split_once('@').map(|(_, claim)| claim)
}
