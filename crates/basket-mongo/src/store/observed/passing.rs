//! The calls that pass as they are.

use basket_domain::Subject;
use bson::RawDocumentBuf;
use futures_util::Stream;

use super::{
    super::{
        codec::{Codec, Id},
        error::StoreError,
        keys::{Kept, Keys, WrappedKey},
        log::{EventLog, Scope},
        maintenance::{Fault, Maintenance, Read},
        snapshot::{Snapshot, Snapshots},
        tail::{NewsOf, Since, Tail},
    },
    Observed,
};

impl<C: Codec, S: EventLog<C> + Sync> EventLog<C> for Observed<S> {
    fn documents(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        self.store.documents(scope)
    }

    fn ids(&self) -> impl Stream<Item = Result<Id<C>, StoreError>> + Send {
        self.store.ids()
    }
}

impl<C: Codec, S: Tail<C> + Sync> Tail<C> for Observed<S> {
    fn tail(&self, since: Since<Id<C>>) -> impl Stream<Item = Result<NewsOf<C>, StoreError>> + Send {
        self.store.tail(since)
    }
}

impl<C: Codec, S: Maintenance<C> + Sync> Maintenance<C> for Observed<S> {
    async fn count(&self) -> Result<u64, StoreError> {
        self.store.count().await
    }

    async fn faults(&self) -> Result<Vec<Fault>, StoreError> {
        self.store.faults().await
    }

    async fn import(&self, events: &[Read<C>], write: bool) -> Result<u64, StoreError> {
        self.store.import(events, write).await
    }
}

impl<S: Keys> Keys for Observed<S> {
    async fn key(&self, subject: &Subject) -> Result<Kept, StoreError> {
        self.store.key(subject).await
    }

    async fn keep_key(&self, subject: &Subject, fresh: WrappedKey) -> Result<Kept, StoreError> {
        self.store.keep_key(subject, fresh).await
    }

    async fn delete_key(&self, subject: &Subject) -> Result<Kept, StoreError> {
        self.store.delete_key(subject).await
    }

    async fn replace_key(&self, subject: &Subject, old: &WrappedKey, new: WrappedKey) -> Result<bool, StoreError> {
        self.store.replace_key(subject, old, new).await
    }

    fn subjects(&self) -> impl Stream<Item = Result<Subject, StoreError>> + Send {
        self.store.subjects()
    }
}

impl<C: Codec, S: Snapshots<C> + Sync> Snapshots<C> for Observed<S> {
    async fn snapshot(&self, id: &Id<C>) -> Result<Option<RawDocumentBuf>, StoreError> {
        self.store.snapshot(id).await
    }

    fn snapshots(&self) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        self.store.snapshots()
    }

    async fn keep_snapshot(&self, id: &Id<C>, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.store.keep_snapshot(id, snapshot).await
    }

    async fn drop_snapshots(&self, id: Option<&Id<C>>) -> Result<u64, StoreError> {
        self.store.drop_snapshots(id).await
    }
}
