//! How far a model of the append goes, and what is taken away.

use super::{laws, writer::Limits};
use crate::safeguards::Safeguard;

/// The bounds of a model, and what is taken away.
#[derive(Debug, Clone)]
pub struct Append {
    /// How many writers, each with one event to append.
    pub writers: u8,
    /// How often each of them tries.
    pub limits: Limits,
    /// How many answers are lost, refused, or can't be read.
    pub faults: u8,
    /// How many writers crash.
    pub crashes: u8,
    /// How often another primary takes over.
    pub fail_overs: u8,
    /// Whether a writer may come with a version from outside.
    pub claims: bool,
    /// Whether a read may be answered by a primary that has not heard of its successor yet.
    pub stale_reads: bool,
    /// What is taken away.
    pub without: Option<Safeguard>,
    /// The only law that is asked about; all of them, if none is named. [`stateright`] keeps the last of several counter-examples,
    /// and the first only if it then has all that it was asked for: so the shortest one takes a model of one law.
    pub law: Option<&'static str>,
    /// Whether writers that could change places are taken for each other: a sixth of the states, but in a way through them
    /// nobody keeps a name.
    pub is_sorted: bool,
    /// Whether states keep what has happened on the way to them, so that `sometimes` can be asked. There are more states then.
    pub remembers: bool,
}

impl Append {
    /// Writers, faults, crashes and fail-overs; two sends and two decisions.
    pub fn new(writers: u8, faults: u8, crashes: u8, fail_overs: u8) -> Self {
        Self {
            writers,
            limits: Limits { sends: 2, decisions: 2 },
            faults,
            crashes,
            fail_overs,
            claims: true,
            stale_reads: false,
            without: None,
            law: None,
            is_sorted: false,
            remembers: false,
        }
    }

    /// The smallest model in which a law is broken without this safeguard; it is asked about that law.
    pub fn without(safeguard: Safeguard) -> Self {
        let (model, law) = match safeguard {
            Safeguard::UniqueKey => (Self::new(2, 0, 0, 0), laws::NO_GAP),
            // The next try is the caller's: so one send an append.
            Safeguard::CommitId => {
                (Self { limits: Limits { sends: 1, decisions: 2 }, ..Self::new(1, 1, 0, 0) }, laws::ONCE)
            }
            Safeguard::MajorityReads => (Self::new(2, 0, 0, 1), laws::NO_GAP),
            Safeguard::MajorityWrites => (Self::new(1, 0, 0, 1), laws::KEPT),
            Safeguard::LostAnswer => (Self::new(1, 2, 0, 0), laws::REFUSED),
            _ => (Self::new(1, 0, 0, 0), laws::NO_GAP),
        };
        Self { without: Some(safeguard), law: Some(law), claims: safeguard == Safeguard::GapCheck, ..model }
    }

    /// A model with reads from a primary that has not heard of its successor, which break one law (docs/faults.md).
    pub fn of_a_stale_primary() -> Self {
        Self { stale_reads: true, claims: false, law: Some(laws::REFUSED), ..Self::new(2, 2, 0, 0) }
    }

    pub(super) fn has(&self, safeguard: Safeguard) -> bool {
        self.without != Some(safeguard)
    }
}
