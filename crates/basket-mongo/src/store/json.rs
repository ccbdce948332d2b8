//! Documents as JSON text and back, value for value and byte for byte. It is MongoDB's extended JSON, where a plain number
//! is a 64-bit one, or a double if it has a fraction: any other type has its canonical form. Exports and the embedded file
//! keep documents so. What would come back as something else is refused, not changed.

use std::{collections::HashSet, fmt, io::Write};

use bson::{Bson, DateTime, RawArrayBuf, RawBson, RawBsonRef, RawDocument, RawDocumentBuf, raw::CString};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
    ser::{Error as _, SerializeMap, SerializeSeq},
};
use serde_json::{Value, value::RawValue};

use super::codec::shown;

/// The text of a document.
///
/// # Errors
/// Names the field whose value no text gives back: a document that looks like the extended JSON of another type, such as
/// `{"$oid": "hello"}`, or a value in a form that MongoDB itself would not write.
pub fn write(document: &RawDocument) -> Result<String, String> {
    let text = round_trip(document);
    text.ok_or_else(|| format!("{}, which text can't hold without a change", culprit(document)))
}

/// The text of a document that consists of these fields, if it is one of those that [`write`] need not try.
pub(crate) fn write_fields<'a>(fields: impl Iterator<Item = (&'a str, RawBsonRef<'a>)>) -> Option<String> {
    let mut text = Vec::with_capacity(512);
    write_plain_fields(fields.map(Some), &mut text)?;
    String::from_utf8(text).ok()
}

/// The document of a text. An error says what is wrong with the text; a key that is there twice is.
pub fn read(text: &str) -> Result<RawDocumentBuf, String> {
    let document = read_as_it_is(text)?;
    check(&document).map(|()| document)
}

/// The same with each key as often as it is there, for a store, which returns what it has: the reader of the
/// event names the key.
pub fn read_as_it_is(text: &str) -> Result<RawDocumentBuf, String> {
    match serde_json::from_str(text) {
        Ok(Read(RawBson::Document(document))) => Ok(document),
        Ok(_) => Err("it is no document".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// The text, if it gives the same bytes again.
fn round_trip(document: &RawDocument) -> Option<String> {
    let mut text = Vec::with_capacity(2 * document.as_bytes().len());
    if write_plain(RawBsonRef::Document(document), &mut text).is_some() {
        return String::from_utf8(text).ok();
    }
    let text = serde_json::to_string(&Written(RawBsonRef::Document(document))).ok()?;
    let again = read(&text).ok()?;
    (again.as_bytes() == document.as_bytes()).then_some(text)
}

/// Writes the text of a value that surely gives the same bytes again, so that it need not be tried; `None` for any other
/// value, and then the text is cut short. Nearly all documents are so, and they are gone through once.
fn write_plain(value: RawBsonRef<'_>, text: &mut Vec<u8>) -> Option<()> {
    match value {
        RawBsonRef::Document(document) => {
            let fields = document.iter().map(|field| field.ok().map(|(name, value)| (name.as_str(), value)));
            return write_plain_fields(fields, text);
        }
        RawBsonRef::ObjectId(id) => write!(text, "{{\"$oid\":\"{id}\"}}").ok()?,
        RawBsonRef::DateTime(time) if is_shown(time) => {
            let time = time.try_to_rfc3339_string().ok()?;
            write!(text, "{{\"$date\":\"{time}\"}}").ok()?;
        }
        RawBsonRef::Int32(number) => write!(text, "{{\"$numberInt\":\"{number}\"}}").ok()?,
        RawBsonRef::Int64(number) => serde_json::to_writer(text, &number).ok()?,
        RawBsonRef::Double(number) if number.is_finite() => serde_json::to_writer(text, &number).ok()?,
        RawBsonRef::String(words) => serde_json::to_writer(text, words).ok()?,
        RawBsonRef::Boolean(is) => text.extend_from_slice(if is { b"true" } else { b"false" }),
        RawBsonRef::Null => text.extend_from_slice(b"null"),
        _ => return None,
    }
    Some(())
}

/// The same for a document that consists of these fields.
fn write_plain_fields<'a>(
    fields: impl Iterator<Item = Option<(&'a str, RawBsonRef<'a>)>>,
    text: &mut Vec<u8>,
) -> Option<()> {
    text.push(b'{');
    for (place, field) in fields.enumerate() {
        let (name, value) = field?;
        match place {
            0 if TYPES.contains(&name) => return None,
            0 => {}
            _ => text.push(b','),
        }
        serde_json::to_writer(&mut *text, name).ok()?;
        text.push(b':');
        write_plain(value, text)?;
    }
    text.push(b'}');
    Some(())
}

/// Whether people read the date; one before 1970 or after the year 9999 has its milliseconds.
fn is_shown(time: DateTime) -> bool {
    (0..YEAR_10_000).contains(&time.timestamp_millis())
}

/// The innermost field that has no text, and its value.
fn culprit(document: &RawDocument) -> String {
    for (name, value) in document.iter().flatten() {
        match value {
            RawBsonRef::Document(held) if round_trip(held).is_none() => {
                let is_like_another =
                    held.iter().next().is_some_and(|first| first.is_ok_and(|(name, _)| TYPES.contains(&name.as_str())));
                return match is_like_another {
                    true => format!("its {name} is {}", shown(value)),
                    false => culprit(held).replacen("its ", &format!("its {name}."), 1),
                };
            }
            _ => {
                let mut alone = RawDocumentBuf::new();
                alone.append(name, value);
                if round_trip(&alone).is_none() {
                    return format!("its {name} is {}", shown(value));
                }
            }
        }
    }
    "it has a value".into()
}

/// The first keys of documents that stand for a value of another type. Others with a `$`, such as those of a DBRef, are keys
/// like any other.
const TYPES: [&str; 17] = [
    "$binary",
    "$code",
    "$date",
    "$dbPointer",
    "$maxKey",
    "$minKey",
    "$numberDecimal",
    "$numberDouble",
    "$numberInt",
    "$numberLong",
    "$oid",
    "$regularExpression",
    "$scope",
    "$symbol",
    "$timestamp",
    "$undefined",
    "$uuid",
];

/// The first millisecond of the year 10000.
const YEAR_10_000: i64 = 253_402_300_800_000;

/// A value on its way into text.
struct Written<'a>(RawBsonRef<'a>);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            RawBsonRef::Document(document) => {
                let mut map = serializer.serialize_map(None)?;
                for field in document.iter() {
                    let (name, value) = field.map_err(S::Error::custom)?;
                    map.serialize_entry(name.as_str(), &Self(value))?;
                }
                map.end()
            }
            RawBsonRef::Array(array) => {
                let mut list = serializer.serialize_seq(None)?;
                for value in array {
                    list.serialize_element(&Self(value.map_err(S::Error::custom)?))?;
                }
                list.end()
            }
            RawBsonRef::String(text) => serializer.serialize_str(text),
            RawBsonRef::Int64(number) => serializer.serialize_i64(number),
            RawBsonRef::Double(number) if number.is_finite() => serializer.serialize_f64(number),
            other => {
                let other = Bson::try_from(other).map_err(S::Error::custom)?;
                let is_date = matches!(&other, Bson::DateTime(time) if is_shown(*time));
                if is_date { other.into_relaxed_extjson() } else { other.into_canonical_extjson() }
                    .serialize(serializer)
            }
        }
    }
}

/// A value out of text.
struct Read(RawBson);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Self)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = RawBson;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a value of extended JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawBson, E> {
        Ok(RawBson::Boolean(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<RawBson, E> {
        Ok(RawBson::Int64(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<RawBson, E> {
        i64::try_from(number).map(RawBson::Int64).map_err(|_| E::custom(format!("{number} has more than 64 bits")))
    }

    fn visit_f64<E>(self, number: f64) -> Result<RawBson, E> {
        Ok(RawBson::Double(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<RawBson, E> {
        Ok(RawBson::String(text.into()))
    }

    fn visit_unit<E>(self) -> Result<RawBson, E> {
        Ok(RawBson::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawBson, A::Error> {
        let mut values = RawArrayBuf::new();
        while let Some(Read(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawBson, A::Error> {
        let mut document = RawDocumentBuf::new();
        let Some(first) = map.next_key::<String>()? else { return Ok(document.into()) };
        if TYPES.contains(&&*first) {
            return another_type(first, map);
        }
        let Read(value) = map.next_value()?;
        document.append(key(first)?, value);
        while let Some((name, Read(value))) = map.next_entry::<String, Read>()? {
            document.append(key(name)?, value);
        }
        Ok(document.into())
    }
}

/// A value that is written as a document whose first key says of what type it is. Where a key is there twice, at any depth,
/// it is only a document that has this key twice, to be named by [`check`].
fn another_type<'de, A: MapAccess<'de>>(first: String, mut map: A) -> Result<RawBson, A::Error> {
    let (mut fields, mut next, mut twice) = (serde_json::Map::new(), Some(first), None);
    while let Some(name) = next {
        let text = map.next_value::<&RawValue>()?.get();
        if fields.is_empty()
            && let Some(value) = id_or_date(&name, text)
        {
            // A second key makes it something else.
            next = map.next_key()?;
            if next.is_none() {
                return Ok(value);
            }
            fields.insert(name, serde_json::from_str(text).map_err(A::Error::custom)?);
            continue;
        }
        // First, since only this one bounds how deep the text is nested. It is not kept while what is in it is read: of a text with
        // such documents in each other, there would be one for each level.
        serde_json::from_str::<Value>(text).map_err(A::Error::custom)?;
        let Read(held) = serde_json::from_str(text).map_err(A::Error::custom)?;
        twice = twice.or(Some(held).filter(|held| check_value(held.as_raw_bson_ref(), DEEPEST).is_err()));
        let value = serde_json::from_str(text).map_err(A::Error::custom)?;
        if fields.insert(name.clone(), value).is_some() {
            let (mut document, name) = (RawDocumentBuf::new(), key(name)?);
            [&name; 2].into_iter().for_each(|name| document.append(name, RawBsonRef::Null));
            twice = Some(document.into());
        }
        next = map.next_key()?;
    }
    if let Some(document) = twice {
        return Ok(document);
    }
    let value = Bson::try_from(Value::Object(fields)).map_err(A::Error::custom)?;
    RawBson::try_from(value).map_err(A::Error::custom)
}

/// The id or the date that a text stands for behind its key, as events have them in every line; `None` for any other value.
fn id_or_date(name: &str, text: &str) -> Option<RawBson> {
    let text = text.strip_prefix('"')?.strip_suffix('"')?;
    match name {
        "$oid" => text.parse().ok().map(RawBson::ObjectId),
        "$date" => DateTime::parse_rfc3339_str(text).ok().map(RawBson::DateTime),
        _ => None,
    }
}

fn key<E: serde::de::Error>(name: String) -> Result<CString, E> {
    CString::try_from(name).map_err(E::custom)
}

/// How deep documents may stand in each other; MongoDB takes no deeper ones from its clients.
const DEEPEST: usize = 120;

/// Whether every key in a document is there once, at any depth. An error names one that is not, or says that the document is
/// no valid BSON: a reader would take one of the two values, and another reader the other one.
pub(crate) fn check(document: &RawDocument) -> Result<(), String> {
    fields(document, |_, _| ())
}

/// The same, and hands over each field on the way: a load goes through its documents once.
pub(crate) fn fields<'a>(document: &'a RawDocument, see: impl FnMut(&'a str, RawBsonRef<'a>)) -> Result<(), String> {
    fields_at(document, DEEPEST, see)
}

fn fields_at<'a>(
    document: &'a RawDocument,
    levels: usize,
    mut see: impl FnMut(&'a str, RawBsonRef<'a>),
) -> Result<(), String> {
    let levels = levels.checked_sub(1).ok_or_else(|| format!("it is nested deeper than {DEEPEST} levels"))?;
    // Of a few keys, each is compared with those before it; only more of them are worth a set.
    let (mut few, mut many) = ([""; 12], HashSet::new());
    for (place, field) in document.iter().enumerate() {
        let (name, value) = field.map_err(|broken| format!("it is not valid BSON: {broken}"))?;
        let name = name.as_str();
        let before = few.get(..place).unwrap_or(&few);
        if before.contains(&name) || (place >= few.len() && !many.insert(name)) {
            return Err(twice(name));
        }
        if let Some(free) = few.get_mut(place) {
            *free = name;
        }
        check_value(value, levels)?;
        see(name, value);
    }
    Ok(())
}

fn check_value(value: RawBsonRef<'_>, levels: usize) -> Result<(), String> {
    match value {
        RawBsonRef::Document(held) => fields_at(held, levels, |_, _| ()),
        RawBsonRef::JavaScriptCodeWithScope(code) => fields_at(code.scope, levels, |_, _| ()),
        RawBsonRef::Array(array) => {
            let levels = levels.checked_sub(1).ok_or_else(|| format!("it is nested deeper than {DEEPEST} levels"))?;
            array.into_iter().try_for_each(|value| {
                check_value(value.map_err(|broken| format!("it is not valid BSON: {broken}"))?, levels)
            })
        }
        _ => Ok(()),
    }
}

/// Whether a value is nested deeper than [`check`] lets pass, so that what follows it down by itself could end for want of stack.
pub(crate) fn is_too_deep(value: RawBsonRef<'_>) -> bool {
    is_deeper(value, DEEPEST)
}

fn is_deeper(value: RawBsonRef<'_>, levels: usize) -> bool {
    let in_document = |document: &RawDocument| match levels.checked_sub(1) {
        Some(levels) => document.iter().flatten().any(|(_, value)| is_deeper(value, levels)),
        None => true,
    };
    match value {
        RawBsonRef::Document(held) => in_document(held),
        RawBsonRef::JavaScriptCodeWithScope(code) => in_document(code.scope),
        RawBsonRef::Array(array) => match levels.checked_sub(1) {
            Some(levels) => array.into_iter().flatten().any(|value| is_deeper(value, levels)),
            None => true,
        },
        _ => false,
    }
}

fn twice(name: &str) -> String {
    format!("the key {name:?} is there twice")
}
