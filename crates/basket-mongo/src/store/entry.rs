//! An event as a store has kept it: what happened, and what was stored beside it and does not belong to the domain: by whom,
//! why, and in which conversation. Readers of any store get these. Stores put the [`Meta`] into the document's `meta`; a
//! store that was [signed](crate::EventLog::signed) does so for all it appends.

use std::ops::RangeInclusive;

use bson::{DateTime, Document, RawBsonRef, RawDocument, doc, oid::ObjectId};

use super::codec::{Event, Id, integral, shown};

/// Names one commit. The client makes a new one for each save, to recognise the commit after a lost answer.
pub type CommitId = ObjectId;

/// An event as the store has kept it: what happened, and when, by whom and why it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry<I, E> {
    /// The `_id` of its document.
    pub document: ObjectId,
    /// The stream that it is of.
    pub stream: I,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// What happened.
    pub event: E,
    /// When it was written, by the writer's clock, in milliseconds. Only the version gives the order.
    pub recorded_at: DateTime,
    /// Events that were saved together share it.
    pub commit: CommitId,
    /// By whom and why.
    pub meta: Meta,
}

/// The entry of a codec's events.
pub type Entry<C> = LogEntry<Id<C>, Event<C>>;

/// By whom and why an event came to be. Every field may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// Who gave the command: a person or a program.
    pub actor: Option<String>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// The conversation that it is part of: what begins with one request has one correlation.
    pub correlation: Option<String>,
    /// What it is the answer to: the id of a message or an event.
    pub causation: Option<String>,
    /// Versions of the same stream whose effect it undoes: [`Undo`](crate::Undo) says so of its events.
    pub undoes: Option<RangeInclusive<u64>>,
}

impl Meta {
    /// The value of the field `meta`; `None` if every field is missing.
    pub(crate) fn document(&self) -> Option<Document> {
        let fields = [
            ("actor", &self.actor),
            ("reason", &self.reason),
            ("correlation", &self.correlation),
            ("causation", &self.causation),
        ];
        let fields = fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_ref()?.into())));
        let mut said: Document = fields.collect();
        if let Some(undoes) = &self.undoes {
            let version = |version: u64| i64::try_from(version).unwrap_or(i64::MAX);
            said.insert("undoes", doc! { "first": version(*undoes.start()), "last": version(*undoes.end()) });
        }
        (!said.is_empty()).then_some(said)
    }

    /// What a field `meta` says; nothing if it is null. Fields that we don't know are ignored. An error says what is there in
    /// place of a text.
    pub(crate) fn read(meta: RawBsonRef<'_>) -> Result<Self, String> {
        let meta = match meta {
            RawBsonRef::Document(meta) => meta,
            RawBsonRef::Null => return Ok(Self::default()),
            other => return Err(format!("its meta is {}, expected a document", shown(other))),
        };
        Ok(Self {
            actor: text(meta, "actor")?,
            reason: text(meta, "reason")?,
            correlation: text(meta, "correlation")?,
            causation: text(meta, "causation")?,
            undoes: undoes(meta)?,
        })
    }
}

fn text(meta: &RawDocument, field: &str) -> Result<Option<String>, String> {
    match meta.get(field).map_err(|broken| format!("meta.{field} is not valid BSON: {broken}"))? {
        None | Some(RawBsonRef::Null) => Ok(None),
        Some(RawBsonRef::String(text)) => Ok(Some(text.into())),
        Some(other) => Err(format!("meta.{field} is {}, expected a text", shown(other))),
    }
}

fn undoes(meta: &RawDocument) -> Result<Option<RangeInclusive<u64>>, String> {
    let Some(undoes) = meta.get("undoes").map_err(|broken| format!("meta.undoes is not valid BSON: {broken}"))? else {
        return Ok(None);
    };
    let version =
        |field| integral(undoes.as_document()?.get(field).ok()??).and_then(|number| u64::try_from(number).ok());
    match (version("first"), version("last")) {
        (Some(first), Some(last)) => Ok(Some(first..=last)),
        _ => Err(format!("meta.undoes is {}, expected the first and the last version", shown(undoes))),
    }
}
