//! An aggregate of your own: the talk's missile silo, where some things must not happen, and others not twice.
//! Run it with `cargo run -p basket-domain --example silo`; its tests run with the rest.

#![allow(missing_docs, reason = "the names of an example speak for themselves")]

use std::fmt::Debug;

use basket_domain::{Aggregate, EventSourced, Reversible};

/// The two people whose keys must turn before anything flies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Officer {
    Commander,
    Deputy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiloEvent {
    SiloArmed,
    KeyTurned { officer: Officer },
    MissileLaunched,
}
use SiloEvent::{KeyTurned, MissileLaunched, SiloArmed};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SiloRefusal {
    #[error("the silo is armed already")]
    AlreadyArmed,
    #[error("the silo is not armed; arm it first")]
    NotArmed,
    #[error("the {0:?}'s key is turned already")]
    KeyAlreadyTurned(Officer),
    #[error("both keys must be turned first")]
    KeysMissing,
    #[error("the missile is gone; it can't be launched twice")]
    AlreadyLaunched,
    #[error("what was armed, turned or launched stays so")]
    NoWayBack,
}

/// The state of one silo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Silo {
    armed: bool,
    commander: bool,
    deputy: bool,
    launched: bool,
}

// Deciders

impl Silo {
    pub fn arm(&self) -> Result<Vec<SiloEvent>, SiloRefusal> {
        if self.armed {
            return Err(SiloRefusal::AlreadyArmed);
        }
        Ok(vec![SiloArmed])
    }

    pub fn turn_key(&self, officer: Officer) -> Result<Vec<SiloEvent>, SiloRefusal> {
        if !self.armed {
            return Err(SiloRefusal::NotArmed);
        }
        if self.key_turned(officer) {
            return Err(SiloRefusal::KeyAlreadyTurned(officer));
        }
        Ok(vec![KeyTurned { officer }])
    }

    pub fn launch(&self) -> Result<Vec<SiloEvent>, SiloRefusal> {
        if self.launched {
            return Err(SiloRefusal::AlreadyLaunched);
        }
        if !(self.commander && self.deputy) {
            return Err(SiloRefusal::KeysMissing);
        }
        Ok(vec![MissileLaunched])
    }
}

// Appliers

impl Aggregate for Silo {
    type Id = String;
    type Event = SiloEvent;

    fn apply(&mut self, event: &SiloEvent) {
        match event {
            SiloArmed => self.armed = true,
            KeyTurned { officer: Officer::Commander } => self.commander = true,
            KeyTurned { officer: Officer::Deputy } => self.deputy = true,
            MissileLaunched => self.launched = true,
        }
    }
}

// Undo: a silo has no command that takes anything back, so it refuses; a basket has (see `basket_domain::changes`).

impl Reversible for Silo {
    type Refusal = SiloRefusal;

    fn decide_again(&self, event: &SiloEvent) -> Result<Vec<SiloEvent>, SiloRefusal> {
        match event {
            SiloArmed => self.arm(),
            KeyTurned { officer } => self.turn_key(*officer),
            MissileLaunched => self.launch(),
        }
    }

    fn lead_to(&self, target: &Self) -> Result<Vec<SiloEvent>, SiloRefusal> {
        if self == target { Ok(vec![]) } else { Err(SiloRefusal::NoWayBack) }
    }
}

// View methods

impl Silo {
    pub fn key_turned(&self, officer: Officer) -> bool {
        match officer {
            Officer::Commander => self.commander,
            Officer::Deputy => self.deputy,
        }
    }

    pub fn launched(&self) -> bool {
        self.launched
    }
}

fn main() {
    let mut silo = EventSourced::<Silo>::new("north".to_owned());
    tell("launch", silo.decide(Silo::launch));
    tell("arm", silo.decide(Silo::arm));
    tell("turn the commander's key", silo.decide(|silo| silo.turn_key(Officer::Commander)));
    tell("turn it again", silo.decide(|silo| silo.turn_key(Officer::Commander)));
    tell("launch", silo.decide(Silo::launch));
    tell("turn the deputy's key", silo.decide(|silo| silo.turn_key(Officer::Deputy)));
    tell("launch", silo.decide(Silo::launch));
    tell("launch once more", silo.decide(Silo::launch));
    println!("silo '{}' is at version {}, launched: {}", silo.id(), silo.version(), silo.state().launched());
}

fn tell(command: &str, outcome: Result<&[SiloEvent], SiloRefusal>) {
    match outcome {
        Ok(events) => println!("{command:<26} -> {events:?}"),
        Err(refusal) => println!("{command:<26} -> refused: {refusal}"),
    }
}

#[cfg(test)]
mod tests {
    use basket_domain::{CantRevert, WhatIf, scenario::given};

    use super::*;

    const COMMANDER: SiloEvent = KeyTurned { officer: Officer::Commander };
    const DEPUTY: SiloEvent = KeyTurned { officer: Officer::Deputy };

    #[test]
    fn a_silo_is_armed_once() {
        given::<Silo>([]).when(Silo::arm).then([SiloArmed]);
        given::<Silo>([SiloArmed]).when(Silo::arm).then_refused(SiloRefusal::AlreadyArmed);
    }

    #[test]
    fn no_key_turns_in_a_silo_that_is_not_armed() {
        given::<Silo>([]).when(|silo| silo.turn_key(Officer::Deputy)).then_refused(SiloRefusal::NotArmed);
    }

    #[test]
    fn the_same_officer_can_not_turn_both_keys() {
        given::<Silo>([SiloArmed, COMMANDER])
            .when(|silo| silo.turn_key(Officer::Commander))
            .then_refused(SiloRefusal::KeyAlreadyTurned(Officer::Commander));
    }

    #[test]
    fn a_launch_needs_both_keys() {
        for history in [vec![], vec![SiloArmed], vec![SiloArmed, COMMANDER], vec![SiloArmed, DEPUTY]] {
            given::<Silo>(history).when(Silo::launch).then_refused(SiloRefusal::KeysMissing);
        }
        given::<Silo>([SiloArmed, DEPUTY, COMMANDER]).when(Silo::launch).then([MissileLaunched]);
    }

    #[test]
    fn what_is_launched_stays_launched_and_is_not_launched_twice() {
        given::<Silo>([SiloArmed, COMMANDER, DEPUTY, MissileLaunched])
            .when(Silo::launch)
            .then_refused(SiloRefusal::AlreadyLaunched);
    }

    #[test]
    fn what_is_launched_can_not_be_undone() {
        let revert = |version| {
            let mut what_if = WhatIf::<Silo>::without([version..=version]);
            [SiloArmed, COMMANDER, DEPUTY, MissileLaunched].iter().for_each(|event| what_if.apply(event));
            what_if.revert()
        };
        assert_eq!(revert(4), Err(CantRevert::Refused(SiloRefusal::NoWayBack)));
        assert_eq!(revert(3), Err(CantRevert::InTheWay { version: 4, refusal: SiloRefusal::KeysMissing }));
    }

    #[test]
    fn the_story_that_main_tells_ends_in_one_launch() {
        let mut silo = EventSourced::<Silo>::new("south".to_owned());
        silo.decide(Silo::launch).unwrap_err();
        silo.decide(Silo::arm).unwrap();
        silo.decide(|silo| silo.turn_key(Officer::Commander)).unwrap();
        silo.decide(|silo| silo.turn_key(Officer::Deputy)).unwrap();
        silo.decide(Silo::launch).unwrap();
        silo.decide(Silo::launch).unwrap_err();
        assert_eq!(silo.new_events(), [SiloArmed, COMMANDER, DEPUTY, MissileLaunched]);
        assert!(silo.state().launched());
    }
}
