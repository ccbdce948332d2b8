//! The events of one stream, a cursor on one of them, and the state at that version. A state is kept every so many events,
//! and the next ones are applied to it. So a step of the cursor costs the same in a stream with ten events and in one with
//! a hundred thousand. [`model`](super::model) moves it.

use basket_domain::Aggregate;
use basket_mongo::Entry;

use crate::domain::{Change, Domain, Id, changes};

/// The fewest events between two states that are kept.
const STRIDE: usize = 256;

/// The events of a stream so far, one of them under the cursor.
#[derive(Debug)]
pub struct Timeline<D: Domain> {
    pub(super) id: Id<D>,
    pub(super) entries: Vec<Entry<D>>,
    /// States to begin from, by version.
    kept: Vec<(usize, D::Aggregate)>,
    now: D::Aggregate,
    cursor: usize,
    shown: D::Aggregate,
    pub(super) mark: Option<usize>,
    changes: Option<Vec<Change<D::Value>>>,
    /// The cursor moves to each new event.
    follows: bool,
    /// The version where it stops doing so.
    stop: Option<usize>,
    /// The head that the store had when reading began; none once all is read.
    pub(super) awaited: Option<u64>,
    /// The first row on the screen.
    pub(super) top: usize,
}

/// An earlier version, a later one, and what changed between them.
pub type Changed<'a, V> = (usize, usize, &'a [Change<V>]);

impl<D: Domain> Timeline<D> {
    /// A stream of which nothing was read yet.
    pub fn new(id: Id<D>) -> Self {
        Self {
            id,
            entries: Vec::new(),
            kept: Vec::new(),
            now: D::Aggregate::default(),
            cursor: 0,
            shown: D::Aggregate::default(),
            mark: None,
            changes: None,
            follows: true,
            stop: None,
            awaited: Some(0),
            top: 0,
        }
    }

    /// The same stream, to be read again; the cursor and the mark stay where they are.
    pub(super) fn anew(&self, head: u64) -> Self {
        let stop = if self.follows { self.stop } else { Some(self.cursor) };
        Self { stop, mark: self.mark, top: self.top, awaited: Some(head), ..Self::new(self.id.clone()) }
    }

    /// Adds the next event. A cursor at the head moves to it.
    pub fn push(&mut self, entry: Entry<D>) {
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
        // The larger the state, the rarer its copies, so that they never need much more memory than the events.
        let last = self.kept.last().map_or(0, |(version, _)| *version);
        if self.entries.len() - last >= STRIDE.max(4 * D::count(&self.now)) {
            self.kept.push((self.entries.len(), self.now.clone()));
        }
    }

    pub fn complete(&mut self) {
        (self.awaited, self.stop) = (None, None);
        self.follows = self.cursor == self.entries.len();
        self.mark = self.mark.filter(|mark| *mark <= self.entries.len());
    }

    pub fn head(&self) -> usize {
        self.entries.len()
    }

    /// The version under the cursor; 0 where there is none yet.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    pub(super) fn entry(&self) -> Option<&Entry<D>> {
        self.entries.get(self.cursor.checked_sub(1)?)
    }

    /// The state after that event.
    pub fn state(&self) -> &D::Aggregate {
        &self.shown
    }

    /// Marks the version under the cursor; the second time, nothing is marked.
    pub fn toggle_mark(&mut self) {
        self.mark = (self.mark != Some(self.cursor) && self.cursor > 0).then_some(self.cursor);
        self.changes = None;
    }

    /// What changed between the mark and the cursor, from the earlier to the later of them; none without a mark.
    pub fn changes(&mut self) -> Option<Changed<'_, D::Value>> {
        let mark = self.mark?;
        if self.changes.is_none() {
            let marked = self.state_at(mark);
            let (before, after) = if mark <= self.cursor { (&marked, &self.shown) } else { (&self.shown, &marked) };
            self.changes = Some(changes::<D>(before, after));
        }
        Some((mark.min(self.cursor), mark.max(self.cursor), self.changes.as_deref()?))
    }

    /// Puts the cursor on a version, or on the nearest one.
    pub fn go(&mut self, version: usize) {
        if self.head() == 0 {
            // The cursor stops at the first event once it is read.
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

    /// The state after so many events.
    fn state_at(&self, version: usize) -> D::Aggregate {
        let before = self.kept.partition_point(|(kept, _)| *kept <= version).checked_sub(1);
        let (from, mut state) = before.and_then(|at| self.kept.get(at)).cloned().unwrap_or_default();
        self.entries.iter().take(version).skip(from).for_each(|entry| state.apply(&entry.event));
        state
    }
}
