//! What comes after a position in MongoDB: first the stored events in the order of the index, then the change stream from a time
//! that was noted before. `feeds` has what is kept of a reader.

use std::pin::Pin;

use bson::{Bson, RawBson, RawDocumentBuf, Timestamp, doc};
use futures_util::{Stream, TryStreamExt, stream};
use mongodb::error::Error;

use super::{
    reading::owned,
    store::{BATCH, MongoStore, STANDALONE},
    tail::{Changes, Position as Place},
};
use crate::store::{
    codec::{Codec, integral},
    error::StoreError,
    feed::{Passed, Position, Shown},
};

/// What comes after a position, for ever.
pub(super) fn after<C: Codec>(
    store: &MongoStore<C>,
    position: Option<Position>,
) -> impl Stream<Item = Result<Passed<C>, StoreError>> + Send {
    let reader = Reader { store, phase: Phase::Start(position.map(Box::new)) };
    stream::try_unfold(reader, |mut reader| async move { Ok(Some((reader.next().await?, reader))) })
}

type Stored = Pin<Box<dyn Stream<Item = Result<RawDocumentBuf, Error>> + Send>>;

/// One reader of what comes after a position.
struct Reader<'a, C: Codec> {
    store: &'a MongoStore<C>,
    phase: Phase,
}

enum Phase {
    Start(Option<Box<Position>>),
    Stored(Timestamp, Stored),
    Live(Box<Changes>),
}

impl<C: Codec> Reader<'_, C> {
    async fn next(&mut self) -> Result<Passed<C>, StoreError> {
        loop {
            match &mut self.phase {
                Phase::Start(position) => {
                    let position = position.take();
                    self.phase = self.store.begin_after(position.map(|position| *position)).await?;
                }
                Phase::Stored(since, stored) => {
                    let since = *since;
                    let Some(document) = stored.try_next().await.map_err(|error| self.store.failed(error))? else {
                        self.phase = Phase::Start(Some(Box::new(Position::Time(since))));
                        return Ok(Passed { shown: None, position: Position::Time(since), is_last: false });
                    };
                    let field = |name| document.get(name).ok().flatten().and_then(|value| Bson::try_from(value).ok());
                    let after = (field(C::key_field()).unwrap_or(Bson::Null), field("version").unwrap_or(Bson::Null));
                    let position = Position::Stored { since, after: Some(after) };
                    return Ok(Passed { shown: Some(Shown::read(&document)), position, is_last: false });
                }
                Phase::Live(changes) => {
                    let change = changes.next_if_any().await.map_err(|error| self.store.failed(error))?;
                    let Some(token) = changes.resume_token() else { continue };
                    let token = bson::serialize_to_document(&token)
                        .map_err(|error| StoreError::other(&self.store.name, error.to_string()))?;
                    let shown = match &change {
                        None if !changes.is_alive() => return Err(self.store.was_dropped()),
                        None => None,
                        Some(change) => match &change.full_document {
                            Some(document) => Some(Shown::read(document)),
                            None => return Err(self.store.was_dropped()),
                        },
                    };
                    return Ok(Passed { is_last: shown.is_none(), shown, position: Position::Token(token) });
                }
            }
        }
    }
}

impl<C: Codec> MongoStore<C> {
    /// Opens what shows the documents behind a position.
    async fn begin_after(&self, position: Option<Position>) -> Result<Phase, StoreError> {
        let live = async |place: &Place| Ok(Phase::Live(Box::new(self.changes(None, place).await?)));
        match position {
            Some(Position::Token(token)) => match bson::deserialize_from_document(token) {
                Ok(token) => live(&Place::Behind(token)).await,
                Err(error) => Err(StoreError::other(&self.name, format!("its position can't be read: {error}"))),
            },
            Some(Position::Time(time)) => live(&Place::After(time)).await,
            Some(Position::Stored { since, after }) => {
                // If the server has forgotten what came since, it says so now, and not after hours of reading.
                drop(self.changes(None, &Place::After(since)).await?);
                Ok(Phase::Stored(since, self.stored(after).await?))
            }
            Some(Position::Row(_)) => Err(StoreError::other(&self.name, "its position is of another kind of store")),
            None => {
                if self.server_info().await?.topology == STANDALONE {
                    return Err(StoreError::NotAReplicaSet { store: self.name.clone(), events: 0 });
                }
                self.ensure_unique_index().await?;
                let since = self.majority_time().await?;
                Ok(Phase::Stored(since, self.stored(None).await?))
            }
        }
    }

    /// The stored documents behind a place in the index.
    async fn stored(&self, after: Option<(Bson, Bson)>) -> Result<Stored, StoreError> {
        let index = doc! { C::key_field(): 1, "version": 1 };
        let mut find = self.events.find(doc! {}).sort(index.clone()).batch_size(BATCH);
        if let Some((key, version)) = after {
            let raw = RawBson::try_from(version.clone()).ok();
            // One that is no number comes again, since there is no next one.
            let next = raw
                .and_then(|raw| integral(raw.as_raw_bson_ref()))
                .map_or(version, |v| Bson::Int64(v.saturating_add(1)));
            find = find.from(index, doc! { C::key_field(): key, "version": next });
        }
        let batches = find.batch().await.map_err(|error| self.failed(error))?;
        let batches = stream::try_unfold(batches, async |mut batches| {
            let Some(batch) = batches.try_next().await? else { return Ok(None) };
            Ok::<_, Error>(Some((stream::iter(owned(&batch)?.into_iter().map(Ok)), batches)))
        });
        Ok(Box::pin(batches.try_flatten()))
    }

    fn was_dropped(&self) -> StoreError {
        let why = format!("'{}' was dropped or renamed", self.events.name());
        StoreError::HistoryLost { store: self.name.clone(), why, source: None }
    }
}
