//! Reading every event document and naming each that is off. [`Verifier`] is fed the documents of
//! [`EventLog::documents`](crate::EventLog::documents) and holds no more than the state of one stream.
//! `basket verify` prints what it finds; `export` and `import` stop at it.

use basket_domain::Aggregate;
use bson::RawDocument;

use crate::{
    Codec, Entry, Unreadable,
    codec::Id,
    document::{RecordedEvent, stream_of},
};

/// Checks documents in the order of their streams and versions, as [`Scope::All`](crate::Scope::All) brings them.
pub struct Verifier<C: Codec> {
    stream: Option<Id<C>>,
    version: u64,
    /// What the events add up to; `None` once one of them could not be read, for nobody knows the state then.
    state: Option<C::Aggregate>,
    documents: u64,
    streams: u64,
}

impl<C: Codec> Default for Verifier<C> {
    fn default() -> Self {
        Self { stream: None, version: 0, state: None, documents: 0, streams: 0 }
    }
}

impl<C: Codec> Verifier<C> {
    /// Checks the next document. After one that is off it goes on with what can still be said of those behind it.
    ///
    /// # Errors
    /// Names the document and says what is wrong with it.
    pub fn check(&mut self, document: &RawDocument) -> Result<Entry<C>, Unreadable> {
        self.documents += 1;
        let event = RecordedEvent::from_document(document.into())?;
        let stream = stream_of::<C>(document).map_err(|why| event.unreadable(why))?;
        if self.stream.as_ref() != Some(&stream) {
            self.streams += 1;
            (self.stream, self.version, self.state) = (Some(stream.clone()), 0, Some(C::Aggregate::default()));
        }
        let (state, before) = (self.state.take(), self.version);
        // A gap is named once, at the document behind it; one too many, or of no version, takes nobody's place.
        self.version = event.version().unwrap_or(before).max(before);
        event.check_version(before + 1).map_err(|why| event.unreadable(why))?;
        let entry = event.entry(stream.clone(), |event| event.event::<C>(&stream))?;
        if let Some(mut state) = state {
            C::check(&state, &entry.event).map_err(|why| event.unreadable(why))?;
            state.apply(&entry.event);
            self.state = Some(state);
        }
        Ok(entry)
    }

    /// How many documents were checked.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// How many streams they are of.
    pub fn streams(&self) -> u64 {
        self.streams
    }
}
