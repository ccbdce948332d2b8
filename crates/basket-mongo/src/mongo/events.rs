//! The collection of event documents, whose searches compare texts byte by byte, whatever the collection's own collation says:
//! otherwise `Ann` and `ann` could be one stream to `find` and two to the unique index.

use std::ops::Deref;

use bson::{Document, RawDocumentBuf};
use mongodb::{
    Collection,
    action::{Find, FindOne},
    options::Collation,
};
use serde::de::DeserializeOwned;

/// A [`Collection`] of documents of the type `T`, with searches of its own.
#[derive(Debug)]
pub(super) struct Events<T: Send + Sync = Document>(pub(super) Collection<T>);

impl<T: Send + Sync> Clone for Events<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + Sync + DeserializeOwned> Events<T> {
    pub(super) fn find(&self, filter: Document) -> Find<'_, T> {
        self.0.find(filter).collation(byte_by_byte())
    }

    pub(super) fn find_one(&self, filter: Document) -> FindOne<'_, T> {
        self.0.find_one(filter).collation(byte_by_byte())
    }

    /// The same documents, not parsed.
    pub(super) fn raw(&self) -> Events<RawDocumentBuf> {
        Events(self.0.clone_with_type())
    }
}

/// For all but searches.
impl<T: Send + Sync> Deref for Events<T> {
    type Target = Collection<T>;

    fn deref(&self) -> &Collection<T> {
        &self.0
    }
}

/// MongoDB's own comparison, which it calls simple.
pub(super) fn byte_by_byte() -> Collation {
    Collation::builder().locale("simple").build()
}
