//! `forget`: erases what was sealed for a person, by deleting the key, and keeps a receipt. `rekey`: wraps all keys anew, so that
//! what may be left of deleted ones is worth nothing.

use std::{marker::PhantomData, pin::pin};

use anyhow::{Context, Result};
use basket_domain::Subject;
use basket_mongo::{
    CommandError, EventLog, EventStore, Vault,
    store::keys::Kept,
    vault::{self, VaultError},
};
use futures_util::TryStreamExt;

use crate::{
    args::Dates,
    domain::Domain,
    exit::{self, Failure},
    help::PROGRAM,
    output::{Fields, Form, json, print},
    secrets::{KEY, OLD_KEY, key_in, needed},
    signature::{Signature, subject},
    store::{Store, must_exist},
    time,
};

/// Erase all that was sealed for a person, in all {stream}s
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} forget customer-4711 -m 'they asked for it'\n  \
                        {program} forget --again\n\n\
                        The key of the person is deleted, so that what was sealed with `--about` reads as erased, here and\n\
                        in all exports, read models and backups of the events. An event says so, in a stream of its own.\n\
                        A backup of the keys brings a deleted one back: after a restore, --again deletes those again of\n\
                        which the receipts are there. Those that are newer than the backup are not: keep a list of them.\n\
                        Copies of a key may be left in backups, the server's oplog and freed blocks of the disk. They\n\
                        are wrapped by your BASKET_KEY: `{program} rekey` makes them worthless.")]
pub struct Forget<D: Domain> {
    /// Whom to forget: each a SUBJECT of `--about`
    #[arg(value_name = "SUBJECT", value_parser = subject, required_unless_present = "again", conflicts_with = "again")]
    subjects: Vec<Subject>,
    /// Forget all again of whom there is a receipt, after a backup of the keys was brought back
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    dates: Dates,
    #[command(flatten)]
    form: Form,
    #[arg(skip)]
    of: PhantomData<D>,
}

/// Wrap the keys of all persons by a new key from outside
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  BASKET_OLD_KEY_FILE=old.key BASKET_KEY_FILE=new.key {program} rekey\n\n\
                        BASKET_KEY is the new key, BASKET_OLD_KEY the one before; either may be in a file, whose name is\n\
                        in BASKET_KEY_FILE or BASKET_OLD_KEY_FILE. `openssl rand -base64 32` makes one. A\n\
                        program that has the old key still seals with it: give all of them the new one, and run this\n\
                        until it finds none. Then destroy the old key, and every copy of it: what is left of deleted\n\
                        keys in backups and on disks can't be opened any more.")]
pub struct Rekey<D: Domain> {
    #[command(flatten)]
    form: Form,
    #[arg(skip)]
    of: PhantomData<D>,
}

impl<D: Domain> Forget<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        let fields: &[&str] = match self.again {
            true => &["forgotten", "came_back"],
            false => &["subject", "outcome", "forgotten_at", "receipt"],
        };
        self.form.has(fields)?;
        must_exist(store).await?;
        if self.again {
            return self.forget_again(store).await;
        }
        if self.signature.is_sealed() {
            let why =
                "a receipt outlives what was sealed, so its reason is not: leave out --about, and name no one in it";
            return Err(Failure(exit::USAGE, why.into()).into());
        }
        for (before, subject) in self.subjects.iter().enumerate() {
            if let Err(error) = self.forget(store, subject).await {
                if before > 0 {
                    note(store.wipe().await?);
                }
                return Err(error);
            }
        }
        note(store.wipe().await?);
        Ok(())
    }

    /// Whether it has one thing to do.
    pub(super) fn is_short(&self) -> bool {
        !self.again
    }

    /// Leaves the key in freed places of the store, which [`wipe`](Store::wipe) overwrites.
    async fn forget(&self, store: &impl Store<D>, subject: &Subject) -> Result<()> {
        let meta = self.signature.meta(store).await?;
        // The receipt comes after what it says; a command that is ended in between is repeated.
        let before = vault::forget(store, subject).await?;
        let receipt = store.receipts()?.command(subject).meta(meta).run(|known| known.forget()).await;
        let receipt = receipt.map_err(|error| match error {
            CommandError::Store { error, .. } => anyhow::Error::from(error),
            other => other.into(),
        });
        let kept = || format!("'{subject}' is forgotten, but no receipt was kept; the same command again keeps it");
        let receipt = receipt.with_context(kept)?;
        let record = Fields(vec![
            ("subject", json(subject.as_str())),
            ("outcome", json(if before.is_some() { "before" } else { "now" })),
            ("forgotten_at", json(&before.map(time::utc))),
            ("receipt", json(&receipt.commit.map(|commit| commit.to_hex()))),
        ]);
        print(&self.form, &record, |out| match before {
            None => writeln!(out, "forgot '{subject}': all that was sealed for it is erased"),
            Some(at) => writeln!(out, "'{subject}' was forgotten before, at {}", self.dates.date.of(at)),
        })?;
        Ok(())
    }

    async fn forget_again(&self, store: &impl Store<D>) -> Result<()> {
        let receipts = store.receipts()?;
        let (mut forgotten, mut came_back) = (pin!(receipts.ids()), Vec::new());
        let mut count: u64 = 0;
        while let Some(subject) = forgotten.try_next().await? {
            count += 1;
            if let Kept::Key(_) = store.key(&subject).await? {
                store.delete_key(&subject).await?;
                came_back.push(subject.to_string());
            }
        }
        let left = store.wipe().await?;
        let record = Fields(vec![("forgotten", json(&count)), ("came_back", json(&came_back))]);
        print(&self.form, &record, |out| {
            came_back.iter().try_for_each(|subject| writeln!(out, "forgot '{subject}' again"))?;
            writeln!(out, "{count} were forgotten; {} of their keys had come back", came_back.len())
        })?;
        if !came_back.is_empty() {
            note(left);
        }
        Ok(())
    }
}

fn note(left: Option<String>) {
    left.iter().for_each(|why| exit::note(why));
    exit::note(&format!(
        "copies of the wrapped key may be left in backups and freed blocks; `{PROGRAM} rekey` makes them worthless"
    ));
}

impl<D: Domain> Rekey<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        self.form.has(&["rewrapped"])?;
        must_exist(store).await?;
        let (new, old) = (needed(KEY)?, key_in(OLD_KEY)?);
        let missing = || {
            let why = format!(
                "set {OLD_KEY} to the key of before, or {OLD_KEY}_FILE to a file with it, and {KEY} to the new one"
            );
            Failure(exit::USAGE, why)
        };
        let rewrapped = Vault::new(store, new).rewrap(&old.ok_or_else(missing)?).await;
        let keys = rewrapped.map_err(|error| match error {
            VaultError::OtherKey { subject, by, .. } => {
                let why = format!("the key of '{subject}' is wrapped by the key {by}; set {OLD_KEY} to that one");
                Failure(exit::USAGE, why).into()
            }
            error => anyhow::Error::from(error),
        })?;
        print(&self.form, &Fields(vec![("rewrapped", json(&keys))]), |out| {
            let then = match keys {
                0 => "if no program has the old key any more, destroy it, and every copy of it",
                _ => "give all programs the new key, and run this again until it finds none",
            };
            writeln!(out, "{keys} keys were wrapped anew; {then}")
        })
        .context("it is done, but could not be printed")
    }
}
