//! The load of a stream: from its snapshot on if that can be used, and otherwise from its first event.

use std::pin::pin;

use basket_domain::EventSourced;
use bson::{RawBsonRef, RawDocument, RawDocumentBuf};
use futures_util::TryStreamExt;

use super::{
    Snapshotted,
    warning::{Warning, Why},
};
use crate::store::{
    codec::{Codec, Id},
    document::RecordedEvent,
    error::StoreError,
    log::Scope,
    snapshot::{Snapshot, Snapshots, StateCodec, Unusable},
};

/// A stream that was loaded, and how.
pub(super) struct Loaded<C: Codec> {
    pub(super) root: EventSourced<C::Aggregate>,
    /// The last event that was folded.
    pub(super) last: Option<RawDocumentBuf>,
    /// How many events were folded, after the snapshot if there was one.
    pub(super) folded: u64,
    /// Why its snapshot was not used.
    pub(super) unusable: Option<Unusable>,
}

impl<C: Codec, S: Snapshots<C>> Snapshotted<S, C> {
    /// Loads a stream, and looks for a snapshot once so many events are folded.
    pub(super) async fn load(&self, id: &Id<C>, after: u64) -> Result<Loaded<C>, StoreError> {
        let mut documents = pin!(self.store.documents(Scope::From(id.clone(), 1)));
        let mut loaded = Loaded::<C>::new(id.clone());
        loop {
            if loaded.folded == after
                && let Some(found) = self.find(id, loaded.root.version()).await?
            {
                match self.start_at(id, found).await? {
                    Ok(loaded) => return Ok(loaded),
                    Err(unusable) => {
                        (self.warn)(&Warning::new::<C>(id, Why::Ignored(unusable.clone())));
                        loaded.unusable = Some(unusable);
                    }
                }
            }
            match documents.try_next().await? {
                Some(document) => loaded = loaded.fold(document)?,
                None => break,
            }
        }
        match loaded.root.version() {
            0 => Err(StoreError::not_found::<C>(self.store.name(), id)),
            _ => Ok(loaded),
        }
    }

    /// The snapshot of a stream, if it may save some events.
    async fn find(&self, id: &Id<C>, version: u64) -> Result<Option<Result<Snapshot, Unusable>>, StoreError> {
        match self.store.snapshot(id).await {
            Ok(found) => {
                let read = found.map(|found| Ok(Snapshot::read::<C>(&found)?.1));
                Ok(read.filter(|read| !matches!(read, Ok(snapshot) if snapshot.version <= version)))
            }
            // The events of a store that does not answer can't be read either.
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                (self.warn)(&Warning::new::<C>(id, Why::NotRead(error)));
                Ok(None)
            }
        }
    }

    /// Loads a stream from a snapshot on, if that is of this stream.
    async fn start_at(
        &self,
        id: &Id<C>,
        found: Result<Snapshot, Unusable>,
    ) -> Result<Result<Loaded<C>, Unusable>, StoreError> {
        let read = found.and_then(|snapshot| Ok((snapshot.state(id, &self.state)?, snapshot)));
        let (state, snapshot) = match read {
            Ok(read) => read,
            Err(unusable) => return Ok(Err(unusable)),
        };
        let version = snapshot.version;
        let mut documents = pin!(self.store.documents(Scope::From(id.clone(), version)));
        match documents.try_next().await? {
            None => return Ok(Err(Unusable::Ahead(version))),
            Some(document) if !is_event(&document, &snapshot) => return Ok(Err(Unusable::OtherHistory(version))),
            Some(_) => {}
        }
        let mut loaded = Loaded::<C>::new(id.clone());
        loaded.root = EventSourced::from_parts(id.clone(), state, version);
        while let Some(document) = documents.try_next().await? {
            loaded = loaded.fold(document)?;
        }
        Ok(Ok(loaded))
    }
}

impl<C: Codec> Loaded<C> {
    pub(super) fn new(id: Id<C>) -> Self {
        Self { root: EventSourced::new(id), last: None, folded: 0, unusable: None }
    }

    pub(super) fn fold(self, document: RawDocumentBuf) -> Result<Self, StoreError> {
        let root = RecordedEvent::from_document(document.as_ref().into())?.replay_onto::<C>(self.root)?;
        Ok(Self { root, last: Some(document), folded: self.folded + 1, ..self })
    }

    /// Whether a snapshot of it is worth a write.
    pub(super) fn is_due(&self, every: u64) -> bool {
        match &self.unusable {
            Some(unusable) => !unusable.is_of_newer_program(),
            None => self.folded >= every.max(1),
        }
    }

    /// A snapshot of it. Fails if there is nothing to recognise its last event by, or its state can't be written.
    pub(super) fn snapshot(&self, codec: &StateCodec<C>, store: &str) -> Result<Snapshot, StoreError> {
        let other = |why: String| StoreError::other(store, why);
        let event = self.last.as_ref().and_then(|last| last.get_object_id("_id").ok());
        let event = event.ok_or_else(|| other("the _id of its last event is no ObjectId".into()))?;
        let state =
            (codec.write)(self.root.state()).map_err(|why| other(format!("its state can't be written: {why}")))?;
        let state = RawDocumentBuf::try_from(&state).map_err(|error| other(error.to_string()))?;
        Ok(Snapshot::new::<C>(self.root.id(), self.root.version(), codec.schema, event, state))
    }
}

/// Whether this is the event that a snapshot was taken at.
pub(super) fn is_event(document: &RawDocument, snapshot: &Snapshot) -> bool {
    document.get_object_id("_id").ok() == Some(snapshot.event)
        && RecordedEvent::from_document(RawBsonRef::Document(document))
            .and_then(RecordedEvent::version)
            .is_ok_and(|version| version == snapshot.version)
}

/// Keeps a snapshot, in the place of one that can't be used whatever its version.
pub(super) async fn keep<C: Codec>(
    store: &impl Snapshots<C>,
    id: &Id<C>,
    snapshot: &Snapshot,
    replaces: bool,
) -> Result<(), StoreError> {
    if replaces {
        store.drop_snapshots(Some(id)).await?;
    }
    store.keep_snapshot(id, snapshot).await
}
