//! Commands of one process to one stream line up, whatever holds the store; and a line ends with its last.

use std::{sync::Arc, time::Duration};

use basket_domain::{Basket, BasketId, Refusal, Voucher};
use basket_mongo::{DynEventStore, EventStore, Query, Together, Until, baskets::voucher_tag, store::lines::Lines};
use testkit::mongo::{created, product, qty, saved, with_database};
use tokio::{
    task::{JoinSet, yield_now},
    time::{Instant, sleep},
};

fn key(byte: u8) -> Vec<u8> {
    vec![byte]
}

#[tokio::test]
async fn one_is_at_a_stream_at_a_time_and_a_line_ends_with_its_last() {
    let lines = Lines::default();
    let first = lines.line_up(vec![key(1), key(2), key(1)]).await;
    let waiting = lines.clone();
    let second = tokio::spawn(async move { waiting.line_up(vec![key(2)]).await });
    let third = lines.line_up(vec![key(3)]).await;
    yield_now().await;
    assert!(!second.is_finished());
    drop(first);
    let second = second.await.unwrap();
    assert_eq!(lines.streams(), 2);
    drop((second, third));
    assert_eq!(lines.streams(), 0);
}

#[tokio::test]
async fn who_gives_up_leaves_the_line() {
    let lines = Lines::default();
    let first = lines.line_up(vec![key(1)]).await;
    let there = lines.clone();
    let waiting = tokio::spawn(async move { there.line_up(vec![key(0), key(1)]).await });
    yield_now().await;
    waiting.abort();
    assert!(waiting.await.is_err());
    drop(first);
    assert_eq!(lines.streams(), 0);
}

/// The first in the line may be a future that nobody polls any more.
#[tokio::test(start_paused = true)]
async fn who_waits_in_a_line_that_stands_still_goes_on_without_a_turn() {
    let lines = Lines::default();
    let first = lines.line_up(vec![key(1)]).await;
    let start = Instant::now();
    let without = lines.line_up(vec![key(1)]).await;
    assert!(start.elapsed() >= Duration::from_secs(5));
    drop((first, without));
    assert_eq!(lines.streams(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_a_line_that_moves_goes_on_waiting() {
    let lines = Lines::default();
    let mut waiting = JoinSet::new();
    for place in 0..4_u32 {
        let lines = lines.clone();
        waiting.spawn(async move {
            let _turn = lines.line_up(vec![key(1)]).await;
            sleep(Duration::from_secs(4)).await;
            place
        });
    }
    let start = Instant::now();
    let mut ended = Vec::new();
    while let Some(place) = waiting.join_next().await {
        ended.push((place.unwrap(), start.elapsed().as_secs()));
    }
    assert_eq!(ended, [(0, 4), (1, 8), (2, 12), (3, 16)]);
}

/// Who goes on without a turn, or gives up, has not moved the line.
#[tokio::test(start_paused = true)]
async fn the_patience_of_each_counts_from_when_it_came() {
    let lines = Lines::default();
    let _first = lines.line_up(vec![key(1)]).await;
    let start = Instant::now();
    let came = |lines: Lines, after: u64| async move {
        sleep(Duration::from_secs(after)).await;
        drop(lines.line_up(vec![key(1)]).await);
        start.elapsed().as_secs()
    };
    let gives_up = tokio::spawn(came(lines.clone(), 2));
    let (second, third) = (tokio::spawn(came(lines.clone(), 0)), tokio::spawn(came(lines.clone(), 1)));
    sleep(Duration::from_secs(4)).await;
    gives_up.abort();
    assert_eq!((second.await.unwrap(), third.await.unwrap()), (5, 6));
}

/// The first of the line is never polled again, and the store answers.
#[test]
fn a_command_with_a_deadline_is_done_in_time_behind_one_that_stands_still() {
    with_database(async |db| {
        let store = db.store().await;
        let id = *saved(&store, created()).await.id();
        let _first = store.line_up(&[&id]).await.unwrap();
        let rocks = product("rocks");
        let command = store.command(&id).deadline(Duration::from_secs(2));
        assert_eq!(command.run(|basket| basket.add_item(&rocks, qty(1))).await.unwrap().attempts, 1);
    });
}

/// Sixteen commands at once; returns how often each was decided.
async fn decided(store: impl EventStore<Basket> + Clone + Send + 'static, id: BasketId) -> Vec<u32> {
    let mut commands = JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        commands.spawn(async move {
            let rocks = product("rocks");
            store.command(&id).run(|basket| basket.add_item(&rocks, qty(1))).await.unwrap().attempts
        });
    }
    commands.join_all().await
}

#[test]
fn each_command_of_many_to_one_stream_is_decided_once_whatever_holds_the_store() {
    with_database(async |db| {
        let store = db.store().await;
        let id = *saved(&store, created()).await.id();
        let once = vec![1; 16];
        assert_eq!(decided(store.clone(), id).await, once, "the store");
        assert_eq!(decided(Arc::new(store.clone()), id).await, once, "an Arc");
        assert_eq!(decided(Until::new(store.clone(), Duration::from_secs(60)), id).await, once, "until a deadline");
        assert_eq!(decided(store.clone().observed(), id).await, once, "observed");
        let held: Arc<dyn DynEventStore<Basket>> = Arc::new(store);
        assert_eq!(decided(held, id).await, once, "a pointer");
    });
}

#[test]
fn commands_to_two_streams_wait_for_their_turn_at_both_and_never_for_each_other() {
    with_database(async |db| {
        let store = db.store().await;
        let [a, b] = [*saved(&store, created()).await.id(), *saved(&store, created()).await.id()];
        let mut commands = JoinSet::new();
        for number in 0..8 {
            let (store, ids) = (store.clone(), if number % 2 == 0 { [a, b] } else { [b, a] });
            commands.spawn(async move {
                let rocks = product("rocks");
                let both = store.across([&ids[0], &ids[1]]);
                let [one, _] = both
                    .run(|[one, other]| {
                        Ok::<_, Refusal>([one.add_item(&rocks, qty(1))?, other.add_item(&rocks, qty(1))?])
                    })
                    .await
                    .unwrap();
                one.attempts
            });
        }
        assert_eq!(commands.join_all().await, vec![1; 8]);
        let mut commands = JoinSet::new();
        for _ in 0..8 {
            let store = store.clone();
            commands.spawn(async move {
                let voucher: Voucher = "SPRING".parse().unwrap();
                let tag = Query::tagged([voucher_tag(&voucher)]);
                let [done] = store
                    .across([&a])
                    .given(tag)
                    .run(|[basket], _| Ok::<_, Refusal>([basket.redeem(&voucher, [])?]))
                    .await
                    .unwrap();
                done.attempts
            });
        }
        assert_eq!(commands.join_all().await, vec![1; 8], "the query is asked when it is their turn");
        assert_eq!(store.get(&a).await.unwrap().state().quantity(&product("rocks")), 8);
    });
}
