//! What clients asked for and what they were told, written down before and after each call. A client may be a process of its own
//! that is killed: then its lines end, and what it was not told is unknown.

use std::{
    io::{BufRead, Write},
    sync::{Mutex, PoisonError},
};

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Microseconds of the machine's own clock, which no jump of the date moves and which all processes share.
pub type Moment = u64;

/// Now.
pub fn now() -> Moment {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000).unwrap_or_default()
}

/// A stream as a client has seen it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Which stream.
    pub stream: String,
    /// How many values it had.
    pub length: usize,
    /// The last of them.
    pub last: Option<String>,
}

/// What one call was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// Its values were kept, decided on these lists.
    Kept(Vec<Seen>),
    /// Nothing of it was written, since the stream was at `found` and not at `expected`.
    Conflict {
        /// The version that it counted on.
        expected: u64,
        /// The version that it was told of.
        found: u64,
    },
    /// Nothing of it was written, and why.
    NotKept(String),
    /// It may have been written.
    Unknown,
    /// What a read has shown.
    Shown(Seen),
}

/// One call of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which client, in which of its lives: calls of one follow on each other.
    pub client: usize,
    /// When it was about to ask.
    pub begun: Moment,
    /// When it had its answer; none if it was killed first.
    pub ended: Option<Moment>,
    /// The values that it appends as one commit, each with its stream; none for a read.
    pub wrote: Vec<(String, String)>,
    /// What came out of it.
    pub told: Told,
}

/// A line of a client's record.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    Begun { client: usize, at: Moment, wrote: Vec<(String, String)> },
    Ended { call: usize, at: Moment, told: Told },
}

/// Where clients write down what they do: in memory, and as lines if another process is to read them.
#[derive(Default)]
pub struct Record {
    calls: Mutex<Vec<Call>>,
    /// Whether each line is written to standard output at once.
    is_printed: bool,
}

impl Record {
    /// One that prints, for a process that may be killed.
    pub fn printed() -> Self {
        Self { is_printed: true, ..Self::default() }
    }

    /// Notes that a call is about to be made; returns its number.
    pub fn begin(&self, client: usize, wrote: &[(String, String)]) -> usize {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, wrote) = (now(), wrote.to_vec());
        // Before the call: one that is killed must have said what it was about to do.
        self.print(&Line::Begun { client, at, wrote: wrote.clone() });
        calls.push(Call { client, begun: at, ended: None, wrote, told: Told::Unknown });
        calls.len() - 1
    }

    /// Notes what it was told.
    pub fn end(&self, call: usize, told: Told) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let at = now();
        self.print(&Line::Ended { call, at, told: told.clone() });
        if let Some(call) = calls.get_mut(call) {
            (call.ended, call.told) = (Some(at), told);
        }
    }

    fn print(&self, line: &Line) {
        if self.is_printed {
            let line = serde_json::to_string(line).unwrap_or_default() + "\n";
            // One write: a line is there whole, or its end is missing.
            std::io::stdout().write_all(line.as_bytes()).ok();
        }
    }

    /// How many calls have begun, and how many writes of those after the first `before` were acknowledged.
    pub fn progress(&self, before: usize) -> (usize, usize) {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        (calls.len(), calls.iter().skip(before).filter(|call| matches!(call.told, Told::Kept(_))).count())
    }

    /// The last things that clients were told, each once, the newest first; for an error.
    pub fn last_words(&self) -> String {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let mut words = Vec::<String>::new();
        for call in calls.iter().rev().take(1_000) {
            let word = match (&call.told, call.ended) {
                (_, None) => "(no answer yet)".to_owned(),
                (Told::NotKept(why), _) => why.clone(),
                (Told::Kept(_) | Told::Shown(_), _) => continue,
                (Told::Conflict { .. }, _) => "a conflict".to_owned(),
                (Told::Unknown, _) => "an unknown outcome".to_owned(),
            };
            if words.len() < 5 && !words.contains(&word) {
                words.push(word);
            }
        }
        words.join("; ")
    }

    /// What was written down so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads what a process has printed. A last line that was cut off by a kill is none, and so is a blank one.
pub fn read(lines: impl BufRead) -> anyhow::Result<Vec<Call>> {
    let mut calls = Vec::<Call>::new();
    for line in lines.lines() {
        let line = line?;
        if line.is_empty() {
            continue;
        }
        match serde_json::from_str(&line) {
            Ok(Line::Begun { client, at, wrote }) => {
                calls.push(Call { client, begun: at, ended: None, wrote, told: Told::Unknown });
            }
            Ok(Line::Ended { call, at, told }) => {
                let call = calls.get_mut(call).context("a call has ended that has not begun")?;
                (call.ended, call.told) = (Some(at), told);
            }
            Err(error) if error.is_eof() => break,
            Err(error) => return Err(error).context(line),
        }
    }
    Ok(calls)
}
