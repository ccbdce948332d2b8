//! A subscription: one named reader of all events of a store. Each event comes once, also after a restart, a kill, an election or
//! a lost history; what it is answered with is kept in one transaction with the fact that it was read.
//!
//! What order is promised: events of one stream come in the order of their versions. Of different streams, those that were
//! stored when the feed began come one stream after the other; from then on they come in the order in which the store has
//! committed them, but for those of a stream from which some were missed, which are read again at once.

mod keeping;
mod parked;

use std::{
    collections::VecDeque,
    pin::{Pin, pin},
    time::Duration,
};

use bson::Bson;
use futures_util::{
    Stream, StreamExt, TryStreamExt,
    future::{Either, select},
};
use tokio::time::{Instant, sleep};

use super::{
    batch::{Batch, Touched},
    codec::{Codec, key_bytes},
    entry::{CommitId, Entry},
    error::{StoreError, Unreadable},
    feed::{Change, Claim, Claimed, Feeds, Mark, Passed, Position, Shape, Shown, check_name},
    log::Scope,
    retry::Retries,
};

/// What to do with a document that can't be read as an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Poison {
    /// The subscription ends with [`StoreError::Unreadable`], which names it. It stands there until the document is mended.
    #[default]
    Stop,
    /// Its stream is parked: no event of it comes until [`Subscription::retry_parked`]; those of others do.
    Park,
}

/// How a subscription reads.
#[derive(Debug, Clone)]
pub struct Options {
    /// What to do with a document that can't be read.
    pub poison: Poison,
    /// After how long without a sign of life another process may take over.
    pub lease: Duration,
    /// What the reader calls itself.
    pub holder: String,
    /// The most documents that it reads at once, and has in memory: from 1. After a kill, so many may have to be answered again.
    pub batch: usize,
}

/// Stops; a lease of three seconds; the number of the process, and one of its own; a thousand.
impl Default for Options {
    fn default() -> Self {
        let holder = format!("process {} ({})", std::process::id(), CommitId::new().to_hex());
        Self { poison: Poison::Stop, lease: Duration::from_secs(3), holder, batch: 1_000 }
    }
}

type Only<'a, C> = Box<dyn Fn(&Entry<C>) -> bool + Send + Sync + 'a>;

type Source<'a, C> = Pin<Box<dyn Stream<Item = Vec<Result<Passed<C>, StoreError>>> + Send + 'a>>;

/// A reader that has its feed to itself.
pub struct Subscription<'a, C: Codec, S> {
    store: &'a S,
    claim: Claim,
    options: Options,
    only: Only<'a, C>,
    /// Opened when it is read; what it has shown is lost if it was not kept.
    source: Option<Source<'a, C>>,
    /// What it has shown and was not looked at yet.
    shown: VecDeque<Result<Passed<C>, StoreError>>,
    /// How far it was read; written with the next change.
    position: Option<Position>,
    /// Whether a batch was handed out and not kept yet.
    is_open: bool,
    /// Whether all is to be read again, which the next change says.
    reads_again: bool,
    /// Whether the feed was claimed, and the answer not seen: a call may be dropped in between.
    is_claimed_anew: bool,
    /// Whether the last change said that all was read.
    was_last: bool,
    written: Instant,
    retries: u64,
    healed: u64,
    failures: u32,
    times_healed: u64,
    /// How many events were kept since that moment.
    lately: (Instant, u64),
    /// While all is read again.
    healing: Option<Healing>,
}

/// What a lost history has left.
struct Healing {
    /// How many events had been read.
    read: u64,
    /// How many of them were found again.
    found: u64,
}

impl<'a, C: Codec + 'static, S: Feeds<C> + Sync> Subscription<'a, C, S> {
    /// Takes a feed, and waits until its reader has gone. Fails with [`StoreError::OtherShape`] if its rows are of another
    /// [`Shape`].
    pub async fn open(store: &'a S, feed: &str, shape: Shape, options: Options) -> Result<Self, StoreError> {
        loop {
            match Self::try_open(store, feed, shape, options.clone(), false).await? {
                Ok(open) => return Ok(open),
                Err(_) => sleep(options.lease / 6).await,
            }
        }
    }

    /// Takes a feed if it is free; otherwise returns what its reader calls itself. With `by_force`, it is taken from that reader.
    pub async fn try_open(
        store: &'a S,
        feed: &str,
        shape: Shape,
        options: Options,
        by_force: bool,
    ) -> Result<Result<Self, String>, StoreError> {
        check_name(feed).map_err(|why| StoreError::other(store.name(), why))?;
        let claim = match store.claim(feed, &options.holder, shape, options.lease, by_force).await? {
            Claimed::Held { by } => return Ok(Err(by)),
            Claimed::Ours(claim) => claim,
        };
        if claim.shape != shape.number {
            store.release(&claim).await?;
            return Err(StoreError::OtherShape {
                store: store.name().to_owned(),
                feed: feed.to_owned(),
                found: claim.shape,
                expected: shape.number,
            });
        }
        Ok(Ok(Self {
            store,
            position: claim.position.clone(),
            claim: *claim,
            options,
            only: Box::new(|_| true),
            source: None,
            shown: Default::default(),
            is_open: false,
            reads_again: false,
            is_claimed_anew: false,
            was_last: false,
            written: Instant::now(),
            retries: 0,
            healed: 0,
            failures: 0,
            times_healed: 0,
            lately: (Instant::now(), 0),
            healing: None,
        }))
    }

    /// Returns only some events: those of a type, of a stream, by an actor. The others count as read; so its numbers and
    /// [`Feeds::wait_for`] are right for them, too, and another filter may take its place at any time.
    pub fn only(self, is_wanted: impl Fn(&Entry<C>) -> bool + Send + Sync + 'a) -> Self {
        Self { only: Box::new(is_wanted), ..self }
    }

    /// How often it has read all events again, because the store had lost its history.
    pub fn times_healed(&self) -> u64 {
        self.times_healed
    }

    /// The store that it reads.
    pub fn store(&self) -> &'a S {
        self.store
    }

    /// The right that it writes with.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Events that were not kept yet, as soon as there are any. None in a batch means that all was read, that time has passed, or
    /// that those in it were not [wanted](Self::only); keep it all the same. Renews the lease while it waits. What was not kept
    /// comes again.
    ///
    /// It may be dropped at any moment: nothing is lost. Where the store does not answer it waits for it.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if another reader has taken over; [`StoreError::Unreadable`] as [`Poison::Stop`] says;
    /// [`StoreError::Restored`] if the store has lost events that were read.
    pub async fn next(&mut self) -> Result<Batch<C>, StoreError> {
        loop {
            match self.try_next().await {
                Ok(batch) => return Ok(batch),
                Err(StoreError::HistoryLost { .. }) => match self.store.feed(&self.claim.rows.feed).await {
                    Ok(state) => {
                        (self.healed, self.times_healed) = (self.healed + 1, self.times_healed + 1);
                        self.healing = Some(Healing { read: state.map_or(0, |state| state.events), found: 0 });
                        self.start_again(None);
                    }
                    Err(error) if error.is_transient() => self.wait_and_read_again().await,
                    Err(error) => return Err(error),
                },
                Err(error) if error.is_transient() => self.wait_and_read_again().await,
                Err(error) => return Err(error),
            }
        }
    }

    /// After the store has failed to answer: reads again what was not kept, a little later.
    pub(crate) async fn wait_and_read_again(&mut self) {
        self.retries += 1;
        self.failures = self.failures.saturating_add(1);
        self.start_again(self.position.clone());
        sleep(Retries::SEND.pause(self.failures)).await;
    }

    fn start_again(&mut self, position: Option<Position>) {
        self.position = position;
        (self.source, self.shown, self.is_open) = (None, Default::default(), false);
    }

    async fn try_next(&mut self) -> Result<Batch<C>, StoreError> {
        if self.is_claimed_anew {
            self.claim_again().await?;
        }
        if self.is_open {
            self.start_again(self.position.clone());
        }
        let renewal = self.options.lease / 3;
        if self.shown.is_empty() {
            let (store, position) = (self.store, self.position.clone());
            let source = self
                .source
                .get_or_insert_with(|| Box::pin(store.after(position).ready_chunks(self.options.batch.max(1))));
            let due = sleep(renewal.saturating_sub(self.written.elapsed()));
            match select(source.next(), Box::pin(due)).await {
                Either::Left((Some(chunk), _)) => self.shown.extend(chunk),
                Either::Left((None, _)) => self.source = None,
                Either::Right(_) => {}
            }
        }
        // If this call is dropped in the middle, the next one returns the same events.
        self.is_open = !self.shown.is_empty();
        let batch = self.look().await?;
        let is_over = batch.position.as_ref().is_some_and(|position| !matches!(position, Position::Stored { .. }));
        if let Some(healing) = self.healing.as_ref().filter(|_| is_over) {
            if healing.found + batch.known < healing.read {
                let (store, feed) = (self.store.name().to_owned(), self.claim.rows.feed.clone());
                return Err(StoreError::Restored { store, feed });
            }
            self.healing = None;
        }
        if batch.is_empty() {
            self.found(batch.known);
            self.position = batch.position.clone().or_else(|| self.position.take());
            if self.written.elapsed() >= renewal || batch.is_last && !self.was_last {
                let (position, is_last) = (self.position.clone(), batch.is_last);
                self.write(Change { position, is_last, ..Change::default() }).await?;
            }
        }
        self.is_open = !batch.is_empty();
        Ok(batch)
    }

    /// Counts events that were found again.
    fn found(&mut self, events: u64) {
        if let Some(healing) = &mut self.healing {
            healing.found += events;
        }
    }

    /// Sorts what the source has shown: what is new, what was seen, what was missed.
    async fn look(&mut self) -> Result<Batch<C>, StoreError> {
        let mut batch = Batch::<C>::new();
        let shown = self.shown.iter().filter_map(|passed| passed.as_ref().ok()?.shown.as_ref());
        let mut keys: Vec<Bson> = shown.map(Shown::key).collect();
        keys.sort_by_cached_key(key_bytes);
        keys.dedup();
        if !keys.is_empty() {
            for (key, before) in self.store.marks(&self.claim.rows, keys).await? {
                batch.streams.insert(key_bytes(&key), Touched::new(key, before));
            }
        }
        while let Some(passed) = self.shown.pop_front() {
            let Passed { shown, position, is_last } = match passed {
                Ok(passed) => passed,
                Err(error) if batch.position.is_none() => return Err(error),
                // It comes with the next call.
                Err(error) => {
                    self.shown.push_front(Err(error));
                    break;
                }
            };
            self.failures = 0;
            let key = shown.as_ref().map(Shown::key);
            let done = match (shown, key) {
                (Some(Shown::Event(entry)), _) => self.take(&mut batch, entry).await?,
                (Some(Shown::Unreadable(_, unreadable)), Some(key)) => self.poisoned(&mut batch, key, unreadable),
                _ => Ok(()),
            };
            match done {
                Ok(()) => (batch.position, batch.is_last) = (Some(position), is_last),
                Err(unreadable) if batch.is_empty() => return Err(unreadable.into()),
                // What came before it first.
                Err(_) => {
                    (self.source, self.shown) = (None, Default::default());
                    break;
                }
            }
        }
        Ok(batch)
    }

    /// Takes an event that was not seen, and those before it that were missed.
    async fn take(&mut self, batch: &mut Batch<C>, entry: Entry<C>) -> Result<Result<(), Unreadable>, StoreError> {
        let key = C::key(&entry.stream);
        let place = key_bytes(&key);
        let stream = batch.streams.entry(place).or_insert_with(|| Touched::new(key.clone(), Mark::default()));
        batch.known += u64::from(entry.version <= stream.before.version);
        if stream.parked.is_some() || entry.version <= stream.version {
            return Ok(Ok(()));
        }
        let mut next = stream.version + 1;
        if entry.version > next {
            let scope = Scope::From(entry.stream.clone(), next);
            let mut missed = pin!(self.store.log(scope));
            loop {
                match missed.try_next().await {
                    Ok(Some(one)) if one.version < entry.version => {
                        next = one.version + 1;
                        stream.version = one.version;
                        batch.entries.extend(Some(one).filter(|one| (self.only)(one)));
                    }
                    Ok(_) => break,
                    Err(StoreError::Unreadable(unreadable)) => return Ok(self.poisoned(batch, key, unreadable)),
                    Err(error) => return Err(error),
                }
            }
            if next < entry.version {
                let why = format!("version {next} before it is missing");
                let unreadable = Unreadable { document: entry.document.to_string(), version: None, why };
                return Ok(self.poisoned(batch, key, unreadable));
            }
        }
        stream.version = entry.version;
        batch.entries.extend(Some(entry).filter(|entry| (self.only)(entry)));
        Ok(Ok(()))
    }

    /// What becomes of a document that can't be read.
    fn poisoned(&self, batch: &mut Batch<C>, key: Bson, unreadable: Unreadable) -> Result<(), Unreadable> {
        let stream = batch.streams.entry(key_bytes(&key)).or_insert_with(|| Touched::new(key, Mark::default()));
        let was_seen = unreadable
            .version
            .is_some_and(|version| u64::try_from(version).is_ok_and(|v| v != 0 && v <= stream.version));
        batch.known += u64::from(was_seen);
        match self.options.poison {
            _ if was_seen => Ok(()),
            Poison::Stop => Err(unreadable),
            Poison::Park => {
                stream.parked.get_or_insert(unreadable.into());
                Ok(())
            }
        }
    }
}
