//! Reading what a store has kept: its event documents in order, the log of a stream, and a stream's past.
//! A store implements [`EventLog::documents`]; everything that reads events is built on it, for any store and any aggregate.

use std::{future::Future, pin::pin};

use basket_domain::{Aggregate, EventSourced};
use bson::{DateTime, RawDocumentBuf};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::{
    codec::{Codec, Id, what},
    document::{RecordedEvent, read_entry},
    entry::{Commit, Entry},
    error::StoreError,
    event_store::{EventStore, Sought},
    query::Query,
};

/// Which documents to read, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope<I> {
    /// Those of one stream from a version on, oldest first.
    From(I, u64),
    /// Those of one stream, newest first.
    NewestFirst(I),
    /// Those of every stream that a query asks for, in the order of [`All`](Self::All).
    Matching(Query),
    /// Those of every stream, one stream after the other by id, oldest first. What is appended meanwhile may be missed, but
    /// if an event is seen, so are all those before it in its stream.
    All,
}

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
    /// Event documents as they are, in the shape that [`document`](super::document) describes, a batch at a time.
    fn documents(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send;

    /// The ids of all streams, in the order of [`Scope::All`]. The stream ends with [`StoreError::Unreadable`] at a document whose
    /// key is no id.
    fn ids(&self) -> impl Stream<Item = Result<Id<C>, StoreError>> + Send;

    /// The entries of the log, each read by itself: also an event that can't follow on the one before it.
    fn log(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<Entry<C>, StoreError>> + Send {
        stream::try_unfold(Box::pin(self.documents(scope)), |mut documents| async {
            let Some(document) = documents.try_next().await? else { return Ok(None) };
            Ok(Some((read_entry::<C>(&document)?, documents)))
        })
    }

    /// The entries of one stream, oldest first. Each must follow on the one before it, as in a [`get`](EventStore::get).
    ///
    /// The stream's errors are those of a `get`; and a document without what the log shows (`recorded_at`, `commit`) is
    /// unreadable here, though a `get` does not need it.
    fn history(&self, id: &Id<C>) -> impl Stream<Item = Result<Entry<C>, StoreError>> + Send {
        let documents = Box::pin(self.documents(Scope::From(id.clone(), 1)));
        let start = (documents, C::Aggregate::default(), 0);
        stream::try_unfold(start, move |(mut documents, mut state, version)| async move {
            let Some(document) = documents.try_next().await? else {
                return if version == 0 { Err(StoreError::not_found::<C>(self.name(), id)) } else { Ok(None) };
            };
            let event = RecordedEvent::from_document(document.as_ref().into())?;
            let entry = event.entry(id.clone(), |event| event.next_event::<C>(id, version, &state))?;
            state.apply(&entry.event);
            Ok(Some((entry, (documents, state, version + 1))))
        })
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
                // What comes after the version asked for can't change the answer.
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
                    Err(StoreError::no_such_version::<C>(id, asked, head))
                }
                (None, Moment::Time(asked), Some(created)) => {
                    Err(StoreError::NotYetThere { what: what::<C>(), id: id.to_string(), asked, created })
                }
                (Some(past), ..) => Ok(Past { head, out_of_order, ..past }),
                (None, ..) => Err(StoreError::not_found::<C>(self.name(), id)),
            }
        }
    }
}

/// What [`EventStore::seek`] returns, for a store that has documents.
pub async fn seek<C: Codec>(
    log: &impl EventLog<C>,
    id: &Id<C>,
    commit: &Commit,
) -> Result<Sought<C::Aggregate>, StoreError> {
    let mut documents = pin!(log.documents(Scope::From(id.clone(), 1)));
    let (mut root, mut sought) = (EventSourced::new(id.clone()), Vec::new());
    while let Some(document) = documents.try_next().await? {
        let event = RecordedEvent::from_document(document.as_ref().into())?;
        if event.is_of(commit) {
            sought.push(event.entry(id.clone(), |event| event.event::<C>(id))?);
        }
        root = event.replay_onto::<C>(root)?;
    }
    match root.version() {
        0 => Err(StoreError::not_found::<C>(log.name(), id)),
        _ => Ok((root, sought)),
    }
}

/// What [`EventStore::entries`] returns, for a store that has documents.
pub async fn entries<C: Codec>(
    log: &impl EventLog<C>,
    scope: Scope<Id<C>>,
    limit: usize,
) -> Result<Vec<Entry<C>>, StoreError> {
    log.log(scope).take(limit).try_collect().await
}
