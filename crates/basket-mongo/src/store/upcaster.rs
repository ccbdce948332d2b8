//! Old shapes of events. What was written stays as it was written; when it is read, it is brought to the newest shape step by step
//! (the upcasters of Greg Young's "Versioning in an Event Sourced System", 2017), and the codec only knows that one.
//!
//! A document says in `schema` which shape its `data` have: a number of its type of event, from 1. There are three roads for an
//! event that changes:
//!
//! - A field that may be missing needs no step and no new number: [`decode`](Codec::decode) reads documents with it and without
//!   it, and programs of before ignore it.
//! - A field that changes its form or its meaning gets a step here; that makes the next number. Programs of before refuse it.
//! - An event that means something else is a new type. The old one stays in `decode`, for ever, and no command raises it.
//!
//! [`corpus`](super::corpus) keeps a document of every shape, and tests that it can be read.

use bson::{Document, RawDocument, RawDocumentBuf};

use super::codec::Codec;

/// The step from one shape of an event's `data` to the next: a pure function, tested alone.
///
/// ```
/// use basket_mongo::Upcaster;
/// use bson::{Document, doc};
///
/// /// A quantity was a number of pieces once; now it has a unit.
/// const UNIT: Upcaster = Upcaster { kind: "ItemAdded", from: 1, step: with_unit };
///
/// fn with_unit(mut data: Document) -> Result<Document, String> {
///     let qty = data.remove("qty").ok_or("data.qty is missing")?;
///     data.insert("quantity", doc! { "value": qty, "unit": "piece" });
///     Ok(data)
/// }
///
/// assert_eq!(
///     (UNIT.step)(doc! { "product": "rocks", "qty": 2_i64 }),
///     Ok(doc! { "product": "rocks", "quantity": { "value": 2_i64, "unit": "piece" } }),
/// );
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Upcaster {
    /// The type of the event.
    pub kind: &'static str,
    /// The schema that it reads; it makes the next one of it.
    pub from: i32,
    /// What it makes of `data`. An error says what is wrong with them, for a person to read.
    pub step: fn(Document) -> Result<Document, String>,
}

/// The newest schema of a type of event: that behind the last step, and 1 if there is none.
pub fn newest<C: Codec + ?Sized>(kind: &str) -> i32 {
    let steps = C::UPCASTERS.iter().filter(|step| step.kind == kind);
    steps.map(|step| step.from.saturating_add(1)).max().unwrap_or(1)
}

/// Brings data of an older schema to the newest one.
pub(crate) fn upcast<C: Codec + ?Sized>(kind: &str, schema: i32, data: &RawDocument) -> Result<RawDocumentBuf, String> {
    let mut data = Document::try_from(data).map_err(|broken| format!("its data are not valid BSON: {broken}"))?;
    for from in schema..newest::<C>(kind) {
        let step = C::UPCASTERS.iter().find(|step| step.kind == kind && step.from == from);
        let step = step.ok_or_else(|| format!("its schema is {from}, and this program has no step from there"))?;
        data = (step.step)(data)
            .map_err(|why| format!("its schema is {from}, and can't be brought to the next: {why}"))?;
    }
    RawDocumentBuf::try_from(&data).map_err(|error| format!("what its upcasters made can't be written: {error}"))
}
