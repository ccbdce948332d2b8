//! An event as a store has kept it: what happened, and what was stored beside it and does not belong to the domain: by whom,
//! why, and in which conversation. Readers of any store get these. A writer gives a [`Commit`] to an append, whose [`Meta`]
//! stands in the `meta` of every document.

use std::ops::RangeInclusive;

use basket_domain::Aggregate;
use bson::{DateTime, Document, RawBsonRef, RawDocument, doc, oid::ObjectId};
use serde::{Serialize, de::DeserializeOwned};

use super::codec::{Event, Id, integral, shown};

/// Names one commit. The client makes a new one for each save, to recognise the commit after a lost answer.
pub type CommitId = ObjectId;

/// What the events share that are appended together.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Its name. The same one again, after the same version, appends nothing.
    pub id: CommitId,
    /// By whom and why.
    pub meta: Meta,
}

impl Commit {
    /// A commit that no one else has made.
    pub fn new(meta: Meta) -> Self {
        Self { id: CommitId::new(), meta }
    }
}

/// A new commit of which nothing is said.
impl Default for Commit {
    fn default() -> Self {
        Self::new(Meta::default())
    }
}

/// A commit under an id of your own, such as that of a [`StoreError::OutcomeUnknown`](crate::StoreError::OutcomeUnknown).
impl From<CommitId> for Commit {
    fn from(id: CommitId) -> Self {
        Self { id, meta: Meta::default() }
    }
}

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

/// The entry of an aggregate's events.
pub type EntryOf<A> = LogEntry<<A as Aggregate>::Id, <A as Aggregate>::Event>;

/// By whom and why an event came to be. Every field may be missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Meta {
    /// Who gave the command: a person or a program.
    pub actor: Option<String>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// The conversation that it is part of: what begins with one request has one correlation.
    pub correlation: Option<String>,
    /// What it is the answer to: the id of a message or an event.
    pub causation: Option<String>,
    /// The request that it carries out, in the caller's words; a stream carries out each
    /// [once](crate::Command::once).
    pub request: Option<String>,
    /// What else the caller wants to keep beside it: see [`set_headers`](Self::set_headers).
    pub headers: Document,
    /// Versions of the same stream whose effect it undoes: [`Undo`](crate::Undo) says so of its events.
    pub undoes: Option<RangeInclusive<u64>>,
}

impl Meta {
    /// Takes headers of the caller's own type: whatever serde writes as a document.
    ///
    /// ```
    /// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    /// struct Headers {
    ///     tenant: String,
    ///     trace: u64,
    /// }
    /// let sent = Headers { tenant: "acme".into(), trace: 7 };
    /// let mut meta = basket_mongo::Meta::default();
    /// meta.set_headers(&sent)?;
    /// assert_eq!(meta.headers::<Headers>()?, sent);
    /// # Ok::<(), bson::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of serde, if the value is no document.
    pub fn set_headers(&mut self, headers: &impl Serialize) -> Result<(), bson::error::Error> {
        self.headers = bson::serialize_to_document(headers)?;
        Ok(())
    }

    /// The headers as the caller's own type. Fails if they are of another one.
    pub fn headers<T: DeserializeOwned>(&self) -> Result<T, bson::error::Error> {
        bson::deserialize_from_document(self.headers.clone())
    }

    /// The value of the field `meta`; `None` if every field is missing.
    pub(crate) fn document(&self) -> Option<Document> {
        let fields = [
            ("actor", &self.actor),
            ("reason", &self.reason),
            ("correlation", &self.correlation),
            ("causation", &self.causation),
            ("request", &self.request),
        ];
        let fields = fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_ref()?.into())));
        let mut said: Document = fields.collect();
        if let Some(undoes) = &self.undoes {
            let version = |version: u64| i64::try_from(version).unwrap_or(i64::MAX);
            said.insert("undoes", doc! { "first": version(*undoes.start()), "last": version(*undoes.end()) });
        }
        if !self.headers.is_empty() {
            said.insert("headers", &self.headers);
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
            request: text(meta, "request")?,
            headers: headers(meta)?,
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

fn headers(meta: &RawDocument) -> Result<Document, String> {
    let broken = |error: &dyn std::fmt::Display| format!("meta.headers is not valid BSON: {error}");
    match meta.get("headers").map_err(|error| broken(&error))? {
        None | Some(RawBsonRef::Null) => Ok(Document::new()),
        Some(RawBsonRef::Document(headers)) => Document::try_from(headers).map_err(|error| broken(&error)),
        Some(other) => Err(format!("meta.headers is {}, expected a document", shown(other))),
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
