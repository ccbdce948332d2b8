//! What the real code was seen to do, judged by the model: each step that it took must be one that a [`Writer`] can take then.

use std::{collections::BTreeMap, fmt};

use crate::append::writer::{Fate, Limits, Phase, Step, Told, Writer};

/// Something that was seen of one command of one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// An event of this version is sent: the step `write`.
    Sent {
        /// The version.
        version: u8,
    },
    /// Any other step.
    Step(Step),
    /// A read got no answer, so that the call ends.
    Unread,
    /// The caller is told.
    Ended(Told),
    /// The caller is told that the outcome is unknown.
    EndedUnknown,
}

/// Why a trace is none of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Which of the things seen, from 0.
    pub at: usize,
    /// What was seen.
    pub seen: Option<Seen>,
    /// The writer before it.
    pub writer: Writer,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, seen, writer } = self;
        match seen {
            Some(seen) => write!(f, "step {at} is {seen:?}, which {writer:?} can't take"),
            None => write!(f, "it ends after {at} steps, with {writer:?}"),
        }
    }
}

/// How often each step was taken, by its name.
pub type Tally = BTreeMap<String, u64>;

/// Walks a trace, and counts its steps.
///
/// # Errors
/// Names the first step that the model does not allow.
pub fn check(trace: &[Seen], limits: Limits, tally: &mut Tally) -> Result<(), Refused> {
    let (mut writer, mut is_unread, mut is_over) = (Writer::default(), false, false);
    for (at, seen) in trace.iter().copied().enumerate() {
        let refused = Refused { at, seen: Some(seen), writer };
        let mut count = |name: String| *tally.entry(name).or_default() += 1;
        let is_settling = matches!(seen, Seen::Step(Step::Settle));
        if is_over && !is_settling || is_unread && !matches!(seen, Seen::Ended(_)) {
            return Err(refused);
        }
        is_over = false;
        match seen {
            Seen::Sent { version } => {
                if version != writer.version() {
                    return Err(refused);
                }
                count(if writer.sends == 0 { "write".into() } else { "write, again".into() });
                writer = writer.after(Step::Write, limits).ok_or(refused)?;
            }
            Seen::Step(step) => {
                count(name(step));
                writer = writer.after(step, limits).ok_or(refused)?;
            }
            Seen::Unread if matches!(writer.phase, Phase::Loads | Phase::Claims | Phase::Beaten) => {
                count("a read without an answer".into());
                is_unread = true;
            }
            Seen::Unread => return Err(refused),
            Seen::Ended(told) => {
                // A read that failed says nothing of a write: none was sent, or it was beaten.
                let is_right = if is_unread { told == Told::Failed } else { writer.phase == Phase::Told(told) };
                // Who has saved again knows no more than before.
                let knows_no_more = writer.phase == Phase::Unknown && writer.is_settling && told == Told::Failed;
                if !is_right && !knows_no_more {
                    return Err(refused);
                }
                count(format!("told {told:?}"));
                is_over = true;
            }
            Seen::EndedUnknown => {
                // The driver may have found no connection for the last sends, which are not seen then.
                while writer.phase == Phase::Writes && (writer.sends > 0 || writer.is_settling) {
                    let sent = writer.after(Step::Write, limits);
                    writer = sent.and_then(|sent| sent.after(Step::Answer(Fate::Unknown), limits)).ok_or(refused)?;
                }
                if writer.phase != Phase::Unknown {
                    return Err(refused);
                }
                count("told OutcomeUnknown".into());
                is_over = true;
            }
        }
    }
    if is_over { Ok(()) } else { Err(Refused { at: trace.len(), seen: None, writer }) }
}

/// A step without its numbers.
fn name(step: Step) -> String {
    match step {
        Step::Get { .. } => "get".into(),
        Step::Head { .. } => "head".into(),
        Step::Claim { .. } => "append, claimed".into(),
        step => step.to_string(),
    }
}
