//! What is written down beside an event and is none of the domain's business: by whom, why, and in which conversation.
//! Stores put it into the document's `meta`; a store that was [signed](crate::EventLog::signed) does so for all it appends.

use std::ops::RangeInclusive;

use bson::{Document, RawBsonRef, RawDocument, doc};

use crate::codec::{integral, shown};

/// By whom and why an event came to be. Every field may be missing, in documents that others wrote as in ours.
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
    /// Versions of the same stream whose effect it undoes: [`Revert`](crate::Revert) says so of its events.
    pub undoes: Option<RangeInclusive<u64>>,
}

impl Meta {
    /// The value of the field `meta`; `None` where there is nothing to say.
    pub fn document(&self) -> Option<Document> {
        let fields = [
            ("actor", &self.actor),
            ("reason", &self.reason),
            ("correlation", &self.correlation),
            ("causation", &self.causation),
        ];
        let mut said: Document =
            fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_ref()?.into()))).collect();
        if let Some(undoes) = &self.undoes {
            let version = |version: u64| i64::try_from(version).unwrap_or(i64::MAX);
            said.insert("undoes", doc! { "first": version(*undoes.start()), "last": version(*undoes.end()) });
        }
        (!said.is_empty()).then_some(said)
    }

    /// What a field `meta` says. Fields that we don't know are none of our business.
    ///
    /// # Errors
    /// Says what is there in place of a text.
    pub fn read(meta: RawBsonRef<'_>) -> Result<Self, String> {
        let RawBsonRef::Document(meta) = meta else {
            return Err(format!("its meta is {}, expected a document", shown(meta)));
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
