//! Undo that is undone, over and over: what is in effect then, what a revert does, and what the report counts, against a
//! model that is as simple as the definition.

use std::{collections::BTreeSet, ops::RangeInclusive};

use basket_cli::{
    EmbeddedStore,
    stays::{Query, removals},
};
use basket_domain::{Aggregate, Basket, BasketId, CantRevert, Report, Reversible};
use basket_mongo::{Baskets, CommandError, Entry, EventLog, InEffect, Moment, Scope, Undo, UndoError};
use futures_util::TryStreamExt;
use proptest::{collection::vec, prelude::*, sample::Index, strategy::ValueTree, test_runner::TestRunner};
use testkit::{
    mongo::{created, product, qty, saved, with_database},
    on_both_stores,
    one_basket::OneBasket,
    shell::Shell,
};

on_both_stores! {
    what_a_restore_brought_back_can_be_reverted
    what_is_not_in_effect_is_refused_and_says_what_undid_it
    a_removal_that_was_undone_stands_in_no_ones_way
}

fn what_a_restore_brought_back_can_be_reverted(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks -q 2", "add ID clocks", "add ID rocks"]);
    basket.says("revert ID 3", "undid version 3: removed 'rocks', added 1 of 'rocks'\n");
    let restored = "undid what followed version 5: added 2 of 'rocks'\n";
    basket.says("restore ID --version 5", restored);
    basket.says("revert ID 3", "undid version 3: removed 'rocks', added 1 of 'rocks'\n");
    basket.says("revert ID 5", "undid version 5: removed 'rocks'\n");
    basket.says("get ID", "socks = 1\nclocks = 1\n");
}

fn what_is_not_in_effect_is_refused_and_says_what_undid_it(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks", "add ID clocks", "add ID hats"]);
    basket.says("revert ID 3..4", "undid versions 3 to 4: removed 'rocks', removed 'clocks'\n");
    // A restore that undoes the revert, and after it an event of its own.
    basket.says(
        "restore ID --version 4",
        "undid what followed version 4: removed 'hats', added 1 of 'rocks', added 1 of 'clocks'\n",
    );
    basket.fails(
        "revert ID 4..5",
        4,
        "version 5 is not in effect, because 8..10 undid it; to go back on that, revert 8..10",
    );
    basket.fails("revert ID 6", 4, "version 6 is not in effect, because 8..10 undid it");
    basket.says("revert ID 4", "undid version 4: removed 'clocks'\n");
    basket.fails("revert ID 4", 4, "version 4 is not in effect, because 11 undid it; to go back on that, revert 11");
    basket.says("what-if ID --without 4", "socks = 1\nrocks = 1\n");
    basket.says("what-if ID --without 8..10", "socks = 1\nhats = 1\n");
}

fn a_removal_that_was_undone_stands_in_no_ones_way(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks -q 3", "remove ID rocks", "add ID hats"]);
    basket.says("revert ID 4", "undid version 4: added 3 of 'rocks'\n");
    basket.says("revert ID 3", "undid version 3: removed 'rocks'\n");
    basket.says("get ID", "socks = 1\nhats = 1\n");
}

#[derive(Debug, Clone)]
enum Act {
    /// Quantity 0 removes.
    Shop(usize, u32),
    Revert(Index, Index),
    Restore(Index),
}

fn acts(runner: &mut TestRunner) -> Vec<Act> {
    let act = prop_oneof![
        5 => (0..3_usize, prop_oneof![2 => 1..4_u32, 1 => Just(0)]).prop_map(|(which, many)| Act::Shop(which, many)),
        // Ranges are short, or most would hold something that is not in effect.
        4 => (any::<Index>(), any::<Index>()).prop_map(|(at, length)| Act::Revert(at, length)),
        2 => any::<Index>().prop_map(Act::Restore),
    ];
    vec(act, 0..16).new_tree(runner).unwrap().current()
}

/// What an undo means: from there on, all is as if the versions it names had never been. Returns which versions are in
/// effect, and which of them the state is made of, without the versions in `skip`.
fn model(commits: &[&[Entry<Baskets>]], skip: &BTreeSet<u64>) -> [BTreeSet<u64>; 2] {
    let Some((commit, before)) = commits.split_last() else { return [BTreeSet::new(), BTreeSet::new()] };
    let kept: Vec<_> = commit.iter().map(|entry| entry.version).filter(|version| !skip.contains(version)).collect();
    let undoes = commit[0].meta.undoes.clone().filter(|_| kept.len() == commit.len());
    let is_undo = undoes.is_some();
    let [mut in_effect, mut counts] =
        model(before, &skip.iter().copied().chain(undoes.into_iter().flatten()).collect());
    in_effect.extend(&kept);
    counts.extend(kept.iter().filter(|_| !is_undo));
    [in_effect, counts]
}

/// The state that these versions lead to, decided one after the other; or the first that is refused.
fn folded(history: &[Entry<Baskets>], versions: &BTreeSet<u64>) -> Result<Basket, u64> {
    history.iter().filter(|entry| versions.contains(&entry.version)).try_fold(Basket::default(), |mut state, entry| {
        let events = state.decide_again(&entry.event).map_err(|_| entry.version)?;
        events.iter().for_each(|event| state.apply(event));
        Ok(state)
    })
}

async fn read(store: &impl EventLog<Baskets>, id: BasketId) -> Vec<Entry<Baskets>> {
    store.log(Scope::From(id, 1)).try_collect().await.unwrap()
}

fn commits(history: &[Entry<Baskets>]) -> Vec<&[Entry<Baskets>]> {
    history.chunk_by(|one, next| one.commit == next.commit).collect()
}

async fn act(store: &impl Undo<Baskets>, id: BasketId, act: &Act) {
    let head = store.get(&id).await.unwrap().version();
    match act {
        Act::Shop(which, many) => {
            let product = product(["socks", "rocks", "clocks"][*which]);
            // A refusal changes nothing.
            let _ = match many {
                0 => store.command(&id).run(|basket| basket.remove_item(&product)).await,
                many => store.command(&id).run(|basket| basket.add_item(&product, qty(*many))).await,
            };
        }
        Act::Revert(at, length) => {
            let first = at.index(head as usize) as u64 + 1;
            let last = head.min(first + length.index(3) as u64);
            assert_revert(store, id, first..=last).await;
        }
        Act::Restore(at) => {
            let version = at.index(head as usize) as u64 + 1;
            let then = store.past(&id, Moment::Version(version)).await.unwrap().root;
            store.command(&id).restore(Moment::Version(version)).await.unwrap();
            assert!(store.get(&id).await.unwrap().state() == then.state());
        }
    }
}

/// It does what the model says, or is refused with the model's reason.
async fn assert_revert(store: &impl Undo<Baskets>, id: BasketId, versions: RangeInclusive<u64>) {
    let history = read(store, id).await;
    let [in_effect, _] = model(&commits(&history), &BTreeSet::new());
    let [_, left] = model(&commits(&history), &versions.clone().collect());
    let what_if = store.what_if(&id, std::slice::from_ref(&versions)).await.unwrap();
    let outcome = store.command(&id).revert(versions.clone()).await.map_err(|error| match error {
        CommandError::Refused(refused) => refused,
        other => panic!("{other:?}"),
    });
    match (versions.clone().find(|version| !in_effect.contains(version)), folded(&history, &left), outcome) {
        (Some(first), _, Err(UndoError::NotInEffect { version, by })) => {
            assert_eq!(version, first, "{versions:?} of {history:?}");
            assert!(in_effect.contains(by.start()) && *by.start() > version);
        }
        (None, _, Err(UndoError::CantRevert(CantRevert::Refused(_)))) => assert_eq!(*versions.start(), 1),
        (None, Err(first), Err(UndoError::CantRevert(CantRevert::InTheWay { version, .. }))) => {
            assert_eq!(version, first, "{versions:?} of {history:?}");
        }
        (None, Ok(state), Ok(_)) => {
            assert!(*store.get(&id).await.unwrap().state() == state, "{versions:?} of {history:?}");
            assert!(*what_if.alternative() == state, "{versions:?} of {history:?}");
        }
        (_, folded, outcome) => panic!("{versions:?} of {history:?}: {folded:?}, and {outcome:?}"),
    }
}

/// Undoes and checks; adds what counts to the one report, and all to the other.
async fn assert_undo(store: &impl Undo<Baskets>, runner: &mut TestRunner, reports: &mut [Report; 2]) {
    let id = *saved(store, created()).await.id();
    for next in acts(runner) {
        act(store, id, &next).await;
        let history = read(store, id).await;
        let [in_effect, counts] = model(&commits(&history), &BTreeSet::new());
        let found = InEffect::of(&history, &[]);
        for version in 1..=history.len() as u64 {
            let found = (found.undone_by(version).is_none(), found.counts(version));
            assert_eq!(found, (in_effect.contains(&version), counts.contains(&version)), "{version} of {history:?}");
        }
        assert!(folded(&history, &counts).as_ref() == Ok(store.get(&id).await.unwrap().state()), "{history:?}");
    }
    let (history, [shopping, all]) = (read(store, id).await, reports);
    let [_, counts] = model(&commits(&history), &BTreeSet::new());
    for entry in &history {
        all.apply(&entry.event);
        if counts.contains(&entry.version) {
            shopping.apply(&entry.event);
        }
    }
}

async fn assert_reports(store: &impl EventLog<Baskets>, [shopping, all]: &[Report; 2]) {
    for (include_undos, expected) in [(false, shopping), (true, all)] {
        let query = Query { include_undos, ..Query::default() };
        let found = removals(store, &query, || {}).await.unwrap();
        let found: Vec<_> = found.products.iter().map(|removed| (&removed.product, &removed.turnover)).collect();
        assert_eq!(found, expected.products().collect::<Vec<_>>(), "{query:?}");
    }
}

#[test]
fn mongo_after_any_reverts_and_restores_what_is_in_effect_leads_to_the_state_can_be_reverted_and_is_counted() {
    with_database(async |db| {
        let folder = tempfile::tempdir().unwrap();
        let (mongo, file) = (db.store().await, EmbeddedStore::<Baskets>::at(folder.path().join("baskets.db")));
        let (mut runner, mut in_mongo, mut in_file) = (TestRunner::default(), Default::default(), Default::default());
        for _ in 0..40 {
            assert_undo(&mongo, &mut runner, &mut in_mongo).await;
            assert_undo(&file, &mut runner, &mut in_file).await;
        }
        assert_reports(&mongo, &in_mongo).await;
        assert_reports(&file, &in_file).await;
    });
}
