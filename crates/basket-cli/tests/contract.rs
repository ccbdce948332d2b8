//! The contract of an event store, written once and run over both: same cases, same outcomes.

mod support;

use std::sync::Arc;

use basket_cli::EmbeddedStore;
use basket_domain::{Basket, EventSourced, Refusal};
use basket_mongo::{Baskets, CommitId, Entry, EventLog, EventStore, Expected, HandleError, Scope, StoreError};
use futures_util::{TryStreamExt, future::join_all};
use support::mongo::{created, created_with_socks, new_id, product, qty, with_database};

macro_rules! contract {
    ($($case:ident)*) => {
        mod embedded {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let folder = tempfile::tempdir().unwrap();
                super::$case(EmbeddedStore::new(folder.path().join("new/baskets.db"))).await;
            })*
        }
        mod mongo {
            use super::*;
            $(#[test] fn $case() { with_database(async |db| super::$case(db.store().await).await); })*
        }
    };
}

contract! {
    what_was_saved_comes_back
    what_was_never_saved_is_not_found
    an_aggregate_without_new_events_is_saved_by_doing_nothing
    a_basket_can_not_be_created_twice
    who_comes_second_meets_a_conflict_and_appends_nothing
    a_version_beyond_the_head_is_a_conflict_and_leaves_no_gap
    the_same_commit_again_appends_nothing
    the_same_events_under_another_commit_are_a_conflict
    a_commit_that_meets_a_conflict_leaves_none_of_its_events
    streams_do_not_meet
    a_command_is_loaded_decided_and_appended
    a_refused_command_writes_nothing
    a_command_that_decides_nothing_writes_nothing
    a_command_to_nobody_is_not_found
    commands_that_race_are_all_decided_on_what_is_there
    documents_come_in_order_however_many
    an_import_is_whole_or_not_at_all
}

type Root = EventSourced<Basket>;

fn seen(basket: &Root) -> (u64, Vec<(String, u32)>) {
    let items = basket.state().items().map(|(product, quantity)| (product.to_string(), quantity)).collect();
    (basket.version(), items)
}

fn add(basket: &mut Root, name: &str, many: u32) {
    basket.decide(|basket| basket.add_item(&product(name), qty(many))).unwrap();
}

async fn version(store: &impl EventStore<Basket>, basket: &Root) -> u64 {
    store.get(basket.id()).await.unwrap().version()
}

async fn what_was_saved_comes_back(store: impl EventStore<Basket>) {
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

async fn what_was_never_saved_is_not_found(store: impl EventStore<Basket>) {
    for _before_and_after_there_is_a_store in 0..2 {
        let id = new_id();
        let error = store.get(&id).await.unwrap_err();
        assert!(matches!(&error, StoreError::NotFound { what: "basket", id: named, .. } if *named == id.to_string()));
        store.save(&mut created()).await.unwrap();
    }
}

async fn an_aggregate_without_new_events_is_saved_by_doing_nothing(store: impl EventStore<Basket>) {
    let mut nothing = EventSourced::<Basket>::new(new_id());
    store.save(&mut nothing).await.unwrap();
    assert!(matches!(store.get(nothing.id()).await, Err(StoreError::NotFound { .. })));
}

async fn a_basket_can_not_be_created_twice(store: impl EventStore<Basket>) {
    let mut first = created();
    let mut second = first.clone();
    store.save(&mut first).await.unwrap();
    let error = store.save(&mut second).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 0, found: 1 }), "{error:?}");
    assert_eq!(second.new_events().len(), 1, "what was not saved is still new");
}

async fn who_comes_second_meets_a_conflict_and_appends_nothing(store: impl EventStore<Basket>) {
    let mut ann = created();
    store.save(&mut ann).await.unwrap();
    let mut bob = store.get(ann.id()).await.unwrap();
    add(&mut ann, "socks", 1);
    add(&mut ann, "rocks", 1);
    add(&mut bob, "clocks", 1);
    store.save(&mut ann).await.unwrap();
    let error = store.save(&mut bob).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 1, found: 3 }), "{error:?}");
    assert_eq!(seen(&store.get(ann.id()).await.unwrap()), seen(&ann));
}

async fn a_version_beyond_the_head_is_a_conflict_and_leaves_no_gap(store: impl EventStore<Basket>) {
    let mut basket = created();
    store.save(&mut basket).await.unwrap();
    let mut elsewhere = basket.clone();
    add(&mut elsewhere, "socks", 1);
    elsewhere.mark_saved();
    add(&mut elsewhere, "rocks", 1);
    let error = store.save(&mut elsewhere).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 2, found: 1 }), "{error:?}");

    let nobody = created_with_socks();
    for claimed in [1, 7, u64::MAX] {
        let outcome = store.append(nobody.id(), Expected::Claimed(claimed), CommitId::new(), nobody.new_events()).await;
        assert!(
            matches!(outcome, Err(StoreError::Conflict { expected, found: 0 }) if expected == claimed),
            "{outcome:?}"
        );
    }
    assert!(matches!(store.get(nobody.id()).await, Err(StoreError::NotFound { .. })));
    assert_eq!(version(&store, &basket).await, 1);
}

async fn the_same_commit_again_appends_nothing(store: impl EventStore<Basket>) {
    for mut basket in [created(), created_with_socks()] {
        let (commit, mut again) = (CommitId::new(), basket.clone());
        store.save_as(commit, &mut basket).await.unwrap();
        store.save_as(commit, &mut again).await.unwrap();
        assert!(again.new_events().is_empty());
        assert_eq!(version(&store, &basket).await, basket.version());

        // Also when others have written since.
        add(&mut basket, "rocks", 1);
        let mut late = basket.clone();
        let commit = CommitId::new();
        store.save_as(commit, &mut basket).await.unwrap();
        add(&mut basket, "clocks", 1);
        store.save(&mut basket).await.unwrap();
        store.save_as(commit, &mut late).await.unwrap();
        assert_eq!(version(&store, &basket).await, basket.version());
    }
}

async fn the_same_events_under_another_commit_are_a_conflict(store: impl EventStore<Basket>) {
    let mut basket = created_with_socks();
    let mut again = basket.clone();
    store.save_as(CommitId::new(), &mut basket).await.unwrap();
    let error = store.save_as(CommitId::new(), &mut again).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 0, found: 2 }), "{error:?}");
}

async fn a_commit_that_meets_a_conflict_leaves_none_of_its_events(store: impl EventStore<Basket>) {
    let mut basket = created();
    store.save(&mut basket).await.unwrap();
    let mut late = EventSourced::<Basket>::new(*basket.id());
    late.decide(|basket| basket.create(new_id())).unwrap();
    (0..3).for_each(|_| add(&mut late, "socks", 1));
    assert!(matches!(store.save(&mut late).await, Err(StoreError::Conflict { expected: 0, found: 1 })));
    assert_eq!(version(&store, &basket).await, 1);
}

async fn streams_do_not_meet(store: impl EventStore<Basket>) {
    let (mut one, mut two) = (created_with_socks(), created());
    store.save(&mut one).await.unwrap();
    store.save(&mut two).await.unwrap();
    add(&mut two, "rocks", 9);
    store.save(&mut two).await.unwrap();
    assert_eq!(seen(&store.get(one.id()).await.unwrap()), (2, vec![("socks".to_owned(), 1)]));
    assert_eq!(seen(&store.get(two.id()).await.unwrap()), (2, vec![("rocks".to_owned(), 9)]));
}

async fn a_command_is_loaded_decided_and_appended(store: impl EventStore<Basket>) {
    let mut basket = created();
    store.save(&mut basket).await.unwrap();
    let handled = store.handle(basket.id(), |basket| basket.add_item(&product("rocks"), qty(2))).await.unwrap();
    assert_eq!(seen(&handled), (2, vec![("rocks".to_owned(), 2)]));
    assert!(handled.new_events().is_empty());
    assert_eq!(seen(&store.get(basket.id()).await.unwrap()), seen(&handled));
}

async fn a_refused_command_writes_nothing(store: impl EventStore<Basket>) {
    let mut basket = created();
    store.save(&mut basket).await.unwrap();
    let refused = store.handle(basket.id(), |basket| basket.remove_item(&product("rocks"))).await.unwrap_err();
    assert!(matches!(refused, HandleError::Refused(Refusal::NotInBasket { .. })), "{refused:?}");
    assert_eq!(version(&store, &basket).await, 1);
}

async fn a_command_that_decides_nothing_writes_nothing(store: impl EventStore<Basket>) {
    let mut basket = created();
    store.save(&mut basket).await.unwrap();
    let handled = store.handle(basket.id(), |_| Ok::<_, Refusal>(vec![])).await.unwrap();
    assert_eq!(handled.version(), 1);
    assert_eq!(version(&store, &basket).await, 1);
}

async fn a_command_to_nobody_is_not_found(store: impl EventStore<Basket>) {
    let outcome = store.handle(&new_id(), |basket| basket.add_item(&product("rocks"), qty(2))).await;
    assert!(matches!(outcome, Err(HandleError::Store(StoreError::NotFound { .. }))), "{outcome:?}");
}

async fn commands_that_race_are_all_decided_on_what_is_there(store: impl EventStore<Basket> + Send + 'static) {
    let mut basket = created_with_socks();
    store.save(&mut basket).await.unwrap();
    let (store, id) = (Arc::new(store), *basket.id());
    let racers = (0..16).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            if n % 2 == 0 {
                store.handle(&id, |basket| basket.add_item(&product("rocks"), qty(1))).await.map(|_| ())
            } else {
                store.handle(&id, |basket| basket.remove_item(&product("socks"))).await.map(|_| ())
            }
        })
    });
    let outcomes: Vec<_> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(HandleError::Refused(_)))).count();
    assert_eq!((outcomes.iter().filter(|outcome| outcome.is_ok()).count(), refused), (9, 7), "{outcomes:?}");
    assert_eq!(seen(&store.get(&id).await.unwrap()), (11, vec![("rocks".to_owned(), 8)]));
}

async fn documents_come_in_order_however_many(store: impl EventLog<Baskets>) {
    let (mut long, mut short) = (created(), created_with_socks());
    for _ in 1..1_200 {
        add(&mut long, "rocks", 1);
    }
    store.save(&mut long).await.unwrap();
    store.save(&mut short).await.unwrap();
    let versions = async |scope| -> Vec<u64> {
        let entries: Vec<Entry<Baskets>> = store.log(scope).try_collect().await.unwrap();
        entries.iter().map(|entry| entry.version).collect()
    };
    let id = *long.id();
    assert_eq!(versions(Scope::From(id, 1)).await, (1..=1_200).collect::<Vec<_>>());
    assert_eq!(versions(Scope::From(id, 1_199)).await, [1_199, 1_200]);
    assert_eq!(versions(Scope::From(id, u64::MAX)).await, [0; 0]);
    assert_eq!(versions(Scope::NewestFirst(id)).await, (1..=1_200).rev().collect::<Vec<_>>());
    assert_eq!(versions(Scope::NewestFirst(new_id())).await, [0; 0]);
    let all: Vec<Entry<Baskets>> = store.log(Scope::All).try_collect().await.unwrap();
    assert_eq!(all.len(), 1_202);
    assert!(all.is_sorted_by_key(|entry| (entry.stream, entry.version)));
    assert_eq!(store.count().await.unwrap(), 1_202);
    assert_eq!(store.faults().await.unwrap(), [] as [String; 0]);
}

async fn an_import_is_whole_or_not_at_all(store: impl EventLog<Baskets>) {
    let mut basket = created_with_socks();
    store.save(&mut basket).await.unwrap();
    let documents: Vec<_> = store.documents(Scope::From(*basket.id(), 1)).try_collect().await.unwrap();
    assert_eq!(store.import(&documents, true).await.unwrap(), 0, "all are there");

    // Another basket, and then another event in the place of the socks.
    let line = |document: &bson::RawDocumentBuf| bson::Document::try_from(document).unwrap();
    let (stranger, key) = (bson::oid::ObjectId::new(), bson::oid::ObjectId::new());
    let mut new = line(&documents[0]);
    new.extend([("_id".to_owned(), stranger.into()), ("basket_id".to_owned(), key.into())]);
    let mut other = line(&documents[1]);
    other.insert("data", bson::doc! { "product": "hats", "qty": 1_i64 });
    let raw = |document: &bson::Document| bson::RawDocumentBuf::try_from(document).unwrap();
    let refused = store.import(&[raw(&other), raw(&new)], true).await.unwrap_err();
    assert!(matches!(refused, StoreError::Diverged { version: 2, .. }), "{refused}");
    assert_eq!(store.count().await.unwrap(), 2, "the other basket did not come in either");
    assert_eq!(store.import(&[raw(&new)], false).await.unwrap(), 1);
    assert_eq!(store.import(&[raw(&new)], true).await.unwrap(), 1);
    assert_eq!(store.count().await.unwrap(), 3);
}
