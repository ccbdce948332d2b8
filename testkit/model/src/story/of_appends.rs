//! The steps of an append in words.

use super::Narrated;
use crate::{
    append::{
        Action, Append, BASE, State,
        writer::{Fate, Found, Phase, Step, Told},
    },
    safeguards::Safeguard,
};

/// The name of a writer.
fn name(who: u8) -> char {
    char::from(b'A' + who)
}

fn version(state: &State, who: u8) -> u8 {
    state.writers[usize::from(who)].version()
}

impl Append {
    fn step_in_words(&self, before: &State, who: u8, step: Step, after: &State) -> String {
        let (name, version) = (name(who), version(before, who));
        let next = after.writers[usize::from(who)].phase;
        let then = match next {
            Phase::Unknown => " It returns OutcomeUnknown.",
            Phase::Told(Told::Saved) => " It is told that its event is there.",
            Phase::Told(Told::Conflict) => " It is told: Conflict.",
            Phase::Told(Told::Contended) => " It is told: Contended.",
            Phase::Told(Told::Failed) => " It is told that nothing was written.",
            Phase::Writes if matches!(step, Step::Answer(_) | Step::FindOurs(_)) => " It will send again.",
            Phase::Loads if step == Step::Conflict => " It will decide again.",
            _ => "",
        };
        let what = match step {
            Step::Get { found } => format!("{name}: get. It loads version {found}."),
            Step::Claim { version } => format!("{name}: append. Its caller has version {version} from elsewhere."),
            Step::Head { .. } if self.without == Some(Safeguard::GapCheck) => {
                format!("{name}: head is not asked.")
            }
            Step::Head { found } => format!("{name}: head. The stream is at version {found}."),
            Step::Write => format!("{name}: write. It sends version {version}."),
            Step::Answer(Fate::Written) => format!("{name}: the answer comes."),
            Step::Answer(Fate::Taken) => format!("{name}: its place is taken."),
            Step::Answer(Fate::Unknown) => format!("{name}: its connection breaks before the answer."),
            Step::Answer(Fate::NotWritten) => format!("{name}: the server refuses, and has written nothing."),
            Step::Answer(Fate::Refused) => format!("{name}: no server takes it."),
            Step::FindOurs(Found::Ours) => format!("{name}: find_ours. Version {version} is its own."),
            Step::FindOurs(Found::Anothers) => format!("{name}: find_ours. Version {version} is another's."),
            Step::FindOurs(Found::Nothing) => format!("{name}: find_ours. The majority has no version {version}."),
            Step::FindOurs(Found::Failed) => format!("{name}: find_ours gets no answer."),
            Step::Conflict => format!("{name}: conflict. Another writer has version {version}."),
            Step::Settle if self.without == Some(Safeguard::CommitId) => {
                format!("{name}: its caller gives the command again, as a new one.")
            }
            Step::Settle => format!("{name}: save_as. Its caller saves again, under the same commit."),
            Step::Crash => format!("{name} crashes."),
        };
        what + then
    }
}

impl Narrated for Append {
    fn sentence(&self, before: &State, action: &Action, after: &State) -> String {
        let is_written = after.history.len() > before.history.len();
        let what_becomes = if is_written { "It is written." } else { "Its place is taken." };
        match *action {
            Action::Writer(who, step) => self.step_in_words(before, who, step, after),
            Action::Arrive(who) => {
                format!("Version {} of {} arrives at the primary. {what_becomes}", version(before, who), name(who))
            }
            Action::ArriveLate(who, version) => format!(
                "Version {version} of {}, which was given up, arrives at the primary all the same. {what_becomes}",
                name(who)
            ),
            Action::Confirm => {
                let event = before.history[usize::from(before.majority)];
                format!("The majority has version {} of {}.", event.version, name(event.commit))
            }
            Action::FailOver(kept) => {
                let lost = before.history.iter().skip(kept.into());
                let lost: Vec<_> =
                    lost.map(|event| format!("version {} of {}", event.version, name(event.commit))).collect();
                match lost.is_empty() {
                    true => "Another primary takes over. It has all.".into(),
                    false => format!("Another primary takes over. It does not have {}.", lost.join(" and ")),
                }
            }
        }
    }

    fn ending(&self, state: &State) -> String {
        let mut events: Vec<_> = state.history.iter().map(|event| (event.version, event.commit)).collect();
        events.sort_unstable();
        let events = events.into_iter().map(|(version, commit)| format!("{version} of {}", name(commit)));
        let all: Vec<_> = (1..=BASE).map(|version| version.to_string()).chain(events).collect();
        format!("The stream has: {}.", all.join(", "))
    }

    fn law(&self) -> Option<&'static str> {
        self.law
    }
}
