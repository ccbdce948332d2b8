//! The steps of a feed in words.

use super::Narrated;
use crate::feed::{Action, Feed, LOG, Phase, State};

/// The name of a reader.
fn name(who: u8) -> char {
    char::from(b'P' + who)
}

/// Events by stream and version: `s1, t1`.
fn events(places: impl IntoIterator<Item = u8>) -> String {
    let one = |place: u8| {
        let (stream, version) = LOG[usize::from(place)];
        format!("{}{version}", ["s", "t"][stream])
    };
    let all: Vec<_> = places.into_iter().map(one).collect();
    if all.is_empty() { "nothing".into() } else { all.join(", ") }
}

impl Narrated for Feed {
    fn sentence(&self, before: &State, action: &Action, after: &State) -> String {
        let reader = |who: u8| &before.readers[usize::from(who)];
        let position = |place: u8| format!("position {place}");
        match *action {
            Action::Claim(who) => {
                let fence = after.primary.fence;
                format!(
                    "{}: claim. It takes the feed with fence {fence}, from {}.",
                    name(who),
                    position(before.primary.position)
                )
            }
            Action::Held(who) => format!("{}: claim_again. Another reader has the feed: it ends as Fenced.", name(who)),
            Action::Answer(who) if reader(who).phase == Phase::WaitsForClaim => {
                format!("{}: it is told that it has the feed.", name(who))
            }
            Action::Answer(who) => format!("{}: it is told that its batch is kept.", name(who)),
            Action::Lose(who) => format!("{}: its connection breaks before the answer.", name(who)),
            Action::Next(who, repeats) => {
                let seam = if repeats { " It was shown an event again." } else { "" };
                let batch = after.readers[usize::from(who)].batch.clone().unwrap_or_default();
                format!("{}: next. Its batch has {}.{seam}", name(who), events(batch.events))
            }
            Action::Keep(who) => format!("{}: keep. It sends its batch.", name(who)),
            Action::Arrive(who) | Action::ArriveLate(who) => {
                let late = if matches!(action, Action::ArriveLate(_)) { ", which was given up," } else { "" };
                let is_folded = after.primary.folded.len() > before.primary.folded.len();
                let is_moved = after.primary.position != before.primary.position;
                let what = match (is_folded, is_moved) {
                    (true, false) => "What was made of it is written; the marks and the position are not yet.",
                    (true, true) => "It is written.",
                    (false, true) => "The marks and the position are written, too.",
                    (false, false) => "It is refused.",
                };
                format!("The batch of {}{late} arrives. {what}", name(who))
            }
            Action::Stay(who) => {
                let fence = reader(who).fence;
                let is_fenced = after.readers[usize::from(who)].phase == Phase::Fenced;
                let what = if is_fenced { "It is refused, and ends as Fenced." } else { "It is written." };
                format!("{}: stay. It renews its lease with fence {fence}. {what}", name(who))
            }
            Action::Over => "The lease is over.".into(),
            Action::Confirm => "The majority has what was written.".into(),
            Action::FailOver => "Another primary takes over, with what the majority has.".into(),
            Action::Crash(who) => format!("{} crashes, and starts again.", name(who)),
        }
    }

    fn ending(&self, state: &State) -> String {
        let folded = events(state.primary.folded.iter().copied());
        format!("Folded: {folded}. The newest fence whose reader knows of it: {}.", state.newest)
    }

    fn law(&self) -> Option<&'static str> {
        self.law
    }
}
