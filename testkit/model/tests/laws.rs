//! The laws hold in all states within these bounds, and the states are those that matter: conflicts, unknown outcomes and lost
//! writes are among them. `cargo run --release -p model` goes further.

use std::{collections::BTreeSet, hash::Hash};

use model::{append::Append, feed::Feed};
use stateright::{Checker, Expectation, Model};

/// Visits all states, and returns how many there are. Every law must hold.
fn assert_laws_hold<M>(model: M) -> usize
where
    M: Model<State: Clone + PartialEq + Hash + Send + Sync, Action: Clone + PartialEq> + Send + Sync + 'static,
{
    let checker = model.checker().threads(2).spawn_bfs().join();
    let found = checker.discoveries();
    let properties = checker.model().properties();
    let laws = properties.iter().filter(|property| property.expectation == Expectation::Always);
    let broken: Vec<_> = laws.filter(|law| found.contains_key(law.name)).map(|law| law.name).collect();
    assert!(broken.is_empty(), "broken: {broken:?}");
    checker.unique_state_count()
}

/// Visits all states of some models: in one of them each thing that must happen happens.
fn assert_all_happens<M>(models: impl IntoIterator<Item = M>)
where
    M: Model<State: Clone + PartialEq + Hash + Send + Sync, Action: Clone + PartialEq> + Send + Sync + 'static,
{
    let (mut wanted, mut found) = (BTreeSet::new(), BTreeSet::new());
    for model in models {
        let properties = model.properties().into_iter();
        wanted.extend(properties.filter(|one| one.expectation == Expectation::Sometimes).map(|one| one.name));
        found.extend(model.checker().spawn_bfs().join().discoveries().into_keys());
    }
    assert!(!wanted.is_empty());
    assert_eq!(wanted.difference(&found).collect::<Vec<_>>(), Vec::<&&str>::new(), "these never happen");
}

#[test]
fn the_laws_of_an_append_hold_for_three_writers_with_faults_a_crash_and_a_fail_over() {
    let states = assert_laws_hold(Append { is_sorted: true, ..Append::new(3, 2, 1, 1) });
    println!("{states} states");
    assert!(states > 1_000_000, "{states} states");
}

#[test]
fn the_laws_of_a_feed_hold_for_two_readers_with_a_fault_a_crash_and_a_fail_over() {
    let states = assert_laws_hold(Feed::new(1, 1, 1));
    println!("{states} states");
    assert!(states > 100_000, "{states} states");
}

#[test]
fn two_writers_that_nobody_takes_for_each_other_keep_the_laws_as_well() {
    assert_laws_hold(Append::new(2, 2, 1, 2));
}

#[test]
fn writers_meet_lose_answers_and_settle_them_and_a_new_primary_lacks_events() {
    // To be beaten twice takes two others.
    let models = [Append::new(2, 2, 1, 1), Append { is_sorted: true, ..Append::new(3, 0, 0, 0) }];
    assert_all_happens(models.map(|model| Append { remembers: true, ..model }));
}

#[test]
fn readers_take_over_are_fenced_off_and_read_all() {
    assert_all_happens([Feed { remembers: true, ..Feed::new(1, 1, 1) }]);
}
