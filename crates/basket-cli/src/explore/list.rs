//! The list of baskets: its rows as the store gave them, which of them the search lets through, and the cursor.
//! [`model`](super::model) moves it.

use basket_domain::{BasketId, Product};
use basket_mongo::Summary;

/// The baskets of a store, and where one looks.
#[derive(Debug, Default)]
pub struct List {
    rows: Option<Vec<Summary>>,
    /// The rows that the search lets through.
    found: Vec<usize>,
    cursor: usize,
    search: String,
    /// Only baskets that hold it are asked for.
    pub product: Option<Product>,
    /// What is being typed.
    pub prompt: Option<Prompt>,
    /// The first row on the screen.
    pub top: usize,
}

/// A line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What it is for: a product, or otherwise a part of an id.
    pub is_product: bool,
    /// What was typed so far.
    pub text: String,
    /// What is wrong with it.
    pub wrong: Option<String>,
}

impl List {
    /// What the store has now. The cursor stays on its basket; at the top, it stays at the top.
    pub fn fill(&mut self, rows: Vec<Summary>) {
        let before = self.selected().filter(|_| self.cursor > 0);
        self.rows = Some(rows);
        self.search(self.search.clone());
        if let Some(before) = before {
            let same = self.found().position(|row| row.id == before);
            self.go(same.unwrap_or(self.cursor));
        }
    }

    /// Other baskets are asked for, so those that are here say nothing any more.
    pub fn ask_for(&mut self, product: Option<Product>) {
        (self.product, self.rows, self.cursor) = (product, None, 0);
        self.found.clear();
    }

    /// Whether the store has answered.
    pub fn is_read(&self) -> bool {
        self.rows.is_some()
    }

    /// How many baskets there are, whatever is searched for.
    pub fn len(&self) -> usize {
        self.rows.as_ref().map_or(0, Vec::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The baskets that the search lets through.
    pub fn found(&self) -> impl Iterator<Item = &Summary> {
        let rows = self.rows.as_deref().unwrap_or_default();
        self.found.iter().filter_map(|row| rows.get(*row))
    }

    /// How many they are.
    pub fn found_len(&self) -> usize {
        self.found.len()
    }

    /// The part of an id that is searched for; empty for all.
    pub fn searched(&self) -> &str {
        &self.search
    }

    /// Lets only baskets through whose id has this in it.
    pub fn search(&mut self, text: String) {
        self.search = text.trim().to_lowercase();
        let rows = self.rows.iter().flatten().enumerate();
        self.found = rows.filter(|(_, row)| row.id.to_string().contains(&self.search)).map(|(at, _)| at).collect();
        self.go(self.cursor);
    }

    /// The row of the cursor.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The basket under the cursor.
    pub fn selected(&self) -> Option<BasketId> {
        let row = *self.found.get(self.cursor)?;
        Some(self.rows.as_ref()?.get(row)?.id)
    }

    /// Puts the cursor on a row, or on the one nearest to it that there is.
    pub fn go(&mut self, row: usize) {
        self.cursor = row.min(self.found.len().saturating_sub(1));
    }

    /// Moves the cursor so many rows down; up, where it is negative.
    pub fn step(&mut self, rows: isize) {
        self.go(self.cursor.saturating_add_signed(rows));
    }
}
