//! One writer: what it does next, by what it has heard. This is `Command::run` with the `append` below it, down to each request;
//! the model lets several of them run, and `tests/traces.rs` asks it about each step of the real code.

use std::fmt;

/// How often a writer tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How often an append is sent before its outcome is called unknown: `Retries::SEND`.
    pub sends: u8,
    /// How often a command is decided: `Retries::COMMAND`.
    pub decisions: u8,
}

/// What a writer does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// `get`.
    Loads,
    /// `head`: its version came from outside.
    Claims,
    /// `write`.
    Writes,
    /// It waits for the answer to its `write`.
    Waits,
    /// `find_ours`: its place is taken.
    Taken,
    /// `conflict`: another's event has its place.
    Beaten,
    /// `OutcomeUnknown` was returned; the caller may save again under the same commit.
    Unknown,
    /// The caller was told.
    Told(Told),
    /// Nobody will be told.
    Crashed,
}

/// What a caller is told in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Told {
    /// The event is there: `Outcome::Now` or `Outcome::Before`.
    Saved,
    /// `Conflict`: another writer came first, or the version is beyond the head.
    Conflict,
    /// `Contended`: another writer came first in every attempt.
    Contended,
    /// Another error: nothing was written.
    Failed,
}

/// What became of a write: `Ok`, or the `Fate` of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is there, and the majority has confirmed it.
    Written,
    /// Another document has its place.
    Taken,
    /// It may have been written or may yet be.
    Unknown,
    /// Nothing was written, and trying again may help.
    NotWritten,
    /// Nothing was written, and trying again would not help.
    Refused,
}

/// What `find_ours` has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Found {
    /// An event of the same commit.
    Ours,
    /// An event of another one.
    Anothers,
    /// Nothing that the majority has.
    Nothing,
    /// It could not be read.
    Failed,
}

/// A step of a writer, by the function that takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The stream is loaded, and decided on.
    Get {
        /// Its version.
        found: u8,
    },
    /// A caller comes with a version that it has from elsewhere.
    Claim {
        /// The version.
        version: u8,
    },
    /// The head of the stream is compared with that version.
    Head {
        /// The head.
        found: u8,
    },
    /// The event is sent.
    Write,
    /// The answer comes, or the connection breaks.
    Answer(Fate),
    /// What stands at the place of the event is read.
    FindOurs(Found),
    /// The head is read, to say it in the error.
    Conflict,
    /// The caller saves again, under the same commit.
    Settle,
    /// The process ends.
    Crash,
}

/// A writer with one event to append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Writer {
    /// What it does next.
    pub phase: Phase,
    /// The version that it counts on; its event has the next one.
    pub expected: u8,
    /// How often the append was sent.
    pub sends: u8,
    /// How often the command was decided.
    pub decisions: u8,
    /// Whether an answer was lost in this append.
    pub lost: bool,
    /// Whether its version came from outside, so that a conflict is for its caller.
    pub is_claimed: bool,
    /// Whether it has saved again after an unknown outcome.
    pub is_settling: bool,
    /// The version at which another writer came first the last time; 0 if none did.
    pub beaten_at: u8,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            phase: Phase::Loads,
            expected: 0,
            sends: 0,
            decisions: 0,
            lost: false,
            is_claimed: false,
            is_settling: false,
            beaten_at: 0,
        }
    }
}

impl Writer {
    /// The version of its event.
    pub fn version(&self) -> u8 {
        self.expected + 1
    }

    /// The writer after a step; none if the code can't take that step now.
    pub fn after(self, step: Step, limits: Limits) -> Option<Self> {
        let next = match (self.phase, step) {
            (Phase::Loads, Step::Get { found }) => self.sending(found, Phase::Writes),
            (Phase::Loads, Step::Claim { version }) if self.decisions == 0 => {
                Self { is_claimed: true, ..self.sending(version, Phase::Claims) }
            }
            (Phase::Claims, Step::Head { found }) if found < self.expected => self.told(Told::Conflict),
            (Phase::Claims, Step::Head { .. }) => Self { phase: Phase::Writes, ..self },
            (Phase::Writes, Step::Write) => Self { phase: Phase::Waits, sends: self.sends + 1, ..self },
            (Phase::Waits, Step::Answer(fate)) => self.heard(fate, limits),
            (Phase::Taken, Step::FindOurs(Found::Ours)) => self.told(Told::Saved),
            (Phase::Taken, Step::FindOurs(Found::Anothers)) => Self { phase: Phase::Beaten, ..self },
            // What the majority has not confirmed yet may be ours, of an earlier attempt, and may still vanish.
            (Phase::Taken, Step::FindOurs(Found::Nothing | Found::Failed)) => Self { lost: true, ..self }.again(limits),
            (Phase::Beaten, Step::Conflict) => {
                let beaten = Self { beaten_at: self.version(), ..self };
                match self.is_claimed {
                    true => beaten.told(Told::Conflict),
                    false if self.decisions >= limits.decisions => beaten.told(Told::Contended),
                    false => Self { phase: Phase::Loads, sends: 0, lost: false, expected: 0, ..beaten },
                }
            }
            (Phase::Unknown, Step::Settle) if !self.is_settling => {
                Self { phase: Phase::Claims, sends: 0, lost: false, is_claimed: true, is_settling: true, ..self }
            }
            (Phase::Told(_) | Phase::Crashed, Step::Crash) => return None,
            (_, Step::Crash) => Self { phase: Phase::Crashed, ..Self::default() },
            _ => return None,
        };
        Some(next)
    }

    fn sending(self, expected: u8, phase: Phase) -> Self {
        Self { phase, expected, sends: 0, decisions: self.decisions + 1, lost: false, ..self }
    }

    /// What `send_as_read` does with an answer.
    fn heard(self, fate: Fate, limits: Limits) -> Self {
        match fate {
            Fate::Written => self.told(Told::Saved),
            Fate::Taken => Self { phase: Phase::Taken, ..self },
            Fate::Unknown => Self { lost: true, ..self }.again(limits),
            Fate::NotWritten => self.again(limits),
            Fate::Refused => self.ended(),
        }
    }

    /// It sends once more, if it may.
    fn again(self, limits: Limits) -> Self {
        if self.sends < limits.sends { Self { phase: Phase::Writes, ..self } } else { self.ended() }
    }

    /// No more is sent. A caller that has saved again knows no more than before.
    fn ended(self) -> Self {
        if self.lost || self.is_settling {
            Self { phase: Phase::Unknown, sends: 0, lost: false, ..self }
        } else {
            self.told(Told::Failed)
        }
    }

    /// What it was on the way is of no more interest.
    fn told(self, told: Told) -> Self {
        let expected = if told == Told::Saved { self.expected } else { 0 };
        Self { phase: Phase::Told(told), expected, beaten_at: self.beaten_at, ..Self::default() }
    }
}

impl fmt::Display for Step {
    /// The name of the function, and what it returns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get { found } => write!(f, "get -> version {found}"),
            Self::Claim { version } => write!(f, "append(Claimed({version}))"),
            Self::Head { found } => write!(f, "head -> {found}"),
            Self::Write => write!(f, "write"),
            Self::Answer(fate) => write!(f, "fate -> {fate:?}"),
            Self::FindOurs(found) => write!(f, "find_ours -> {found:?}"),
            Self::Conflict => write!(f, "conflict"),
            Self::Settle => write!(f, "save_as (the same commit)"),
            Self::Crash => write!(f, "crash"),
        }
    }
}
