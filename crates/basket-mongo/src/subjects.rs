//! The receipts of erasing: a stream for each subject that was forgotten, with an event that says so; who did it, when and why
//! stands beside it as beside every event. The key is deleted before, so a receipt never says too much; and after a backup was
//! brought back, the receipts say whom to forget again.

use std::convert::Infallible;

use basket_domain::{Aggregate, Subject};
use bson::{Bson, Document, RawBsonRef, RawDocument, doc};

use crate::store::codec::Codec;

/// What happened to what is known of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectEvent {
    /// The key was deleted, so that all texts that were sealed for the subject are erased.
    SubjectForgotten,
}

/// Whether a person was forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    is_forgotten: bool,
}

impl Forgotten {
    /// Says that the subject was forgotten, once. It is never refused.
    ///
    /// # Errors
    /// None.
    pub fn forget(&self) -> Result<Vec<SubjectEvent>, Infallible> {
        Ok(if self.is_forgotten { Vec::new() } else { vec![SubjectEvent::SubjectForgotten] })
    }
}

impl Aggregate for Forgotten {
    type Id = Subject;
    type Event = SubjectEvent;

    fn apply(&mut self, event: &SubjectEvent) {
        match event {
            SubjectEvent::SubjectForgotten => self.is_forgotten = true,
        }
    }
}

/// The codec of the receipts: `store.streams_of::<Subjects>()` keeps them in `db.subjects`.
#[derive(Debug, Clone, Copy)]
pub struct Subjects;

impl Codec for Subjects {
    type Aggregate = Forgotten;

    const COLLECTION: &'static str = "subjects";
    const KEY: &'static str = "subject_id";
    const KEY_TYPE: Option<&'static str> = Some("string");

    fn key(id: &Subject) -> Bson {
        id.as_str().into()
    }

    fn id(key: RawBsonRef<'_>) -> Option<Subject> {
        key.as_str()?.parse().ok()
    }

    fn encode(event: &SubjectEvent) -> (&'static str, Document) {
        match event {
            SubjectEvent::SubjectForgotten => ("SubjectForgotten", doc! {}),
        }
    }

    fn decode(_: &Subject, kind: &str, _: &RawDocument) -> Result<SubjectEvent, String> {
        match kind {
            "SubjectForgotten" => Ok(SubjectEvent::SubjectForgotten),
            unknown => Err(format!("its type '{unknown}' is none that a subject knows")),
        }
    }
}
