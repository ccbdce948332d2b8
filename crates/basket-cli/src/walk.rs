//! A pass over event documents that folds each stream into its state, event by event. A stream is folded up to its first
//! unreadable document: no state is known after it.

use basket_mongo::{Codec, Entry, Unreadable, Verifier, store::document::stream_of};
use bson::RawDocument;

use crate::domain::{Domain, Id};

/// Takes the documents in the order of [`Scope::All`](basket_mongo::Scope::All).
pub(crate) struct Walk<D: Domain> {
    verifier: Verifier<D>,
    stream: Option<Id<D>>,
    /// The state so far; none after an unreadable document.
    state: Option<D::Aggregate>,
}

/// An event, and the state before it.
type Step<'a, D> = (Entry<D>, &'a mut <D as Codec>::Aggregate);

impl<D: Domain> Walk<D> {
    pub(crate) fn new() -> Self {
        Self { verifier: Verifier::default(), stream: None, state: None }
    }

    /// The next event, and the state before it, which the caller applies it to; none where a document before it in its stream
    /// can't be read.
    pub(crate) fn step(&mut self, document: &RawDocument) -> Result<Option<Step<'_, D>>, Unreadable> {
        let read = self.verifier.check(document);
        let stream = match &read {
            Ok(verified) => Some(verified.entry.stream.clone()),
            Err(_) => stream_of::<D>(document).ok(),
        };
        if stream.is_some() && self.stream != stream {
            (self.stream, self.state) = (stream, Some(D::Aggregate::default()));
        }
        match read {
            Ok(verified) => Ok(self.state.as_mut().map(|state| (verified.entry, state))),
            Err(unreadable) => {
                self.state = None;
                Err(unreadable)
            }
        }
    }

    /// How many documents there were.
    pub(crate) fn documents(&self) -> u64 {
        self.verifier.documents()
    }

    /// How many streams they are of.
    pub(crate) fn streams(&self) -> u64 {
        self.verifier.streams()
    }
}
