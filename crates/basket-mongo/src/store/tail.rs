//! Events as they happen: those stored already, if asked for, then all that are appended, none missed and none twice.
//! A store implements [`Tail::tail`]: MongoDB's follows a change stream, or looks once a second if the server has none;
//! a file's looks ten times a second. It never writes.

use std::time::Duration;

use futures_util::Stream;

use super::{
    codec::{Codec, Event, Id},
    entry::LogEntry,
    error::{StoreError, Unreadable},
    log::{EventLog, Scope},
};

/// Where a tail begins, and whether it is of one stream or of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since<I> {
    /// With what is appended from now on, to one stream or to any.
    Now(Option<I>),
    /// With all stored events, of one stream or of all.
    Beginning(Option<I>),
    /// With this version of one stream: the one after the last that you have seen.
    Version(I, u64),
}

impl<I> Since<I> {
    /// The one stream that is asked for.
    pub fn stream(&self) -> Option<&I> {
        match self {
            Self::Now(stream) | Self::Beginning(stream) => stream.as_ref(),
            Self::Version(stream, _) => Some(stream),
        }
    }

    /// The lowest version that is asked for.
    pub fn version(&self) -> u64 {
        match self {
            Self::Now(_) | Self::Beginning(_) => 1,
            Self::Version(_, version) => *version,
        }
    }
}

impl<I: Clone> Since<I> {
    /// The events that are asked for, if they were stored.
    pub(crate) fn scope(&self) -> Scope<I> {
        self.stream().map_or(Scope::All, |id| Scope::From(id.clone(), self.version()))
    }

    /// The stored events that are asked for, if any.
    pub fn kept(&self) -> Option<Scope<I>> {
        (!matches!(self, Self::Now(_))).then(|| self.scope())
    }
}

/// What a tail reports.
#[derive(Debug)]
pub enum News<I, E> {
    /// An event. Those of one stream come in the order of their versions.
    Event(LogEntry<I, E>),
    /// A document that can't be read as an event. It is reported once, and the tail goes on after it: whether its stream can
    /// still be followed is for the caller to say.
    Unreadable(Unreadable),
    /// The stored events were all reported; from here on, events come as they happen. It comes again after
    /// [`Lost`](Self::Lost): the store is back, and nothing was missed.
    Watching {
        /// How often the store is read, if it can't report by itself what is appended.
        every: Option<Duration>,
    },
    /// The store does not answer any more, for this reason. The tail waits until it does.
    Lost(StoreError),
}

/// What a tail of a codec's events reports.
pub type NewsOf<C> = News<Id<C>, Event<C>>;

/// A store whose events can be followed.
pub trait Tail<C: Codec>: EventLog<C> {
    /// Events since a moment, for as long as the stream is polled. Drop it to end it. Live events come in the order of
    /// their commits; of the stored ones, only those of one stream have an order.
    ///
    /// On MongoDB, reading all stored streams keeps the last version of each in memory, some 100 bytes a stream, until the
    /// first live event after them.
    ///
    /// The stream ends with its first error: [`StoreError::Unreachable`] if the store did not answer at the start
    /// (later, that is [`News::Lost`]); [`StoreError::HistoryLost`] means that events may have been missed. A document that
    /// can't be read is no error, but [`News::Unreadable`].
    fn tail(&self, since: Since<Id<C>>) -> impl Stream<Item = Result<NewsOf<C>, StoreError>> + Send;
}
