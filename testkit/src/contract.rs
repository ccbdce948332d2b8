//! The contract of an event store, written once and run on each store: same cases, same outcomes.

use std::sync::Arc;

use basket_domain::{Basket, EventSourced, Refusal};
use basket_mongo::{
    Baskets, CommandError, Commit, Entry, EventStore, Expected, Maintenance, Outcome, Require, Scope, StoreError,
    store::{document::read_entry, maintenance::Read},
};
use bson::{Document, RawDocumentBuf, doc, oid::ObjectId};
use futures_util::{StreamExt, TryStreamExt, future::join_all};

use crate::mongo::{add, created, created_with_socks, new_id, product, qty, saved};

/// The contract as tests. `$with` opens a store that is empty, for a test: `fn with(test: impl AsyncFnOnce(Store))`.
#[macro_export]
macro_rules! contract {
    ($with:path) => {
        $crate::contract! { $with;
            what_was_saved_comes_back
            what_was_never_saved_is_not_found
            an_aggregate_without_new_events_is_saved_by_doing_nothing
            who_comes_second_meets_a_conflict_and_appends_nothing
            a_version_beyond_the_head_is_a_conflict_and_leaves_no_gap
            the_same_commit_again_appends_nothing
            the_same_events_under_another_commit_are_a_conflict
            streams_do_not_meet
            a_command_is_loaded_decided_and_appended
            a_command_that_is_refused_or_decides_nothing_writes_nothing
            commands_that_race_are_all_decided_on_what_is_there
            documents_come_in_order_however_many
            an_import_is_whole_or_not_at_all
        }
        $crate::command_contract! { $with }
    };
    ($with:path; $($case:ident)*) => {
        $(#[test] fn $case() { $with(async |store| $crate::contract::$case(store).await); })*
    };
}

type Root = EventSourced<Basket>;

fn seen(basket: &Root) -> (u64, Vec<(String, u32)>) {
    let items = basket.state().items().map(|(product, quantity)| (product.to_string(), quantity)).collect();
    (basket.version(), items)
}

async fn version(store: &impl EventStore<Basket>, basket: &Root) -> u64 {
    store.get(basket.id()).await.unwrap().version()
}

pub async fn what_was_saved_comes_back(store: impl EventStore<Basket>) {
    let mut basket = created_with_socks();
    add(&mut basket, "rocks", u32::MAX);
    basket.decide(|basket| basket.remove_item(&product("socks"))).unwrap();
    add(&mut basket, "socks", 2);
    store.save(&mut basket).await.unwrap();
    assert_eq!((basket.saved_version(), basket.new_events().len()), (5, 0));

    let loaded = store.get(basket.id()).await.unwrap();
    assert_eq!(seen(&loaded), seen(&basket));
    assert_eq!((loaded.id(), loaded.saved_version()), (basket.id(), 5));

    add(&mut basket, "clocks", 1);
    store.save(&mut basket).await.unwrap();
    assert_eq!(seen(&store.get(basket.id()).await.unwrap()), seen(&basket));
}

pub async fn what_was_never_saved_is_not_found(store: impl Maintenance<Baskets>) {
    for _before_and_after_there_is_a_store in 0..2 {
        let id = new_id();
        let error = store.get(&id).await.unwrap_err();
        assert!(matches!(&error, StoreError::NotFound { what: "basket", id: named, .. } if *named == id.to_string()));
        let add = store.command(&id).require(Require::Existing);
        let outcome = add.run(|basket| basket.add_item(&product("rocks"), qty(2))).await;
        assert!(matches!(outcome, Err(CommandError::Store { error: StoreError::NotFound { .. }, .. })), "{outcome:?}");
        let history: Vec<_> = store.history(&id).collect().await;
        assert!(matches!(history[..], [Err(StoreError::NotFound { .. })]), "one error, and no more");
        store.save(&mut created()).await.unwrap();
    }
}

pub async fn an_aggregate_without_new_events_is_saved_by_doing_nothing(store: impl EventStore<Basket>) {
    let mut nothing = EventSourced::<Basket>::new(new_id());
    assert_eq!(store.save(&mut nothing).await.unwrap(), Outcome::Unchanged);
    assert!(matches!(store.get(nothing.id()).await, Err(StoreError::NotFound { .. })));
}

pub async fn who_comes_second_meets_a_conflict_and_appends_nothing(store: impl EventStore<Basket>) {
    let mut ann = saved(&store, created()).await;
    let mut bob = store.get(ann.id()).await.unwrap();
    add(&mut ann, "socks", 1);
    add(&mut ann, "rocks", 1);
    store.save(&mut ann).await.unwrap();
    // With one event, and then with three, of which the last would have a version of its own.
    for many in [1, 2] {
        (0..many).for_each(|_| add(&mut bob, "clocks", 1));
        let error = store.save(&mut bob).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { expected: 1, found: 3 }), "{error:?}");
        assert_eq!(seen(&store.get(ann.id()).await.unwrap()), seen(&ann));
    }
}

pub async fn a_version_beyond_the_head_is_a_conflict_and_leaves_no_gap(store: impl EventStore<Basket>) {
    let basket = saved(&store, created()).await;
    let mut elsewhere = basket.clone();
    add(&mut elsewhere, "socks", 1);
    elsewhere.mark_saved();
    add(&mut elsewhere, "rocks", 1);
    let error = store.save(&mut elsewhere).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 2, found: 1 }), "{error:?}");

    let new = created_with_socks();
    for claimed in [1, 7, u64::MAX] {
        let outcome = store.append(new.id(), Expected::Claimed(claimed), &Commit::default(), new.new_events()).await;
        let Err(StoreError::Conflict { expected, found: 0 }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(expected, claimed);
    }
    assert!(matches!(store.get(new.id()).await, Err(StoreError::NotFound { .. })));
    assert_eq!(version(&store, &basket).await, 1);
}

pub async fn the_same_commit_again_appends_nothing(store: impl EventStore<Basket>) {
    for mut basket in [created(), created_with_socks()] {
        let (commit, mut again) = (Commit::default(), basket.clone());
        assert_eq!(store.save_as(&commit, &mut basket).await.unwrap(), Outcome::Now);
        assert_eq!(store.save_as(&commit, &mut again).await.unwrap(), Outcome::Before);
        assert!(again.new_events().is_empty());
        assert_eq!(version(&store, &basket).await, basket.version());

        // Also when others have written since.
        add(&mut basket, "rocks", 1);
        let mut late = basket.clone();
        let commit = Commit::default();
        store.save_as(&commit, &mut basket).await.unwrap();
        add(&mut basket, "clocks", 1);
        store.save(&mut basket).await.unwrap();
        assert_eq!(store.save_as(&commit, &mut late).await.unwrap(), Outcome::Before);
        assert_eq!(version(&store, &basket).await, basket.version());
    }
}

pub async fn the_same_events_under_another_commit_are_a_conflict(store: impl EventStore<Basket>) {
    let mut basket = created_with_socks();
    let mut again = basket.clone();
    store.save_as(&Commit::default(), &mut basket).await.unwrap();
    let error = store.save_as(&Commit::default(), &mut again).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 0, found: 2 }), "{error:?}");
    assert_eq!(again.new_events().len(), 2, "what was not saved is still new");
}

pub async fn streams_do_not_meet(store: impl EventStore<Basket>) {
    let (one, mut two) = (saved(&store, created_with_socks()).await, saved(&store, created()).await);
    add(&mut two, "rocks", 9);
    store.save(&mut two).await.unwrap();
    assert_eq!(seen(&store.get(one.id()).await.unwrap()), (2, vec![("socks".to_owned(), 1)]));
    assert_eq!(seen(&store.get(two.id()).await.unwrap()), (2, vec![("rocks".to_owned(), 9)]));
}

pub async fn a_command_is_loaded_decided_and_appended(store: impl EventStore<Basket>) {
    let basket = saved(&store, created()).await;
    let handled = store.command(basket.id()).run(|basket| basket.add_item(&product("rocks"), qty(2))).await.unwrap();
    assert_eq!(seen(&handled.root), (2, vec![("rocks".to_owned(), 2)]));
    assert!(handled.root.new_events().is_empty());
    assert_eq!(seen(&store.get(basket.id()).await.unwrap()), seen(&handled.root));
}

pub async fn a_command_that_is_refused_or_decides_nothing_writes_nothing(store: impl EventStore<Basket>) {
    let basket = saved(&store, created()).await;
    let refused = store.command(basket.id()).run(|basket| basket.remove_item(&product("rocks"))).await.unwrap_err();
    assert!(matches!(refused, CommandError::Refused(Refusal::NotInBasket { .. })), "{refused:?}");
    let handled = store.command(basket.id()).run(|_| Ok::<_, Refusal>(vec![])).await.unwrap();
    assert_eq!((handled.root.version(), version(&store, &basket).await), (1, 1));
}

pub async fn commands_that_race_are_all_decided_on_what_is_there(store: impl EventStore<Basket> + Send + 'static) {
    let basket = saved(&store, created_with_socks()).await;
    let (store, id) = (Arc::new(store), *basket.id());
    let racers = (0..16).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let command = |basket: &Basket| match n % 2 {
                0 => basket.add_item(&product("rocks"), qty(1)),
                _ => basket.remove_item(&product("socks")),
            };
            store.command(&id).run(command).await.map(drop)
        })
    });
    let outcomes: Vec<_> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(CommandError::Refused(_)))).count();
    assert_eq!((outcomes.iter().filter(|outcome| outcome.is_ok()).count(), refused), (9, 7), "{outcomes:?}");
    assert_eq!(seen(&store.get(&id).await.unwrap()), (11, vec![("rocks".to_owned(), 8)]));
}

pub async fn documents_come_in_order_however_many(store: impl Maintenance<Baskets>) {
    let mut long = created();
    (1..1_200).for_each(|_| add(&mut long, "rocks", 1));
    let (long, _) = (saved(&store, long).await, saved(&store, created_with_socks()).await);
    let versions = async |scope| -> Vec<u64> {
        let entries: Vec<Entry<Baskets>> = store.log(scope).try_collect().await.unwrap();
        entries.iter().map(|entry| entry.version).collect()
    };
    let id = *long.id();
    for first in [0, 1] {
        assert_eq!(versions(Scope::From(id, first)).await, (1..=1_200).collect::<Vec<_>>());
    }
    assert_eq!(versions(Scope::From(id, 1_199)).await, [1_199, 1_200]);
    assert_eq!(versions(Scope::From(id, u64::MAX)).await, [0; 0]);
    assert_eq!(versions(Scope::NewestFirst(id)).await, (1..=1_200).rev().collect::<Vec<_>>());
    assert_eq!(versions(Scope::From(id, 1_201)).await, [0; 0]);
    assert_eq!(versions(Scope::NewestFirst(new_id())).await, [0; 0]);
    let all: Vec<Entry<Baskets>> = store.log(Scope::All).try_collect().await.unwrap();
    assert_eq!(all.len(), 1_202);
    assert!(all.is_sorted_by_key(|entry| (entry.stream, entry.version)));
    assert_eq!(store.count().await.unwrap(), 1_202);
    assert_eq!(store.faults().await.unwrap(), []);
    let ids: Vec<_> = store.ids().try_collect().await.unwrap();
    assert!(ids.len() == 2 && ids.is_sorted() && ids.contains(&id), "{ids:?}");
}

pub async fn an_import_is_whole_or_not_at_all(store: impl Maintenance<Baskets>) {
    let basket = saved(&store, created_with_socks()).await;
    let documents: Vec<_> = store.documents(Scope::From(*basket.id(), 1)).try_collect().await.unwrap();
    let events: Vec<_> = documents.iter().map(read).collect();
    assert_eq!(store.import(&events, true).await.unwrap(), 0, "all are there");

    // Another basket, and then another event in the place of the socks.
    let changed = |document: &RawDocumentBuf, fields| {
        let mut document = Document::try_from(document).unwrap();
        document.extend(fields);
        read(&RawDocumentBuf::try_from(&document).unwrap())
    };
    let new = changed(&documents[0], doc! { "_id": ObjectId::new(), "basket_id": ObjectId::new() });
    let other = changed(&documents[1], doc! { "data": { "product": "hats", "qty": 1_i64 } });
    let refused = store.import(&[other, new.clone()], true).await.unwrap_err();
    assert!(matches!(refused, StoreError::Diverged { version: 2, .. }), "{refused}");
    assert_eq!(store.count().await.unwrap(), 2, "the other basket was not imported either");
    assert_eq!(store.import(std::slice::from_ref(&new), false).await.unwrap(), 1);
    assert_eq!(store.import(&[new], true).await.unwrap(), 1);
    assert_eq!(store.count().await.unwrap(), 3);
}

fn read(document: &RawDocumentBuf) -> Read<Baskets> {
    (read_entry::<Baskets>(document).unwrap(), document.clone())
}
