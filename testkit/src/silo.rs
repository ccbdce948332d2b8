//! An aggregate of your own: the talk's missile silo, where some things must not happen, and others not twice. Its codec
//! shows how its events are stored; `cargo run -p basket-domain --example silo` shows it at work.

use basket_domain::{Aggregate, EventSourced, Reversible};
#[cfg(feature = "store")]
use basket_mongo::{Codec, store::codec::text};
#[cfg(feature = "store")]
use bson::{Bson, Document, RawBsonRef, RawDocument, doc};

/// The two people whose keys must be turned before a launch.
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

// Undo: a silo has no command that reverses another, so it refuses; a basket has one (see `basket_domain::diff`).

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

impl Silo {
    pub fn armed(&self) -> bool {
        self.armed
    }

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

/// A silo that is armed, with the deputy's key turned, and not saved yet.
pub fn armed(id: &str) -> EventSourced<Silo> {
    let mut silo = EventSourced::<Silo>::new(id.to_owned());
    silo.decide(Silo::arm).unwrap();
    silo.decide(|silo| silo.turn_key(Officer::Deputy)).unwrap();
    silo
}

/// How the events of a silo are stored. The codec is a type of its own: the aggregate may live in a crate that knows of no
/// store.
#[derive(Debug, Clone, Copy)]
#[cfg(feature = "store")]
pub struct Silos;

#[cfg(feature = "store")]
impl Codec for Silos {
    type Aggregate = Silo;

    const COLLECTION: &'static str = "silos";
    const KEY: &'static str = "silo";

    fn key(id: &String) -> Bson {
        id.into()
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        key.as_str().map(str::to_owned)
    }

    fn encode(event: &SiloEvent) -> (&'static str, Document) {
        match event {
            SiloArmed => ("SiloArmed", doc! {}),
            KeyTurned { officer } => ("KeyTurned", doc! { "officer": format!("{officer:?}") }),
            MissileLaunched => ("MissileLaunched", doc! {}),
        }
    }

    fn decode(_: &String, kind: &str, data: &RawDocument) -> Result<SiloEvent, String> {
        match kind {
            "SiloArmed" => Ok(SiloArmed),
            "KeyTurned" => match text(data, "officer")? {
                "Commander" => Ok(KeyTurned { officer: Officer::Commander }),
                "Deputy" => Ok(KeyTurned { officer: Officer::Deputy }),
                other => Err(format!("data.officer is '{other}', expected Commander or Deputy")),
            },
            "MissileLaunched" => Ok(MissileLaunched),
            unknown => Err(format!("its type '{unknown}' is none that a silo knows")),
        }
    }
}
