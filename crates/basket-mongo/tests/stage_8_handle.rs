//! Stage 8, encore: two shoppers, one basket. Both read version 3, both decide, and only one can write version 4.
//! The other has decided on an old state: it loads again and decides again.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use basket_domain::{Basket, BasketEvent, BasketId, EventSourced, Refusal};
use basket_mongo::{CommitId, EventStore, Expected, HandleError, StoreError, store::event_store::MAX_ATTEMPTS};
use futures_util::future::join_all;
use testkit::mongo::{created, created_with_socks, new_id, product, qty, with_database};

#[test]
fn a_command_is_loaded_decided_and_appended() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created());
        store.save(&mut basket).await.unwrap();
        let handled = store.handle(basket.id(), |basket| basket.add_item(&product("rocks"), qty(2))).await.unwrap();
        assert_eq!((handled.version(), handled.new_events()), (2, &[][..]));
        assert_eq!(store.get(basket.id()).await.unwrap().state().quantity(&product("rocks")), 2);
    });
}

#[test]
fn two_shoppers_at_once_both_get_what_they_asked_for() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created());
        store.save(&mut basket).await.unwrap();
        let add = |name| store.handle(basket.id(), move |basket| basket.add_item(&product(name), qty(1)));
        for outcome in join_all(["rocks", "clocks", "socks", "hats"].map(add)).await {
            outcome.expect("the slower one met a conflict, and should have loaded again and decided afresh");
        }
        assert_eq!(store.get(basket.id()).await.unwrap().state().items().len(), 4);
    });
}

#[test]
fn the_second_decision_is_made_on_what_is_there_by_then() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created_with_socks());
        store.save(&mut basket).await.unwrap();
        let remove = |_| store.handle(basket.id(), |basket| basket.remove_item(&product("socks")));
        let outcomes = join_all((0..4).map(remove)).await;
        let removed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(removed, 1, "the socks were there once, so one removal can succeed: {outcomes:?}");
        for refused in outcomes.into_iter().filter_map(Result::err) {
            assert!(matches!(refused, HandleError::Refused(Refusal::NotInBasket { .. })), "{refused:?}");
        }
    });
}

#[test]
fn a_refusal_is_an_answer_and_is_not_tried_again() {
    with_database(async |db| {
        let (store, mut basket, asked) = (db.store().await, created(), AtomicU32::new(0));
        store.save(&mut basket).await.unwrap();
        let refused = store.handle(basket.id(), |basket| {
            asked.fetch_add(1, SeqCst);
            basket.remove_item(&product("socks"))
        });
        assert!(matches!(refused.await, Err(HandleError::Refused(Refusal::NotInBasket { .. }))));
        assert_eq!(asked.into_inner(), 1);
        assert_eq!(db.stream(*basket.id()).await.len(), 1);
    });
}

/// A store where another writer always comes first.
#[derive(Default)]
struct Busy {
    appends: AtomicU32,
}

impl EventStore<Basket> for Busy {
    async fn get(&self, id: &BasketId) -> Result<EventSourced<Basket>, StoreError> {
        Ok(EventSourced::new(*id).replay([BasketEvent::BasketCreated { basket_id: *id }]))
    }

    async fn append(&self, _: &BasketId, _: Expected, _: CommitId, _: &[BasketEvent]) -> Result<(), StoreError> {
        self.appends.fetch_add(1, SeqCst);
        Err(StoreError::Conflict { expected: 1, found: 2 })
    }
}

#[tokio::test(start_paused = true)]
async fn who_never_gets_a_turn_gives_up_after_a_bounded_number_of_attempts() {
    let (store, id) = (Busy::default(), new_id());
    let outcome = store.handle(&id, |basket| basket.add_item(&product("rocks"), qty(1))).await;
    assert!(matches!(outcome, Err(HandleError::Contended { attempts: MAX_ATTEMPTS, .. })), "{outcome:?}");
    assert_eq!(store.appends.into_inner(), MAX_ATTEMPTS);
}

#[test]
fn sixty_four_tasks_adding_to_one_basket_leave_no_gap_and_lose_nothing() {
    with_database(async |db| {
        let mut basket = created();
        let id = *basket.id();
        db.store().await.save(&mut basket).await.unwrap();

        // Half of them share a connection pool, the others are strangers to each other.
        let shared = std::sync::Arc::new(db.store().await);
        let tasks = (1..=64).map(|n| {
            let (shared, address) = (shared.clone(), db.address.clone());
            tokio::spawn(async move {
                let own = basket_mongo::MongoStore::<basket_mongo::Baskets>::at(&address).await.unwrap();
                let store = if n % 2 == 0 { &*shared } else { &own };
                store.handle(&id, |basket| basket.add_item(&product("rocks"), qty(n))).await.unwrap();
            })
        });
        for task in join_all(tasks).await {
            task.unwrap();
        }

        let versions: Vec<_> = db.stream(id).await.iter().map(|event| event.get_i64("version").unwrap()).collect();
        assert_eq!(versions, (1..=65).collect::<Vec<_>>());
        let basket = shared.get(&id).await.unwrap();
        assert_eq!(basket.state().quantity(&product("rocks")), (1..=64).sum::<u32>());
    });
}
