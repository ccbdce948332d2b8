//! The life of one basket: its events, a cursor on one of them, and the basket as it was then.
//!
//! Any version is near: a state is kept every so many events, and the next ones are applied to it. So a step of the cursor
//! costs the same in a basket with ten events and in one with a hundred thousand. [`model`](super::model) moves it.

use basket_domain::{Aggregate, Basket, BasketId, Change};
use basket_mongo::{Baskets, Entry};

/// The fewest events between two states that are kept.
const STRIDE: usize = 256;

/// The events of a basket so far, and where one looks.
#[derive(Debug, Clone)]
pub struct Timeline {
    id: BasketId,
    entries: Vec<Entry<Baskets>>,
    /// States to begin from, by version.
    kept: Vec<(usize, Basket)>,
    now: Basket,
    cursor: usize,
    shown: Basket,
    mark: Option<usize>,
    changes: Option<Vec<Change>>,
    /// The cursor goes with the newest event.
    follows: bool,
    /// Where it leaves off doing so.
    stop: Option<usize>,
    /// The head that the store had when reading began; none once all is read.
    pub awaited: Option<u64>,
    /// The first row on the screen.
    pub top: usize,
}

impl Timeline {
    /// Nothing of the basket is known yet.
    pub fn new(id: BasketId) -> Self {
        Self {
            id,
            entries: Vec::new(),
            kept: Vec::new(),
            now: Basket::default(),
            cursor: 0,
            shown: Basket::default(),
            mark: None,
            changes: None,
            follows: true,
            stop: None,
            awaited: Some(0),
            top: 0,
        }
    }

    /// The same basket, to be read again; the cursor and the mark will be where they are now.
    pub fn anew(&self, head: u64) -> Self {
        let stop = if self.follows { self.stop } else { Some(self.cursor) };
        Self { stop, mark: self.mark, top: self.top, awaited: Some(head), ..Self::new(self.id) }
    }

    /// The next event. A cursor at the head goes with it.
    pub fn push(&mut self, entry: Entry<Baskets>) {
        self.now.apply(&entry.event);
        if self.follows {
            self.shown.apply(&entry.event);
            self.cursor += 1;
            self.changes = None;
            if self.stop == Some(self.cursor) {
                (self.follows, self.stop) = (false, None);
            }
        }
        self.entries.push(entry);
        // The larger the state, the rarer its copies: they never take more room than a few of the events.
        let last = self.kept.last().map_or(0, |(version, _)| *version);
        if self.entries.len() - last >= STRIDE.max(4 * self.now.items().len()) {
            self.kept.push((self.entries.len(), self.now.clone()));
        }
    }

    /// Everything that the store has was read.
    pub fn complete(&mut self) {
        (self.awaited, self.stop) = (None, None);
        self.follows = self.cursor == self.entries.len();
        self.mark = self.mark.filter(|mark| *mark <= self.entries.len());
    }

    /// Which basket.
    pub fn id(&self) -> BasketId {
        self.id
    }

    /// Its events, from version 1.
    pub fn entries(&self) -> &[Entry<Baskets>] {
        &self.entries
    }

    /// How many events there are.
    pub fn head(&self) -> usize {
        self.entries.len()
    }

    /// The version that one looks at; 0 where there is none yet.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The event that one looks at.
    pub fn entry(&self) -> Option<&Entry<Baskets>> {
        self.entries.get(self.cursor.checked_sub(1)?)
    }

    /// The basket after that event.
    pub fn basket(&self) -> &Basket {
        &self.shown
    }

    /// The version that is marked.
    pub fn mark(&self) -> Option<usize> {
        self.mark
    }

    /// Marks the version under the cursor; the second time, nothing is marked.
    pub fn toggle_mark(&mut self) {
        self.mark = (self.mark != Some(self.cursor) && self.cursor > 0).then_some(self.cursor);
        self.changes = None;
    }

    /// What changed between the mark and the cursor, from the earlier to the later of them; none without a mark.
    pub fn changes(&mut self) -> Option<(usize, usize, &[Change])> {
        let mark = self.mark?;
        if self.changes.is_none() {
            let marked = self.state_at(mark);
            let (before, after) = if mark <= self.cursor { (&marked, &self.shown) } else { (&self.shown, &marked) };
            self.changes = Some(before.changes_to(after));
        }
        Some((mark.min(self.cursor), mark.max(self.cursor), self.changes.as_deref()?))
    }

    /// Puts the cursor on a version, or on the one nearest to it that there is.
    pub fn go(&mut self, version: usize) {
        if self.head() == 0 {
            // It will be there when the first event is.
            self.stop = (version == 1).then_some(1);
            return;
        }
        let version = version.clamp(1, self.head());
        if version == self.cursor + 1 {
            if let Some(entry) = self.entries.get(self.cursor) {
                self.shown.apply(&entry.event);
            }
        } else if version != self.cursor {
            self.shown = self.state_at(version);
        }
        (self.cursor, self.changes, self.stop) = (version, None, None);
        self.follows = version == self.head();
    }

    /// Moves the cursor so many events on; back, where it is negative.
    pub fn step(&mut self, events: isize) {
        self.go(self.cursor.saturating_add_signed(events));
    }

    /// The basket after so many events.
    fn state_at(&self, version: usize) -> Basket {
        let before = self.kept.partition_point(|(kept, _)| *kept <= version).checked_sub(1);
        let (from, mut state) = before.and_then(|at| self.kept.get(at)).cloned().unwrap_or_default();
        self.entries.iter().take(version).skip(from).for_each(|entry| state.apply(&entry.event));
        state
    }
}
