//! The append as a model: writers with one command each on one stream, a connection that breaks at any time, and a replica set
//! whose primary may fall. What can happen is here; `laws` says what must hold in every state, `writer` what a writer does.
//!
//! An operation of the driver, with its own repeat, is one `write`: the server recognises the repeat. A request that a writer has
//! given up may arrive at any later time, or never; so one that is lost is one that never comes.

mod bounds;
mod laws;
mod state;
pub mod writer;

use stateright::{Model, Property};

use crate::safeguards::Safeguard;
pub use bounds::Append;
pub use state::{Event, Happened, Link, State};
use writer::{Fate, Found, Phase, Step, Told, Writer};

/// The stream has one event at the beginning, which everyone knows.
pub const BASE: u8 = 1;

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A writer takes a step.
    Writer(u8, Step),
    /// The request that a writer waits for arrives.
    Arrive(u8),
    /// A request arrives that its writer has given up, with an event of this version.
    ArriveLate(u8, u8),
    /// The majority has one more event.
    Confirm,
    /// Another primary takes over, which has so many events.
    FailOver(u8),
}

impl Append {
    /// How many events a read may show.
    fn visible(&self, state: &State) -> std::ops::RangeInclusive<u8> {
        let least = if self.stale_reads { 0 } else { state.majority };
        least..=state.majority
    }

    /// What `find_ours` may find.
    fn found(&self, state: &State, who: u8, visible: u8) -> Found {
        let version = state.writers[usize::from(who)].version();
        let mut at_place = state.history[..usize::from(visible)].iter().filter(|event| event.version == version);
        match at_place.next() {
            Some(event) if event.commit == who && self.has(Safeguard::CommitId) => Found::Ours,
            Some(_) => Found::Anothers,
            None if version <= BASE => Found::Anothers,
            None => Found::Nothing,
        }
    }

    /// The steps that a writer may take.
    fn steps(&self, state: &State, who: u8, steps: &mut Vec<Step>) {
        let (writer, link) = (state.writers[usize::from(who)], state.links[usize::from(who)]);
        let has_fault = state.left[0] > 0;
        match writer.phase {
            Phase::Loads => {
                let visible = match self.has(Safeguard::MajorityReads) {
                    true => self.visible(state),
                    false => state.history.len() as u8..=state.history.len() as u8,
                };
                steps.extend(visible.map(|visible| Step::Get { found: state.head(visible) }));
                if self.claims && writer.decisions == 0 {
                    steps.push(Step::Claim { version: BASE + 1 });
                }
            }
            Phase::Claims if !self.has(Safeguard::GapCheck) => steps.push(Step::Head { found: writer.expected }),
            Phase::Claims => {
                steps.extend(self.visible(state).map(|visible| Step::Head { found: state.head(visible) }));
            }
            Phase::Writes => steps.push(Step::Write),
            Phase::Waits => {
                let is_done =
                    |place: usize| place < usize::from(state.majority) || !self.has(Safeguard::MajorityWrites);
                if !link.is_waiting && state.place(who).is_some_and(is_done) {
                    steps.push(Step::Answer(Fate::Written));
                }
                if has_fault {
                    steps.push(Step::Answer(Fate::Unknown));
                }
                if has_fault && link.is_waiting {
                    steps.extend([Step::Answer(Fate::NotWritten), Step::Answer(Fate::Refused)]);
                }
            }
            Phase::Taken => {
                steps.extend(self.visible(state).map(|visible| Step::FindOurs(self.found(state, who, visible))));
                if has_fault {
                    steps.push(Step::FindOurs(Found::Failed));
                }
            }
            Phase::Beaten => steps.push(Step::Conflict),
            Phase::Unknown if !writer.is_settling => steps.push(Step::Settle),
            Phase::Unknown | Phase::Told(_) | Phase::Crashed => {}
        }
        steps.dedup();
        let is_busy = !matches!(writer.phase, Phase::Loads | Phase::Unknown | Phase::Told(_) | Phase::Crashed);
        if is_busy && state.left[1] > 0 {
            steps.push(Step::Crash);
        }
    }

    /// A writer takes a step.
    fn step(&self, state: &mut State, who: u8, step: Step) -> Option<()> {
        let place = usize::from(who);
        let before = state.writers[place];
        match step {
            Step::Answer(Fate::Unknown) => {
                state.give_up(who);
                state.left[0] -= 1;
            }
            Step::Answer(Fate::NotWritten | Fate::Refused) => {
                state.links[place].is_waiting = false;
                state.left[0] -= 1;
            }
            Step::FindOurs(Found::Failed) => state.left[0] -= 1,
            Step::Crash => {
                state.give_up(who);
                state.left[1] -= 1;
            }
            Step::Write => state.links[place].is_waiting = true,
            _ => {}
        }
        self.hear(state, who, step)?;
        match (step, state.writers[place].phase) {
            (Step::Conflict, Phase::Loads) => state.note(self, Happened::DecidedAgain),
            (Step::FindOurs(Found::Ours), _) if before.is_settling => state.note(self, Happened::SettledAsWritten),
            (Step::FindOurs(Found::Ours), _) => state.note(self, Happened::FoundOurs),
            (Step::FindOurs(Found::Nothing), _) => state.note(self, Happened::FoundNothing),
            (Step::Answer(Fate::Written), _) if before.is_settling => state.note(self, Happened::SettledByWriting),
            (Step::Conflict, Phase::Told(Told::Conflict)) if before.is_settling => {
                state.note(self, Happened::SettledAsConflict);
            }
            _ => {}
        }
        Some(())
    }

    fn hear(&self, state: &mut State, who: u8, step: Step) -> Option<()> {
        let writer = &mut state.writers[usize::from(who)];
        *writer = match step {
            // Without an id to save under, its caller can only give the command again.
            Step::Settle if !self.has(Safeguard::CommitId) => {
                Writer { is_settling: true, decisions: writer.decisions, ..Writer::default() }
            }
            step => writer.after(step, self.limits)?,
        };
        writer.lost &= self.has(Safeguard::LostAnswer);
        Some(())
    }

    /// The primary gets a request, and writes its event if the place is free.
    fn insert(&self, state: &mut State, event: Event) -> bool {
        let is_free = !(self.has(Safeguard::UniqueKey) && state.is_taken(event.version));
        if is_free {
            state.history.push(event);
        }
        is_free
    }

    /// The connections to the old primary are closed. Who has waited for the majority hears no more.
    fn fail_over(&self, state: &mut State, kept: u8) -> Option<()> {
        for who in 0..self.writers {
            let is_in_doubt = |place: usize| place >= usize::from(state.majority);
            let writer = state.writers[usize::from(who)];
            let waits = writer.phase == Phase::Waits && !state.links[usize::from(who)].is_waiting;
            if waits && state.place(who).is_none_or(is_in_doubt) {
                self.hear(state, who, Step::Answer(Fate::Unknown))?;
            }
        }
        if usize::from(kept) < state.history.len() {
            state.note(self, Happened::RolledBack);
        }
        state.history.truncate(kept.into());
        state.left[2] -= 1;
        Some(())
    }
}

impl Model for Append {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let many = usize::from(self.writers);
        vec![State {
            history: Vec::new(),
            majority: 0,
            writers: vec![Writer::default(); many],
            links: vec![Link::default(); many],
            left: [self.faults, self.crashes, self.fail_overs],
            happened: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let mut steps = Vec::new();
        for who in 0..self.writers {
            self.steps(state, who, &mut steps);
            actions.extend(steps.drain(..).map(|step| Action::Writer(who, step)));
        }
        for who in 0..self.writers {
            let link = state.links[usize::from(who)];
            if link.is_waiting {
                actions.push(Action::Arrive(who));
            }
            let late = (0..16).filter(|version| link.late & (1 << version) != 0);
            actions.extend(late.map(|version| Action::ArriveLate(who, version)));
        }
        if usize::from(state.majority) < state.history.len() {
            actions.push(Action::Confirm);
        }
        if state.left[2] > 0 {
            actions.extend((state.majority..=state.history.len() as u8).map(Action::FailOver));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Writer(who, step) => self.step(&mut next, who, step)?,
            Action::Arrive(who) => {
                next.links[usize::from(who)].is_waiting = false;
                let version = next.writers[usize::from(who)].version();
                if !self.insert(&mut next, Event { version, commit: who }) {
                    self.hear(&mut next, who, Step::Answer(Fate::Taken))?;
                }
            }
            Action::ArriveLate(who, version) => {
                next.links[usize::from(who)].late &= !(1 << version);
                let is_written = self.insert(&mut next, Event { version, commit: who });
                next.note(self, if is_written { Happened::WrittenLate } else { Happened::RefusedLate });
            }
            Action::Confirm => next.majority += 1,
            Action::FailOver(kept) => self.fail_over(&mut next, kept)?,
        }
        Some(if self.is_sorted { next.sorted() } else { next })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = laws::laws();
        properties.retain(|law| self.law.is_none_or(|name| name == law.name));
        if self.remembers {
            properties.extend(laws::sometimes());
        }
        properties
    }
}
