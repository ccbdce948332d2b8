//! The replica set, the connections and the writers, as they are between two steps.

use super::{Append, BASE, writer::Writer};

/// An event in the collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Event {
    /// Its version.
    pub version: u8,
    /// The writer whose commit it is of.
    pub commit: u8,
}

/// What is under way from a writer to the primary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Link {
    /// Whether the request that the writer waits for has not arrived.
    pub is_waiting: bool,
    /// The versions of requests that it has given up and that have not arrived, as bits.
    pub late: u16,
}

/// The replica set, the connections and the writers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What the primary has of the stream after its first event, in the order of the commits.
    pub history: Vec<Event>,
    /// How many of these the majority has.
    pub majority: u8,
    /// The writers.
    pub writers: Vec<Writer>,
    /// The connection of each.
    pub links: Vec<Link>,
    /// Faults, crashes and fail-overs that may still come.
    pub left: [u8; 3],
    /// What has happened, as bits of [`Happened`].
    pub happened: u16,
}

/// What is worth knowing that it happens at all.
#[derive(Debug, Clone, Copy)]
pub enum Happened {
    /// A writer was told that another came first, and decided again.
    DecidedAgain,
    /// `find_ours` has found the event of a lost answer.
    FoundOurs,
    /// `find_ours` has found nothing where the place was taken.
    FoundNothing,
    /// A new primary did not have an event.
    RolledBack,
    /// A request that its writer had given up was written.
    WrittenLate,
    /// Such a request came to a place that was taken.
    RefusedLate,
    /// A caller has saved again, and its event was there.
    SettledAsWritten,
    /// A caller has saved again, and its event was written only then.
    SettledByWriting,
    /// A caller has saved again, and another writer had come first.
    SettledAsConflict,
}

impl State {
    pub(super) fn is_taken(&self, version: u8) -> bool {
        version <= BASE || self.history.iter().any(|event| event.version == version)
    }

    /// Where the event of a writer is, in the order of the commits.
    pub(super) fn place(&self, who: u8) -> Option<usize> {
        let version = self.writers[usize::from(who)].version();
        self.history.iter().position(|event| event.commit == who && event.version == version)
    }

    /// The head of the stream for a reader who sees so many events.
    pub(super) fn head(&self, visible: u8) -> u8 {
        self.history[..usize::from(visible)].iter().map(|event| event.version).max().unwrap_or(BASE)
    }

    /// The same, with the writers in an order of their own.
    pub(super) fn sorted(self) -> Self {
        let events_of = |who: u8| {
            let bits = self.history.iter().enumerate().map(|(place, event)| u16::from(event.commit == who) << place);
            bits.sum::<u16>()
        };
        let mut order: Vec<u8> = (0..self.writers.len() as u8).collect();
        order.sort_by_cached_key(|who| {
            let place = usize::from(*who);
            (self.writers[place], self.links[place].is_waiting, self.links[place].late, events_of(*who))
        });
        let new_name = |old: u8| order.iter().position(|who| *who == old).unwrap_or_default() as u8;
        Self {
            history: self.history.iter().map(|event| Event { commit: new_name(event.commit), ..*event }).collect(),
            writers: order.iter().map(|who| self.writers[usize::from(*who)]).collect(),
            links: order.iter().map(|who| self.links[usize::from(*who)]).collect(),
            ..self
        }
    }

    pub(super) fn note(&mut self, model: &Append, happened: Happened) {
        if model.remembers {
            self.happened |= 1 << happened as u16;
        }
    }

    /// Whether it has happened; only if the model remembers.
    pub fn has(&self, happened: Happened) -> bool {
        self.happened & (1 << happened as u16) != 0
    }

    /// A writer gives up the request that it waits for.
    pub(super) fn give_up(&mut self, who: u8) {
        let version = self.writers[usize::from(who)].version();
        let link = &mut self.links[usize::from(who)];
        if std::mem::take(&mut link.is_waiting) {
            link.late |= 1 << version;
        }
    }
}
