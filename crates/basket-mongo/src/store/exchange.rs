//! Events as lines of text, to copy them from one store to another: a header, one line for each event, and an end that says
//! how many there were. A line is an event document as [`json`] writes it, with a checksum after its fields. [`Export`] makes
//! the lines, [`Import`] reads them; neither touches a file or a store. Of a document, only the fields of
//! [`document`](super::document) are exported; `data` and `meta` with all they hold, byte for byte. Any others are counted.

use std::collections::BTreeMap;

use bson::{
    Bson, Document, RawArrayBuf, RawBson, RawBsonRef, RawDocument, RawDocumentBuf,
    raw::{CStr, cstr},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    codec::{Codec, Event, Id, integral},
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
        for field in document.iter_elements().flatten() {
            let name = field.key().as_str();
            if name != C::key_field() && !FIELDS.contains(&name) {
                *self.0.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
}

/// The fields of an event document, but for the stream's key.
pub const FIELDS: [&str; 9] = ["_id", "version", "type", "data", "recorded_at", "commit", "schema", "meta", "tags"];

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
        json(&Header { format: FORMAT, collection: C::collection().into() })
    }

    /// The line of the next document. Fails at a document that can't be read, or that text can't hold as it is: only whole
    /// histories are exported.
    pub fn line(&mut self, document: &RawDocument) -> Result<String, Unreadable> {
        let (event, verified) = self.verifier.pick(document)?;
        let key = key_of::<C>(&verified.entry.stream);
        let line = json::write_fields(carried::<C>(event, &key));
        let line = line.map_or_else(|| json::write(&document_of(carried::<C>(event, &key))), Ok);
        let mut line = line.map_err(|why| event.unreadable(why))?;
        let crc32 = crc32fast::hash(line.as_bytes());
        self.sum.update(&crc32.to_be_bytes());
        line.pop();
        line.push_str(&checksum(crc32));
        Ok(line)
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
        // Nearly every line is an event, and has no such key.
        let may_be_end = line.contains("\"end\"") || line.contains('\\');
        if let Some(found) = may_be_end.then(|| parse::<End>(line)).flatten() {
            let expected = end(&self.verifier, self.sum.clone());
            let (here, there) = (expected.events, found.events);
            if found != expected {
                return Err(format!("{here} events end here, not {there}; lines are missing, ask for the file again"));
            }
            self.inside = false;
            return Ok(Line::End);
        }
        let damaged = "the line is damaged or cut short: its checksum is another one";
        let (body, sum) =
            line.len().checked_sub(CHECKSUM_LENGTH).and_then(|at| line.split_at_checked(at)).ok_or(damaged)?;
        let body = format!("{body}}}");
        let crc32 = crc32fast::hash(body.as_bytes());
        if sum != checksum(crc32) {
            return Err(damaged.into());
        }
        self.sum.update(&crc32.to_be_bytes());
        let document = event_document(&body)?;
        let (event, verified) = self.verifier.pick(&document).map_err(|unreadable| unreadable.to_string())?;
        self.foreign.count::<C>(&document);
        let written = stored::<C>(event, &verified.entry.stream, &verified.entry.event);
        Ok(Line::Event(verified.entry, written))
    }

    fn header(&self, line: &str) -> Result<(), String> {
        match parse::<Header>(line) {
            Some(Header { format: FORMAT, collection }) if collection == C::collection() => Ok(()),
            Some(Header { format: FORMAT, collection }) => {
                Err(format!("the events are of '{collection}', expected '{}'", C::collection()))
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
    let (found, id) = fields::<C>(document)?;
    Ok(stored::<C>(found, &id, event))
}

fn stored<C: Codec>(found: RecordedEvent<'_>, id: &Id<C>, event: &Event<C>) -> RawDocumentBuf {
    let key = key_of::<C>(id);
    let mut written =
        document_of(carried::<C>(found, &key).map(|(name, value)| match integral(value).map(i32::try_from) {
            Some(Ok(schema)) if name == "schema" => (name, RawBsonRef::Int32(schema)),
            _ => (name, value),
        }));
    let tags = C::tags(event);
    if !tags.is_empty() {
        written.append(cstr!("tags"), RawArrayBuf::from_iter(tags));
    }
    written
}

/// The event document that is carried: only the fields that it should have but for the tags, which its codec knows, and its whole numbers of 64 bits, so that the
/// same event has one line, whatever the store it comes from.
pub fn portable<C: Codec>(document: &RawDocument) -> Result<RawDocumentBuf, Unreadable> {
    let (event, id) = fields::<C>(document)?;
    Ok(document_of(carried::<C>(event, &key_of::<C>(&id))))
}

fn fields<C: Codec>(document: &RawDocument) -> Result<(RecordedEvent<'_>, Id<C>), Unreadable> {
    let event = RecordedEvent::from_document(document.into())?;
    let id = stream_of::<C>(document).map_err(|why| event.unreadable(why))?;
    Ok((event, id))
}

/// The fields that are carried, in their order.
fn carried<'a, C: Codec>(
    event: RecordedEvent<'a>,
    key: &'a RawBson,
) -> impl Iterator<Item = (&'a str, RawBsonRef<'a>)> {
    let whole = |value: Option<RawBsonRef<'_>>, otherwise: i64| value.and_then(integral).unwrap_or(otherwise);
    let fields = [
        ("_id", event._id),
        (C::key_field(), Some(key.as_raw_bson_ref())),
        ("version", Some(RawBsonRef::Int64(whole(event.version, 0)))),
        ("type", event.r#type),
        ("data", event.data),
        ("recorded_at", event.recorded_at),
        ("commit", event.commit),
        ("schema", Some(RawBsonRef::Int64(whole(event.schema, 1)))),
        ("meta", event.meta),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

fn key_of<C: Codec>(id: &Id<C>) -> RawBson {
    RawBson::try_from(C::key(id)).unwrap_or(RawBson::Null)
}

fn document_of<'a>(fields: impl Iterator<Item = (&'a str, RawBsonRef<'a>)>) -> RawDocumentBuf {
    let mut document = RawDocumentBuf::new();
    for (name, value) in fields {
        if let Ok(name) = <&CStr>::try_from(name) {
            document.append(name, value);
        }
    }
    document
}

/// The end of a line that has this checksum.
fn checksum(crc32: u32) -> String {
    format!("{CHECKSUM}{crc32:08x}\"}}")
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
