//! Ways through the model of the append, on one server, with a gate before each writer's connection.

use basket_domain::BasketId;
use basket_mongo::Expected;
use model::{
    append::{
        Action, Append, Event, State,
        writer::{Phase, Writer},
    },
    safeguards::Safeguard,
    story::counter_example,
};
use stateright::Model;
use testkit::mongo::{TestDatabase, created, saved, with_database};

use crate::actor::Actor;

/// Walks a way through the model, and returns what is there in the end, as a state of the model.
async fn walk(db: &TestDatabase, model: &Append, actions: Vec<(Action, State)>, is_safe: bool) -> State {
    let base = saved(&db.store().await, created()).await;
    let mut actors = Vec::new();
    for _ in 0..model.writers {
        actors.push(Actor::new(db, &base).await);
    }
    match model.without {
        _ if is_safe => {}
        Some(Safeguard::UniqueKey) => db.events().drop_index("basket_id_1_version_1").await.unwrap(),
        Some(Safeguard::LostAnswer) => actors.iter_mut().for_each(|actor| actor.forgets = true),
        _ => {}
    }
    for (action, after) in actions {
        match action {
            Action::Writer(who, step) => {
                let then = after.writers[usize::from(who)].phase;
                let actor = &mut actors[usize::from(who)];
                actor.step(step, then, is_safe).await;
                if let (false, Phase::Unknown | Phase::Told(_)) = (is_safe, then) {
                    assert_eq!(actor.phase(), then, "after {step}: {:?}", actor.told);
                }
            }
            Action::Arrive(who) => actors[usize::from(who)].arrives().await,
            Action::ArriveLate(who, _) => {
                let late = actors[usize::from(who)].late.pop_front().unwrap();
                late.arrive().await;
            }
            // A set of one has confirmed it at once.
            Action::Confirm => {}
            Action::FailOver(_) => panic!("this takes a set of three"),
        }
    }
    let mut state = as_state(db, model, base.id(), &actors).await;
    for actor in &mut actors {
        actor.finish().await;
    }
    if is_safe {
        state = as_state(db, model, base.id(), &actors).await;
    }
    state
}

/// What is in the collection, and what the writers were told, as a state of the model.
async fn as_state(db: &TestDatabase, model: &Append, id: &BasketId, actors: &[Actor]) -> State {
    let mut state = model.init_states().remove(0);
    for event in db.stream(*id).await.iter().skip(1) {
        let commit = event.get_object_id("commit").unwrap();
        let is_of = |actor: &Actor| actor.commits.contains(&commit);
        let who = actors.iter().position(is_of).unwrap();
        state.history.push(Event { version: event.get_i64("version").unwrap() as u8, commit: who as u8 });
    }
    state.majority = state.history.len() as u8;
    for (writer, actor) in state.writers.iter_mut().zip(actors) {
        let expected = match actor.expected {
            Some(Expected::Loaded(version) | Expected::Claimed(version)) => version as u8,
            None => 0,
        };
        *writer = Writer { phase: actor.phase(), expected, ..Writer::default() };
    }
    state
}

/// Whether the law that a model is asked about holds.
pub fn law_holds<M: Model>(model: &M, state: &M::State) -> bool {
    model.properties().iter().all(|law| (law.condition)(model, state))
}

fn replay(safeguard: Safeguard) {
    let model = Append::without(safeguard);
    let way = counter_example(&model).unwrap();
    let states: Vec<_> = way.iter().skip(1).map(|(state, _)| state.clone()).collect();
    let actions: Vec<_> = way.iter().filter_map(|(_, action)| *action).zip(states).collect();
    let last = way.last().unwrap().0.clone();
    with_database(async |db| {
        let broken = walk(&db, &model, actions.clone(), false).await;
        assert_eq!(broken.history, last.history, "the stream is as the story says");
        assert!(!law_holds(&model, &broken), "{broken:?}");
    });
    with_database(async |db| {
        let state = walk(&db, &model, actions.clone(), true).await;
        assert!(law_holds(&Append { law: None, ..model.clone() }, &state), "{state:?}");
        println!(
            "{safeguard:?}: {:?}, told {:?}",
            state.history,
            state.writers.iter().map(|w| w.phase).collect::<Vec<_>>()
        );
    });
}

#[test]
fn without_the_unique_key_two_writers_have_one_version() {
    replay(Safeguard::UniqueKey);
}

#[test]
fn without_the_commit_id_an_event_is_there_twice() {
    replay(Safeguard::CommitId);
}

#[test]
fn without_the_gap_check_a_stream_has_a_gap() {
    replay(Safeguard::GapCheck);
}

#[test]
fn without_the_memory_of_a_lost_answer_what_failed_is_there() {
    replay(Safeguard::LostAnswer);
}
