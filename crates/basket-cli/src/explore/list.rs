//! The list of streams: its rows as they were read, which of them the search matches, and the cursor.
//! [`model`](super::model) changes it.

use crate::{
    domain::{Domain, Id},
    summary::{Query, Summary},
};

/// The streams of a store, one of them under the cursor.
#[derive(Debug)]
pub struct List<D: Domain> {
    /// What was read; none before that.
    rows: Option<Vec<Summary<Id<D>>>>,
    /// The rows that the search matches.
    found: Vec<usize>,
    pub(super) cursor: usize,
    /// The part of an id that is searched for; empty for all.
    pub(super) search: String,
    /// Only streams whose state has this row are asked for.
    pub(super) row: Option<String>,
    pub(super) prompt: Option<Prompt>,
    /// The first row on the screen.
    pub(super) top: usize,
}

#[derive(Debug)]
pub(super) struct Prompt {
    /// It is for the name of a row; otherwise, for a part of an id.
    pub(super) is_row: bool,
    pub(super) text: String,
    /// What is wrong with it.
    pub(super) wrong: Option<String>,
}

impl<D: Domain> Default for List<D> {
    fn default() -> Self {
        Self { rows: None, found: Vec::new(), cursor: 0, search: String::new(), row: None, prompt: None, top: 0 }
    }
}

impl<D: Domain> List<D> {
    /// Replaces the rows. The cursor stays on its stream; at the top, it stays at the top.
    pub(super) fn fill(&mut self, rows: Vec<Summary<Id<D>>>) {
        let before = self.selected().filter(|_| self.cursor > 0);
        self.rows = Some(rows);
        self.settle(before);
    }

    /// Replaces the streams that have changed, and drops those that are not asked for any more.
    pub(super) fn update(&mut self, changed: Vec<Summary<Id<D>>>, gone: &[Id<D>]) {
        let before = self.selected().filter(|_| self.cursor > 0);
        let Some(rows) = &mut self.rows else { return };
        rows.retain(|row| !gone.contains(&row.id) && changed.iter().all(|new| new.id != row.id));
        rows.extend(changed);
        rows.sort_by(|one, other| Query::default().compare(one, other));
        self.settle(before);
    }

    fn settle(&mut self, selected: Option<Id<D>>) {
        self.search(self.search.clone());
        if let Some(selected) = selected {
            let same = self.found().position(|row| row.id == selected);
            self.go(same.unwrap_or(self.cursor));
        }
    }

    /// Asks for other streams, and drops those that are here.
    pub(super) fn ask_for(&mut self, row: Option<String>) {
        (self.row, self.rows, self.cursor) = (row, None, 0);
        self.found.clear();
    }

    pub fn is_read(&self) -> bool {
        self.rows.is_some()
    }

    /// How many streams there are, before the search; none before they are read.
    pub(super) fn count(&self) -> Option<usize> {
        self.rows.as_ref().map(Vec::len)
    }

    /// The streams that the search matches.
    pub(super) fn found(&self) -> impl Iterator<Item = &Summary<Id<D>>> {
        let rows = self.rows.as_deref().unwrap_or_default();
        self.found.iter().filter_map(|row| rows.get(*row))
    }

    pub fn found_len(&self) -> usize {
        self.found.len()
    }

    /// Shows only streams whose id contains this.
    pub(super) fn search(&mut self, text: String) {
        self.search = text.trim().to_lowercase();
        let rows = self.rows.iter().flatten().enumerate();
        self.found = rows.filter(|(_, row)| row.id.to_string().contains(&self.search)).map(|(at, _)| at).collect();
        self.go(self.cursor);
    }

    pub fn selected(&self) -> Option<Id<D>> {
        let row = *self.found.get(self.cursor)?;
        Some(self.rows.as_ref()?.get(row)?.id.clone())
    }

    /// Puts the cursor on a row, or on the nearest one.
    pub fn go(&mut self, row: usize) {
        self.cursor = row.min(self.found.len().saturating_sub(1));
    }

    /// Moves the cursor so many rows down; up, where it is negative.
    pub(super) fn step(&mut self, rows: isize) {
        self.go(self.cursor.saturating_add_signed(rows));
    }
}
