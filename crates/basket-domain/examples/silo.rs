//! The story of the talk's missile silo. The aggregate is in `testkit/src/silo.rs`, to be copied.
//! Run it with `cargo run -p basket-domain --example silo`; its tests run with the rest.

use basket_domain::EventSourced;
use testkit::silo::{Officer, Silo, SiloEvent, SiloRefusal};

fn main() {
    let mut silo = EventSourced::<Silo>::new("north".to_owned());
    show("launch", silo.decide(Silo::launch));
    show("arm", silo.decide(Silo::arm));
    show("turn the commander's key", silo.decide(|silo| silo.turn_key(Officer::Commander)));
    show("turn it again", silo.decide(|silo| silo.turn_key(Officer::Commander)));
    show("launch", silo.decide(Silo::launch));
    show("turn the deputy's key", silo.decide(|silo| silo.turn_key(Officer::Deputy)));
    show("launch", silo.decide(Silo::launch));
    show("launch once more", silo.decide(Silo::launch));
    println!("silo '{}' is at version {}, launched: {}", silo.id(), silo.version(), silo.state().launched());
}

fn show(command: &str, outcome: Result<&[SiloEvent], SiloRefusal>) {
    match outcome {
        Ok(events) => println!("{command:<26} -> {events:?}"),
        Err(refusal) => println!("{command:<26} -> refused: {refusal}"),
    }
}

#[cfg(test)]
mod tests {
    use basket_domain::scenario::given;

    use super::*;
    use SiloEvent::{KeyTurned, MissileLaunched, SiloArmed};

    const COMMANDER: SiloEvent = KeyTurned { officer: Officer::Commander };
    const DEPUTY: SiloEvent = KeyTurned { officer: Officer::Deputy };

    #[test]
    fn a_silo_is_armed_once() {
        given::<Silo>([]).when(Silo::arm).then([SiloArmed]);
        given::<Silo>([SiloArmed]).when(Silo::arm).then_refused(SiloRefusal::AlreadyArmed);
    }

    #[test]
    fn a_key_turns_once_and_only_in_a_silo_that_is_armed() {
        let turn = |silo: &Silo| silo.turn_key(Officer::Commander);
        given::<Silo>([]).when(turn).then_refused(SiloRefusal::NotArmed);
        given::<Silo>([SiloArmed]).when(turn).then([COMMANDER]);
        let turned = given::<Silo>([SiloArmed, COMMANDER]);
        turned.when(turn).then_refused(SiloRefusal::KeyAlreadyTurned(Officer::Commander));
    }

    #[test]
    fn a_launch_needs_both_keys_and_happens_once() {
        for history in [vec![], vec![SiloArmed], vec![SiloArmed, COMMANDER], vec![SiloArmed, DEPUTY]] {
            given::<Silo>(history).when(Silo::launch).then_refused(SiloRefusal::KeysMissing);
        }
        given::<Silo>([SiloArmed, DEPUTY, COMMANDER]).when(Silo::launch).then([MissileLaunched]);
        let launched = given::<Silo>([SiloArmed, COMMANDER, DEPUTY, MissileLaunched]);
        launched.when(Silo::launch).then_refused(SiloRefusal::AlreadyLaunched);
    }
}
