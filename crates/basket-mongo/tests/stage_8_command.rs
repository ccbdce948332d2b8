//! Stage 8, encore: two shoppers, one basket. Both read version 3, both decide, and only one can write version 4.
//! The other has decided on an old state: it loads again and decides again.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use basket_domain::{Basket, BasketEvent, BasketId, EventSourced, Refusal};
use basket_mongo::{
    Baskets, CommandError, Commit, Entry, EventStore, Expected, MongoStore, Outcome, Retries, Scope, StoreError,
};
use futures_util::future::join_all;
use testkit::mongo::{TestDatabase, created, created_with_socks, new_id, product, qty, with_database};

#[test]
fn a_command_is_loaded_decided_and_appended() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created());
        store.save(&mut basket).await.unwrap();
        let done = store.command(basket.id()).run(|basket| basket.add_item(&product("rocks"), qty(2))).await.unwrap();
        assert_eq!(done.root.version(), 2, "left is the version of the basket that run returned");
        assert_eq!(done.outcome, Outcome::Now, "what append has answered is passed on, with the basket");
        assert_eq!(done.root.new_events(), [], "they were appended, so they are not new any more");
        assert_eq!(store.get(basket.id()).await.unwrap().state().quantity(&product("rocks")), 2);
    });
}

/// Each shopper has a program of their own: the commands of one program would wait for each other.
async fn programs(db: &TestDatabase) -> Vec<MongoStore<Baskets>> {
    let stores = join_all((0..4).map(|_| db.store())).await;
    // Each has looked for its index, and will not again.
    for store in &stores {
        store.save(&mut created()).await.unwrap();
    }
    stores
}

#[test]
fn two_shoppers_at_once_both_get_what_they_asked_for() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created());
        store.save(&mut basket).await.unwrap();
        let stores = programs(&db).await;
        let adds = ["rocks", "clocks", "socks", "hats"]
            .into_iter()
            .zip(&stores)
            .map(|(name, store)| store.command(basket.id()).run(move |basket| basket.add_item(&product(name), qty(1))));
        for outcome in join_all(adds).await {
            outcome.expect("the slower one met a conflict, and should have loaded again and decided afresh");
        }
        let products = store.get(basket.id()).await.unwrap().state().items().len();
        assert_eq!(products, 4, "left is how many of the four products are in the basket");
    });
}

#[test]
fn the_second_decision_is_made_on_what_is_there_by_then() {
    with_database(async |db| {
        let (store, mut basket) = (db.store().await, created_with_socks());
        store.save(&mut basket).await.unwrap();
        let stores = programs(&db).await;
        let removes =
            stores.iter().map(|store| store.command(basket.id()).run(|basket| basket.remove_item(&product("socks"))));
        let (removed, others): (Vec<_>, Vec<_>) = join_all(removes).await.into_iter().partition(Result::is_ok);
        assert_eq!(removed.len(), 1, "the socks were there once, and left is how many have removed them");
        for other in others.into_iter().filter_map(Result::err) {
            let is_refused = matches!(other, CommandError::Refused(Refusal::NotInBasket { .. }));
            assert!(
                is_refused,
                "who was slower loads again, finds no socks and is refused, but this one got: {other:?}"
            );
        }
    });
}

#[test]
fn a_refusal_is_an_answer_and_is_not_tried_again() {
    with_database(async |db| {
        let (store, mut basket, asked) = (db.store().await, created(), AtomicU32::new(0));
        store.save(&mut basket).await.unwrap();
        let refused = store.command(basket.id()).run(|basket| {
            asked.fetch_add(1, SeqCst);
            basket.remove_item(&product("socks"))
        });
        match refused.await {
            Err(CommandError::Refused(Refusal::NotInBasket { .. })) => {}
            Err(other) => panic!("the refusal should be the answer, but it was: {other:?}"),
            Ok(_) => panic!("the command was refused, and run said that all is well"),
        }
        assert_eq!(asked.into_inner(), 1, "left is how often the decider was asked; only a conflict is tried again");
        assert_eq!(db.stream(*basket.id()).await.len(), 1, "a refused command has stored events");
    });
}

/// A store where another writer always comes first.
#[derive(Default)]
struct Busy {
    appends: AtomicU32,
}

impl EventStore<Basket> for Busy {
    fn name(&self) -> &str {
        "busy"
    }

    async fn get(&self, id: &BasketId) -> Result<EventSourced<Basket>, StoreError> {
        Ok(EventSourced::new(*id).replay([BasketEvent::BasketCreated { basket_id: *id }]))
    }

    async fn append(&self, _: &BasketId, _: Expected, _: &Commit, _: &[BasketEvent]) -> Result<Outcome, StoreError> {
        self.appends.fetch_add(1, SeqCst);
        Err(StoreError::Conflict { expected: 1, found: 2 })
    }

    async fn seek(&self, id: &BasketId, _: &Commit) -> Result<(EventSourced<Basket>, Vec<Entry<Baskets>>), StoreError> {
        self.get(id).await.map(|basket| (basket, Vec::new()))
    }

    async fn entries(&self, _: Scope<BasketId>, _: usize) -> Result<Vec<Entry<Baskets>>, StoreError> {
        Ok(Vec::new())
    }
}

const ATTEMPTS: u32 = Retries::COMMAND.attempts;

#[tokio::test(start_paused = true)]
async fn who_never_gets_a_turn_gives_up_after_a_bounded_number_of_attempts() {
    let (store, id) = (Busy::default(), new_id());
    let outcome = store.command(&id).run(|basket| basket.add_item(&product("rocks"), qty(1))).await;
    match outcome {
        Err(CommandError::Contended { attempts: ATTEMPTS, .. }) => {}
        Err(other) => panic!("after {ATTEMPTS} conflicts comes CommandError::Contended, and not {other:?}"),
        Ok(_) => panic!("no append has succeeded, and run said that all is well"),
    }
    assert_eq!(store.appends.into_inner(), ATTEMPTS, "left is how often it has tried to append");
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
                let added = store.command(&id).run(|basket| basket.add_item(&product("rocks"), qty(n))).await;
                added.expect(
                    "one of 64 writers got no turn: wait for put.retries.pause(attempt) before the next attempt",
                );
            })
        });
        for task in join_all(tasks).await {
            task.unwrap();
        }

        let versions: Vec<_> = db.stream(id).await.iter().map(|event| event.get_i64("version").unwrap()).collect();
        assert_eq!(versions, (1..=65).collect::<Vec<_>>(), "left are the versions that were stored");
        let basket = shared.get(&id).await.unwrap();
        assert_eq!(basket.state().quantity(&product("rocks")), (1..=64).sum::<u32>());
    });
}
