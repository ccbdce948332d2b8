//! The keys of subjects in memory, for tests of what is sealed and erased.

use basket_domain::Subject;
use futures_util::{Stream, stream};

use super::MemoryStore;
pub(super) use crate::store::keys::Kept;
use crate::store::{
    error::StoreError,
    keys::{Keys, WrappedKey},
};

impl<C> Keys for MemoryStore<C> {
    async fn key(&self, subject: &Subject) -> Result<Kept, StoreError> {
        Ok(self.kept().keys.get(subject).cloned().unwrap_or(Kept::Unknown))
    }

    async fn keep_key(&self, subject: &Subject, fresh: WrappedKey) -> Result<Kept, StoreError> {
        Ok(self.kept().keys.entry(subject.clone()).or_insert(Kept::Key(fresh)).clone())
    }

    async fn delete_key(&self, subject: &Subject) -> Result<Kept, StoreError> {
        let mut kept = self.kept();
        let now = kept.now;
        let before = kept.keys.get(subject).cloned().unwrap_or(Kept::Unknown);
        if !matches!(before, Kept::Forgotten(_)) {
            kept.keys.insert(subject.clone(), Kept::Forgotten(now));
        }
        Ok(before)
    }

    async fn replace_key(&self, subject: &Subject, old: &WrappedKey, new: WrappedKey) -> Result<bool, StoreError> {
        match self.kept().keys.get_mut(subject) {
            Some(Kept::Key(key)) if key == old => {
                *key = new;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn subjects(&self) -> impl Stream<Item = Result<Subject, StoreError>> + Send {
        let kept = self.kept();
        let with_key = kept.keys.iter().filter(|(_, kept)| matches!(kept, Kept::Key(_)));
        stream::iter(with_key.map(|(subject, _)| Ok(subject.clone())).collect::<Vec<_>>())
    }
}
