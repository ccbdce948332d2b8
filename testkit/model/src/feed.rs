//! A feed as a model: two processes that want to read it, one at a time, and what the store keeps of it. The steps are those of
//! `store/subscription` and of `Feeds`; `laws` says what must hold in every state.
//!
//! A process that is frozen is one that takes no step. A lease may be over at any time: no law depends on a clock.

mod kept;
mod laws;
mod state;

use stateright::{Model, Property};

use crate::safeguards::Safeguard;
pub use kept::{Keep, Kept};
pub use state::{Phase, Reader, State};

/// The events in the order of their commits: of two streams, each with its version.
pub const LOG: [(usize, u8); 3] = [(0, 1), (1, 1), (0, 2)];

/// Events in one batch.
const BATCH: u8 = 2;

/// The bounds of a model, and what is taken away.
#[derive(Debug, Clone)]
pub struct Feed {
    /// How many processes want to read it.
    pub readers: u8,
    /// How many answers are lost.
    pub faults: u8,
    /// How many processes crash, and start again.
    pub crashes: u8,
    /// How often another primary takes over.
    pub fail_overs: u8,
    /// How often a lease is over, or an event is shown again.
    pub delays: [u8; 2],
    /// What is taken away.
    pub without: Option<Safeguard>,
    /// The only law that is asked about, so that the counter-example is the shortest; all of them, if none is named.
    pub law: Option<&'static str>,
    /// Whether `sometimes` is asked, too.
    pub remembers: bool,
}

impl Feed {
    /// Two readers with these faults, crashes and fail-overs; two leases end, and one event comes again.
    pub fn new(faults: u8, crashes: u8, fail_overs: u8) -> Self {
        let delays = [2, 1];
        Self { readers: 2, faults, crashes, fail_overs, delays, without: None, law: None, remembers: false }
    }

    /// The smallest model in which a law is broken without this safeguard; it is asked about that law.
    pub fn without(safeguard: Safeguard) -> Self {
        let (model, law) = match safeguard {
            Safeguard::Mark => (Self::new(0, 0, 0), laws::ONCE),
            Safeguard::OneTransaction => (Self::new(0, 1, 0), laws::ONCE),
            Safeguard::MajorityWrites => (Self::new(0, 0, 1), laws::FENCED),
            _ => (Self::new(0, 0, 0), laws::FENCED),
        };
        Self { without: Some(safeguard), law: Some(law), ..model }
    }

    pub(crate) fn has(&self, safeguard: Safeguard) -> bool {
        self.without != Some(safeguard)
    }
}

/// What happens next; the number is that of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// `claim` takes the feed.
    Claim(u8),
    /// `claim_again` finds another reader.
    Held(u8),
    /// The answer to a `claim` or a `keep` comes.
    Answer(u8),
    /// The connection breaks before the answer.
    Lose(u8),
    /// `next` returns a batch, or finds that it knows what it was shown; perhaps with an event that was shown before.
    Next(u8, bool),
    /// `keep` is sent.
    Keep(u8),
    /// It arrives.
    Arrive(u8),
    /// One arrives that its reader has given up.
    ArriveLate(u8),
    /// `stay` renews the lease.
    Stay(u8),
    /// The lease is over.
    Over,
    /// The majority has what the primary has.
    Confirm,
    /// Another primary takes over, which has what the majority has.
    FailOver,
    /// A process ends, and starts again.
    Crash(u8),
}

impl Feed {
    fn may_claim(state: &State, reader: &Reader) -> bool {
        let holder = state.primary.holder;
        holder == 0 || holder == reader.name || state.is_over
    }

    fn of_reader(&self, state: &State, who: u8, actions: &mut Vec<Action>) {
        let reader = &state.readers[usize::from(who)];
        let is_confirmed = !reader.is_in_doubt || !self.has(Safeguard::MajorityWrites);
        match reader.phase {
            Phase::Claims { .. } if Self::may_claim(state, reader) => actions.push(Action::Claim(who)),
            Phase::Claims { again: true } => actions.push(Action::Held(who)),
            Phase::Claims { again: false } | Phase::Fenced => {}
            Phase::Reads => {
                if usize::from(reader.position) < LOG.len() {
                    actions.push(Action::Next(who, false));
                }
                if state.left[4] > 0 && reader.position > 0 {
                    actions.push(Action::Next(who, true));
                }
                actions.push(Action::Stay(who));
            }
            Phase::Keeps => actions.extend([Action::Keep(who), Action::Stay(who)]),
            Phase::WaitsForClaim | Phase::WaitsForKeep => {
                if reader.sent.is_some() {
                    actions.push(Action::Arrive(who));
                } else if is_confirmed {
                    actions.push(Action::Answer(who));
                }
                if state.left[0] > 0 {
                    actions.push(Action::Lose(who));
                }
            }
        }
        if reader.late.is_some() {
            actions.push(Action::ArriveLate(who));
        }
        if state.left[1] > 0 && !matches!(reader.phase, Phase::Claims { again: false } | Phase::Fenced) {
            actions.push(Action::Crash(who));
        }
    }

    fn claim(&self, state: &mut State, who: u8) {
        let (fence, position) = (state.primary.fence + 1, state.primary.position);
        (state.primary.fence, state.primary.holder) = (fence, state.readers[usize::from(who)].name);
        state.is_over = false;
        let reader = state.reader(who);
        (reader.fence, reader.position, reader.is_in_doubt) = (fence, position, true);
        reader.phase = Phase::WaitsForClaim;
    }

    fn answer(&self, state: &mut State, who: u8) {
        let reader = state.reader(who);
        reader.is_in_doubt = false;
        let fence = reader.fence;
        match reader.batch.take() {
            Some(batch) => reader.position = batch.position,
            None => state.newest = state.newest.max(fence),
        }
        state.reader(who).phase = Phase::Reads;
    }

    /// The source shows what is behind the position, and `look` takes what is new by the marks.
    fn next(&self, state: &mut State, who: u8, repeats: bool) {
        let reader = state.readers[usize::from(who)].clone();
        let first = reader.position - u8::from(repeats);
        let position = LOG.len().min(usize::from(first + BATCH)) as u8;
        let batch = Keep::of(self, reader.fence, first..position, &state.majority);
        state.left[4] -= u8::from(repeats);
        let reader = state.reader(who);
        if batch.events.is_empty() {
            reader.position = position;
        } else {
            (reader.phase, reader.batch) = (Phase::Keeps, Some(batch));
        }
    }

    fn arrive(&self, state: &mut State, who: u8) -> Option<()> {
        let mut keep = state.reader(who).sent.take()?;
        match state.write(self, keep.clone()) {
            Ok(()) if !self.has(Safeguard::OneTransaction) && !keep.is_half => {
                keep.is_half = true;
                state.reader(who).sent = Some(keep);
            }
            Ok(()) => state.reader(who).is_in_doubt = true,
            Err(refused) => {
                let is_fenced = refused == kept::Refused::Fenced;
                let reader = state.reader(who);
                reader.batch = None;
                // What has moved was an earlier write of its own: it reads again how far that came.
                reader.phase = if is_fenced { Phase::Fenced } else { Phase::Claims { again: true } };
            }
        }
        Some(())
    }

    fn stay(&self, state: &mut State, who: u8) -> Option<()> {
        let before = state.clone();
        let reader = &state.readers[usize::from(who)];
        let keep = Keep { fence: reader.fence, position: reader.position, ..Keep::default() };
        if state.write(self, keep).is_err() {
            state.reader(who).phase = Phase::Fenced;
            state.reader(who).batch = None;
        }
        (*state != before).then_some(())
    }

    fn crash(&self, state: &mut State, who: u8) {
        state.give_up(who);
        state.left[1] -= 1;
        let reader = state.reader(who);
        let (name, late) = (reader.name + self.readers, reader.late.take());
        *reader = Reader { late, ..Reader::named(name) };
    }
}

impl Model for Feed {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            primary: Kept::default(),
            majority: Kept::default(),
            is_over: false,
            readers: (1..=self.readers).map(Reader::named).collect(),
            newest: 0,
            is_overruled: false,
            left: [self.faults, self.crashes, self.fail_overs, self.delays[0], self.delays[1]],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        (0..self.readers).for_each(|who| self.of_reader(state, who, actions));
        if state.left[3] > 0 && state.primary.holder != 0 && !state.is_over {
            actions.push(Action::Over);
        }
        if state.primary != state.majority {
            actions.push(Action::Confirm);
        }
        if state.left[2] > 0 {
            actions.push(Action::FailOver);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Claim(who) => self.claim(&mut next, who),
            Action::Held(who) => next.reader(who).phase = Phase::Fenced,
            Action::Answer(who) => self.answer(&mut next, who),
            Action::Lose(who) => {
                next.left[0] -= 1;
                next.give_up(who);
                let has_had_it = next.reader(who).phase == Phase::WaitsForKeep;
                next.reader(who).phase = Phase::Claims { again: has_had_it };
            }
            Action::Next(who, repeats) => self.next(&mut next, who, repeats),
            Action::Keep(who) => {
                let reader = next.reader(who);
                (reader.sent, reader.phase) = (reader.batch.clone(), Phase::WaitsForKeep);
            }
            Action::Arrive(who) => self.arrive(&mut next, who)?,
            Action::ArriveLate(who) => {
                let keep = next.reader(who).late.take()?;
                next.write(self, keep).ok();
            }
            Action::Stay(who) => self.stay(&mut next, who)?,
            Action::Over => {
                next.left[3] -= 1;
                next.is_over = true;
            }
            Action::Confirm => {
                next.majority = next.primary.clone();
                next.readers.iter_mut().for_each(|reader| reader.is_in_doubt = false);
            }
            Action::FailOver => {
                next.left[2] -= 1;
                next.primary = next.majority.clone();
                for who in 0..self.readers {
                    if next.reader(who).is_in_doubt {
                        let has_had_it = next.reader(who).phase == Phase::WaitsForKeep;
                        next.give_up(who);
                        next.reader(who).phase = Phase::Claims { again: has_had_it };
                    }
                }
            }
            Action::Crash(who) => self.crash(&mut next, who),
        }
        Some(next)
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
