//! An event as CloudEvents 1.0 defines it in JSON, for `export --format cloudevents`. A field that CloudEvents does not
//! define is an extension: `sequence` is one that is known there, the others are our own.

use basket_mongo::Entry;

use super::log::EventJson;
use crate::{
    domain::{Domain, what},
    output::{Fields, json},
    time,
};

/// The source names the stream, and the sequence grows within it; as texts, too, since it always has 20 digits.
pub(super) fn cloud_event<D: Domain>(entry: &Entry<D>) -> EventJson {
    let Entry::<D> { document, stream, version, event, recorded_at, commit, meta } = entry;
    let (kind, data) = D::encode(event);
    let id = stream.to_string();
    let attributes = [
        ("specversion", Some("1.0".into())),
        ("id", Some(document.to_hex())),
        ("source", Some(format!("/{}/{}", segment(D::collection()), segment(&id)))),
        ("type", Some(string(&format!("{}.{kind}", what::<D>())))),
        ("subject", Some(string(&id))),
        ("time", Some(time::utc(*recorded_at))),
        ("datacontenttype", Some("application/json".into())),
    ];
    let extensions = [
        ("sequence", Some(format!("{version:020}"))),
        ("commit", Some(commit.to_hex())),
        ("actor", meta.actor.as_deref().map(string)),
        ("reason", meta.reason.as_deref().map(string)),
        ("correlationid", meta.correlation.as_deref().map(string)),
        ("causationid", meta.causation.as_deref().map(string)),
        ("requestid", meta.request.as_deref().map(string)),
    ];
    EventJson { before: fields(attributes), data, after: fields(extensions) }
}

/// Those that say something.
fn fields<const N: usize>(all: [(&'static str, Option<String>); N]) -> Fields<'static> {
    let said = all.into_iter().filter_map(|(name, value)| Some((name, json(&value.filter(|text| !text.is_empty())?))));
    Fields(said.collect())
}

/// A text as a segment of a URI's path.
fn segment(text: &str) -> String {
    encoded(text, |letter| letter.is_ascii_alphanumeric() || "-._~".contains(letter))
}

/// A text as a `String` of CloudEvents, which has no control characters and no noncharacters.
fn string(text: &str) -> String {
    let is_nothing = |letter| matches!(u32::from(letter), 0xFDD0..=0xFDEF) || u32::from(letter) & 0xFFFE == 0xFFFE;
    encoded(text, |letter| letter != '%' && !letter.is_control() && !is_nothing(letter))
}

/// Percent-encodes, by its UTF-8, each letter that can't stay.
fn encoded(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for letter in text.chars() {
        match stays(letter) {
            true => encoded.push(letter),
            false => letter.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| encoded += &format!("%{byte:02X}")),
        }
    }
    encoded
}
