//! Feeds in memory, for tests of read models and subscriptions. What is kept of a reader is behind the lock of the events, so one
//! lock is one transaction; `feed` in the contract says what it is for.
//!
//! Leases are on the real clock, since a reader waits in real time; the store's own clock would never end one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bson::{Bson, DateTime};
use futures_util::{Stream, stream};
use tokio::time::{Instant, sleep};

use super::{
    Kept, MemoryStore, NAME, other,
    rows::{Place, compare, is_asked_for},
};
use crate::store::{
    codec::Codec,
    error::StoreError,
    feed::{
        Change, Claim, Claimed, FeedState, Feeds, Mark, Moved, Passed, Position, RowQuery, Rows, Shape, Shown, Totals,
        Which, first_fence, has_moved,
    },
};

/// The time between two looks, while there is nothing new.
const INTERVAL: Duration = Duration::from_millis(5);

/// What is kept of a feed.
#[derive(Debug)]
pub(super) struct Feed {
    /// Its numbers; those that are counted when they are asked for are 0 here.
    state: FeedState,
    /// That of its newest claim.
    fence: i64,
    /// When its reader's lease ends; none if no clock will reach it.
    until: Option<Instant>,
    rows: BTreeMap<Place, (Bson, Mark)>,
    totals: Totals,
}

impl Feed {
    fn new(feed: &str, shape: Shape) -> Self {
        let state = FeedState {
            rows: Rows { feed: feed.to_owned(), generation: 1 },
            shape: shape.number,
            holder: None,
            position: None,
            events: 0,
            behind: 0,
            rate: None,
            as_of: None,
            retries: 0,
            healed: 0,
            parked: 0,
        };
        Self { state, fence: first_fence(), until: None, rows: BTreeMap::new(), totals: Totals::new() }
    }

    /// The reader that has it now.
    fn holder(&self) -> Option<&str> {
        self.state.holder.as_deref().filter(|_| self.until.is_none_or(|until| until > Instant::now()))
    }

    /// Writes a change; nothing of it, and returns false, if a mark is not where it should be.
    fn write(&mut self, lease: Duration, change: &Change, now: DateTime) -> bool {
        let mut moved = BTreeMap::<Place, (Bson, Mark)>::new();
        for Moved { key, from, to } in &change.marks {
            let place = Place::of(key);
            let before = moved.get(&place).or_else(|| self.rows.get(&place));
            if before.map_or(0, |(_, mark)| mark.version) != *from {
                return false;
            }
            moved.insert(place, (key.clone(), to.clone()));
        }
        self.rows.extend(moved);
        for (key, numbers) in &change.totals {
            let total = self.totals.entry(key.clone()).or_default();
            for (name, number) in numbers {
                let sum = total.entry(name.clone()).or_default();
                *sum = sum.saturating_add(*number);
            }
            total.retain(|_, number| *number != 0);
        }
        self.totals.retain(|_, numbers| !numbers.is_empty());
        self.until = Instant::now().checked_add(lease);
        let state = &mut self.state;
        state.position = change.position.clone().or_else(|| state.position.take()).filter(|_| !change.again);
        state.as_of = change.is_last.then_some(now).or(state.as_of);
        state.rate = change.rate.or(state.rate);
        state.events = state.events.saturating_add(change.events());
        state.retries = state.retries.saturating_add(change.retries);
        state.healed = state.healed.saturating_add(change.healed);
        true
    }

    fn state(&self, appended: i64) -> FeedState {
        let holder = self.holder();
        FeedState {
            holder: holder.map(str::to_owned),
            rate: self.state.rate.filter(|_| holder.is_some()),
            behind: u64::try_from(appended).unwrap_or(0).saturating_sub(self.state.events),
            parked: self.rows.values().filter(|(_, mark)| mark.parked.is_some()).count() as u64,
            ..self.state.clone()
        }
    }
}

impl Kept {
    /// The feed that a claim is of, if it is the newest.
    fn ours(&mut self, claim: &Claim) -> Option<&mut Feed> {
        self.feeds.get_mut(&claim.rows.feed).filter(|feed| feed.fence == claim.fence)
    }

    /// The feed that has these rows; none if others have taken their place.
    fn feed_of(&self, rows: &Rows) -> Option<&Feed> {
        self.feeds.get(&rows.feed).filter(|feed| feed.state.rows == *rows)
    }

    /// The document that was appended next after a position, and its own.
    fn next<C: Codec>(&self, position: i64) -> Option<(Shown<C>, i64)> {
        let place = self.order.get(usize::try_from(position).unwrap_or(0))?;
        let stored = self.events.get(place)?;
        Some((Shown::read(&stored.document), stored.position))
    }
}

fn fenced<T>(feed: &str) -> Result<T, StoreError> {
    Err(StoreError::Fenced { store: NAME.into(), feed: feed.to_owned() })
}

impl<C: Codec> Feeds<C> for MemoryStore<C> {
    fn after(&self, position: Option<Position>) -> impl Stream<Item = Result<Passed<C>, StoreError>> + Send {
        let start = match position {
            None => Ok((0, false)),
            Some(Position::Row(row)) => Ok((row, false)),
            Some(_) => Err(other("its position is of another kind of store")),
        };
        stream::try_unfold(start, async |reader| {
            let (row, is_idle) = reader?;
            if is_idle {
                sleep(INTERVAL).await;
            }
            let (shown, row) = self.kept().next(row).map_or((None, row), |(shown, row)| (Some(shown), row));
            let is_last = shown.is_none();
            Ok(Some((Passed { shown, position: Position::Row(row), is_last }, Ok((row, is_last)))))
        })
    }

    async fn claim(
        &self,
        feed: &str,
        holder: &str,
        shape: Shape,
        lease: Duration,
        by_force: bool,
    ) -> Result<Claimed, StoreError> {
        let mut kept = self.kept();
        let feed = kept.feeds.entry(feed.to_owned()).or_insert_with(|| Feed::new(feed, shape));
        if let Some(by) = feed.holder().filter(|by| *by != holder && !by_force) {
            return Ok(Claimed::Held { by: by.to_owned() });
        }
        (feed.fence, feed.until) = (feed.fence.saturating_add(1), Instant::now().checked_add(lease));
        feed.state.holder = Some(holder.to_owned());
        let FeedState { rows, shape, position, .. } = feed.state.clone();
        Ok(Claimed::Ours(Box::new(Claim { rows, fence: feed.fence, shape, position, lease })))
    }

    async fn keep(&self, claim: &Claim, change: &Change) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let now = kept.now;
        match kept.ours(claim) {
            Some(feed) => feed.write(claim.lease, change, now).then_some(()).ok_or_else(|| has_moved(NAME)),
            None => fenced(&claim.rows.feed),
        }
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        if let Some(feed) = self.kept().ours(claim) {
            feed.state.holder = None;
        }
        Ok(())
    }

    async fn marks(&self, rows: &Rows, keys: Vec<Bson>) -> Result<Vec<(Bson, Mark)>, StoreError> {
        let kept = self.kept();
        let Some(feed) = kept.feed_of(rows) else { return Ok(Vec::new()) };
        let places: BTreeSet<_> = keys.iter().map(Place::of).collect();
        Ok(places.iter().filter_map(|place| feed.rows.get(place).cloned()).collect())
    }

    fn rows(&self, rows: Rows, query: RowQuery) -> impl Stream<Item = Result<(Bson, Mark), StoreError>> + Send {
        let kept = self.kept();
        let rows = kept.feed_of(&rows).into_iter().flat_map(|feed| feed.rows.values());
        let mut found: Vec<_> = rows.filter(|(_, mark)| is_asked_for(&query, mark)).collect();
        if let Some(field) = query.sort {
            // Those whose field is the same stay in the order of their keys.
            found.sort_by(|(_, one), (_, other)| compare(field, one, other));
        }
        if query.descending {
            found.reverse();
        }
        found.truncate(query.limit.unwrap_or(usize::MAX));
        stream::iter(found.into_iter().cloned().map(Ok).collect::<Vec<_>>())
    }

    async fn totals(&self, rows: &Rows, which: &Which) -> Result<Totals, StoreError> {
        let is_asked_for = |key: &str| match which {
            Which::All => true,
            Which::Beginning(start) => key.starts_with(start),
            Which::Of(keys) => keys.iter().any(|one| one == key),
        };
        let kept = self.kept();
        let totals = kept.feed_of(rows).into_iter().flat_map(|feed| &feed.totals);
        Ok(totals.filter(|(key, _)| is_asked_for(key)).map(|(key, numbers)| (key.clone(), numbers.clone())).collect())
    }

    async fn replace(&self, feed: &str, by: &Claim) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if kept.ours(by).is_none() {
            return fenced(feed);
        }
        let old = kept.feeds.get(feed);
        let generation = old.map_or(0, |old| old.state.rows.generation).saturating_add(1);
        let fence = old.map_or_else(first_fence, |old| old.fence).saturating_add(1);
        if let Some(mut next) = kept.feeds.remove(&by.rows.feed) {
            next.state.rows = Rows { feed: feed.to_owned(), generation };
            next.state.holder = None;
            next.fence = fence;
            kept.feeds.insert(feed.to_owned(), next);
        }
        Ok(())
    }

    async fn forget(&self, feed: &str) -> Result<(), StoreError> {
        self.kept().feeds.remove(feed);
        Ok(())
    }

    async fn feeds(&self) -> Result<Vec<FeedState>, StoreError> {
        let kept = self.kept();
        Ok(kept.feeds.values().map(|feed| feed.state(kept.appended())).collect())
    }
}
