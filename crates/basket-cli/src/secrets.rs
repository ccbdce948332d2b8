//! Texts about people: sealed where a command takes them in (`-m ... --about SUBJECT`), and opened where an answer is printed.
//! The key that wraps those of the subjects is in a variable, so that no store and no argument holds it.

use std::{env, fs};

use anyhow::Result;
use basket_domain::{Sealed, Subject};
use basket_mongo::{
    Entry, Keys, Meta, StoreError, Vault,
    store::keys::Kept,
    vault::{MasterKey, Opened, Opener, VaultError},
};
use bson::{Bson, Document};
use serde_json::Value;

use crate::{
    domain::Domain,
    exit::{Failure, USAGE},
};

/// The variable of the key that wraps the others; with `_FILE`, that of a file with it.
pub(crate) const KEY: &str = "BASKET_KEY";
/// That of the key before, for `rekey`.
pub(crate) const OLD_KEY: &str = "BASKET_OLD_KEY";

/// The key in a variable, or in the file that `<variable>_FILE` names; none where neither is set.
pub(crate) fn key_in(variable: &str) -> Result<Option<MasterKey>> {
    let file = format!("{variable}_FILE");
    let (text, place) = match (env::var_os(variable), env::var_os(&file)) {
        (Some(text), _) if !text.is_empty() => (text.to_string_lossy().into_owned(), variable.to_owned()),
        (_, Some(path)) if !path.is_empty() => {
            let place = format!("{} ({file})", path.display());
            let read = fs::read_to_string(&path);
            (read.map_err(|why| Failure(USAGE, format!("{place} can't be read: {why}")))?, place)
        }
        _ => return Ok(None),
    };
    // The text may be a secret, so it is not printed.
    let key = text.parse().map_err(|why| Failure(USAGE, format!("{place} holds no key: {why}")))?;
    Ok(Some(key))
}

/// The key in a variable, which is needed.
pub(crate) fn needed(variable: &str) -> Result<MasterKey> {
    let missing = || {
        let why = format!(
            "set {variable} to a key, or {variable}_FILE to a file with one; `openssl rand -base64 32` makes one. Keep it: \
             without it, nothing that was sealed can be read"
        );
        Failure(USAGE, why)
    };
    Ok(key_in(variable)?.ok_or_else(missing)?)
}

/// Seals a text about a subject.
pub(crate) async fn seal(keys: &impl Keys, subject: &Subject, text: &str) -> Result<String> {
    Ok(Vault::new(keys, needed(KEY)?).seal(subject, text).await?.to_string())
}

/// Opens what an answer shows.
pub(crate) struct Secrets<'a, K> {
    keys: &'a K,
    opener: Option<Opener<&'a K>>,
}

impl<'a, K: Keys> Secrets<'a, K> {
    /// For one answer, so that what is forgotten meanwhile is not shown in the next.
    pub(crate) fn of(keys: &'a K) -> Result<Self> {
        Ok(Self { keys, opener: key_in(KEY)?.map(|key| Vault::new(keys, key).into_opener()) })
    }

    /// An event with its texts opened.
    pub(crate) async fn shown<D: Domain>(&mut self, entry: Entry<D>) -> Result<Shown<D>, StoreError> {
        let (kind, data) = D::encode(&entry.event);
        let (words, data) = (self.text(D::in_words(&entry.event)).await?, self.document(data).await?);
        let meta = self.meta(entry.meta).await?;
        Ok(Shown { entry: Entry::<D> { meta, ..entry }, kind, words, data })
    }

    /// By whom and why, opened.
    pub(crate) async fn meta(&mut self, meta: Meta) -> Result<Meta, StoreError> {
        let reason = match meta.reason {
            Some(reason) => Some(self.text(reason).await?),
            None => None,
        };
        Ok(Meta { reason, ..meta })
    }

    /// A text in which every sealed part is opened; where that can't be, it says why.
    pub(crate) async fn text(&mut self, text: String) -> Result<String, StoreError> {
        if !text.contains(Sealed::MARK) {
            return Ok(text);
        }
        let (mut opened, mut rest) = (String::new(), text.as_str());
        while let Some((before, sealed, after)) = Sealed::find(rest) {
            opened += before;
            opened += &self.open(&sealed).await?;
            rest = after;
        }
        Ok(opened + rest)
    }

    /// Every text in a value for programs, opened.
    pub(crate) async fn value(&mut self, value: Value) -> Result<Value, StoreError> {
        Ok(match value {
            Value::String(text) => Value::String(self.text(text).await?),
            other => other,
        })
    }

    /// The texts of a document, at any depth.
    async fn document(&mut self, document: Document) -> Result<Document, StoreError> {
        let mut opened = Document::new();
        for (name, value) in document {
            opened.insert(name, Box::pin(self.bson(value)).await?);
        }
        Ok(opened)
    }

    async fn bson(&mut self, value: Bson) -> Result<Bson, StoreError> {
        Ok(match value {
            Bson::String(text) => Bson::String(self.text(text).await?),
            Bson::Document(document) => Bson::Document(self.document(document).await?),
            Bson::Array(values) => {
                let mut opened = Vec::with_capacity(values.len());
                for value in values {
                    opened.push(Box::pin(self.bson(value)).await?);
                }
                Bson::Array(opened)
            }
            other => other,
        })
    }

    async fn open(&mut self, sealed: &Sealed) -> Result<String, StoreError> {
        let subject = sealed.subject();
        let opened = match &mut self.opener {
            Some(opener) => opener.open(sealed).await,
            // Whether it was erased can be said without the key.
            None => match self.keys.key(subject).await? {
                Kept::Forgotten(_) => Ok(Opened::Erased),
                Kept::Unknown => Ok(Opened::Missing),
                Kept::Key(_) => return Ok(format!("[sealed for {subject}; {KEY} is not set]")),
            },
        };
        Ok(match opened {
            Ok(Opened::Text(text)) => text,
            Ok(Opened::Erased) => "[erased]".to_owned(),
            Ok(Opened::Missing) => format!("[sealed for {subject}; its key is in another store]"),
            // One text that can't be read keeps no one from the others.
            Err(VaultError::Store(error)) => return Err(error),
            Err(error) => format!("[sealed; {error}]"),
        })
    }
}

/// An event as it is shown.
pub(crate) struct Shown<D: Domain> {
    pub(crate) entry: Entry<D>,
    pub(crate) kind: &'static str,
    /// What it did.
    pub(crate) words: String,
    pub(crate) data: Document,
}
