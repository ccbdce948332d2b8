//! What must hold in every state of the append, and what must happen in some, or the laws would hold of nothing.

use stateright::Property;

use super::{
    Append, BASE, Happened, State,
    writer::{Phase, Told},
};

/// An event whose writer was told that it is there, is there, whatever falls.
pub(super) const KEPT: &str = "nothing acknowledged is lost";
/// A commit has at most one event.
pub(super) const ONCE: &str = "nothing is there twice";
/// The versions are 1, 2, 3 and so on, each once.
pub(super) const NO_GAP: &str = "versions have no gap, and none is there twice";
/// After `Conflict`, `Contended` and `Failed`, the event is not there and does not come.
pub(super) const REFUSED: &str = "what was refused is not there";
/// At the place of an event that was refused for it is another writer's, for ever.
const CONFLICT: &str = "a conflict only where another came first";

/// The laws.
pub(super) fn laws() -> Vec<Property<Append>> {
    vec![
        Property::always(KEPT, |_, state: &State| {
            all(state, |who, phase| phase != Phase::Told(Told::Saved) || state.place(who).is_some())
        }),
        Property::always(ONCE, |_, state: &State| {
            all(state, |who, _| state.history.iter().filter(|event| event.commit == who).count() < 2)
        }),
        Property::always(NO_GAP, |_, state: &State| {
            let mut versions: Vec<_> = state.history.iter().map(|event| event.version).collect();
            versions.sort_unstable();
            versions.into_iter().eq(BASE + 1..=BASE + state.history.len() as u8)
        }),
        Property::always(REFUSED, |_, state: &State| {
            let is_refused = |phase| matches!(phase, Phase::Told(Told::Conflict | Told::Contended | Told::Failed));
            all(state, |who, phase| !is_refused(phase) || state.history.iter().all(|event| event.commit != who))
        }),
        Property::always(CONFLICT, |_, state: &State| {
            all(state, |who, _| {
                let place = state.writers[usize::from(who)].beaten_at;
                place <= BASE || state.history.iter().any(|event| event.version == place && event.commit != who)
            })
        }),
    ]
}

fn all(state: &State, holds: impl Fn(u8, Phase) -> bool) -> bool {
    (0..).zip(&state.writers).all(|(who, writer)| holds(who, writer.phase))
}

/// What must happen in some state.
pub(super) fn sometimes() -> Vec<Property<Append>> {
    vec![
        Property::sometimes("all writers are told that their events are there", |_, state: &State| {
            state.writers.iter().all(|writer| writer.phase == Phase::Told(Told::Saved))
        }),
        Property::sometimes("a command is decided again", |_, state: &State| state.has(Happened::DecidedAgain)),
        Property::sometimes("a command is beaten in all attempts", |_, state: &State| {
            state.writers.iter().any(|writer| writer.phase == Phase::Told(Told::Contended))
        }),
        Property::sometimes("an event is recognised after a lost answer", |_, state: &State| {
            state.has(Happened::FoundOurs)
        }),
        Property::sometimes("a place is taken by what the majority does not have", |_, state: &State| {
            state.has(Happened::FoundNothing)
        }),
        Property::sometimes("a new primary lacks an event", |_, state: &State| state.has(Happened::RolledBack)),
        Property::sometimes("a request is written that its writer has given up", |_, state: &State| {
            state.has(Happened::WrittenLate)
        }),
        Property::sometimes("such a request finds its place taken", |_, state: &State| {
            state.has(Happened::RefusedLate)
        }),
        Property::sometimes("an unknown outcome was a write", |_, state: &State| state.has(Happened::SettledAsWritten)),
        Property::sometimes("an unknown outcome becomes a write", |_, state: &State| {
            state.has(Happened::SettledByWriting)
        }),
        Property::sometimes("an unknown outcome was a conflict", |_, state: &State| {
            state.has(Happened::SettledAsConflict)
        }),
        Property::sometimes("a writer crashes and its event is there", |_, state: &State| {
            (0..).zip(&state.writers).any(|(who, writer)| {
                writer.phase == Phase::Crashed && state.history.iter().any(|event| event.commit == who)
            })
        }),
    ]
}
