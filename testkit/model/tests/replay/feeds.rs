//! Ways through the model of a feed, with real subscriptions. What is made of an event is a number that counts how often it was
//! folded, in the totals of the feed.

use std::{collections::BTreeMap, sync::atomic::Ordering::SeqCst, time::Duration};

use basket_domain::BasketId;
use basket_mongo::{
    Baskets, EventStore, Feeds, StoreError, Subscription,
    store::{
        batch::Batch,
        feed::{Shape, Totals, Which},
        subscription::Options,
    },
};
use model::{
    feed::{Action, Feed, LOG, State},
    safeguards::Safeguard,
    story::counter_example,
};
use stateright::Model;
use testkit::mongo::{TestDatabase, add, created, saved, with_database};
use tokio::time::sleep;

use crate::{appends::law_holds, without::Without};

const LEASE: Duration = Duration::from_millis(400);
const SHAPE: Shape = Shape { number: 1, indexes: &[] };

type Reader<'a> = Subscription<'a, Baskets, Without>;

fn options(holder: &str) -> Options {
    Options { lease: LEASE, holder: holder.to_owned(), ..Options::default() }
}

/// A feed that has read all there is, and then the events of the model, in their order. Returns their streams.
async fn begin(db: &TestDatabase) -> [BasketId; 2] {
    let store = db.store().await;
    saved(&store, created()).await;
    let mut reader = Subscription::<Baskets, _>::open(&store, "folded", SHAPE, options("before")).await.unwrap();
    loop {
        let batch = reader.next().await.unwrap();
        let is_last = batch.is_last;
        reader.keep(batch, Totals::new()).await.unwrap();
        if is_last {
            break;
        }
    }
    reader.close().await.unwrap();
    let mut streams = [created(), created()];
    for (stream, version) in LOG {
        if version > 1 {
            add(&mut streams[stream], "socks", 1);
        }
        store.save(&mut streams[stream]).await.unwrap();
    }
    streams.map(|stream| *stream.id())
}

/// The places of a batch's events in the log of the model.
fn places(batch: &Batch<Baskets>, streams: &[BasketId]) -> Vec<u8> {
    let place =
        |stream: usize, version: u64| LOG.iter().position(|event| *event == (stream, version as u8)).unwrap() as u8;
    let of = |id: &BasketId| streams.iter().position(|stream| stream == id).unwrap();
    batch.entries.iter().map(|entry| place(of(&entry.stream), entry.version)).collect()
}

/// Walks a way through the model, and returns what is there in the end, as far as the laws ask for it.
async fn walk(db: &TestDatabase, model: &Feed, way: &[(Action, State)], is_safe: bool) -> State {
    let streams = begin(db).await;
    let store = Without::new(db.store().await, model.without.filter(|_| !is_safe));
    let mut readers = BTreeMap::<u8, (Reader<'_>, Option<Batch<Baskets>>)>::new();
    let mut state = model.init_states().remove(0);
    let mut newest = 0;
    for (action, after) in way {
        match *action {
            Action::Claim(who) => {
                let holder = format!("reader {who}");
                let open = Subscription::try_open(&store, "folded", SHAPE, options(&holder), false).await.unwrap();
                newest = who;
                readers.insert(who, (open.ok().unwrap(), None));
            }
            Action::Next(who, repeats) => {
                store.repeats.store(repeats, SeqCst);
                let (reader, kept) = readers.get_mut(&who).unwrap();
                let mut batch = reader.next().await.unwrap();
                while batch.entries.is_empty() {
                    batch = reader.next().await.unwrap();
                }
                let expected = after.readers[usize::from(who)].batch.clone().unwrap_or_default().events;
                assert!(is_safe || places(&batch, &streams) == expected, "{:?}", places(&batch, &streams));
                *kept = Some(batch);
            }
            Action::Arrive(who) => {
                let (reader, batch) = readers.get_mut(&who).unwrap();
                let batch = batch.take().unwrap();
                let folded = places(&batch, &streams).into_iter();
                let totals = folded.map(|place| (place.to_string(), [("folded".to_owned(), 1)].into())).collect();
                tokio::select! {
                    biased;
                    // In the story it does nothing more.
                    () = store.half.notified() => {}
                    kept = reader.keep(batch, totals) => kept.unwrap(),
                }
                state.is_overruled |= who != newest;
            }
            Action::Stay(who) => match readers.get_mut(&who).unwrap().0.stay().await {
                Err(StoreError::Fenced { .. }) => {}
                stayed => {
                    stayed.unwrap();
                    state.is_overruled |= who != newest;
                }
            },
            Action::Over => sleep(LEASE + Duration::from_millis(200)).await,
            // A set of one has confirmed it at once.
            Action::Keep(_) | Action::Answer(_) | Action::Confirm => {}
            other => panic!("no story has {other:?}"),
        }
    }
    let rows = store.feed("folded").await.unwrap().unwrap().rows;
    for (place, numbers) in store.totals(&rows, &Which::All).await.unwrap() {
        let many = usize::try_from(numbers["folded"]).unwrap();
        state.primary.folded.extend(std::iter::repeat_n(place.parse::<u8>().unwrap(), many));
    }
    state
}

fn replay(safeguard: Safeguard) {
    let model = Feed::without(safeguard);
    let way = counter_example(&model).unwrap();
    let states = way.iter().skip(1).map(|(state, _)| state.clone());
    let actions: Vec<_> = way.iter().filter_map(|(_, action)| *action).zip(states).collect();
    let mut expected = way.last().unwrap().0.primary.folded.clone();
    expected.sort_unstable();
    with_database(async |db| {
        let broken = walk(&db, &model, &actions, false).await;
        assert_eq!(broken.primary.folded, expected, "folded as the story says");
        assert!(!law_holds(&model, &broken), "{broken:?}");
    });
    with_database(async |db| {
        let state = walk(&db, &model, &actions, true).await;
        assert!(law_holds(&Feed { law: None, ..model.clone() }, &state), "{state:?}");
        println!("{safeguard:?}: folded {:?}", state.primary.folded);
    });
}

#[test]
fn without_the_fence_a_reader_that_was_taken_over_writes() {
    replay(Safeguard::Fence);
}

#[test]
fn without_the_marks_an_event_is_folded_twice() {
    replay(Safeguard::Mark);
}

#[test]
fn without_the_one_transaction_events_are_folded_twice() {
    replay(Safeguard::OneTransaction);
}
