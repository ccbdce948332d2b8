//! A corpus of event documents, one of each shape that was ever written, and the test that all of them can still be read. It
//! stands in the repository, a document a line; what changes an event's shape without a new document in it does not pass.
//! ("Golden master" tests, of the events and not of the program.)

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use bson::{Bson, Document, RawDocumentBuf, doc};

use super::{
    codec::{Codec, Event, Id},
    document::read_entry,
    json,
    upcaster::newest,
};

/// What is wrong with a corpus, a line each. A test that returns it prints it as it is.
#[derive(thiserror::Error)]
#[error("{0}")]
pub struct NotInCorpus(String);

impl fmt::Debug for NotInCorpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the corpus is not complete\n{self}")
    }
}

/// A document of the corpus.
struct Line {
    kind: String,
    schema: i32,
    shape: BTreeSet<String>,
}

/// Checks a corpus: documents as lines of JSON, as [`export`](super::exchange) writes them; blank lines and those that begin with
/// `#` are for people.
///
/// - Each document can be read, and there is one of each schema of each type of event.
/// - What is read, and written again, has a shape that the corpus has.
/// - So have the samples: events that the program raises today, such as of a new type, or with a field that may be missing. `id` is
///   any id.
///
/// ```
/// # use basket_domain::{BasketEvent::BasketCreated, BasketId};
/// # use basket_mongo::{Baskets, store::corpus};
/// # fn main() -> Result<(), corpus::NotInCorpus> {
/// # let id: BasketId = "5ab69073421aa917e62b4734".parse().unwrap();
/// let corpus = r#"{"_id":{"$oid":"5ab690fd421aa917e62b473b"},"basket_id":{"$oid":"5ab69073421aa917e62b4734"},
///     "version":{"$numberLong":"1"},"type":"BasketCreated","data":{},"schema":1,"commit":{"$oid":"5ab690fd421aa917e62b473c"},
///     "recorded_at":{"$date":{"$numberLong":"1764000000000"}}}"#.replace('\n', " ");
/// corpus::check::<Baskets>(&corpus, &id, &[BasketCreated { basket_id: id }])?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Says all that is wrong, a line each, and which document to add.
pub fn check<C: Codec>(corpus: &str, id: &Id<C>, samples: &[Event<C>]) -> Result<(), NotInCorpus> {
    let (mut lines, mut wrong, mut today) = (Vec::new(), Vec::new(), Vec::new());
    let numbered =
        corpus.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    for (text, number) in numbered {
        match read::<C>(text) {
            Ok((line, written)) => {
                lines.push(line);
                today.push((format!("line {number}, read and written again,"), written));
            }
            Err(why) => wrong.push(format!("line {number}: {why}")),
        }
    }
    today.extend(samples.iter().map(|sample| ("a sample".to_owned(), C::encode(sample))));

    let mut kinds: BTreeSet<&str> = lines.iter().map(|line| &*line.kind).collect();
    kinds.extend(C::UPCASTERS.iter().map(|step| step.kind));
    for kind in kinds {
        let there: BTreeSet<_> = lines.iter().filter(|line| line.kind == kind).map(|line| line.schema).collect();
        let missing = (1..=newest::<C>(kind)).filter(|schema| !there.contains(schema));
        wrong.extend(missing.map(|schema| format!("there is no document of {kind} in schema {schema}")));
    }
    let mut proposed = BTreeMap::new();
    for (what, (kind, data)) in today {
        let (schema, shape) = (newest::<C>(kind), shape_of(&data));
        let mut same = lines.iter().filter(|line| line.kind == kind && line.schema == schema).peekable();
        let is_first = same.peek().is_none();
        if same.all(|line| line.shape != shape) {
            let step = match is_first {
                true => "it is new",
                false => {
                    "if a field was added that may be missing, add this document; otherwise a step to the next schema, too"
                }
            };
            proposed.entry((kind, shape)).or_insert_with(|| {
                let line = line_of::<C>(id, kind, schema, &data);
                format!("{what} is {kind} in schema {schema} with a shape that no document has; {step}:\n{line}")
            });
        }
    }
    wrong.extend(proposed.into_values());
    if wrong.is_empty() { Ok(()) } else { Err(NotInCorpus(wrong.join("\n"))) }
}

/// Reads a line; with the event that it is, as it would be written today.
fn read<C: Codec>(text: &str) -> Result<(Line, (&'static str, Document)), String> {
    let raw = json::read(text)?;
    let entry = read_entry::<C>(&raw).map_err(|unreadable| unreadable.to_string())?;
    let document = Document::try_from(raw).map_err(|error| error.to_string())?;
    let (kind, data) = (document.get_str("type"), document.get_document("data"));
    let (Ok(kind), Ok(data)) = (kind, data) else { return Err("it has no type, or no data".into()) };
    let schema = document.get("schema").and_then(super::codec::stored_number).unwrap_or(1);
    let schema = i32::try_from(schema).map_err(|error| error.to_string())?;
    Ok((Line { kind: kind.to_owned(), schema, shape: shape_of(data) }, C::encode(&entry.event)))
}

/// A document of the corpus, for an event that has none.
fn line_of<C: Codec>(id: &Id<C>, kind: &str, schema: i32, data: &Document) -> String {
    let oid = bson::oid::ObjectId::from_bytes([0; 12]);
    let document = doc! {
        "_id": oid, C::key_field(): C::key(id), "version": 1_i64, "type": kind, "data": data,
        "recorded_at": bson::DateTime::from_millis(0), "commit": oid, "schema": i64::from(schema),
    };
    RawDocumentBuf::try_from(&document)
        .map_err(|error| error.to_string())
        .and_then(|raw| json::write(&raw))
        .unwrap_or_else(|why| format!("(it can't be written as JSON: {why})"))
}

/// The fields of a document, with their types.
fn shape_of(data: &Document) -> BTreeSet<String> {
    let mut shape = BTreeSet::new();
    data.iter().for_each(|(name, value)| add(&mut shape, name.clone(), value));
    shape
}

fn add(shape: &mut BTreeSet<String>, path: String, value: &Bson) {
    match value {
        Bson::Document(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(name, value)| add(shape, format!("{path}.{name}"), value));
        }
        Bson::Array(items) if !items.is_empty() => {
            items.iter().for_each(|value| add(shape, format!("{path}[]"), value));
        }
        _ => drop(shape.insert(format!("{path}: {:?}", value.element_type()))),
    }
}
