//! Whether a snapshot is what the events say, for `verify`.

use std::pin::pin;

use bson::{Document, RawDocument};
use futures_util::TryStreamExt;

use super::{
    Snapshotted,
    load::{Loaded, is_event},
};
use crate::store::{
    codec::{Codec, Id},
    error::StoreError,
    log::Scope,
    snapshot::{Snapshot, Snapshots, Unusable},
};

/// What a comparison of a snapshot with the events has [found](Snapshotted::compare).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// It is the fold of the events.
    Same,
    /// It is not: these fields of its state differ.
    Differs(Vec<String>),
    /// It is not used.
    Ignored(Unusable),
}

impl<C: Codec, S: Snapshots<C>> Snapshotted<S, C> {
    /// Compares a snapshot of a stream, as [`Snapshots::snapshots`] returns it, with the fold of all the events that it stands
    /// for. Fails where these can't be read.
    pub async fn compare(&self, id: &Id<C>, snapshot: &RawDocument) -> Result<Compared, StoreError> {
        let read = Snapshot::read::<C>(snapshot).and_then(|(_, snapshot)| {
            let state = snapshot.state(id, &self.state)?;
            Ok((snapshot, (self.state.write)(&state).map_err(Unusable::Corrupt)?))
        });
        let (snapshot, kept) = match read {
            Ok(read) => read,
            Err(unusable) => return Ok(Compared::Ignored(unusable)),
        };
        let mut documents = pin!(self.store.documents(Scope::From(id.clone(), 1)));
        let mut loaded = Loaded::<C>::new(id.clone());
        while loaded.root.version() < snapshot.version {
            let Some(document) = documents.try_next().await? else {
                return Ok(Compared::Ignored(Unusable::Ahead(snapshot.version)));
            };
            loaded = loaded.fold(document)?;
        }
        if loaded.last.as_deref().is_none_or(|last| !is_event(last, &snapshot)) {
            return Ok(Compared::Ignored(Unusable::OtherHistory(snapshot.version)));
        }
        let folded = (self.state.write)(loaded.root.state());
        let folded = folded.map_err(|why| StoreError::other(self.store.name(), why))?;
        let differ = differences(&kept, &folded);
        Ok(if differ.is_empty() { Compared::Same } else { Compared::Differs(differ) })
    }
}

/// The fields in which two states differ.
fn differences(kept: &Document, folded: &Document) -> Vec<String> {
    let names = kept.keys().chain(folded.keys().filter(|name| !kept.contains_key(name)));
    names.filter(|name| kept.get(name) != folded.get(name)).cloned().collect()
}
