//! What the store keeps of a feed, and a change of it: all or nothing, as `keep_in` writes it.

use std::ops::Range;

use super::{Feed, LOG};
use crate::safeguards::Safeguard;

/// The document of the feed, the marks and the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Kept {
    /// Grows with each claim.
    pub fence: u8,
    /// The name of its reader; 0 if it has had none.
    pub holder: u8,
    /// All before this place of the log was read.
    pub position: u8,
    /// The version up to which each stream was read.
    pub marks: [u8; 2],
    /// What was made of the events: their places in the log, in the order in which they were folded.
    pub folded: Vec<u8>,
}

/// What a reader writes at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Keep {
    /// The fence of its claim.
    pub fence: u8,
    /// Where it goes on from.
    pub position: u8,
    /// The events of the batch, by their places in the log.
    pub events: Vec<u8>,
    /// The marks that it has found.
    pub from: [u8; 2],
    /// The marks that it leaves.
    pub to: [u8; 2],
    /// Whether what was made of the events is written already, and the rest is not: only without the one transaction.
    pub is_half: bool,
}

/// Why nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Another reader has taken over.
    Fenced,
    /// A mark is not where it should be.
    Moved,
}

impl Keep {
    /// What is new of the events at these places. Without marks, all of it.
    pub(super) fn of(model: &Feed, fence: u8, shown: Range<u8>, kept: &Kept) -> Self {
        let (mut to, mut events, position) = (kept.marks, Vec::new(), shown.end);
        for place in shown {
            let (stream, version) = LOG[usize::from(place)];
            if version > to[stream] || !model.has(Safeguard::Mark) {
                to[stream] = version.max(to[stream]);
                events.push(place);
            }
        }
        Self { fence, position, events, from: kept.marks, to, is_half: false }
    }
}

impl Kept {
    pub(super) fn write(&mut self, model: &Feed, keep: &Keep) -> Result<(), Refused> {
        if model.has(Safeguard::Fence) && keep.fence != self.fence {
            return Err(Refused::Fenced);
        }
        let moves = |stream: &usize| keep.from[*stream] != keep.to[*stream];
        let mut streams = (0..self.marks.len()).filter(moves);
        if model.has(Safeguard::Mark) && streams.any(|stream| self.marks[stream] != keep.from[stream]) {
            return Err(Refused::Moved);
        }
        if !keep.is_half {
            self.folded.extend(&keep.events);
        }
        if keep.is_half || keep.events.is_empty() || model.has(Safeguard::OneTransaction) {
            for stream in (0..self.marks.len()).filter(moves) {
                self.marks[stream] = keep.to[stream];
            }
            self.position = keep.position;
        }
        Ok(())
    }
}
