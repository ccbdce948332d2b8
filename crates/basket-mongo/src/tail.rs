//! Events as they happen: what was kept already, if asked for, then whatever is appended, none missed and none twice.
//! A store brings [`Tail::tail`]; MongoDB's rests on a change stream, a file's on a look ten times a second. `basket watch`
//! is a thin reader of it. It never writes.

use futures_util::Stream;

use crate::{
    Codec, EventLog, LogEntry, Scope, StoreError,
    codec::{Event, Id},
};

/// Where a tail begins, and whether it is of one stream or of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since<I> {
    /// With what is appended from now on, to one stream or to any.
    Now(Option<I>),
    /// With all that was kept, of one stream or of every one.
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
    /// What of it a store has kept already; `None` where nothing of that is asked for.
    pub(crate) fn kept(&self) -> Option<Scope<I>> {
        match self {
            Self::Now(_) => None,
            Self::Beginning(None) => Some(Scope::All),
            Self::Beginning(Some(stream)) => Some(Scope::From(stream.clone(), 1)),
            Self::Version(stream, version) => Some(Scope::From(stream.clone(), *version)),
        }
    }
}

/// What a tail tells.
#[derive(Debug)]
pub enum News<I, E> {
    /// An event. Those of one stream come in the order of their versions.
    Event(LogEntry<I, E>),
    /// What was kept has been told, and from here on events are told as they happen. Said again after
    /// [`Lost`](Self::Lost): the store is back, and nothing was missed.
    Watching,
    /// The store does not answer any more, for this reason. The tail waits for it, as long as it takes.
    Lost(StoreError),
}

/// What a tail of a codec's events tells.
pub type NewsOf<C> = News<Id<C>, Event<C>>;

/// A store whose events can be followed.
pub trait Tail<C: Codec>: EventLog<C> {
    /// Events since a moment, and on for as long as the stream is polled. Drop it to end it.
    ///
    /// The streams of a catch-up come one after the other or in the order of their commits, as the store has it; live
    /// events come in the order of the commits.
    ///
    /// On MongoDB, a catch-up over all the streams remembers the last version of each, some 100 bytes a stream, until the
    /// first event that comes after it.
    ///
    /// The stream ends with its first error: [`StoreError::Unreachable`] where the store did not answer at the start
    /// (later, that is [`News::Lost`]); [`StoreError::Unreadable`] names an event that can't be read, and nothing is
    /// skipped; [`StoreError::NoChangeStream`] and [`StoreError::HistoryLost`] say what to do.
    fn tail(&self, since: Since<Id<C>>) -> impl Stream<Item = Result<NewsOf<C>, StoreError>> + Send;
}
