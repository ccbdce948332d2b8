//! Reading what a store has kept: its event documents in order, the log of a stream, and a stream's past.
//! A store brings [`EventLog::documents`]; whatever reads events rests on it, for any store and any aggregate. What else a
//! store brings is about itself: its name, its writer, its indexes, and taking in documents of another.
//! `basket log`, `get --at`, `diff`, `blame`, `verify` and `export` are thin readers of it.

use std::{future::Future, pin::pin, task::Poll};

use basket_domain::{Aggregate, EventSourced};
use bson::{DateTime, RawDocument, RawDocumentBuf, oid::ObjectId};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use crate::{
    Codec, CommitId, EventStore, Meta, StoreError,
    codec::{Event, Id},
    document::{RecordedEvent, read_entry},
    exchange::portable,
};

/// Which documents, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope<I> {
    /// Those of one stream from a version on, oldest first.
    From(I, u64),
    /// Those of one stream, newest first.
    NewestFirst(I),
    /// Those of every stream, one stream after the other by id, oldest first. What is appended meanwhile may be missed,
    /// but never the earlier event of a stream while a later one is seen.
    All,
}

/// An event as the store has kept it: what happened, and when, by whom and why it was written down.
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
    /// When its writer wrote it down, by the writer's clock, in milliseconds. Only the version gives the order.
    pub recorded_at: DateTime,
    /// Events that were saved together share it.
    pub commit: CommitId,
    /// By whom and why.
    pub meta: Meta,
}

/// The entry of a codec's events.
pub type Entry<C> = LogEntry<Id<C>, Event<C>>;

/// A moment of a stream's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// After so many events, from 1.
    Version(u64),
    /// After the longest run of events that were all recorded at or before this time.
    Time(DateTime),
}

/// An aggregate as it was.
#[derive(Debug, Clone)]
pub struct Past<R> {
    /// The aggregate then, an [`EventSourced`] with the version it had.
    pub root: R,
    /// When its last event was recorded.
    pub recorded_at: DateTime,
    /// The version of the stream now.
    pub head: u64,
    /// The first later event that was recorded at or before the time asked for, by a clock that was behind; it is left out.
    pub out_of_order: Option<u64>,
}

/// A store whose documents can be read as they are.
///
/// Streams end with their first error: nothing is skipped.
pub trait EventLog<C: Codec>: EventStore<C::Aggregate> + Sized + Send {
    /// The store's name for people, without credentials.
    fn name(&self) -> String;

    /// The same store over the same connections, for a writer who says who it is and why.
    #[must_use]
    fn signed(&self, meta: Meta) -> Self;

    /// What is written beside every event that this store appends.
    fn meta(&self) -> &Meta;

    /// Event documents as they are, in the shape that [`document`](crate::document) describes. No more of them are held
    /// than a batch.
    fn documents(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send;

    /// About how many documents there are, for people who wait.
    ///
    /// # Errors
    /// The store does not answer.
    fn count(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// What is wrong with the store around the documents, such as an index that is missing; nothing, where all is well.
    ///
    /// # Errors
    /// The store does not answer.
    fn faults(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Takes in documents of another store, all of them or none, and returns how many were new; with `write: false` it
    /// only says how many would be. Those that are there already stay as they are, so that an import can be repeated.
    /// [`Import`](crate::exchange::Import) brings them in order: only the first stream may begin behind its version 1.
    ///
    /// # Errors
    /// [`StoreError::Diverged`] where the store has another event in the place of one: histories are never merged.
    fn import(&self, documents: &[RawDocumentBuf], write: bool)
    -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The entries of the log, each read by itself: an event that can't follow on the one before it is shown all the same.
    fn log(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<Entry<C>, StoreError>> + Send {
        let entries = self.documents(scope).map(|document| Ok(read_entry::<C>(&document?)?));
        to_the_first_error(entries, || None)
    }

    /// The entries of one stream, oldest first, each of which can follow on the one before it, as in a
    /// [`get`](EventStore::get).
    ///
    /// The stream's errors are [`StoreError::NotFound`] where nothing has happened, and those of a `get`; and a document
    /// that lacks what the log shows (`recorded_at`, `commit`), with which a `get` could do, is unreadable here.
    fn history(&self, id: &Id<C>) -> impl Stream<Item = Result<Entry<C>, StoreError>> + Send {
        let (mut state, mut version) = (C::Aggregate::default(), 0);
        let entries = self.documents(Scope::From(id.clone(), 1)).map(move |document| {
            let document = document?;
            let event = RecordedEvent::from_document(document.as_ref().into())?;
            let entry = event.entry(id.clone(), |event| event.next_event::<C>(id, version, &state))?;
            state.apply(&entry.event);
            version += 1;
            Ok(entry)
        });
        to_the_first_error(entries, move || Some(self.not_found(id)))
    }

    /// The aggregate as it was at a moment.
    ///
    /// # Errors
    /// [`StoreError::NoSuchVersion`] and [`StoreError::NotYetThere`] say which moments there are; otherwise as a `get`.
    fn past(
        &self,
        id: &Id<C>,
        moment: Moment,
    ) -> impl Future<Output = Result<Past<EventSourced<C::Aggregate>>, StoreError>> + Send {
        async move {
            let mut history = pin!(self.history(id));
            let (mut past, mut created) = (None::<Past<_>>, None);
            let (mut head, mut over, mut out_of_order) = (0, false, None);
            while let Some(entry) = history.try_next().await? {
                let Entry::<C> { version, event, recorded_at, .. } = entry;
                (head, created) = (version, created.or(Some(recorded_at)));
                let within = match moment {
                    Moment::Version(last) => version <= last,
                    Moment::Time(last) => recorded_at <= last,
                };
                over |= !within;
                if within && over {
                    out_of_order = out_of_order.or(Some(version));
                } else if within {
                    let root = past.map_or_else(|| EventSourced::new(id.clone()), |past| past.root);
                    past = Some(Past { root: root.replay([event]), recorded_at, head, out_of_order });
                }
                // What lies behind a version is none of its business.
                if moment == Moment::Version(version) {
                    let mut newest = pin!(self.documents(Scope::NewestFirst(id.clone())));
                    if let Some(newest) = newest.try_next().await? {
                        head = RecordedEvent::from_document(newest.as_ref().into())?.version()?.max(version);
                    }
                    break;
                }
            }
            match (past, moment, created) {
                (_, Moment::Version(asked), Some(_)) if !(1..=head).contains(&asked) => {
                    Err(self.no_such_version(id, asked, head))
                }
                (None, Moment::Time(asked), Some(created)) => {
                    Err(StoreError::NotYetThere { what: what::<C>(), id: id.to_string(), asked, created })
                }
                (Some(past), ..) => Ok(Past { head, out_of_order, ..past }),
                (None, ..) => Err(self.not_found(id)),
            }
        }
    }

    /// What is said of a stream to which nothing has happened.
    fn not_found(&self, id: &Id<C>) -> StoreError {
        StoreError::NotFound { what: what::<C>(), id: id.to_string(), store: self.name() }
    }

    /// The document where it is not there yet, `None` where it is; `found` is what the store has in its place.
    #[doc(hidden)]
    fn new_here<'d>(
        &self,
        document: &'d RawDocumentBuf,
        found: Option<&RawDocument>,
    ) -> Result<Option<&'d RawDocumentBuf>, StoreError> {
        let Some(found) = found else { return Ok(Some(document)) };
        if portable::<C>(found)? == portable::<C>(document)? {
            return Ok(None);
        }
        let entry = read_entry::<C>(document)?;
        Err(StoreError::Diverged {
            what: what::<C>(),
            id: entry.stream.to_string(),
            version: entry.version,
            store: self.name(),
        })
    }

    /// What is said of a version that a stream has not.
    fn no_such_version(&self, id: &Id<C>, asked: u64, head: u64) -> StoreError {
        StoreError::NoSuchVersion { what: what::<C>(), id: id.to_string(), asked, head }
    }
}

/// What a stream of the codec is called.
fn what<C: Codec>() -> &'static str {
    C::KEY.trim_end_matches("_id")
}

/// The items up to the first error, and where there are none, what `none` says of that.
fn to_the_first_error<T: Send>(
    items: impl Stream<Item = Result<T, StoreError>> + Send,
    none: impl FnOnce() -> Option<StoreError> + Send,
) -> impl Stream<Item = Result<T, StoreError>> + Send {
    let (mut none, mut items) = (Some(none), Some(Box::pin(items)));
    stream::poll_fn(move |context| {
        let Some(open) = &mut items else { return Poll::Ready(None) };
        let item = std::task::ready!(open.poll_next_unpin(context));
        let none = none.take();
        let item = item.or_else(|| none?().map(Err));
        if !matches!(item, Some(Ok(_))) {
            items = None;
        }
        Poll::Ready(item)
    })
}
