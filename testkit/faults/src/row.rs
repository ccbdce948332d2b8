//! A row of the table: what a fault has shown, in figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    history::{Call, Told},
    laws::{Broken, Law},
};

/// What a fault has shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// How often it was done.
    pub rounds: usize,
    /// How many writes were acknowledged.
    pub acknowledged: usize,
    /// How many were called unknown, or lost their client first, and were never settled.
    pub unknown: usize,
    /// How many were refused: a conflict, or no server.
    pub refused: usize,
    /// How many laws were broken, and how often each.
    pub broken: BTreeMap<Law, usize>,
    /// The first of what broke a law, for a person.
    pub examples: Vec<String>,
    /// The longest time without an answer to any client, in milliseconds.
    pub longest_ms: Option<u64>,
    /// What else was seen.
    pub note: String,
    /// What all that was chosen at random follows from.
    pub seed: u64,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// Why it could not be tried here.
    pub not_run: Option<String>,
}

impl Row {
    /// One that could not be tried.
    pub fn not_run(why: impl Into<String>) -> Self {
        Self { not_run: Some(why.into()), ..Self::default() }
    }

    /// Adds what clients were told, and what is wrong with it.
    pub fn add(&mut self, calls: &[Call], broken: Vec<Broken>) {
        for call in calls.iter().filter(|call| !call.wrote.is_empty()) {
            match call.told {
                Told::Kept(_) => self.acknowledged += 1,
                Told::Unknown => self.unknown += 1,
                Told::Conflict { .. } | Told::NotKept(_) | Told::Shown(_) => self.refused += 1,
            }
        }
        for broken in broken {
            *self.broken.entry(broken.law).or_default() += 1;
            if self.examples.len() < 5 {
                self.examples.push(broken.to_string());
            }
        }
    }

    /// Takes the longest time in which no client had an answer.
    pub fn silence(&mut self, calls: &[Call]) {
        let answered = |call: &&Call| matches!(call.told, Told::Kept(_) | Told::Conflict { .. } | Told::Shown(_));
        let mut ends: Vec<_> = calls.iter().filter(answered).filter_map(|call| call.ended).collect();
        ends.sort_unstable();
        let longest = ends.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000).max();
        self.longest_ms = self.longest_ms.max(longest);
    }

    /// How often this law was broken.
    pub fn count(&self, law: Law) -> usize {
        self.broken.get(&law).copied().unwrap_or_default()
    }

    /// Whether no law was broken.
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty()
    }
}
