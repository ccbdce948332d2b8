//! What is written down beside an event and is none of the domain's business: by whom, why, and in which conversation.
//! Stores put it into the document's `meta`; a store that was [signed](crate::EventLog::signed) does so for all it appends.

use std::fmt::Display;

use bson::{Document, RawBsonRef, RawDocument};

use crate::codec::shown;

/// By whom and why an event came to be. Every field may be missing, in documents that others wrote as in ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// Who gave the command: a person or a program.
    pub actor: Option<String>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// The conversation that it is part of: what begins with one request has one correlation.
    pub correlation: Option<String>,
    /// What it is the answer to: the id of a message or an event; of a revert, the events that it undoes, as
    /// `ID/FIRST..LAST`.
    pub causation: Option<String>,
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
        let said: Document =
            fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_ref()?.into()))).collect();
        (!said.is_empty()).then_some(said)
    }

    /// The first and the last version of this stream that the event undoes, if it does.
    pub(crate) fn undoes(&self, stream: &impl Display) -> Option<(u64, u64)> {
        let (of, versions) = self.causation.as_deref()?.rsplit_once('/')?;
        let (first, last) = versions.split_once("..")?;
        (of == stream.to_string()).then_some((first.parse().ok()?, last.parse().ok()?))
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
