//! The shape of an event document as the validator of its collection: the server refuses a document that `verify` would name as
//! unreadable whatever its stream, and whoever writes it. [`document`](crate::store::document) is what reads them.
//!
//! It says nothing of what only the codec knows (types, what is in `data`), of other events (gaps), of keys that are there
//! twice, and of times that no calendar has.

use bson::{Bson, Document, doc};
use mongodb::options::{CreateCollectionOptions, ValidationAction, ValidationLevel};

use crate::store::codec::Codec;

/// How the title of every validator of ours begins, before its number.
const TITLE: &str = "event of basket-mongo, validator ";

/// Grows with every change of the validator, so that a program does not take back what a newer one has put there.
const NUMBER: i32 = 1;

/// Which validator a collection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validator {
    Missing,
    /// It is this one, or that of a newer program.
    There,
    /// It is one of ours, but of an older program, changed, or not enforced.
    Weaker,
    Foreign,
}

impl Validator {
    pub(super) fn of<C: Codec>(found: &CreateCollectionOptions) -> Self {
        let Some(validator) = found.validator.as_ref().filter(|validator| !validator.is_empty()) else {
            return Self::Missing;
        };
        let is_enforced = matches!(found.validation_level, None | Some(ValidationLevel::Strict))
            && matches!(found.validation_action, None | Some(ValidationAction::Error));
        let title = validator.get_document("$jsonSchema").ok().and_then(|schema| schema.get_str("title").ok());
        match title.and_then(|title| title.strip_prefix(TITLE)?.parse::<i32>().ok()) {
            None => Self::Foreign,
            Some(number) if number > NUMBER => Self::There,
            Some(_) if is_enforced && is_same(&validator.into(), &validator_of::<C>().into()) => Self::There,
            Some(_) => Self::Weaker,
        }
    }
}

/// Whether two validators are the same; mongosh writes whole numbers in the shortest type.
fn is_same(one: &Bson, other: &Bson) -> bool {
    let number = |value: &Bson| {
        value.as_f64().or_else(|| value.as_i64().map(|it| it as f64)).or_else(|| value.as_i32().map(f64::from))
    };
    match (one, other) {
        (Bson::Document(one), Bson::Document(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, it)| other.get(name).is_some_and(|that| is_same(it, that)))
        }
        _ => one == other || number(one).is_some_and(|one| number(other) == Some(one)),
    }
}

/// The validator of a codec's events.
pub(super) fn validator_of<C: Codec>() -> Document {
    // In any form in which mongosh and other drivers write one. No stream has more events than a double can count.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |least: i32, most: f64| {
        doc! { "bsonType": ["int", "long", "double"], "minimum": least, "maximum": most, "multipleOf": 1 }
    };
    let (text, version) = (doc! { "bsonType": ["string", "null"] }, whole(0, EXACT));
    let meta = doc! {
        "bsonType": ["object", "null"],
        "properties": {
            "actor": &text, "reason": &text, "correlation": &text, "causation": &text, "request": text,
            "headers": { "bsonType": ["object", "null"] },
            "undoes": {
                "bsonType": "object", "required": ["first", "last"], "properties": { "first": &version, "last": version },
            },
        },
    };
    doc! { "$jsonSchema": {
        "title": format!("{TITLE}{NUMBER}"),
        "required": ["_id", C::key_field(), "version", "type", "data", "recorded_at", "commit"],
        "properties": {
            "_id": { "bsonType": "objectId" },
            C::key_field(): C::KEY_TYPE.map_or_else(Document::new, |name| doc! { "bsonType": name }),
            "version": whole(1, EXACT),
            "type": { "bsonType": "string" },
            "data": { "bsonType": "object" },
            "recorded_at": { "bsonType": "date" },
            "commit": { "bsonType": "objectId" },
            "schema": whole(1, i32::MAX.into()),
            "meta": meta,
            "tags": { "bsonType": "array", "items": { "bsonType": "string" } },
        },
    } }
}
