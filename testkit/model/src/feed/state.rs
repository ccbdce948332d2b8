//! What the store has and what the readers know, as they are between two steps.

use super::{
    Feed,
    kept::{Keep, Kept, Refused},
};

/// What a reader does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// `claim`; after a lost answer, as `claim_again`.
    Claims {
        /// Whether it has had the feed: it ends if another reader has it now.
        again: bool,
    },
    /// It waits for the answer to its `claim`.
    WaitsForClaim,
    /// `next`.
    Reads,
    /// `keep`.
    Keeps,
    /// It waits for the answer to its `keep`.
    WaitsForKeep,
    /// It was told `Fenced`.
    Fenced,
}

/// A process that reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reader {
    /// What it does next.
    pub phase: Phase,
    /// What it calls itself; another name after each start, never 0.
    pub name: u8,
    /// The fence of its claim.
    pub fence: u8,
    /// How far it has read.
    pub position: u8,
    /// Its batch, to be kept.
    pub batch: Option<Keep>,
    /// Whether what it waits for was written and is not confirmed by the majority.
    pub is_in_doubt: bool,
    /// What it has sent, and has not arrived.
    pub sent: Option<Keep>,
    /// What it has sent and given up, and has not arrived.
    pub late: Option<Keep>,
}

/// What the store has, and the readers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What the primary has.
    pub primary: Kept,
    /// What the majority has.
    pub majority: Kept,
    /// Whether the lease is over.
    pub is_over: bool,
    /// The processes.
    pub readers: Vec<Reader>,
    /// The newest fence whose reader knows that it has the feed.
    pub newest: u8,
    /// Whether a reader has written after it was taken over.
    pub is_overruled: bool,
    /// Faults, crashes, fail-overs, ends of leases and repeated events that may still come.
    pub left: [u8; 5],
}

impl State {
    pub(super) fn reader(&mut self, who: u8) -> &mut Reader {
        &mut self.readers[usize::from(who)]
    }

    /// A reader gives up what it waits for. Of two writes, the second was not sent yet.
    pub(super) fn give_up(&mut self, who: u8) {
        let reader = self.reader(who);
        let late = reader.sent.take().filter(|sent| !sent.is_half);
        reader.late = late.or(reader.late.take());
        (reader.batch, reader.is_in_doubt) = (None, false);
    }

    /// Writes what a reader has sent.
    pub(super) fn write(&mut self, model: &Feed, keep: Keep) -> Result<(), Refused> {
        self.primary.write(model, &keep)?;
        self.is_over = false;
        self.is_overruled |= keep.fence < self.newest;
        Ok(())
    }
}

impl Reader {
    pub(super) fn named(name: u8) -> Self {
        let phase = Phase::Claims { again: false };
        Self { phase, name, fence: 0, position: 0, batch: None, is_in_doubt: false, sent: None, late: None }
    }
}
