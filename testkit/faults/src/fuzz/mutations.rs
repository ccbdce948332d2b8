//! What is done to an input to make another one: to its bytes, to the words of a text, and to the fields of a document.

use bson::{
    Binary, Bson, DateTime, Document, JavaScriptCodeWithScope, RawBson, RawDocument, RawDocumentBuf, Timestamp, doc,
    oid::ObjectId,
    raw::{CStr, CString, cstr},
    spec::BinarySubtype,
};
use fastrand::Rng;

use super::targets::Target;

/// Numbers at which something ends: of lengths, of counts, of bytes in UTF-8.
const EDGES: [u32; 12] = [0, 1, 4, 5, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, u32::MAX];

/// Changes an input a few times: with words that its target knows, and parts of another input.
pub(super) fn of_bytes(input: &mut Vec<u8>, other: &[u8], target: &Target, random: &mut Rng) {
    for _ in 0..1 << random.u32(0..4) {
        let (start, end) = part(input, random);
        match random.u32(0..10) {
            0 if !input.is_empty() => input[start.min(end.saturating_sub(1))] ^= 1 << random.u32(0..8),
            1 => drop(input.drain(start..end)),
            2 => drop(input.splice(start..start, [random.u8(..)])),
            3 => {
                let edge = random.choice(EDGES).unwrap_or_default().to_le_bytes();
                let end = (start + 4).min(input.len());
                input.splice(start..end, edge);
            }
            4 => {
                let (from, to) = part(other, random);
                input.splice(start..end, other[from..to].to_vec());
            }
            5 => {
                let copy = input[start..end].repeat(1 << random.u32(0..3));
                input.splice(start..start, copy);
            }
            6 if random.u32(0..20) == 0 && end > start => {
                // What is nested, or repeated, as often as fits.
                let often = target.longest.saturating_sub(input.len()) / (end - start);
                let copies = input[start..end].repeat(often);
                input.splice(start..start, copies);
            }
            7 => {
                let digit = input.iter().skip(start).position(u8::is_ascii_digit).map(|at| start + at);
                if let Some(at) = digit {
                    let number = match random.u32(0..4) {
                        0 => random.i64(..).to_string(),
                        1 => random.choice(EDGES).unwrap_or_default().to_string(),
                        2 => format!("{}e{}", random.u8(..), random.i16(-400..400)),
                        _ => random.u8(..).to_string(),
                    };
                    input.splice(at..=at, number.into_bytes());
                }
            }
            _ => {
                let word = random.choice(target.words).copied().unwrap_or_default();
                let end = if random.bool() { start } else { end };
                input.splice(start..end, word.bytes());
            }
        }
    }
    input.truncate(target.longest);
}

/// A part of some bytes: most often a short one.
fn part(bytes: &[u8], random: &mut Rng) -> (usize, usize) {
    let start = random.usize(..=bytes.len());
    let longest = if random.bool() { 8 } else { 256 };
    (start, (start + random.usize(..=longest)).min(bytes.len()))
}

/// Changes one field of a document, or of one that is in it; so its lengths stay right.
pub(super) fn of_document(document: &RawDocument, random: &mut Rng) -> RawDocumentBuf {
    let mut fields: Vec<(CString, RawBson)> =
        (document.iter().flatten()).map(|(name, value)| (name.to_owned(), RawBson::from(value))).collect();
    let place = random.usize(..=fields.len());
    match fields.get_mut(place) {
        None => {
            // Most often one; sometimes more than a reader has room for without a table.
            let many = if random.u32(0..8) == 0 { random.u8(0..40) } else { 0 };
            let named = |number: u8| CString::try_from(format!("f{number}")).unwrap_or_else(|_| cstr!("f").to_owned());
            fields.extend((0..many).map(|number| (named(number), RawBson::Null)));
            fields.push((name(random), value(random)));
        }
        Some(field) => match (random.u32(0..8), &field.1) {
            (0, _) => drop(fields.remove(place)),
            (1, _) => field.0 = name(random),
            (2, _) => {
                let twice = field.clone();
                fields.insert(random.usize(..=place), twice);
            }
            (3, _) => {
                let mut around = RawDocumentBuf::new();
                around.append(&field.0, field.1.clone());
                field.1 = around.into();
            }
            (4..7, RawBson::Document(held)) => field.1 = of_document(&held.clone(), random).into(),
            (4..8, RawBson::Int32(_) | RawBson::Int64(_) | RawBson::Double(_)) => {
                field.1 = random.choice(NUMBERS).unwrap_or_default().into();
            }
            _ => field.1 = value(random),
        },
    }
    let mut changed = RawDocumentBuf::new();
    fields.into_iter().for_each(|(name, value)| changed.append(name, value));
    changed
}

/// Names that the readers know, and others.
const NAMES: [&CStr; 18] = [
    cstr!("_id"),
    cstr!("basket_id"),
    cstr!("version"),
    cstr!("type"),
    cstr!("data"),
    cstr!("recorded_at"),
    cstr!("commit"),
    cstr!("schema"),
    cstr!("meta"),
    cstr!("tags"),
    cstr!("product"),
    cstr!("qty"),
    cstr!("list_id"),
    cstr!("value"),
    cstr!("actor"),
    cstr!("headers"),
    cstr!("$oid"),
    cstr!(""),
];

fn name(random: &mut Rng) -> CString {
    random.choice(NAMES).unwrap_or(cstr!("x")).to_owned()
}

/// Whole numbers at which something ends.
const NUMBERS: [i64; 8] = [0, 1, 2, -1, u32::MAX as i64, 1 << 53, i64::MAX, i64::MIN];

/// A value, most often at an edge.
fn value(random: &mut Rng) -> RawBson {
    let words =
        ["", "ItemAdded", "BasketCreated", "Appended", "so\u{301}cks ", "\u{202e}\u{0}\n", "5ab69073421aa917e62b4734"];
    let word = (*random.choice(&words).unwrap_or(&"")).to_owned();
    let value = match random.u32(0..20) {
        0 => Bson::Null,
        1 => random.bool().into(),
        2 => random.i32(-2..4).into(),
        3 => random.choice(NUMBERS).unwrap_or_default().into(),
        4 => {
            (*random.choice(&[1.0, -0.0, 1.5, 9_007_199_254_740_993.0, f64::NAN, f64::INFINITY]).unwrap_or(&1.0)).into()
        }
        5 | 6 => word.into(),
        7 => "\u{1f9e6}".repeat(random.usize(..300)).into(),
        8 => ObjectId::from_bytes([random.u8(..); 12]).into(),
        9 => DateTime::from_millis(*random.choice(&[0, -1, 253_402_300_800_000, i64::MIN, i64::MAX]).unwrap_or(&0))
            .into(),
        10 => Binary { subtype: BinarySubtype::from(random.u8(..)), bytes: vec![random.u8(..); random.usize(..40)] }
            .into(),
        11 => Timestamp { time: random.u32(..), increment: 1 }.into(),
        12 => Bson::Array(vec![Bson::Int32(1), word.into(), Bson::Array(vec![])]),
        13 => doc! { "product": word, "qty": random.i64(0..3) }.into(),
        14 => doc! { "$oid": word }.into(),
        15 => doc! { "$date": { "$numberLong": word } }.into(),
        16 => JavaScriptCodeWithScope { code: word, scope: Document::new() }.into(),
        17 => Bson::Symbol(word),
        18 => Bson::MinKey,
        _ => doc! { "a": { "b": [ { "c": word } ] } }.into(),
    };
    RawBson::try_from(value).unwrap_or(RawBson::Null)
}
