//! The keys of subjects, each wrapped by a key from outside, so that a store by itself opens nothing. `Vault` seals and opens
//! texts with them; what no key is left for is erased. They are in a collection (or table) of their own, `subject_keys`, one for
//! all the kinds of streams in a database.

use std::{future::Future, ops::Deref};

use basket_domain::Subject;
use bson::DateTime;
use futures_util::Stream;

use super::error::StoreError;

/// The collection (or table) of the keys.
pub const SUBJECT_KEYS: &str = "subject_keys";

/// A key that was wrapped, and by which other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// What came out.
    pub bytes: Vec<u8>,
    /// The name of the key that it is wrapped by.
    pub by: String,
}

/// What a store keeps of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// Its key.
    Key(WrappedKey),
    /// That the key was deleted, and when. No other one is ever kept for this subject.
    Forgotten(DateTime),
    /// Nothing: the subject never had a key here.
    Unknown,
}

/// A store that keeps the keys of subjects. All of it fails as every call of a store does, and with
/// [`StoreError::Unreadable`] at a key that can't be read.
pub trait Keys: Sync {
    /// What is kept of a subject.
    fn key(&self, subject: &Subject) -> impl Future<Output = Result<Kept, StoreError>> + Send;

    /// Keeps a key where nothing was kept, and returns what is kept now: of several callers at once, all get the same.
    fn keep_key(&self, subject: &Subject, fresh: WrappedKey) -> impl Future<Output = Result<Kept, StoreError>> + Send;

    /// Deletes the key, and keeps that and when it was deleted. It returns what was kept before.
    fn delete_key(&self, subject: &Subject) -> impl Future<Output = Result<Kept, StoreError>> + Send;

    /// Puts a key in place of another one, if it is there still; whether it was.
    fn replace_key(
        &self,
        subject: &Subject,
        old: &WrappedKey,
        new: WrappedKey,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The subjects that have a key, in the order of their names.
    fn subjects(&self) -> impl Stream<Item = Result<Subject, StoreError>> + Send;
}

impl<P: Deref<Target: Keys> + Sync> Keys for P {
    fn key(&self, subject: &Subject) -> impl Future<Output = Result<Kept, StoreError>> + Send {
        (**self).key(subject)
    }

    fn keep_key(&self, subject: &Subject, fresh: WrappedKey) -> impl Future<Output = Result<Kept, StoreError>> + Send {
        (**self).keep_key(subject, fresh)
    }

    fn delete_key(&self, subject: &Subject) -> impl Future<Output = Result<Kept, StoreError>> + Send {
        (**self).delete_key(subject)
    }

    fn replace_key(
        &self,
        subject: &Subject,
        old: &WrappedKey,
        new: WrappedKey,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        (**self).replace_key(subject, old, new)
    }

    fn subjects(&self) -> impl Stream<Item = Result<Subject, StoreError>> + Send {
        (**self).subjects()
    }
}
