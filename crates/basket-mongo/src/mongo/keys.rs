//! The keys of subjects in MongoDB: a document for each in `subject_keys`, beside the events of all kinds of streams.
//!
//! ```text
//! { _id: "customer-4711", key: BinData, by: "c0ffee12", made_at: Date }
//! { _id: "customer-4712", forgotten_at: Date }
//! ```

use basket_domain::Subject;
use bson::{Binary, DateTime, Document, doc, spec::BinarySubtype};
use futures_util::{Stream, TryStreamExt, stream};
use mongodb::{Collection, error::Error, options::ReturnDocument};

use super::{failure::code, store::MongoStore};
use crate::store::{
    codec::Codec,
    error::{StoreError, Unreadable},
    keys::{Kept, Keys, SUBJECT_KEYS, WrappedKey},
};

/// Two callers at once have kept a key for the same subject.
const DUPLICATE: i32 = 11_000;

impl<C: Codec> MongoStore<C> {
    fn keys(&self) -> Collection<Document> {
        self.beside(SUBJECT_KEYS)
    }

    async fn kept(&self, found: Result<Option<Document>, Error>) -> Result<Kept, StoreError> {
        match found.map_err(|error| self.failed(error))? {
            None => Ok(Kept::Unknown),
            Some(document) => Ok(read(&document)?),
        }
    }
}

impl<C: Codec> Keys for MongoStore<C> {
    async fn key(&self, subject: &Subject) -> Result<Kept, StoreError> {
        self.kept(self.keys().find_one(doc! { "_id": subject.as_str() }).await).await
    }

    async fn keep_key(&self, subject: &Subject, fresh: WrappedKey) -> Result<Kept, StoreError> {
        let fresh = doc! { "key": binary(fresh.bytes), "by": fresh.by, "made_at": DateTime::now() };
        let keys = self.keys();
        let kept = keys
            .find_one_and_update(doc! { "_id": subject.as_str() }, doc! { "$setOnInsert": fresh })
            .upsert(true)
            .return_document(ReturnDocument::After)
            .await;
        match kept {
            Err(error) if code(&error) == Some(DUPLICATE) => self.key(subject).await,
            kept => self.kept(kept).await,
        }
    }

    async fn delete_key(&self, subject: &Subject) -> Result<Kept, StoreError> {
        // The whole document is replaced, so that no field of it stays; one that says so already stays as it is.
        let still = doc! { "_id": subject.as_str(), "forgotten_at": { "$exists": false } };
        let forgotten = doc! { "forgotten_at": DateTime::now() };
        match self.keys().find_one_and_replace(still, forgotten).upsert(true).await {
            Err(error) if code(&error) == Some(DUPLICATE) => self.key(subject).await,
            before => self.kept(before).await,
        }
    }

    async fn replace_key(&self, subject: &Subject, old: &WrappedKey, new: WrappedKey) -> Result<bool, StoreError> {
        let still = doc! { "_id": subject.as_str(), "key": binary(old.bytes.clone()) };
        let new = doc! { "$set": { "key": binary(new.bytes), "by": new.by } };
        let done = self.keys().update_one(still, new).await.map_err(|error| self.failed(error))?;
        Ok(done.matched_count == 1)
    }

    fn subjects(&self) -> impl Stream<Item = Result<Subject, StoreError>> + Send {
        let found = async {
            let keys = self.keys().find(doc! { "key": { "$exists": true } }).sort(doc! { "_id": 1 }).await;
            Ok::<_, StoreError>(keys.map_err(|error| self.failed(error))?.map_err(|error| self.failed(error)))
        };
        stream::once(found).try_flatten().and_then(async |document| Ok(subject(&document)?))
    }
}

fn binary(bytes: Vec<u8>) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes }
}

fn read(document: &Document) -> Result<Kept, Unreadable> {
    if let Ok(at) = document.get_datetime("forgotten_at") {
        return Ok(Kept::Forgotten(*at));
    }
    match (document.get_binary_generic("key"), document.get_str("by")) {
        (Ok(bytes), Ok(by)) => Ok(Kept::Key(WrappedKey { bytes: bytes.clone(), by: by.to_owned() })),
        _ => Err(unreadable(document, "it has neither a key with the name of what has wrapped it, nor forgotten_at")),
    }
}

fn subject(document: &Document) -> Result<Subject, Unreadable> {
    let name = document.get_str("_id").map_err(|_| unreadable(document, "its _id is no text"))?;
    name.parse().map_err(|why| unreadable(document, &format!("its _id names no subject: {why}")))
}

fn unreadable(document: &Document, why: &str) -> Unreadable {
    let id = document.get("_id").map_or_else(|| "(none)".to_owned(), ToString::to_string);
    Unreadable { document: id, version: None, why: format!("in {SUBJECT_KEYS}, {why}") }
}
