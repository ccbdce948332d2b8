//! The contract of a store that keeps feeds, run on each store: each event once, whatever happens to its reader.

use std::{collections::BTreeMap, time::Duration};

use basket_domain::BasketEvent::ItemAdded;
use basket_mongo::{
    Baskets, Entry, Feeds, Maintenance, Poison, Projection, StoreError, Subscription,
    store::{
        batch::Batch,
        codec::stored_number,
        feed::{Change, Claim, Claimed, Mark, Moved, Parked, RowQuery, Rows, Shape, Shown, Totals, Which},
        projection::{next_name, project, rebuild, retry},
        subscription::Options,
    },
};
use bson::{Document, doc};
use futures_util::TryStreamExt;

use crate::mongo::{add, created_with_socks, saved};

/// The contract as tests; `$with` as in [`contract!`](crate::contract!).
#[macro_export]
macro_rules! feed_contract {
    ($with:path) => {
        $crate::feed_contract! { $with;
            a_read_model_is_the_fold_of_the_events
            a_reader_goes_on_where_it_was
            what_was_not_kept_comes_again
            what_was_put_off_comes_again
            a_filter_returns_some_and_reads_all
            a_feed_says_how_fast_it_is_read
            a_call_that_is_dropped_loses_nothing
            a_feed_has_one_reader_at_a_time
            who_was_taken_over_writes_nothing
            a_mark_that_was_moved_is_not_moved_again
            a_missed_event_is_read_with_the_next_one
            a_document_that_cant_be_read_stops_it_or_is_parked
            a_writer_waits_until_it_is_read
            a_read_model_is_built_again_and_takes_the_place_of_the_old_one
            rows_of_another_shape_are_not_written_to
            rows_come_in_the_order_that_is_asked_for
            a_claim_of_a_feed_that_was_forgotten_writes_nothing
            a_reader_that_has_its_feed_takes_it_again
            rows_that_were_replaced_are_not_shown
            numbers_and_texts_in_a_field_are_told_apart
            what_named_no_stream_is_read_again_even_after_a_kill
            many_parked_events_come_in_several_batches
        }
    };
    ($with:path; $($case:ident)*) => {
        $(#[test] fn $case() { $with(async |store| $crate::feed_contract::$case(store).await); })*
    };
}

/// Units added to each basket, and over all of them.
pub struct Units {
    pub shape: i32,
    /// What each unit counts.
    pub weight: i64,
}

pub const UNITS: Units = Units { shape: 1, weight: 1 };

impl Projection<Baskets> for Units {
    fn name(&self) -> &'static str {
        "units"
    }

    fn shape(&self) -> Shape {
        Shape { number: self.shape, indexes: &["units", "products"] }
    }

    fn fold(&self, stream: &[Entry<Baskets>]) -> Document {
        let (mut units, mut products) = (0, Vec::new());
        for entry in stream {
            if let ItemAdded { qty, product, .. } = &entry.event {
                units += i64::from(qty.get()) * self.weight;
                products.push(product.to_string());
            }
        }
        products.sort();
        doc! { "units": units, "events": stream.len() as i64, "products": products }
    }

    fn totals(&self, row: &Document) -> Totals {
        let number = |name: &str| row.get(name).and_then(stored_number).unwrap();
        let numbers = [("units", number("units")), ("events", number("events")), ("baskets", 1)];
        Totals::from([("all".into(), numbers.map(|(name, number)| (name.to_owned(), number)).into())])
    }
}

/// A reader that is taken over soon.
pub fn options(holder: &str) -> Options {
    Options { lease: Duration::from_millis(300), holder: holder.into(), ..Options::default() }
}

pub async fn open<'a, S: Feeds<Baskets> + Sync>(store: &'a S, holder: &str) -> Subscription<'a, Baskets, S> {
    Subscription::open(store, "units", UNITS.shape(), options(holder)).await.unwrap()
}

/// Reads all there is, and returns how many events that were.
pub async fn catch_up<S: Feeds<Baskets> + Sync>(reader: &mut Subscription<'_, Baskets, S>) -> u64 {
    let read = async {
        let mut events = 0;
        loop {
            let (more, is_last) = project(reader, &UNITS).await.unwrap();
            events += more;
            if is_last {
                return events;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("it comes to an end")
}

/// Reads until so many events were read; they must come soon.
pub async fn catch_some<S: Feeds<Baskets> + Sync>(reader: &mut Subscription<'_, Baskets, S>, many: u64) -> u64 {
    let mut events = 0;
    let read = async {
        while events < many {
            events += catch_up(reader).await;
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("the events come");
    events
}

/// How long to wait for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

type Numbers = BTreeMap<String, i64>;

/// The rows and totals that are kept, and those that a fold of all events gives.
pub async fn kept_and_folded<S: Feeds<Baskets> + Sync>(store: &S) -> [(BTreeMap<String, Document>, Numbers); 2] {
    let state = store.feed("units").await.unwrap().unwrap();
    let rows = store.rows(state.rows.clone(), RowQuery::default()).try_collect::<Vec<_>>().await.unwrap();
    let totals = store.totals(&state.rows, &Which::All).await.unwrap().remove("all").unwrap_or_default();
    // A whole number has one type in one store and another in the other.
    let plain = |row: Document| -> Document {
        let long = |(name, value): (String, bson::Bson)| (name, value.as_i32().map_or(value, |n| i64::from(n).into()));
        row.into_iter().map(long).collect()
    };
    let key = |key: bson::Bson| key.as_object_id().unwrap().to_hex();
    let kept = rows.into_iter().map(|(id, mark)| (key(id), plain(mark.row.unwrap()))).collect();
    let mut streams = BTreeMap::<String, Vec<Entry<Baskets>>>::new();
    let log: Vec<Entry<Baskets>> = store.log(basket_mongo::Scope::All).try_collect().await.unwrap();
    log.into_iter().for_each(|entry| streams.entry(entry.stream.to_string()).or_default().push(entry));
    let mut sums = Numbers::new();
    let folded: BTreeMap<_, _> = streams.into_iter().map(|(id, stream)| (id, UNITS.fold(&stream))).collect();
    for row in folded.values() {
        for (name, number) in UNITS.totals(row).remove("all").unwrap() {
            *sums.entry(name).or_default() += number;
        }
    }
    sums.retain(|_, number| *number != 0);
    [(kept, totals), (folded.into_iter().map(|(id, row)| (id, plain(row))).collect(), sums)]
}

pub async fn is_the_fold<S: Feeds<Baskets> + Sync>(store: &S) {
    let [kept, folded] = kept_and_folded(store).await;
    assert_eq!(kept, folded);
}

pub async fn a_read_model_is_the_fold_of_the_events(store: impl Feeds<Baskets> + Sync) {
    let mut one = saved(&store, created_with_socks()).await;
    saved(&store, created_with_socks()).await;
    let mut reader = open(&store, "a").await;
    assert_eq!(catch_up(&mut reader).await, 4);
    is_the_fold(&store).await;
    add(&mut one, "rocks", 5);
    add(&mut one, "clocks", 2);
    store.save(&mut one).await.unwrap();
    saved(&store, created_with_socks()).await;
    assert_eq!(catch_some(&mut reader, 4).await, 4);
    is_the_fold(&store).await;
    let state = store.feed("units").await.unwrap().unwrap();
    assert_eq!((state.events, state.behind, state.parked, state.retries, state.healed), (8, 0, 0, 0, 0));
    assert!(state.as_of.is_some());
}

pub async fn a_reader_goes_on_where_it_was(store: impl Feeds<Baskets> + Sync) {
    let mut basket = saved(&store, created_with_socks()).await;
    for round in 0..4 {
        let mut reader = open(&store, "a").await;
        assert_eq!(catch_up(&mut reader).await, if round == 0 { 2 } else { 3 });
        if round % 2 == 0 {
            // Otherwise it just ends, and its lease runs out.
            reader.close().await.unwrap();
        }
        add(&mut basket, "rocks", round + 1);
        store.save(&mut basket).await.unwrap();
        saved(&store, created_with_socks()).await;
    }
    assert_eq!(catch_up(&mut open(&store, "b").await).await, 3);
    is_the_fold(&store).await;
}

pub async fn what_was_not_kept_comes_again(store: impl Feeds<Baskets> + Sync) {
    saved(&store, created_with_socks()).await;
    let mut reader = open(&store, "a").await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let batch = loop {
            let batch = reader.next().await.unwrap();
            if !batch.entries.is_empty() {
                break batch;
            }
        };
        seen.push(batch.entries.iter().map(|entry| entry.version).collect::<Vec<_>>());
    }
    assert_eq!(seen, [[1, 2], [1, 2], [1, 2]]);
    assert_eq!(catch_up(&mut reader).await, 2);
    is_the_fold(&store).await;
}

/// The next events, with their batch.
async fn some<'a, S: Feeds<Baskets> + Sync>(reader: &mut Subscription<'a, Baskets, S>) -> Batch<Baskets> {
    loop {
        let batch = tokio::time::timeout(PATIENCE, reader.next()).await.expect("events come").unwrap();
        if !batch.entries.is_empty() {
            return batch;
        }
    }
}

pub async fn what_was_put_off_comes_again(store: impl Feeds<Baskets> + Sync) {
    let mut basket = saved(&store, created_with_socks()).await;
    saved(&store, created_with_socks()).await;
    add(&mut basket, "rocks", 5);
    store.save(&mut basket).await.unwrap();
    let mut reader = open(&store, "a").await;
    let (mut answered, mut rounds) = (Vec::new(), 0);
    while answered.len() < 5 {
        let mut batch = some(&mut reader).await;
        let mut entries = std::mem::take(&mut batch.entries);
        let rest = entries.split_off(1);
        assert_eq!(rest.len(), 4 - answered.len(), "all that was not answered");
        answered.extend(entries.iter().map(|entry| (entry.stream, entry.version)));
        batch.put_off(rest);
        reader.keep(batch, Totals::new()).await.unwrap();
        rounds += 1;
        assert_eq!(store.feed("units").await.unwrap().unwrap().events, rounds);
    }
    answered.sort();
    answered.dedup();
    assert_eq!(answered.len(), 5, "each once");

    // Of a stream that is parked nothing comes; it goes on with the event that it was parked for.
    add(&mut basket, "clocks", 1);
    add(&mut basket, "clocks", 2);
    store.save(&mut basket).await.unwrap();
    let mut other = saved(&store, created_with_socks()).await;
    let mut seen = 0;
    while seen < 4 {
        let mut batch = some(&mut reader).await;
        let entries = std::mem::take(&mut batch.entries);
        seen += entries.len();
        if let Some(entry) = entries.iter().find(|entry| entry.version == 5) {
            batch.park(entry, "no one wants it".into());
        }
        reader.keep(batch, Totals::new()).await.unwrap();
    }
    let state = store.feed("units").await.unwrap().unwrap();
    assert_eq!((state.events, state.behind, state.parked), (8, 1, 1));
    add(&mut basket, "clocks", 3);
    add(&mut other, "clocks", 3);
    store.save(&mut basket).await.unwrap();
    store.save(&mut other).await.unwrap();
    let batch = some(&mut reader).await;
    assert_eq!(batch.entries.iter().map(|entry| entry.stream).collect::<Vec<_>>(), [*other.id()]);
    reader.keep(batch, Totals::new()).await.unwrap();
    let mut batch = reader.retry_parked().await.unwrap();
    assert_eq!(batch.entries.iter().map(|entry| entry.version).collect::<Vec<_>>(), [5, 6]);
    let rest = batch.entries.split_off(1);
    batch.put_off(rest);
    reader.keep(batch, Totals::new()).await.unwrap();
    let state = store.feed("units").await.unwrap().unwrap();
    assert_eq!((state.events, state.behind, state.parked), (10, 1, 1), "what was put off of it is parked still");
    let batch = reader.retry_parked().await.unwrap();
    assert_eq!(batch.entries.iter().map(|entry| entry.version).collect::<Vec<_>>(), [6]);
    reader.keep(batch, Totals::new()).await.unwrap();
    let state = store.feed("units").await.unwrap().unwrap();
    assert_eq!((state.events, state.behind, state.parked), (11, 0, 0));
}

pub async fn a_filter_returns_some_and_reads_all(store: impl Feeds<Baskets> + Sync) {
    let mut basket = saved(&store, created_with_socks()).await;
    let id = *basket.id();
    saved(&store, created_with_socks()).await;
    let mut reader =
        open(&store, "a").await.only(move |entry| entry.stream == id && matches!(entry.event, ItemAdded { .. }));
    let mut seen = Vec::new();
    for round in 0..4 {
        let batch = some(&mut reader).await;
        seen.extend(batch.entries.iter().map(|entry| (entry.stream, entry.version)));
        reader.keep(batch, Totals::new()).await.unwrap();
        add(&mut basket, "rocks", round + 1);
        store.save(&mut basket).await.unwrap();
        saved(&store, created_with_socks()).await;
    }
    assert_eq!(seen, [2, 3, 4, 5].map(|version| (id, version)));
    // Also of those that were missed, and are read again.
    let rows = reader.claim().rows.clone();
    let behind = Moved { key: <Baskets as basket_mongo::Codec>::key(&id), from: 6, to: Mark::default() };
    let from = store.marks(&rows, vec![behind.key.clone()]).await.unwrap()[0].1.version;
    store.keep(reader.claim(), &Change { marks: vec![Moved { from, ..behind }], ..Change::default() }).await.unwrap();
    add(&mut basket, "rocks", 1);
    store.save(&mut basket).await.unwrap();
    let batch = some(&mut reader).await;
    assert_eq!(batch.entries[0].version, 2, "the first one was no addition");
    reader.keep(batch, Totals::new()).await.unwrap();
    let (mut other, end) = (reader, tokio::time::Instant::now() + PATIENCE);
    while store.feed("units").await.unwrap().unwrap().behind > 0 {
        assert!(tokio::time::Instant::now() < end, "the others count as read, too");
        let batch = other.next().await.unwrap();
        other.keep(batch, Totals::new()).await.unwrap();
    }
}

pub async fn a_feed_says_how_fast_it_is_read(store: impl Feeds<Baskets> + Sync) {
    let mut basket = saved(&store, created_with_socks()).await;
    let mut reader = open(&store, "a").await;
    let rate = async || store.feed("units").await.unwrap().unwrap().rate;
    let until = async |reader: &mut Subscription<'_, Baskets, _>, is_it: &dyn Fn(f64) -> bool| {
        let end = tokio::time::Instant::now() + PATIENCE;
        while !rate().await.is_some_and(is_it) {
            assert!(tokio::time::Instant::now() < end, "{:?}", rate().await);
            let batch = reader.next().await.unwrap();
            reader.keep(batch, Totals::new()).await.unwrap();
        }
    };
    until(&mut reader, &|rate| rate > 0.0 && rate <= 2.0).await;
    until(&mut reader, &|rate| rate == 0.0).await;
    add(&mut basket, "rocks", 1);
    store.save(&mut basket).await.unwrap();
    until(&mut reader, &|rate| rate > 0.0 && rate <= 1.0).await;
    reader.close().await.unwrap();
    assert_eq!(rate().await, None, "no one reads it");
}

pub async fn a_call_that_is_dropped_loses_nothing(store: impl Feeds<Baskets> + Sync) {
    for _ in 0..20 {
        saved(&store, created_with_socks()).await;
    }
    let mut reader = open(&store, "a").await;
    let (mut seen, mut dropped) = (0, 0_u64);
    while seen < 40 {
        let patience = Duration::from_micros(fastrand::u64(..1_000 + dropped * 50));
        match tokio::time::timeout(patience, project(&mut reader, &UNITS)).await {
            Ok(done) => seen += done.unwrap().0,
            Err(_) => dropped += 1,
        }
        let kept = store.feed("units").await.unwrap().unwrap().events;
        assert!(kept >= seen, "{kept} kept, {seen} said to be");
        seen = kept;
        assert!(dropped < 2_000, "it comes to nothing");
    }
    is_the_fold(&store).await;
}

pub async fn a_feed_has_one_reader_at_a_time(store: impl Feeds<Baskets> + Sync) {
    // Long enough for a busy machine.
    let lease = Duration::from_millis(1_500);
    let patient = Options { lease, ..options("a") };
    let mut first = Subscription::open(&store, "units", UNITS.shape(), patient).await.unwrap();
    let refused = async || {
        let second = Subscription::try_open(&store, "units", UNITS.shape(), options("b"), false).await.unwrap();
        assert_eq!(second.err().as_deref(), Some("a"));
    };
    refused().await;
    // A reader that has nothing to do keeps its lease.
    let end = tokio::time::Instant::now() + lease + lease / 3;
    while tokio::time::Instant::now() < end {
        first.next().await.unwrap();
    }
    refused().await;
    // One that does nothing more has lost it.
    tokio::time::sleep(lease + lease / 10).await;
    open(&store, "b").await.close().await.unwrap();
    let fenced = async {
        loop {
            if let Err(error) = first.next().await {
                break error;
            }
        }
    };
    let error = tokio::time::timeout(PATIENCE, fenced).await.expect("it finds out");
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");
}

pub async fn who_was_taken_over_writes_nothing(store: impl Feeds<Baskets> + Sync) {
    let mut basket = saved(&store, created_with_socks()).await;
    let mut first = open(&store, "a").await;
    let batch = loop {
        let batch = first.next().await.unwrap();
        if !batch.entries.is_empty() {
            break batch;
        }
    };
    let second = Subscription::try_open(&store, "units", UNITS.shape(), options("b"), true).await.unwrap();
    let mut second = second.unwrap_or_else(|_| panic!("it is taken by force"));
    // It has not even read anything: the fence alone stops the first.
    let error = first.keep(batch, Totals::new()).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");
    assert_eq!(store.feed("units").await.unwrap().unwrap().events, 0);
    assert_eq!(catch_up(&mut second).await, 2);
    add(&mut basket, "rocks", 1);
    store.save(&mut basket).await.unwrap();
    catch_some(&mut second, 1).await;
    is_the_fold(&store).await;
}

pub async fn a_mark_that_was_moved_is_not_moved_again(store: impl Feeds<Baskets> + Sync) {
    let Claimed::Ours(claim) = store.claim("units", "a", UNITS.shape(), Duration::from_secs(9), false).await.unwrap()
    else {
        panic!("it is free")
    };
    let moved = |from, version| Change {
        marks: vec![Moved {
            key: "x".into(),
            from,
            to: Mark { version, row: Some(doc! { "units": 1 }), parked: None },
        }],
        totals: Totals::from([("all".into(), [("units".to_owned(), 1)].into())]),
        ..Change::default()
    };
    store.keep(&claim, &moved(0, 2)).await.unwrap();
    for from in [0, 1, 3] {
        // Whose write it was is not known: it is no other reader's, as the fence shows.
        let error = store.keep(&claim, &moved(from, 4)).await.unwrap_err();
        assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
    }
    store.keep(&claim, &moved(2, 3)).await.unwrap();
    let marks = store.marks(&claim.rows, vec!["x".into(), "y".into()]).await.unwrap();
    assert_eq!(marks.iter().map(|(_, mark)| mark.version).collect::<Vec<_>>(), [3]);
    assert_eq!(
        store.totals(&claim.rows, &Which::All).await.unwrap()["all"]["units"],
        2,
        "what was refused has added nothing"
    );
    assert_eq!(store.feed("units").await.unwrap().unwrap().events, 3);
}

pub async fn a_missed_event_is_read_with_the_next_one(store: impl Feeds<Baskets> + Sync) {
    let mut basket = saved(&store, created_with_socks()).await;
    let mut reader = open(&store, "a").await;
    assert_eq!(catch_up(&mut reader).await, 2);
    let rows = reader.claim().rows.clone();
    reader.close().await.unwrap();
    add(&mut basket, "rocks", 7);
    store.save(&mut basket).await.unwrap();
    // The position moves beyond an event that was not read, as if the store had forgotten it.
    let mut reader = open(&store, "a").await;
    loop {
        let batch = reader.next().await.unwrap();
        if !batch.entries.is_empty() {
            break;
        }
    }
    let mut beyond =
        Box::pin(futures_util::StreamExt::skip_while(store.after(reader.claim().position.clone()), |passed| {
            let is_it = passed
                .as_ref()
                .is_ok_and(|passed| matches!(&passed.shown, Some(Shown::Event(entry)) if entry.version == 3));
            std::future::ready(!is_it)
        }));
    let position = futures_util::StreamExt::next(&mut beyond).await.unwrap().unwrap().position;
    store.keep(reader.claim(), &Change { position: Some(position), ..Change::default() }).await.unwrap();
    let mut reader = open(&store, "a").await;
    assert_eq!(catch_up(&mut reader).await, 0, "it was missed");
    add(&mut basket, "clocks", 1);
    store.save(&mut basket).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        seen.extend(reader.next().await.unwrap().entries.iter().map(|entry| entry.version));
    }
    assert_eq!(seen, [3, 4], "the event that was missed comes before the next one");
    assert_eq!(catch_some(&mut reader, 2).await, 2);
    is_the_fold(&store).await;
    assert_eq!(
        store.marks(&rows, vec![<Baskets as basket_mongo::Codec>::key(basket.id())]).await.unwrap()[0].1.version,
        4
    );
}

/// Appends an event whose document can't be read, and returns its stream.
async fn broken<S: Feeds<Baskets> + Maintenance<Baskets> + Sync>(store: &S) -> basket_domain::BasketId {
    let mut basket = saved(store, created_with_socks()).await;
    let id = *basket.id();
    add(&mut basket, "rocks", 1);
    let template: Vec<_> = store.documents(basket_mongo::Scope::From(id, 2)).try_collect().await.unwrap();
    let mut document = Document::try_from(template[0].clone()).unwrap();
    document.extend(
        doc! { "_id": bson::oid::ObjectId::new(), "version": 3_i64, "data": { "product": "rocks", "qty": "many" } },
    );
    let mut entry = store.entries(basket_mongo::Scope::From(id, 2), 1).await.unwrap().remove(0);
    entry.version = 3;
    store.import(&[(entry, (&document).try_into().unwrap())], true).await.unwrap();
    id
}

pub async fn a_document_that_cant_be_read_stops_it_or_is_parked(
    store: impl Feeds<Baskets> + Maintenance<Baskets> + Sync,
) {
    let id = broken(&store).await;
    saved(&store, created_with_socks()).await;
    let mut reader = open(&store, "a").await;
    let error = loop {
        match project(&mut reader, &UNITS).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    let StoreError::Unreadable(unreadable) = error else { panic!("{error:?}") };
    assert_eq!(unreadable.version, Some(3));
    reader.close().await.unwrap();

    let park = Options { poison: Poison::Park, ..options("b") };
    let mut reader = Subscription::open(&store, "units", UNITS.shape(), park).await.unwrap();
    catch_up(&mut reader).await;
    let state = store.feed("units").await.unwrap().unwrap();
    assert_eq!((state.events, state.behind, state.parked), (4, 1, 1));
    let parked = store
        .rows(state.rows.clone(), RowQuery { is_parked: true, ..RowQuery::default() })
        .try_collect::<Vec<_>>()
        .await
        .unwrap();
    let [(_, mark)] = &parked[..] else { panic!("{parked:?}") };
    assert_eq!((mark.version, &mark.parked.as_ref().unwrap().document), (2, &unreadable.document));
    // Its row stays at the version before, other streams go on, and a writer who waits for it gets the error.
    let error = store.wait_for("units", &id, 3, Duration::from_secs(9)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreadable(_)), "{error:?}");
    assert_eq!(retry(&mut reader, &UNITS).await.unwrap(), 0);
    assert_eq!(store.feed("units").await.unwrap().unwrap().parked, 1, "it can't be read still");
}

pub async fn a_writer_waits_until_it_is_read(store: impl Feeds<Baskets> + Sync) {
    let mut basket = saved(&store, created_with_socks()).await;
    let mut reader = open(&store, "a").await;
    let wait = store.wait_for("units", basket.id(), 2, Duration::from_millis(100)).await;
    assert!(matches!(wait, Err(StoreError::Busy { .. })), "{wait:?}");
    catch_up(&mut reader).await;
    store.wait_for("units", basket.id(), 2, Duration::ZERO).await.unwrap();
    add(&mut basket, "rocks", 1);
    store.save(&mut basket).await.unwrap();
    let (_, waited) =
        tokio::join!(catch_some(&mut reader, 1), store.wait_for("units", basket.id(), 3, Duration::from_secs(20)));
    waited.unwrap();
}

pub async fn a_read_model_is_built_again_and_takes_the_place_of_the_old_one(store: impl Feeds<Baskets> + Sync) {
    let mut basket = saved(&store, created_with_socks()).await;
    saved(&store, created_with_socks()).await;
    let mut reader = open(&store, "a").await;
    catch_up(&mut reader).await;

    let mut read = 0;
    let (next, found) = rebuild(&store, &UNITS, options("c"), |events| read += events).await.unwrap();
    assert_eq!((read, found.compared, found.differ, found.totals.len()), (4, 2, 0, 0));
    store.forget(&next_name("units")).await.unwrap();
    assert_eq!(store.feeds().await.unwrap().len(), 1);
    drop(next);

    let heavy = Units { weight: 10, ..UNITS };
    let (next, found) = rebuild(&store, &heavy, options("c"), |_| {}).await.unwrap();
    assert_eq!((found.compared, found.differ, &found.totals[..]), (2, 2, &["all".to_owned()][..]));
    assert!(found.rows.contains(&basket.id().to_string()), "{found:?}");
    is_the_fold(&store).await;
    let stale = Claim { fence: next.claim().fence - 1, ..next.claim().clone() };
    let error = store.replace("units", &stale).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");
    store.replace("units", next.claim()).await.unwrap();
    let feeds = store.feeds().await.unwrap();
    assert_eq!(
        feeds.iter().map(|feed| (&*feed.rows.feed, feed.rows.generation, feed.events)).collect::<Vec<_>>(),
        [("units", 2, 4)]
    );
    let [(kept, _), (folded, _)] = kept_and_folded(&store).await;
    let id = basket.id().to_string();
    assert_eq!([&kept, &folded].map(|rows| rows[&id].get_i64("units").unwrap()), [10, 1]);

    // Who read the old one is fenced off, and goes on in the new one.
    add(&mut basket, "rocks", 1);
    store.save(&mut basket).await.unwrap();
    let error = loop {
        match project(&mut reader, &UNITS).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Fenced { .. }), "{error:?}");
    let mut reader = open(&store, "a").await;
    assert_eq!(catch_up(&mut reader).await, 1);
}

pub async fn rows_of_another_shape_are_not_written_to(store: impl Feeds<Baskets> + Sync) {
    open(&store, "a").await.close().await.unwrap();
    let newer = Units { shape: 2, ..UNITS };
    let opened = Subscription::try_open(&store, "units", newer.shape(), options("b"), false).await;
    assert!(matches!(opened, Err(StoreError::OtherShape { found: 1, expected: 2, .. })));
    assert_eq!(store.feed("units").await.unwrap().unwrap().holder, None, "it has let go of it");
    let name = Subscription::try_open(&store, "Units_1", UNITS.shape(), options("b"), false).await;
    assert!(name.is_err_and(|error| error.to_string().contains("is no name of a feed")));
}

pub async fn rows_come_in_the_order_that_is_asked_for(store: impl Feeds<Baskets> + Sync) {
    for units in [3, 9, 1, 9] {
        let mut basket = created_with_socks();
        add(&mut basket, if units == 9 { "rocks" } else { "clocks" }, units);
        store.save(&mut basket).await.unwrap();
    }
    catch_up(&mut open(&store, "a").await).await;
    let rows = store.feed("units").await.unwrap().unwrap().rows;
    let units = async |query: RowQuery| {
        let rows = store.rows(rows.clone(), query).try_collect::<Vec<_>>().await.unwrap();
        let unit = |mark: &basket_mongo::store::feed::Mark| {
            let units = mark.row.as_ref().unwrap().get("units").unwrap();
            stored_number(units).unwrap()
        };
        rows.iter().map(|(_, mark)| unit(mark)).collect::<Vec<_>>()
    };
    let by = RowQuery { sort: Some("units"), ..RowQuery::default() };
    assert_eq!(units(by.clone()).await, [2, 4, 10, 10]);
    assert_eq!(units(RowQuery { descending: true, limit: Some(3), ..by.clone() }).await, [10, 10, 4]);
    assert_eq!(units(RowQuery { at_least: Some(("units", 4)), ..by.clone() }).await, [4, 10, 10]);
    assert_eq!(units(RowQuery { has: Some(("products", "rocks".into())), ..by.clone() }).await, [10, 10]);
    assert_eq!(units(RowQuery { has: Some(("products", "rock".into())), ..by }).await, [0; 0]);
}

/// A claim of a feed that a test writes to by itself.
async fn claim(store: &impl Feeds<Baskets>, feed: &str, holder: &str) -> Claim {
    match store.claim(feed, holder, UNITS.shape(), Duration::from_secs(60), false).await.unwrap() {
        Claimed::Ours(claim) => *claim,
        Claimed::Held { by } => panic!("{by} has it"),
    }
}

/// A row that is new, and a total.
fn written(key: &str, row: Document) -> Change {
    let to = Mark { version: 1, row: Some(row), parked: None };
    Change {
        marks: vec![Moved { key: key.into(), from: 0, to }],
        totals: Totals::from([(key.to_owned(), [("n".to_owned(), 1)].into())]),
        ..Change::default()
    }
}

async fn keys(store: &impl Feeds<Baskets>, rows: &Rows, query: RowQuery) -> Vec<String> {
    let rows: Vec<_> = store.rows(rows.clone(), query).try_collect().await.unwrap();
    rows.iter().map(|(key, _)| key.as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn is_fenced(written: &Result<(), StoreError>) {
    assert!(matches!(written, Err(StoreError::Fenced { .. })), "{written:?}");
}

pub async fn a_claim_of_a_feed_that_was_forgotten_writes_nothing(store: impl Feeds<Baskets> + Sync) {
    let old = claim(&store, "units", "a").await;
    store.forget("units").await.unwrap();
    is_fenced(&store.keep(&old, &Change::default()).await);
    claim(&store, "units", "b").await;
    is_fenced(&store.keep(&old, &Change::default()).await);
    is_fenced(&store.keep(&old, &written("x", doc! {})).await);
    is_fenced(&store.replace("other", &old).await);
    store.release(&old).await.unwrap();
    let state = store.feed("units").await.unwrap().unwrap();
    assert_eq!((state.holder.as_deref(), state.events), (Some("b"), 0));
}

pub async fn a_reader_that_has_its_feed_takes_it_again(store: impl Feeds<Baskets> + Sync) {
    let before = claim(&store, "units", "a").await;
    let again = claim(&store, "units", "a").await;
    store.keep(&again, &Change::default()).await.unwrap();
    is_fenced(&store.keep(&before, &Change::default()).await);
}

pub async fn rows_that_were_replaced_are_not_shown(store: impl Feeds<Baskets> + Sync) {
    let (old, next) = (claim(&store, "units", "a").await, claim(&store, "units-next", "a").await);
    store.keep(&old, &written("old", doc! { "units": 1 })).await.unwrap();
    store.keep(&next, &written("new", doc! { "units": 1 })).await.unwrap();
    store.replace("units", &next).await.unwrap();
    assert!(keys(&store, &old.rows, RowQuery::default()).await.is_empty());
    assert!(store.marks(&old.rows, vec!["old".into(), "new".into()]).await.unwrap().is_empty());
    assert!(store.totals(&old.rows, &Which::All).await.unwrap().is_empty());
    is_fenced(&store.keep(&old, &written("late", doc! {})).await);
    is_fenced(&store.keep(&next, &written("late", doc! {})).await);
    let rows = claim(&store, "units", "b").await.rows;
    assert_eq!(keys(&store, &rows, RowQuery::default()).await, ["new"]);
}

pub async fn numbers_and_texts_in_a_field_are_told_apart(store: impl Feeds<Baskets> + Sync) {
    let claim = claim(&store, "units", "a").await;
    for (key, row) in [
        ("a", doc! { "units": "10" }),
        ("b", doc! { "units": 10_i64 }),
        ("c", doc! { "units": -3_i64 }),
        ("d", doc! {}),
        ("e", doc! { "units": 9.5 }),
        ("f", doc! { "units": "b" }),
    ] {
        store.keep(&claim, &written(key, row)).await.unwrap();
    }
    let keys = async |query| keys(&store, &claim.rows, query).await.concat();
    let by = RowQuery { sort: Some("units"), ..RowQuery::default() };
    assert_eq!(keys(by.clone()).await, "dcebaf");
    assert_eq!(keys(RowQuery { at_least: Some(("units", 9)), ..by }).await, "eb", "a text is no number");
}

pub async fn what_named_no_stream_is_read_again_even_after_a_kill(store: impl Feeds<Baskets> + Sync) {
    saved(&store, created_with_socks()).await;
    let mut reader = open(&store, "a").await;
    assert_eq!(catch_up(&mut reader).await, 2);
    let claim = reader.claim().clone();
    assert!(store.feed("units").await.unwrap().unwrap().position.is_some());
    let parked = Parked { document: "x".into(), version: None, why: "it names no stream".into() };
    let mark = Mark { parked: Some(parked), ..Mark::default() };
    let marks = vec![Moved { key: "unreadable x".into(), from: 0, to: mark }];
    store.keep(&claim, &Change { marks, ..Change::default() }).await.unwrap();
    // The mark and the position are written at once, so that nothing is between them.
    let mut reader = open(&store, "a").await;
    let batch = reader.retry_parked().await.unwrap();
    reader.keep(batch, Totals::new()).await.unwrap();
    let state = store.feed("units").await.unwrap().unwrap();
    assert_eq!((state.parked, state.position), (0, None));
    // Events that were read do not come again, and it goes on from there.
    let mut reader = open(&store, "a").await;
    saved(&store, created_with_socks()).await;
    assert_eq!(catch_some(&mut reader, 2).await, 2);
    assert!(store.feed("units").await.unwrap().unwrap().position.is_some());
    is_the_fold(&store).await;
}

pub async fn many_parked_events_come_in_several_batches(store: impl Feeds<Baskets> + Sync) {
    let mut baskets = [saved(&store, created_with_socks()).await, saved(&store, created_with_socks()).await];
    let few = Options { batch: 3, ..options("a") };
    let mut reader = Subscription::open(&store, "units", UNITS.shape(), few.clone()).await.unwrap();
    let mut left = 4;
    while left > 0 {
        let mut batch = some(&mut reader).await;
        let entries = std::mem::take(&mut batch.entries);
        left -= entries.len();
        entries.iter().filter(|entry| entry.version == 2).for_each(|entry| batch.park(entry, "no".into()));
        reader.keep(batch, Totals::new()).await.unwrap();
    }
    for basket in &mut baskets {
        for units in 1..=5 {
            add(basket, "rocks", units);
            store.save(basket).await.unwrap();
        }
    }
    let mut seen = Vec::new();
    let mut batch = reader.retry_parked().await.unwrap();
    while seen.len() < 12 {
        assert!(batch.entries.len() <= 3, "{} events in one batch", batch.entries.len());
        seen.extend(batch.entries.iter().map(|entry| (entry.stream, entry.version)));
        reader.keep(batch, Totals::new()).await.unwrap();
        if seen.len() == 3 {
            // The rest comes though it is killed.
            reader = Subscription::open(&store, "units", UNITS.shape(), few.clone()).await.unwrap();
        }
        batch = match seen.len() {
            12 => break,
            _ => some(&mut reader).await,
        };
    }
    for basket in &baskets {
        let versions = seen.iter().filter(|(stream, _)| stream == basket.id()).map(|(_, version)| *version);
        assert_eq!(versions.collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
    }
    let state = store.feed("units").await.unwrap().unwrap();
    assert_eq!((state.events, state.behind, state.parked), (14, 0, 0));
}
