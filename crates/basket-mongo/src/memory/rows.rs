//! Which rows of a read model a query asks for, and in which order: as MongoDB finds and sorts them. `feeds` keeps them.

use std::cmp::Ordering;

use bson::{Bson, Document};

use crate::store::{
    codec::{key_bytes, stored_number},
    feed::{Mark, RowQuery},
};

/// Where a row is among the others, by its key, in MongoDB's order: numbers, texts, and all else by its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Number(i64),
    Text(String),
    Other(Vec<u8>),
}

impl Place {
    pub(super) fn of(key: &Bson) -> Self {
        match (key, stored_number(key)) {
            (_, Some(number)) => Self::Number(number),
            (Bson::String(text), _) => Self::Text(text.clone()),
            _ => Self::Other(key_bytes(key)),
        }
    }
}

/// A field of a row, in the order in which rows are sorted by it: missing ones, numbers, texts.
#[derive(PartialEq, PartialOrd)]
enum Field<'a> {
    Missing,
    /// As a double, in which every number has a place; and as a whole one, since a double does not hold all of these.
    Number(f64, i64),
    Text(&'a str),
    Other,
}

impl<'a> Field<'a> {
    fn of(mark: &'a Mark, field: &str) -> Self {
        match mark.row.as_ref().and_then(|row| row.get(field)) {
            None | Some(Bson::Null) => Self::Missing,
            Some(Bson::Int32(number)) => Self::whole((*number).into()),
            Some(Bson::Int64(number)) => Self::whole(*number),
            // NaN has no place in the order.
            Some(Bson::Double(number)) if !number.is_nan() => Self::Number(*number, *number as i64),
            Some(Bson::String(text)) => Self::Text(text),
            Some(_) => Self::Other,
        }
    }

    fn whole(number: i64) -> Self {
        Self::Number(number as f64, number)
    }
}

/// The order of two rows that are sorted by a field.
pub(super) fn compare(field: &str, one: &Mark, other: &Mark) -> Ordering {
    Field::of(one, field).partial_cmp(&Field::of(other, field)).unwrap_or(Ordering::Equal)
}

pub(super) fn is_asked_for(query: &RowQuery, mark: &Mark) -> bool {
    let is_kept = if query.is_parked { mark.parked.is_some() } else { mark.row.is_some() };
    let is_enough = query.at_least.is_none_or(|(field, least)| {
        let number = Field::of(mark, field);
        matches!(number, Field::Number(..)) && number >= Field::whole(least)
    });
    let has = query.has.as_ref().is_none_or(|(field, text)| has(mark.row.as_ref(), field, text));
    is_kept && is_enough && has
}

/// Whether a field of a row is this text, or a list that has it.
fn has(row: Option<&Document>, field: &str, text: &str) -> bool {
    match row.and_then(|row| row.get(field)) {
        Some(Bson::Array(list)) => list.iter().any(|one| one.as_str() == Some(text)),
        one => one.and_then(Bson::as_str) == Some(text),
    }
}
