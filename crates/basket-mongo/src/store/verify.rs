//! Reading every event document and naming each that is invalid. [`Verifier`] checks the documents of
//! [`EventLog::documents`](super::log::EventLog::documents) and keeps no more than the state of one stream.

use basket_domain::Aggregate;
use bson::{RawBsonRef, RawDocument};

use super::{
    codec::{Codec, Event, Id, shown},
    document::{RecordedEvent, stream_of},
    entry::Entry,
    error::Unreadable,
};

/// Checks documents in the order of [`Scope::All`](crate::Scope::All).
pub struct Verifier<C: Codec> {
    stream: Option<Id<C>>,
    version: u64,
    /// The state after the events; `None` once one of them could not be read, because the state is not known then.
    state: Option<C::Aggregate>,
    documents: u64,
    streams: u64,
}

/// A document that can be read.
pub struct Verified<C: Codec> {
    /// What it says.
    pub entry: Entry<C>,
    /// What is odd about it, from [`Codec::warning`]; or that its tags are not those of [`Codec::tags`].
    pub warning: Option<String>,
}

impl<C: Codec> Default for Verifier<C> {
    fn default() -> Self {
        Self { stream: None, version: 0, state: None, documents: 0, streams: 0 }
    }
}

impl<C: Codec> Verifier<C> {
    /// Checks the next document; an error says what is wrong with it. After an invalid one, it still checks what can be
    /// checked of those after it.
    pub fn check(&mut self, document: &RawDocument) -> Result<Verified<C>, Unreadable> {
        self.pick(document).map(|(_, verified)| verified)
    }

    /// The same, with the fields that it has picked out of the document.
    pub(crate) fn pick<'a>(
        &mut self,
        document: &'a RawDocument,
    ) -> Result<(RecordedEvent<'a>, Verified<C>), Unreadable> {
        self.documents += 1;
        let event = RecordedEvent::from_document(document.into())?;
        let stream = stream_of::<C>(document).map_err(|why| event.unreadable(why))?;
        if self.stream.as_ref() != Some(&stream) {
            self.streams += 1;
            (self.stream, self.version, self.state) = (Some(stream.clone()), 0, Some(C::Aggregate::default()));
        }
        let (state, before) = (self.state.take(), self.version);
        // A gap is reported once, at the document after it. A duplicate, or one without a version, does not count.
        self.version = event.version().unwrap_or(before).max(before);
        event.check_version(before + 1).map_err(|why| event.unreadable(why))?;
        let entry = event.entry(stream.clone(), |event| event.event::<C>(&stream))?;
        let mut warning = None;
        if let Some(mut state) = state {
            C::check(&state, &entry.event).map_err(|why| event.unreadable(why))?;
            warning = C::warning(&state, &entry.event).or_else(|| untagged::<C>(event.tags, &entry.event));
            state.apply(&entry.event);
            self.state = Some(state);
        }
        Ok((event, Verified { entry, warning }))
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

/// That a query would not find the event, or find it in vain.
fn untagged<C: Codec>(found: Option<RawBsonRef<'_>>, event: &Event<C>) -> Option<String> {
    let expected = C::tags(event);
    let tags = found.and_then(RawBsonRef::as_array).into_iter().flatten();
    let is_as_expected = tags.map(|tag| tag.ok()?.as_str()).eq(expected.iter().map(|tag| Some(tag.as_str())));
    let found = found.map_or_else(|| "missing".to_owned(), shown);
    (!is_as_expected)
        .then(|| format!("its tags are {found}, expected {expected:?}: a query does not find it as it should"))
}
