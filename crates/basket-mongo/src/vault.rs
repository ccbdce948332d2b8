//! Texts about people, sealed where they come in and opened where they are shown: [`Vault`]. In between, in events, states, read
//! models, snapshots and exports, there is only the [`Sealed`] text, so that to delete one small key erases all copies of it.
//!
//! Each subject has a key of its own (32 random bytes, XChaCha20-Poly1305), which the store keeps wrapped by a [`Wrap`]: a
//! [`MasterKey`] that the store never sees, or a key service of yours. Where a copy of a deleted key may be left (backups, the
//! oplog of MongoDB, freed blocks of a disk), the master key guards it: [`rewrap`](Vault::rewrap) with a new one and destroy the
//! old, and those copies are worth nothing, too.
//!
//! ```
//! use basket_mongo::{Baskets, MemoryStore, vault::{MasterKey, Opened, Vault}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let baskets = MemoryStore::<Baskets>::default();
//! let vault = Vault::new(&baskets, MasterKey::generate()?);
//!
//! let ann = "customer-4711".parse()?;
//! let note = vault.seal(&ann, "for Ann's birthday").await?; // goes into an event
//! assert_eq!(vault.open(&note).await?, Opened::Text("for Ann's birthday".into()));
//!
//! vault.forget(&ann).await?;
//! assert_eq!(vault.open(&note).await?, Opened::Erased);
//! assert!(vault.seal(&ann, "a new note").await.is_err()); // Whoever was forgotten comes back under another name.
//! # Ok(())
//! # }
//! ```

use std::{collections::HashMap, future::Future, ops::Deref, pin::pin, str::FromStr};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use basket_domain::{Sealed, Subject};
use bson::DateTime;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Payload},
};
use futures_util::TryStreamExt;
use zeroize::Zeroizing;

use crate::store::{
    error::{Cause, StoreError},
    keys::{Kept, Keys, WrappedKey},
};

/// The bytes of a key.
const KEY: usize = 32;
/// The bytes before each sealed text, random so that no two are alike.
const NONCE: usize = 24;

type Key = Zeroizing<[u8; KEY]>;

/// Wraps the keys of subjects: a key from outside, or a service that has one. The store never sees it.
pub trait Wrap: Sync {
    /// The name of the key that wraps now, without a secret: it stands beside each key that it has wrapped.
    fn name(&self) -> &str;

    /// A key, wrapped so that it only fits this subject. Fails if the service does not answer.
    fn wrap(&self, subject: &Subject, key: &[u8]) -> impl Future<Output = Result<Vec<u8>, Cause>> + Send;

    /// The key that [`wrap`](Self::wrap) has wrapped for this subject. Fails if it is another one, or was changed.
    fn unwrap(
        &self,
        subject: &Subject,
        wrapped: &[u8],
    ) -> impl Future<Output = Result<Zeroizing<Vec<u8>>, Cause>> + Send;
}

impl<P: Deref<Target: Wrap> + Sync> Wrap for P {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn wrap(&self, subject: &Subject, key: &[u8]) -> impl Future<Output = Result<Vec<u8>, Cause>> + Send {
        (**self).wrap(subject, key)
    }

    fn unwrap(
        &self,
        subject: &Subject,
        wrapped: &[u8],
    ) -> impl Future<Output = Result<Zeroizing<Vec<u8>>, Cause>> + Send {
        (**self).unwrap(subject, wrapped)
    }
}

/// A key of 32 bytes that wraps others. Its text is base64, as `openssl rand -base64 32` prints it; it is never shown.
pub struct MasterKey {
    key: Key,
    name: String,
}

/// A wrapped key that is not as it was written.
#[derive(Debug, thiserror::Error)]
#[error("it was changed, or is of another subject")]
struct Changed;

/// A text that is no [`MasterKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key is 32 random bytes in base64, as `openssl rand -base64 32` prints them")]
pub struct ParseMasterKeyError;

/// What was not sealed, or could not be opened or forgotten.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The store's own error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The subject was forgotten: nothing about it is sealed any more.
    #[error("'{subject}' was forgotten at {}; seal under another subject, or not at all", at.try_to_rfc3339_string().unwrap_or_default())]
    Forgotten {
        /// Who.
        subject: Subject,
        /// When.
        at: DateTime,
    },
    /// Nothing is known of the subject here.
    #[error("nothing was ever sealed for '{subject}' in this store")]
    Unknown {
        /// Who.
        subject: Subject,
    },
    /// The subject's key is wrapped by another key from outside than the one that was given.
    #[error("the key of '{subject}' is wrapped by the key {by}, and {given} was given")]
    OtherKey {
        /// Who.
        subject: Subject,
        /// The name of the key that it is wrapped by.
        by: String,
        /// The name of the one that was given.
        given: String,
    },
    /// The key from outside did not wrap or unwrap.
    #[error("the key of '{subject}' can't be wrapped or unwrapped by {given}")]
    Wrap {
        /// Who.
        subject: Subject,
        /// The name of the key that was given.
        given: String,
        /// What it answered.
        source: Cause,
    },
    /// The sealed text, or the key that is kept, was changed, or is of another subject or store.
    #[error("a text sealed for '{subject}' can't be opened: it was changed, or sealed with another key")]
    Broken {
        /// Who.
        subject: Subject,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

/// What a sealed text is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// The text.
    Text(String),
    /// Its subject was forgotten.
    Erased,
    /// This store never had the key: the event comes from another one.
    Missing,
}

/// Seals texts with the keys that the store `K` keeps, wrapped by `W`.
#[derive(Debug, Clone)]
pub struct Vault<K, W = MasterKey> {
    keys: K,
    wrap: W,
}

/// Opens texts, and asks for the key of a subject only once: for one answer, and not longer, so that what is forgotten meanwhile
/// is not shown in the next.
#[derive(Debug)]
pub struct Opener<K, W = MasterKey> {
    vault: Vault<K, W>,
    known: HashMap<Subject, Known>,
}

enum Known {
    Key(Key),
    Erased,
    Missing,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key(…)",
            Self::Erased => "Erased",
            Self::Missing => "Missing",
        })
    }
}

impl<K: Keys, W: Wrap> Vault<K, W> {
    /// A vault over the keys of a store.
    pub fn new(keys: K, wrap: W) -> Self {
        Self { keys, wrap }
    }

    /// Seals a text about a subject, whose key is made at its first text. The length of the text can still be seen.
    ///
    /// # Errors
    /// [`VaultError::Forgotten`]; [`VaultError::OtherKey`] and [`VaultError::Wrap`]; those of the store.
    pub async fn seal(&self, subject: &Subject, text: &str) -> Result<Sealed, VaultError> {
        let kept = match self.keys.key(subject).await? {
            Kept::Unknown => {
                let fresh = Key::new(<[u8; KEY]>::try_generate().map_err(|_| VaultError::NoRandomness)?);
                let wrapped = self.wrapped(subject, &fresh[..]).await?;
                self.keys.keep_key(subject, wrapped).await?
            }
            kept => kept,
        };
        let key = match kept {
            Kept::Key(wrapped) => self.unwrapped(subject, &wrapped).await?,
            Kept::Forgotten(at) => return Err(VaultError::Forgotten { subject: subject.clone(), at }),
            Kept::Unknown => return Err(VaultError::Unknown { subject: subject.clone() }),
        };
        let content = URL_SAFE_NO_PAD.encode(encrypt(&key, &format!("text:{subject}"), text.as_bytes())?);
        Sealed::new(subject.clone(), content).ok_or_else(|| VaultError::Broken { subject: subject.clone() })
    }

    /// Opens a sealed text. Fails with [`VaultError::Broken`] if it was changed, and as [`seal`](Self::seal) does.
    pub async fn open(&self, sealed: &Sealed) -> Result<Opened, VaultError> {
        self.opener().open(sealed).await
    }

    /// Opens several texts, for one answer.
    pub fn opener(&self) -> Opener<&K, &W> {
        Vault::new(&self.keys, &self.wrap).into_opener()
    }

    /// As [`opener`](Self::opener), for those who need the vault for nothing else.
    pub fn into_opener(self) -> Opener<K, W> {
        Opener { vault: self, known: HashMap::new() }
    }

    /// Deletes the key of a subject: every text that was sealed for it is erased, everywhere. It returns when that was: now, or
    /// before.
    ///
    /// # Errors
    /// [`VaultError::Unknown`] if nothing was ever sealed for it; those of the store.
    pub async fn forget(&self, subject: &Subject) -> Result<Option<DateTime>, VaultError> {
        forget(&self.keys, subject).await
    }

    /// Wraps every key anew that `old` has wrapped, and returns how many. Those that are wrapped by this vault's key already stay,
    /// so that it can be repeated. Once no program has the old key any more, and it returns 0, that key can be destroyed, and
    /// with it all copies of deleted keys.
    pub async fn rewrap(&self, old: &impl Wrap) -> Result<u64, VaultError> {
        let mut subjects = pin!(self.keys.subjects());
        let mut done = 0;
        while let Some(subject) = subjects.try_next().await? {
            let Kept::Key(wrapped) = self.keys.key(&subject).await? else { continue };
            if wrapped.by == self.wrap.name() {
                continue;
            }
            let key = unwrapped(old, &subject, &wrapped).await?;
            let anew = self.wrapped(&subject, &key[..]).await?;
            done += u64::from(self.keys.replace_key(&subject, &wrapped, anew).await?);
        }
        Ok(done)
    }

    async fn wrapped(&self, subject: &Subject, key: &[u8]) -> Result<WrappedKey, VaultError> {
        let bytes = self.wrap.wrap(subject, key).await.map_err(|source| failed(&self.wrap, subject, source))?;
        Ok(WrappedKey { bytes, by: self.wrap.name().to_owned() })
    }

    async fn unwrapped(&self, subject: &Subject, wrapped: &WrappedKey) -> Result<Key, VaultError> {
        unwrapped(&self.wrap, subject, wrapped).await
    }
}

/// Deletes the key of a subject, as [`Vault::forget`] does; it needs no key from outside. It returns when that had been done
/// before, if it had.
pub async fn forget(keys: &impl Keys, subject: &Subject) -> Result<Option<DateTime>, VaultError> {
    match keys.key(subject).await? {
        Kept::Unknown => return Err(VaultError::Unknown { subject: subject.clone() }),
        Kept::Forgotten(before) => return Ok(Some(before)),
        Kept::Key(_) => {}
    }
    match keys.delete_key(subject).await? {
        Kept::Forgotten(before) => Ok(Some(before)),
        Kept::Key(_) | Kept::Unknown => Ok(None),
    }
}

impl<K: Keys, W: Wrap> Opener<K, W> {
    /// Opens a sealed text, as [`Vault::open`] does.
    pub async fn open(&mut self, sealed: &Sealed) -> Result<Opened, VaultError> {
        let subject = sealed.subject();
        if !self.known.contains_key(subject) {
            let known = match self.vault.keys.key(subject).await? {
                Kept::Key(wrapped) => Known::Key(self.vault.unwrapped(subject, &wrapped).await?),
                Kept::Forgotten(_) => Known::Erased,
                Kept::Unknown => Known::Missing,
            };
            self.known.insert(subject.clone(), known);
        }
        let key = match self.known.get(subject) {
            Some(Known::Key(key)) => key,
            Some(Known::Erased) => return Ok(Opened::Erased),
            Some(Known::Missing) | None => return Ok(Opened::Missing),
        };
        let broken = || VaultError::Broken { subject: subject.clone() };
        let content = URL_SAFE_NO_PAD.decode(sealed.content()).map_err(|_| broken())?;
        let text = decrypt(key, &format!("text:{subject}"), &content).ok_or_else(broken)?;
        Ok(Opened::Text(String::from_utf8(text.to_vec()).map_err(|_| broken())?))
    }
}

async fn unwrapped(wrap: &impl Wrap, subject: &Subject, wrapped: &WrappedKey) -> Result<Key, VaultError> {
    if wrapped.by != wrap.name() {
        let (by, given) = (wrapped.by.clone(), wrap.name().to_owned());
        return Err(VaultError::OtherKey { subject: subject.clone(), by, given });
    }
    let key = wrap.unwrap(subject, &wrapped.bytes).await.map_err(|source| failed(wrap, subject, source))?;
    let key = <[u8; KEY]>::try_from(&key[..]).map_err(|_| VaultError::Broken { subject: subject.clone() })?;
    Ok(Key::new(key))
}

fn failed(wrap: &impl Wrap, subject: &Subject, source: Cause) -> VaultError {
    if source.is::<Changed>() {
        return VaultError::Broken { subject: subject.clone() };
    }
    VaultError::Wrap { subject: subject.clone(), given: wrap.name().to_owned(), source }
}

impl MasterKey {
    /// A new one, of random bytes. Keep it outside of the store: what it has wrapped can be opened by it alone.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn generate() -> Result<Self, VaultError> {
        Ok(Self::new(<[u8; KEY]>::try_generate().map_err(|_| VaultError::NoRandomness)?))
    }

    /// The key of these bytes, which must be random.
    pub fn new(key: [u8; KEY]) -> Self {
        let key = Key::new(key);
        // What the key makes of nothing tells it from others, and tells nothing else.
        let payload = Payload { msg: &[], aad: b"name" };
        let name = XChaCha20Poly1305::new(&(*key).into()).encrypt(&XNonce::from([0; NONCE]), payload);
        let name = name.unwrap_or_default().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self { key, name }
    }
}

impl FromStr for MasterKey {
    type Err = ParseMasterKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| ParseMasterKeyError)?);
        Ok(Self::new(<[u8; KEY]>::try_from(&bytes[..]).map_err(|_| ParseMasterKeyError)?))
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MasterKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Wrap for MasterKey {
    fn name(&self) -> &str {
        &self.name
    }

    async fn wrap(&self, subject: &Subject, key: &[u8]) -> Result<Vec<u8>, Cause> {
        Ok(encrypt(&self.key, &format!("key:{subject}"), key)?)
    }

    async fn unwrap(&self, subject: &Subject, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Cause> {
        decrypt(&self.key, &format!("key:{subject}"), wrapped).ok_or_else(|| Changed.into())
    }
}

/// A fresh nonce, and what was made of the bytes with it. They only fit the purpose that they were made for.
fn encrypt(key: &Key, purpose: &str, bytes: &[u8]) -> Result<Vec<u8>, VaultError> {
    let nonce = XNonce::try_generate().map_err(|_| VaultError::NoRandomness)?;
    let payload = Payload { msg: bytes, aad: purpose.as_bytes() };
    // It fails only beyond 256 GB.
    let sealed =
        XChaCha20Poly1305::new(&(**key).into()).encrypt(&nonce, payload).map_err(|_| VaultError::NoRandomness)?;
    Ok([&nonce[..], &sealed].concat())
}

/// The bytes again; `None` if anything of it was changed.
fn decrypt(key: &Key, purpose: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
    XChaCha20Poly1305::new(&(**key).into()).decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
}
