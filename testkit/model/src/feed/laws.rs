//! What must hold in every state of a feed, and what must happen in some.

use stateright::Property;

use super::{Feed, LOG, Phase, State};

/// Once a reader knows that it has the feed, none with an older fence writes.
pub(super) const FENCED: &str = "who was taken over writes nothing";
/// Of each stream, the versions that were folded are 1, 2, 3 and so on.
pub(super) const ONCE: &str = "each event is folded once, in the order of its stream";
/// What is before the position was folded.
const NOT_SKIPPED: &str = "nothing is skipped";
/// What a reader was told that it is kept stays so.
const KEPT: &str = "what was kept stays kept";

fn has_all_before(folded: &[u8], position: u8) -> bool {
    (0..position).all(|place| folded.contains(&place))
}

/// The laws.
pub(super) fn laws() -> Vec<Property<Feed>> {
    vec![
        Property::always(FENCED, |_, state: &State| !state.is_overruled),
        Property::always(ONCE, |_, state: &State| {
            (0..2).all(|stream| {
                let events = state.primary.folded.iter().map(|place| LOG[usize::from(*place)]);
                (1..).zip(events.filter(|event| event.0 == stream)).all(|(version, event)| event.1 == version)
            })
        }),
        Property::always(NOT_SKIPPED, |_, state: &State| has_all_before(&state.primary.folded, state.primary.position)),
        Property::always(KEPT, |_, state: &State| {
            let has_it = |phase| matches!(phase, Phase::Reads | Phase::Keeps);
            let mut readers =
                state.readers.iter().filter(|reader| has_it(reader.phase) && reader.fence == state.newest);
            readers.all(|reader| has_all_before(&state.primary.folded, reader.position))
        }),
    ]
}

/// What must happen in some state.
pub(super) fn sometimes() -> Vec<Property<Feed>> {
    vec![
        Property::sometimes("all events are folded", |_, state: &State| state.majority.folded.len() == LOG.len()),
        Property::sometimes("a reader is fenced off", |_, state: &State| {
            state.readers.iter().any(|reader| reader.phase == Phase::Fenced)
        }),
        Property::sometimes("a reader is fenced off, and the other one has read all", |_, state: &State| {
            state.readers.iter().any(|reader| reader.phase == Phase::Fenced) && state.majority.folded.len() == LOG.len()
        }),
        Property::sometimes("the feed is taken a third time", |_, state: &State| state.newest > 2),
        Property::sometimes("a batch comes late, when its reader has claimed again", |_, state: &State| {
            let mut readers = state.readers.iter().filter(|reader| reader.phase == Phase::Reads);
            readers.any(|reader| reader.late.as_ref().is_some_and(|late| late.fence < reader.fence))
        }),
        Property::sometimes("a reader keeps a batch that begins with an event of the last one", |_, state: &State| {
            state.left[4] == 0 && state.majority.folded.len() == LOG.len()
        }),
        Property::sometimes("a keep is lost with its primary", |_, state: &State| {
            let mut readers = state.readers.iter();
            let claims_again = readers.any(|reader| reader.phase == Phase::Claims { again: true });
            state.left[2] == 0 && state.primary.folded.is_empty() && claims_again
        }),
    ]
}
