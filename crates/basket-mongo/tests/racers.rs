//! Sixteen racers, one voucher: one of them redeems it, in every round, also while primaries are voted out, killed and frozen, and
//! while another program deletes the guards. Two well-known stores let 5 to 16 of 16 pass.
//!
//! The short form runs with the other tests; `RACE_ROUNDS=1000 scripts/with-mongo cargo test --workspace --test racers` is the
//! long one.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use basket_domain::{Basket, BasketEvent, BasketId, Refusal, Voucher};
use basket_mongo::{
    Baskets, CommandError, Commit, Done, Entry, EventStore, MongoStore, Outcome, Query, Scope, StoreError, Together,
    baskets::voucher_tag, store::together::Part,
};
use bson::doc;
use futures_util::future::join_all;
use testkit::{
    mongo::{created, saved, with_database},
    own_set::OwnSet,
};
use tokio::time::sleep;

const RACERS: usize = 16;

/// How many rounds: so many, or what the long form is asked for.
fn rounds(short: u32) -> u32 {
    env::var("RACE_ROUNDS").map_or(short, |rounds| rounds.parse().unwrap())
}

fn voucher(round: u32) -> Voucher {
    format!("V{round}").parse().unwrap()
}

fn about(voucher: &Voucher) -> Query {
    Query::tagged([voucher_tag(voucher)])
}

type Redeemed = Result<Done<Basket>, CommandError<BasketEvent, Refusal>>;

async fn redeem(store: &MongoStore<Baskets>, id: &BasketId, voucher: &Voucher) -> Redeemed {
    let decide = |[basket]: [&Basket; 1], seen: &[Entry<Baskets>]| {
        basket.redeem(voucher, seen.iter().map(|entry| &entry.event)).map(|events| [events])
    };
    let command = store.across([id]).given(about(voucher)).once(voucher.as_str());
    command.deadline(Duration::from_secs(3)).run(decide).await.map(|[done]| done)
}

/// What came of all the rounds.
#[derive(Debug, Default)]
struct Tally {
    won: u32,
    refused: u32,
    asked_again: u32,
    attempts: u32,
    worst: Duration,
}

/// Lets all of them race for one voucher until each knows what came of it, and checks what is stored.
async fn round(stores: &[MongoStore<Baskets>], ids: &[BasketId], round: u32, tally: &mut Tally) {
    let start = Instant::now();
    let racers = ids.iter().enumerate().map(|(n, id)| {
        let (store, id, voucher) = (stores[n % stores.len()].clone(), *id, voucher(round));
        tokio::spawn(async move {
            let mut again = 0;
            loop {
                match redeem(&store, &id, &voucher).await {
                    Err(error) if error.is_transient() => again += 1,
                    outcome => return (outcome, again),
                }
                sleep(Duration::from_millis(100)).await;
            }
        })
    });
    let mut won = 0;
    for racer in join_all(racers).await {
        let (outcome, again) = racer.unwrap();
        tally.asked_again += again;
        match outcome {
            Ok(done) => {
                assert!(done.outcome == Outcome::Now || again > 0, "{done:?}");
                tally.attempts += done.attempts;
                won += 1;
            }
            Err(CommandError::Refused(Refusal::VoucherRedeemed { .. })) => tally.refused += 1,
            Err(other) => panic!("round {round}: {other:?}"),
        }
    }
    assert_eq!(won, 1, "round {round}");
    tally.won += won;
    tally.worst = tally.worst.max(start.elapsed());
    let stored = loop {
        match stores[0].entries(Scope::Matching(about(&voucher(round))), RACERS).await {
            Ok(stored) => break stored,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    };
    assert_eq!(stored.len(), 1, "round {round}: {stored:?}");
}

/// Two stores that share nothing, and the baskets of the racers.
async fn racers(address: &str) -> (Vec<MongoStore<Baskets>>, Vec<BasketId>) {
    let (mut stores, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        stores.push(MongoStore::<Baskets>::at(address).await.unwrap());
    }
    for _ in 0..RACERS {
        ids.push(*saved(&stores[0], created()).await.id());
    }
    (stores, ids)
}

#[test]
fn one_of_sixteen_redeems_a_voucher() {
    with_database(async |db| {
        let (stores, ids) = racers(&db.address).await;
        let mut tally = Tally::default();
        for n in 0..rounds(25) {
            round(&stores, &ids, n, &mut tally).await;
        }
        println!("{tally:?}");
    });
}

#[test]
fn one_of_sixteen_redeems_a_voucher_while_the_guards_are_deleted() {
    with_database(async |db| {
        let (stores, ids) = racers(&db.address).await;
        let (over, guards) =
            (Arc::new(AtomicBool::new(false)), db.database.collection::<bson::Document>("baskets_guards"));
        let (end, deleted) = (Arc::clone(&over), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&deleted);
        let pruning = tokio::spawn(async move {
            while !end.load(SeqCst) {
                let gone = guards.delete_many(doc! {}).await.map_or(0, |gone| gone.deleted_count);
                counted.fetch_add(gone as u32, SeqCst);
                sleep(Duration::from_millis(40)).await;
            }
        });
        let mut tally = Tally::default();
        for n in 0..rounds(12) {
            round(&stores, &ids, n, &mut tally).await;
        }
        over.store(true, SeqCst);
        pruning.await.unwrap();
        assert!(deleted.load(SeqCst) > 0, "guards were there to be deleted");
        println!("{tally:?}, {deleted:?} guards deleted");
    });
}

#[test]
fn one_of_sixteen_redeems_a_voucher_while_primaries_fall() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(mut set) = OwnSet::start(false).await else { return };
        let (stores, ids) = racers(&set.address()).await;
        let (over, rounds) = (Arc::new(AtomicBool::new(false)), rounds(8).min(150));
        let (end, mut faults) = (Arc::clone(&over), 0);
        let race = tokio::spawn(async move {
            let mut tally = Tally::default();
            for n in 0..rounds {
                round(&stores, &ids, n, &mut tally).await;
                // So that faults meet rounds at all their places.
                sleep(Duration::from_millis(u64::from(n * 37 % 200))).await;
            }
            end.store(true, SeqCst);
            tally
        });
        while !over.load(SeqCst) && !race.is_finished() {
            let mut primary = None;
            for (place, member) in set.members.iter().enumerate() {
                if member.is_primary().await {
                    primary = Some(place);
                }
            }
            let Some(primary) = primary else { continue };
            let member = &mut set.members[primary];
            match faults % 3 {
                // The connection may break before the answer.
                0 => drop(member.direct().await.run_command(doc! { "replSetStepDown": 2, "force": true }).await),
                1 => {
                    member.kill("KILL");
                    sleep(Duration::from_millis(300)).await;
                    member.run();
                }
                _ => {
                    member.signal("STOP");
                    sleep(Duration::from_millis(1_500)).await;
                    member.signal("CONT");
                }
            }
            faults += 1;
            sleep(Duration::from_millis(1_500)).await;
        }
        println!("{:?}, {faults} faults", race.await.unwrap());
    });
}

/// What goes wrong without it: look first, and then act, each for itself right.
async fn look_and_act(store: &MongoStore<Baskets>, id: &BasketId, voucher: &Voucher) -> bool {
    let seen = store.entries(Scope::Matching(about(voucher)), RACERS).await.unwrap();
    let decide = |basket: &Basket| basket.redeem(voucher, seen.iter().map(|entry| &entry.event));
    store.command(id).run(decide).await.is_ok()
}

/// The same with a token, which was read after the events: nothing stops an append of the time in between.
async fn token_after_the_events(store: &MongoStore<Baskets>, id: &BasketId, voucher: &Voucher) -> bool {
    let query = about(voucher);
    let seen = store.entries(Scope::Matching(query.clone()), RACERS).await.unwrap();
    sleep(Duration::from_millis(fastrand::u64(0..200))).await;
    let token = store.ask(&query).await.unwrap().token;
    let basket = store.get(id).await.unwrap();
    let Ok(events) = basket.state().redeem(voucher, seen.iter().map(|entry| &entry.event)) else { return false };
    let part = Part { id, version: basket.version(), events: &events };
    match store.append_together(&Commit::default(), &[part], &[(&query, &token)]).await {
        Ok(outcome) => outcome == Outcome::Now,
        Err(error) => {
            assert!(matches!(error, StoreError::Outdated { .. } | StoreError::Conflict { .. }), "{error:?}");
            false
        }
    }
}

#[test]
fn who_looks_first_and_acts_then_lets_several_pass() {
    with_database(async |db| {
        let (stores, ids) = racers(&db.address).await;
        let (mut naive, mut late) = (Vec::new(), Vec::new());
        for n in 0..5 {
            let (one, other) = (voucher(n), voucher(n + 1_000));
            let passed = join_all(ids.iter().map(|id| look_and_act(&stores[0], id, &one))).await;
            naive.push(passed.into_iter().filter(|passed| *passed).count());
            let passed = join_all(ids.iter().map(|id| token_after_the_events(&stores[0], id, &other))).await;
            late.push(passed.into_iter().filter(|passed| *passed).count());
        }
        println!("of 16, look and act: {naive:?}; the token after the events: {late:?}");
        assert!(naive.iter().chain(&late).all(|passed| *passed > 0));
        assert!(naive.iter().any(|passed| *passed > 1) && late.iter().any(|passed| *passed > 1), "{naive:?} {late:?}");
    });
}
