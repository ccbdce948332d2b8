//! The events of one stream, a cursor on one of them, and the state at that version. A state is kept every so many events,
//! and the next ones are applied to it. So a step of the cursor costs the same in a stream with ten events and in one with
//! a hundred thousand. [`model`](super::model) moves it.

use basket_domain::Aggregate;
use basket_mongo::Entry;
use crossterm::event::KeyCode;

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
    /// What the events that are shown have in their words; empty for all.
    pub(super) search: String,
    /// The versions that have it.
    found: Vec<usize>,
    /// The search is being typed.
    pub(super) is_typed: bool,
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
            search: String::new(),
            found: Vec::new(),
            is_typed: false,
            top: 0,
        }
    }

    /// The same stream, to be read again; the cursor and the mark stay where they are.
    pub(super) fn anew(&self, head: u64) -> Self {
        let stop = if self.follows { self.stop } else { Some(self.cursor) };
        let (search, is_typed) = (self.search.clone(), self.is_typed);
        Self {
            stop,
            mark: self.mark,
            search,
            is_typed,
            top: self.top,
            awaited: Some(head),
            ..Self::new(self.id.clone())
        }
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
        if !self.search.is_empty() && has::<D>(&entry, &self.search) {
            self.found.push(self.entries.len() + 1);
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

    /// Moves the cursor so many of the events that are shown on; back, where it is negative.
    pub fn step(&mut self, events: isize) {
        if self.search.is_empty() {
            return self.go(self.cursor.saturating_add_signed(events));
        }
        let at = self.row();
        // Between two of them, the next one is a step away.
        let is_between = events > 0 && self.found.get(at) != Some(&self.cursor);
        self.go_to_row(at.saturating_add_signed(if is_between { events - 1 } else { events }));
    }

    /// Puts the cursor on the first of the events that are shown, or on the last.
    pub(super) fn go_to_end(&mut self, last: bool) {
        match (self.search.is_empty(), last) {
            (true, false) => self.go(1),
            (true, true) => self.go(usize::MAX),
            (false, _) => self.go_to_row(if last { usize::MAX } else { 0 }),
        }
    }

    fn go_to_row(&mut self, row: usize) {
        let last = self.found.len().saturating_sub(1);
        if let Some(version) = self.found.get(row.min(last)) {
            self.go(*version);
        }
    }

    /// Shows only events that have this in their words, their actor or their reason. The cursor goes to the nearest one before.
    pub(super) fn search(&mut self, text: &str) {
        self.search = text.to_lowercase();
        if self.search.is_empty() {
            return self.found.clear();
        }
        let versions = self.entries.iter().zip(1..);
        self.found = versions.filter(|(entry, _)| has::<D>(entry, &self.search)).map(|(_, version)| version).collect();
        self.go_to_row(self.found.partition_point(|version| *version <= self.cursor).saturating_sub(1));
    }

    /// Takes a key while the search is being typed.
    pub(super) fn type_key(&mut self, key: KeyCode) {
        let mut text = self.search.clone();
        match key {
            KeyCode::Esc => (self.is_typed, text) = (false, String::new()),
            KeyCode::Enter => self.is_typed = false,
            KeyCode::Char(letter) => text.push(letter),
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Up => self.step(-1),
            KeyCode::Down => self.step(1),
            _ => {}
        }
        if text != self.search {
            self.search(&text);
        }
    }

    /// How many events are shown.
    pub(super) fn shown_len(&self) -> usize {
        if self.search.is_empty() { self.head() } else { self.found.len() }
    }

    /// Which of them is under the cursor, or would come next.
    pub(super) fn row(&self) -> usize {
        match self.search.is_empty() {
            true => self.cursor.saturating_sub(1),
            false => self.found.partition_point(|version| *version < self.cursor),
        }
    }

    /// Those from one of them on, each with its version.
    pub(super) fn shown_from(&self, row: usize) -> impl Iterator<Item = (&Entry<D>, usize)> {
        let all = self.search.is_empty().then(|| row + 1..=self.head()).into_iter().flatten();
        let found = self.found.iter().skip(row).copied();
        all.chain(found).filter_map(|version| Some((self.entries.get(version - 1)?, version)))
    }

    /// The state after so many events.
    fn state_at(&self, version: usize) -> D::Aggregate {
        let before = self.kept.partition_point(|(kept, _)| *kept <= version).checked_sub(1);
        let (from, mut state) = before.and_then(|at| self.kept.get(at)).cloned().unwrap_or_default();
        self.entries.iter().take(version).skip(from).for_each(|entry| state.apply(&entry.event));
        state
    }
}

fn has<D: Domain>(entry: &Entry<D>, search: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(search);
    has(&D::in_words(&entry.event))
        || [&entry.meta.actor, &entry.meta.reason].into_iter().flatten().any(|text| has(text))
}
