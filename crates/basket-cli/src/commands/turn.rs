//! Taking turns: a feed has one process that reads it. Others wait, and take over when it ends or is killed.

use std::{fs, process, sync::LazyLock, time::Duration};

use anyhow::Result;
use basket_mongo::{
    CommitId, Feeds, Poison, StoreError, Subscription, store::feed::Shape, store::subscription::Options,
};
use tokio::time::{sleep, timeout};

use crate::{
    domain::Domain,
    exit::{Failure, UNREADABLE, note},
};

/// After how long without a sign of life another process may take over, unless it is asked for.
pub(super) const LEASE: Duration = Duration::from_secs(3);

/// How a process of ours reads a feed. Its name is the same for each attempt, so that it need not wait for itself.
pub(super) fn options(feed: &str, park: bool, lease: Duration) -> Options {
    let poison = if park { Poison::Park } else { Poison::Stop };
    // A process in another container may have the same number, on a machine of the same name.
    static RUN: LazyLock<String> = LazyLock::new(|| CommitId::new().to_hex().split_off(16));
    let holder = format!("process {} on {} ({feed}, {})", process::id(), host(), *RUN);
    Options { poison, holder, lease, ..Options::default() }
}

/// What this machine calls itself.
fn host() -> String {
    let name = fs::read_to_string("/etc/hostname").unwrap_or_default();
    if name.trim().is_empty() { "this machine".into() } else { name.trim().to_owned() }
}

/// Takes a feed as soon as it is free. A store that was there once is waited for.
pub(super) async fn take<'a, D: Domain, S: Feeds<D> + Sync>(
    store: &'a S,
    feed: &str,
    shape: Shape,
    options: &Options,
    was_there: bool,
) -> Result<Subscription<'a, D, S>> {
    let mut waits = false;
    loop {
        let why = match Subscription::try_open(store, feed, shape, options.clone(), false).await {
            Ok(Ok(reader)) => return Ok(reader),
            Ok(Err(by)) => format!("'{feed}' is kept by {by}; waiting for its turn"),
            Err(error) if error.is_transient() && (waits || was_there) => format!("{error}; waiting for it"),
            Err(error) => return Err(in_words(error, feed)),
        };
        if !waits {
            note(&why);
        }
        waits = true;
        sleep(options.lease.min(Duration::from_secs(3)) / 10).await;
    }
}

/// How long it takes at most to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Lets go of a feed that this process has, so that another one need not wait for the lease. A store that does not answer lets go
/// by itself.
pub(super) async fn give_back<D: Domain>(store: &(impl Feeds<D> + Sync), feed: &str, shape: Shape, options: &Options) {
    let back = async {
        if let Ok(Ok(ours)) = Subscription::try_open(store, feed, shape, options.clone(), false).await {
            ours.close().await.ok();
        }
    };
    timeout(PATIENCE, back).await.ok();
}

/// An error of a feed, with what helps.
pub(super) fn in_words(error: StoreError, feed: &str) -> anyhow::Error {
    match error {
        StoreError::Unreadable(unreadable) => {
            let why = format!("{unreadable}; '{feed}' stands before it; with --park it goes on without this stream");
            Failure(UNREADABLE, why).into()
        }
        error => error.into(),
    }
}

/// Says that a feed has read all events again, because its store has forgotten what came after the last one.
pub(super) fn note_healed(store: &str, feed: &str) {
    note(&format!(
        "{store} no longer knows what came after the last event that '{feed}' has read; it reads all of them again, and takes in \
         what it has missed"
    ));
}
