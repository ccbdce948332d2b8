//! Events as lines of text, to copy them from one store to another: a header, one line for each event, and an end that says
//! how many there were. A line is an event document in MongoDB's extended JSON (relaxed), with a checksum after its fields.
//! [`Export`] makes the lines, [`Import`] reads them; neither touches a file or a store. Of a document, only the fields of
//! [`document`](super::document) are exported; `data` and `meta` with all they hold, whole numbers as 64-bit ones.

use bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    codec::{Codec, integral},
    document::{RecordedEvent, stream_of},
    entry::Entry,
    error::Unreadable,
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

    /// The line of the next document. Fails at a document that can't be read: only whole histories are exported.
    pub fn line(&mut self, document: &RawDocument) -> Result<String, Unreadable> {
        self.verifier.check(document)?;
        let line = portable::<C>(document)?;
        let crc32 = crc32fast::hash(line.as_bytes());
        self.sum.update(&crc32.to_be_bytes());
        Ok(format!("{}{CHECKSUM}{crc32:08x}\"}}", line.strip_suffix('}').unwrap_or(&line)))
    }

    /// The last line.
    pub fn end(self) -> String {
        json(&end(&self.verifier, self.sum))
    }
}

/// Reads lines that an [`Export`] has made, each of which is checked as if it were in a store.
pub struct Import<C: Codec> {
    verifier: Verifier<C>,
    sum: crc32fast::Hasher,
    line: u64,
    ended: bool,
}

impl<C: Codec> Default for Import<C> {
    fn default() -> Self {
        Self { verifier: Verifier::default(), sum: crc32fast::Hasher::new(), line: 0, ended: false }
    }
}

impl<C: Codec> Import<C> {
    /// The event of the next line, with its document; `None` for the header and the end. An error says what is wrong with
    /// the line.
    pub fn line(&mut self, line: &str) -> Result<Option<(Entry<C>, RawDocumentBuf)>, BadLine> {
        self.line += 1;
        self.read(line).map_err(|why| BadLine { line: self.line, why })
    }

    /// Checks that the end was there. Fails if the file was cut short.
    pub fn end(&self) -> Result<(), BadLine> {
        let why = "the end is missing: the file was cut short, so ask for it again".into();
        if self.ended { Ok(()) } else { Err(BadLine { line: self.line + 1, why }) }
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.verifier.documents()
    }

    fn read(&mut self, line: &str) -> Result<Option<(Entry<C>, RawDocumentBuf)>, String> {
        if self.ended {
            return Err("it stands behind the end".into());
        }
        if self.line == 1 {
            return self.header(line).map(|()| None);
        }
        if let Some(found) = parse::<End>(line) {
            let expected = end(&self.verifier, self.sum.clone());
            self.ended = true;
            let (here, there) = (expected.events, found.events);
            let missing = || format!("{here} events end here, not {there}; lines are missing, ask for the file again");
            return if found == expected { Ok(None) } else { Err(missing()) };
        }
        let damaged = "the line is damaged or cut short: its checksum is another one";
        let (body, checksum) =
            line.len().checked_sub(CHECKSUM_LENGTH).and_then(|at| line.split_at_checked(at)).ok_or(damaged)?;
        let (body, crc32) = (format!("{body}}}"), crc32fast::hash(format!("{body}}}").as_bytes()));
        if checksum != format!("{CHECKSUM}{crc32:08x}\"}}") {
            return Err(damaged.into());
        }
        self.sum.update(&crc32.to_be_bytes());
        let document: Document = serde_json::from_str(&body).map_err(|why| format!("it is no event: {why}"))?;
        let document = document.into_iter().map(|(name, value)| (name, from_text(value))).collect::<Document>();
        let document = RawDocumentBuf::try_from(&document).map_err(|why| format!("it is no event: {why}"))?;
        let verified = self.verifier.check(&document).map_err(|unreadable| unreadable.to_string())?;
        Ok(Some((verified.entry, document)))
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
            None => Err("it is no export of events".into()),
        }
    }
}

/// The document's line without a checksum: the same for the same event, whatever the store it comes from.
pub(crate) fn portable<C: Codec>(document: &RawDocument) -> Result<String, Unreadable> {
    let event = RecordedEvent::from_document(document.into())?;
    let id = stream_of::<C>(document).map_err(|why| event.unreadable(why))?;
    let whole = |value: Option<RawBsonRef<'_>>, otherwise: i64| value.and_then(integral).unwrap_or(otherwise).into();
    let fields = [
        ("_id", owned(event._id)),
        (C::KEY, Some(C::key(&id))),
        ("version", Some(whole(event.version, 0))),
        ("type", owned(event.r#type)),
        ("data", owned(event.data)),
        ("recorded_at", event.recorded_at.map(date)),
        ("commit", owned(event.commit)),
        ("schema", Some(whole(event.schema, 1))),
        ("meta", owned(event.meta)),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Ok(json(&fields.collect::<Document>()))
}

/// A date as text; a value that can't be written so stays as it is.
fn date(value: RawBsonRef<'_>) -> Bson {
    let text = value.as_datetime().and_then(|time| time.try_to_rfc3339_string().ok());
    text.map_or_else(|| owned(Some(value)).unwrap_or(Bson::Null), |text| doc! { "$date": text }.into())
}

fn owned(value: Option<RawBsonRef<'_>>) -> Option<Bson> {
    Some(for_text(Bson::try_from(value?).ok()?))
}

/// A value as JSON can have it: NaN and infinities have no literal there, but extended JSON has a form for them.
pub fn for_text(value: Bson) -> Bson {
    match value {
        Bson::Double(number) if number.is_nan() => doc! { "$numberDouble": "NaN" }.into(),
        Bson::Double(f64::INFINITY) => doc! { "$numberDouble": "Infinity" }.into(),
        Bson::Double(f64::NEG_INFINITY) => doc! { "$numberDouble": "-Infinity" }.into(),
        other => within(other, for_text),
    }
}

/// A value out of JSON, which has one kind of number: whole ones become 64-bit, as the stores write them.
fn from_text(value: Bson) -> Bson {
    match value {
        Bson::Int32(number) => Bson::Int64(number.into()),
        other => within(other, from_text),
    }
}

/// Changes the values that a document or an array holds.
fn within(value: Bson, change: fn(Bson) -> Bson) -> Bson {
    match value {
        Bson::Document(fields) => Bson::Document(fields.into_iter().map(|(name, held)| (name, change(held))).collect()),
        Bson::Array(items) => Bson::Array(items.into_iter().map(change).collect()),
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
