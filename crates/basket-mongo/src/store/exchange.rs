//! Events as lines of text, to copy them from one store to another: a header, one line for each event, and an end that says
//! how many there were. A line is an event document as [`json`] writes it, with a checksum after its fields. [`Export`] makes
//! the lines, [`Import`] reads them; neither touches a file or a store. Of a document, only the fields of
//! [`document`](super::document) are exported; `data` and `meta` with all they hold, byte for byte. Any others are counted.

use std::collections::BTreeMap;

use bson::{
    Bson, Document, RawArrayBuf, RawBsonRef, RawDocument, RawDocumentBuf,
    raw::{CStr, cstr},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    codec::{Codec, Event, integral},
    document::{RecordedEvent, stream_of},
    entry::Entry,
    error::Unreadable,
    json,
    verify::Verifier,
};

/// The header's first field.
const FORMAT: u32 = 1;

/// What comes before the checksum, in place of the line's last brace.
const CHECKSUM: &str = ",\"crc32\":\"";
const CHECKSUM_LENGTH: usize = CHECKSUM.len() + 8 + "\"}".len();

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "basket-events")]
    format: u32,
    collection: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    end: bool,
    events: u64,
    streams: u64,
    /// Of the checksums of all events.
    crc32: String,
}

/// A line that is not the one expected at its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadLine {
    /// Which, from 1.
    pub line: u64,
    /// What is wrong, and what was expected.
    pub why: String,
}

/// Names of fields that are no part of an event document, and how many documents had each. They were put there by something
/// else, and no export or import carries them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foreign(pub BTreeMap<String, u64>);

impl Foreign {
    /// Counts those of a document.
    pub fn count<C: Codec>(&mut self, document: &RawDocument) {
        for (name, _) in document.iter().flatten() {
            let name = name.as_str();
            if name != C::KEY && !FIELDS.contains(&name) {
                *self.0.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
}

/// The fields of an event document, but for the stream's key.
const FIELDS: [&str; 9] = ["_id", "version", "type", "data", "recorded_at", "commit", "schema", "meta", "tags"];

/// Turns event documents into lines.
pub struct Export<C: Codec> {
    verifier: Verifier<C>,
    sum: crc32fast::Hasher,
}

impl<C: Codec> Default for Export<C> {
    fn default() -> Self {
        Self { verifier: Verifier::default(), sum: crc32fast::Hasher::new() }
    }
}

impl<C: Codec> Export<C> {
    /// The first line.
    pub fn header(&self) -> String {
        json(&Header { format: FORMAT, collection: C::COLLECTION.into() })
    }

    /// The line of the next document. Fails at a document that can't be read, or that text can't hold as it is: only whole
    /// histories are exported.
    pub fn line(&mut self, document: &RawDocument) -> Result<String, Unreadable> {
        self.verifier.check(document)?;
        let line = json::write(&portable::<C>(document)?).map_err(|why| {
            RecordedEvent::from_document(document.into()).map_or_else(|bad| bad, |event| event.unreadable(why))
        })?;
        let crc32 = crc32fast::hash(line.as_bytes());
        self.sum.update(&crc32.to_be_bytes());
        Ok(format!("{}{CHECKSUM}{crc32:08x}\"}}", line.strip_suffix('}').unwrap_or(&line)))
    }

    /// The last line.
    pub fn end(self) -> String {
        json(&end(&self.verifier, self.sum))
    }
}

/// What a line is.
#[allow(clippy::large_enum_variant, reason = "nearly all of them are events")]
pub enum Line<C: Codec> {
    /// The first line of an export; one may follow on another.
    Begin,
    /// An event, with its document as a store writes it.
    Event(Entry<C>, RawDocumentBuf),
    /// The last line of an export.
    End,
    /// It is blank.
    Blank,
}

/// Reads lines that an [`Export`] has made, each of which is checked as if it were in a store.
pub struct Import<C: Codec> {
    verifier: Verifier<C>,
    sum: crc32fast::Hasher,
    line: u64,
    /// Events of the exports before this one.
    before: u64,
    /// Whether it is in an export: after its first line, and before its last.
    inside: bool,
    /// Whether there was an export at all.
    begun: bool,
    foreign: Foreign,
}

impl<C: Codec> Default for Import<C> {
    fn default() -> Self {
        Self {
            verifier: Verifier::default(),
            sum: crc32fast::Hasher::new(),
            line: 0,
            before: 0,
            inside: false,
            begun: false,
            foreign: Foreign::default(),
        }
    }
}

impl<C: Codec> Import<C> {
    /// What the next line is. An error says what is wrong with it.
    pub fn line(&mut self, line: &str) -> Result<Line<C>, BadLine> {
        self.line += 1;
        // Some editors begin a file with this mark.
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        self.read(line).map_err(|why| BadLine { line: self.line, why })
    }

    /// Checks that the end was there. Fails if the file was cut short.
    pub fn end(&self) -> Result<(), BadLine> {
        let why = match self.begun {
            false => "it is empty",
            true => "the end is missing: the file was cut short, so ask for it again",
        };
        if self.begun && !self.inside { Ok(()) } else { Err(BadLine { line: self.line + 1, why: why.into() }) }
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.before + self.verifier.documents()
    }

    /// The fields that were left out, of all lines so far.
    pub fn foreign(&self) -> &Foreign {
        &self.foreign
    }

    fn read(&mut self, line: &str) -> Result<Line<C>, String> {
        if line.trim().is_empty() {
            return Ok(Line::Blank);
        }
        if !self.inside {
            self.header(line)?;
            self.before = self.events();
            (self.verifier, self.sum) = (Verifier::default(), crc32fast::Hasher::new());
            (self.inside, self.begun) = (true, true);
            return Ok(Line::Begin);
        }
        if let Some(found) = parse::<End>(line) {
            let expected = end(&self.verifier, self.sum.clone());
            let (here, there) = (expected.events, found.events);
            if found != expected {
                return Err(format!("{here} events end here, not {there}; lines are missing, ask for the file again"));
            }
            self.inside = false;
            return Ok(Line::End);
        }
        let damaged = "the line is damaged or cut short: its checksum is another one";
        let (body, checksum) =
            line.len().checked_sub(CHECKSUM_LENGTH).and_then(|at| line.split_at_checked(at)).ok_or(damaged)?;
        let (body, crc32) = (format!("{body}}}"), crc32fast::hash(format!("{body}}}").as_bytes()));
        if checksum != format!("{CHECKSUM}{crc32:08x}\"}}") {
            return Err(damaged.into());
        }
        self.sum.update(&crc32.to_be_bytes());
        let document = event_document(&body)?;
        let verified = self.verifier.check(&document).map_err(|unreadable| unreadable.to_string())?;
        self.foreign.count::<C>(&document);
        let written = written::<C>(&document, &verified.entry.event).map_err(|unreadable| unreadable.to_string())?;
        Ok(Line::Event(verified.entry, written))
    }

    fn header(&self, line: &str) -> Result<(), String> {
        match parse::<Header>(line) {
            Some(Header { format: FORMAT, collection }) if collection == C::COLLECTION => Ok(()),
            Some(Header { format: FORMAT, collection }) => {
                Err(format!("the events are of '{collection}', expected '{}'", C::COLLECTION))
            }
            Some(Header { format, .. }) => {
                Err(format!("the file has format {format}, and this program reads {FORMAT}; use a newer one"))
            }
            None if self.line > 1 => Err("it stands behind the end, and begins no other export".into()),
            None => Err("it is no export of events; `export` makes one".into()),
        }
    }
}

/// The event document of a line of JSON.
pub fn event_document(line: &str) -> Result<RawDocumentBuf, String> {
    json::read(line).map_err(|why| format!("it is no event: {why}"))
}

/// The document of an event as a store writes it: only the fields that it should have, in the types that they should have, and
/// the tags that the codec gives it today.
pub fn written<C: Codec>(document: &RawDocument, event: &Event<C>) -> Result<RawDocumentBuf, Unreadable> {
    let mut written = RawDocumentBuf::new();
    for (name, value) in portable::<C>(document)?.iter().flatten() {
        match integral(value).map(i32::try_from) {
            Some(Ok(schema)) if name == "schema" => written.append(name, schema),
            _ => written.append(name, value),
        }
    }
    let tags = C::tags(event);
    if !tags.is_empty() {
        written.append(cstr!("tags"), RawArrayBuf::from_iter(tags));
    }
    Ok(written)
}

/// The event document that is carried: only the fields that it should have but for the tags, which its codec knows, and its whole numbers of 64 bits, so that the
/// same event has one line, whatever the store it comes from.
pub fn portable<C: Codec>(document: &RawDocument) -> Result<RawDocumentBuf, Unreadable> {
    let event = RecordedEvent::from_document(document.into())?;
    let id = stream_of::<C>(document).map_err(|why| event.unreadable(why))?;
    let mut carried = RawDocumentBuf::new();
    let mut put = |name: &str, value: Option<RawBsonRef<'_>>| {
        if let (Some(value), Ok(name)) = (value, <&CStr>::try_from(name)) {
            carried.append(name, value);
        }
    };
    let whole = |value: Option<RawBsonRef<'_>>, otherwise: i64| value.and_then(integral).unwrap_or(otherwise);
    put("_id", event._id);
    let key = bson::rawdoc! { "": bson::RawBson::try_from(C::key(&id)).unwrap_or(bson::RawBson::Null) };
    put(C::KEY, key.get("").ok().flatten());
    put("version", Some(RawBsonRef::Int64(whole(event.version, 0))));
    put("type", event.r#type);
    put("data", event.data);
    put("recorded_at", event.recorded_at);
    put("commit", event.commit);
    put("schema", Some(RawBsonRef::Int64(whole(event.schema, 1))));
    put("meta", event.meta);
    Ok(carried)
}

/// Whether two documents are the same event: also where one program has written a number in 32 bits, and another one in 64.
pub(crate) fn is_same<C: Codec>(one: &RawDocument, other: &RawDocument) -> Result<bool, Unreadable> {
    let (one, other) = (portable::<C>(one)?, portable::<C>(other)?);
    Ok(one == other || widened(&one) == widened(&other))
}

fn widened(document: &RawDocument) -> Option<RawDocumentBuf> {
    let document = Document::try_from(document).ok()?;
    let document: Document = document.into_iter().map(|(name, value)| (name, widen(value))).collect();
    RawDocumentBuf::try_from(&document).ok()
}

fn widen(value: Bson) -> Bson {
    match value {
        Bson::Int32(number) => Bson::Int64(number.into()),
        Bson::Document(fields) => Bson::Document(fields.into_iter().map(|(name, held)| (name, widen(held))).collect()),
        Bson::Array(items) => Bson::Array(items.into_iter().map(widen).collect()),
        other => other,
    }
}

fn end<C: Codec>(verifier: &Verifier<C>, sum: crc32fast::Hasher) -> End {
    let (events, streams) = (verifier.documents(), verifier.streams());
    End { end: true, events, streams, crc32: format!("{:08x}", sum.finalize()) }
}

fn parse<T: DeserializeOwned>(line: &str) -> Option<T> {
    serde_json::from_str(line).ok()
}

/// Every key is a text, so this can't fail; if it did, `Import` would refuse the empty line.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
