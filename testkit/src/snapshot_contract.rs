//! The contract of a store that keeps snapshots, run on each store: no answer depends on one, whatever is wrong with it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use basket_domain::{Basket, BasketId, EventSourced};
use basket_mongo::{
    Baskets, EventStore, Outcome, Require, Scope, Snapshot, Snapshots, Snapshotted, StateCodec, StoreError, Together,
    store::{
        snapshot::Unusable,
        snapshotted::{Compared, Taken},
    },
};
use bson::{Document, RawDocumentBuf, doc, oid::ObjectId};
use futures_util::{TryStreamExt, future::join_all};
use tokio::time::{sleep, timeout};

use crate::mongo::{add, created, new_id, product, qty, saved};

/// The contract as tests; `$with` as in [`contract!`](crate::contract!).
#[macro_export]
macro_rules! snapshot_contract {
    ($with:path) => {
        $crate::snapshot_contract! { $with;
            a_load_begins_at_a_snapshot_and_folds_what_came_after
            a_short_stream_is_loaded_without_a_look_at_snapshots
            a_corrupt_snapshot_is_ignored
            a_snapshot_of_another_schema_is_ignored
            a_snapshot_ahead_of_its_stream_is_ignored
            a_snapshot_of_another_history_is_ignored
            a_snapshot_of_no_events_is_no_stream
            a_long_load_takes_a_snapshot_and_a_short_one_none
            a_snapshot_that_cant_be_taken_fails_no_load
            a_command_is_decided_on_a_snapshot
            a_request_is_found_before_a_snapshot
            commands_that_race_are_decided_on_what_is_there_with_snapshots
            only_a_later_snapshot_takes_the_place_of_another
            snapshots_come_by_key_and_can_be_dropped
            a_snapshot_is_compared_with_the_fold
        }
    };
    ($with:path; $($case:ident)*) => {
        $(#[test] fn $case() { $with(async |store| $crate::snapshot_contract::$case(store).await); })*
    };
}

type Root = EventSourced<Basket>;

/// What was said about snapshots.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn on<S>(&self, store: S) -> Snapshotted<S, Baskets> {
        self.on_with(store, Baskets::STATE)
    }

    fn on_with<S>(&self, store: S, state: StateCodec<Baskets>) -> Snapshotted<S, Baskets> {
        let said = self.0.clone();
        Snapshotted::new(store, state, move |warning| said.lock().unwrap().push(warning.to_string()))
    }

    /// The warnings since the last look.
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    #[track_caller]
    fn is(&self, words: &str) {
        let said = self.taken();
        assert!(said.len() == 1 && said[0].contains(words), "{said:?} is not {words:?}");
    }
}

/// A stream of so many events: created, and then rocks.
async fn stream_of(store: &impl EventStore<Basket>, events: u32) -> Root {
    let mut basket = created();
    (1..events).for_each(|_| add(&mut basket, "rocks", 1));
    saved(store, basket).await
}

async fn more_rocks(store: &impl EventStore<Basket>, id: &BasketId) {
    store.command(id).run(|basket| basket.add_item(&product("rocks"), qty(1))).await.unwrap();
}

/// The `_id` of an event.
async fn event(store: &impl EventStore<Basket>, id: &BasketId, version: u64) -> ObjectId {
    store.entries(Scope::From(*id, version), 1).await.unwrap()[0].document
}

fn raw(document: Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(&document).unwrap()
}

fn hats(qty: i64) -> RawDocumentBuf {
    raw(doc! { "items": [{ "product": "hats", "qty": qty }] })
}

/// A snapshot that no program has taken: with hats, so that it is seen whether it was used.
async fn with_hats(store: &impl EventStore<Basket>, id: &BasketId, version: u64) -> Snapshot {
    Snapshot::new::<Baskets>(id, version, 1, event(store, id, version).await, hats(7))
}

fn items(basket: &Root) -> (u64, Vec<(String, u32)>) {
    let items = basket.state().items().map(|(product, quantity)| (product.to_string(), quantity)).collect();
    (basket.version(), items)
}

fn rocks(version: u64) -> (u64, Vec<(String, u32)>) {
    (version, vec![("rocks".to_owned(), version as u32 - 1)])
}

async fn kept(store: &impl Snapshots<Baskets>, id: &BasketId) -> Option<Snapshot> {
    let found = store.snapshot(id).await.unwrap()?;
    let (of, snapshot) = Snapshot::read::<Baskets>(&found).unwrap();
    assert_eq!(of, *id);
    Some(snapshot)
}

/// The snapshot of a stream, once it is of this version.
async fn kept_at(store: &impl Snapshots<Baskets>, id: &BasketId, version: u64) -> Snapshot {
    let look = async {
        loop {
            match store.snapshot(id).await.unwrap().as_ref().and_then(kept_or_none) {
                Some(kept) if kept.version == version => return kept,
                _ => sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(Duration::from_secs(10), look).await.unwrap()
}

pub async fn a_load_begins_at_a_snapshot_and_folds_what_came_after(store: impl Snapshots<Baskets>) {
    let (said, basket) = (Said::default(), stream_of(&store, 5).await);
    let (id, snapshotted) = (basket.id(), said.on(&store));
    assert_eq!(snapshotted.take(id).await.unwrap(), Taken::Now(5));
    assert_eq!(items(&snapshotted.get(id).await.unwrap()), rocks(5));
    more_rocks(&store, id).await;
    let loaded = snapshotted.get(id).await.unwrap();
    assert_eq!((items(&loaded), loaded.saved_version()), (rocks(6), 6));
    assert_eq!(loaded.state(), store.get(id).await.unwrap().state());
    assert_eq!(snapshotted.take(id).await.unwrap(), Taken::Now(6));
    assert_eq!(snapshotted.take(id).await.unwrap(), Taken::Before(6));

    // The events before it are not read.
    store.drop_snapshots(Some(id)).await.unwrap();
    store.keep_snapshot(id, &with_hats(&store, id, 4).await).await.unwrap();
    let expected = vec![("hats".to_owned(), 7), ("rocks".to_owned(), 2)];
    assert_eq!(items(&snapshotted.get(id).await.unwrap()), (6, expected));
    assert_eq!(said.taken(), [""; 0]);
}

pub async fn a_short_stream_is_loaded_without_a_look_at_snapshots(store: impl Snapshots<Baskets>) {
    let (said, basket) = (Said::default(), stream_of(&store, 5).await);
    let (id, snapshotted) = (basket.id(), said.on(&store).after(5));
    store.keep_snapshot(id, &with_hats(&store, id, 5).await).await.unwrap();
    assert_eq!(items(&snapshotted.get(id).await.unwrap()), rocks(5));
    more_rocks(&store, id).await;
    assert_eq!(items(&snapshotted.get(id).await.unwrap()), rocks(6), "it saves nothing: it is of version 5");
    store.keep_snapshot(id, &with_hats(&store, id, 6).await).await.unwrap();
    assert_eq!(items(&snapshotted.get(id).await.unwrap()).1[0].0, "hats");
    assert_eq!(said.taken(), [""; 0]);
}

/// Keeps a snapshot that can't be used, and loads in spite of it; then it is replaced, or it stays.
async fn is_ignored(store: impl Snapshots<Baskets> + Clone + 'static, id: &BasketId, bad: Snapshot, words: &str) {
    let (said, version) = (Said::default(), store.get(id).await.unwrap().version());
    store.keep_snapshot(id, &bad).await.unwrap();
    let snapshotted = said.on(store.clone());
    assert_eq!(items(&snapshotted.get(id).await.unwrap()), rocks(version));
    said.is(&format!("the snapshot of basket '{id}' is ignored: {words}"));
    let document = store.snapshot(id).await.unwrap().unwrap();
    assert_eq!(
        kept_or_none(&document).as_ref(),
        Some(&bad).filter(|_| !words.contains("corrupt")),
        "no load changes it"
    );
    let compared = snapshotted.compare(id, &document).await.unwrap();
    let Compared::Ignored(unusable) = compared else { panic!("{compared:?}") };
    assert!(unusable.to_string().contains(words), "{unusable}");

    // Where snapshots are taken, a good one takes its place, even of a short stream.
    let taking = said.on(store.clone()).every(1_000);
    taking.get(id).await.unwrap();
    said.is(words);
    if bad.schema > Baskets::STATE.schema {
        sleep(Duration::from_millis(50)).await;
        assert_eq!(kept(&store, id).await, Some(bad));
        assert_eq!(snapshotted.take(id).await.unwrap(), Taken::OfNewerProgram);
        said.is(words);
        return;
    }
    assert_eq!(kept_at(&store, id, version).await.schema, 1);
    assert_eq!(items(&snapshotted.get(id).await.unwrap()), rocks(version));
    assert_eq!(said.taken(), [""; 0]);
}

fn kept_or_none(document: &RawDocumentBuf) -> Option<Snapshot> {
    Snapshot::read::<Baskets>(document).ok().map(|(_, snapshot)| snapshot)
}

pub async fn a_corrupt_snapshot_is_ignored(store: impl Snapshots<Baskets> + Clone + 'static) {
    let basket = stream_of(&store, 5).await;
    let good = with_hats(&store, basket.id(), 3).await;
    for bad in [
        Snapshot { state: hats(8), ..good.clone() },
        Snapshot { version: 2, event: event(&store, basket.id(), 2).await, ..good.clone() },
        Snapshot { crc32: good.crc32 ^ 1, ..good.clone() },
        // That of another stream.
        Snapshot { crc32: good.checksum(&bson::Bson::ObjectId(ObjectId::new())), ..good.clone() },
    ] {
        is_ignored(store.clone(), basket.id(), bad, "it is corrupt: its checksum is of other bytes").await;
        store.drop_snapshots(None).await.unwrap();
    }
    let unreadable = raw(doc! { "items": [{ "product": "hats", "qty": 0_i64 }] });
    let bad = Snapshot::new::<Baskets>(basket.id(), 3, 1, good.event, unreadable);
    let (said, snapshotted) = (Said::default(), store.clone());
    store.keep_snapshot(basket.id(), &bad).await.unwrap();
    assert_eq!(items(&said.on(snapshotted).get(basket.id()).await.unwrap()), rocks(5));
    said.is("it is corrupt: data.qty is 0, expected a whole number from 1");
}

pub async fn a_snapshot_of_another_schema_is_ignored(store: impl Snapshots<Baskets> + Clone + 'static) {
    for (schema, words) in
        [(0, "its schema is 0, and this program's is 1"), (2, "its schema is 2, and this program's is 1")]
    {
        let basket = stream_of(&store, 5).await;
        let event = event(&store, basket.id(), 4).await;
        let bad = Snapshot::new::<Baskets>(basket.id(), 4, schema, event, hats(7));
        is_ignored(store.clone(), basket.id(), bad, words).await;
    }
}

pub async fn a_snapshot_ahead_of_its_stream_is_ignored(store: impl Snapshots<Baskets> + Clone + 'static) {
    let basket = stream_of(&store, 5).await;
    let bad = Snapshot::new::<Baskets>(basket.id(), 6, 1, event(&store, basket.id(), 5).await, hats(7));
    is_ignored(store, basket.id(), bad, "it is of version 6, which the stream does not have").await;
}

pub async fn a_snapshot_of_another_history_is_ignored(store: impl Snapshots<Baskets> + Clone + 'static) {
    let basket = stream_of(&store, 5).await;
    let bad = Snapshot::new::<Baskets>(basket.id(), 4, 1, ObjectId::new(), hats(7));
    is_ignored(store, basket.id(), bad, "it is of version 4 of another history").await;
}

pub async fn a_snapshot_of_no_events_is_no_stream(store: impl Snapshots<Baskets>) {
    let said = Said::default();
    for _before_and_after_there_is_a_store in 0..2 {
        let id = new_id();
        let missing = said.on(&store).get(&id).await;
        assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
        assert!(matches!(said.on(&store).take(&id).await, Err(StoreError::NotFound { .. })));
        assert_eq!((store.snapshot(&id).await.unwrap(), said.taken()), (None, vec![]));
        store.keep_snapshot(&id, &Snapshot::new::<Baskets>(&id, 4, 1, ObjectId::new(), hats(7))).await.unwrap();
        assert!(matches!(said.on(&store).get(&id).await, Err(StoreError::NotFound { .. })));
        said.is("it is of version 4, which the stream does not have");
        store.save(&mut created()).await.unwrap();
    }
}

pub async fn a_long_load_takes_a_snapshot_and_a_short_one_none(store: impl Snapshots<Baskets> + Clone + 'static) {
    let said = Said::default();
    let snapshotted = said.on(store.clone()).every(5);
    let (short, long) = (stream_of(&store, 4).await, stream_of(&store, 5).await);
    for basket in [&short, &long] {
        assert_eq!(items(&snapshotted.get(basket.id()).await.unwrap()).0, basket.version());
    }
    let first = kept_at(&store, long.id(), 5).await;
    assert_eq!((first.event, first.schema), (event(&store, long.id(), 5).await, 1));
    assert_eq!(kept(&store, short.id()).await, None);

    // Only what comes after a snapshot counts.
    for _ in 0..5 {
        assert_eq!(kept(&store, long.id()).await.unwrap().version, 5);
        more_rocks(&store, long.id()).await;
    }
    assert_eq!(items(&snapshotted.get(long.id()).await.unwrap()), rocks(10));
    kept_at(&store, long.id(), 10).await;
    assert_eq!(said.taken(), [""; 0]);
}

pub async fn a_snapshot_that_cant_be_taken_fails_no_load(store: impl Snapshots<Baskets> + Clone + 'static) {
    let (said, basket) = (Said::default(), stream_of(&store, 5).await);
    let unwritable = StateCodec { write: |_| Err("it is too much".into()), ..Baskets::STATE };
    let snapshotted = said.on_with(store.clone(), unwritable).every(5);
    for _again in 0..2 {
        assert_eq!(items(&snapshotted.get(basket.id()).await.unwrap()), rocks(5));
        let look = async {
            while said.0.lock().unwrap().is_empty() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), look).await.unwrap();
        said.is(&format!("no snapshot of basket '{}' was taken: ", basket.id()));
        // The next load may take one again.
        sleep(Duration::from_millis(20)).await;
    }
    assert!(snapshotted.take(basket.id()).await.is_err_and(|error| error.to_string().contains("it is too much")));
    assert_eq!(kept(&store, basket.id()).await, None);
}

pub async fn a_command_is_decided_on_a_snapshot(store: impl Snapshots<Baskets> + Together<Basket> + Send) {
    let (said, basket, other) = (Said::default(), stream_of(&store, 5).await, stream_of(&store, 2).await);
    let (id, snapshotted) = (basket.id(), said.on(&store));
    store.keep_snapshot(id, &with_hats(&store, id, 4).await).await.unwrap();
    let remove = snapshotted.command(id).require(Require::Version(5));
    let done = remove.run(|basket| basket.remove_item(&product("hats"))).await.unwrap();
    assert_eq!((done.outcome, done.versions, items(&done.root).0), (Outcome::Now, 6..7, 6));
    assert_eq!(store.get(id).await.unwrap().version(), 6);
    let merge = snapshotted.across([other.id(), id]);
    let [into, from] = merge.run(|[into, from]| into.merge(from)).await.unwrap();
    assert_eq!((into.root.version(), from.root.version()), (3, 7));
    assert_eq!(into.root.state().quantity(&product("rocks")), 2, "one of its own, and one since the snapshot");
    assert_eq!(said.taken(), [""; 0]);
}

pub async fn a_request_is_found_before_a_snapshot(store: impl Snapshots<Baskets>) {
    let (said, basket) = (Said::default(), stream_of(&store, 5).await);
    let (id, snapshotted) = (basket.id(), said.on(&store));
    let mut before = None;
    for outcome in [Outcome::Now, Outcome::Before] {
        let command = snapshotted.command(id).once("req-7");
        let done = command.run(|basket| basket.add_item(&product("rocks"), qty(1))).await.unwrap();
        assert_eq!((done.outcome, done.versions), (outcome, 6..7));
        assert_eq!(snapshotted.take(id).await.unwrap(), before.map_or(Taken::Now(6), Taken::Before));
        before = Some(6);
    }
}

pub async fn commands_that_race_are_decided_on_what_is_there_with_snapshots(
    store: impl Snapshots<Baskets> + Clone + 'static,
) {
    let (said, basket) = (Said::default(), stream_of(&store, 5).await);
    let (snapshotted, id) = (Arc::new(said.on(store.clone()).every(3)), *basket.id());
    let racers = (0..16).map(|_| {
        let store = Arc::clone(&snapshotted);
        tokio::spawn(async move { more_rocks(&*store, &id).await })
    });
    join_all(racers).await.into_iter().for_each(|racer| racer.unwrap());
    assert_eq!(items(&store.get(&id).await.unwrap()), rocks(21));
    assert_eq!(items(&snapshotted.get(&id).await.unwrap()), rocks(21));
    let look = async {
        loop {
            match store.snapshot(&id).await.unwrap() {
                Some(kept) => return kept,
                None => sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let kept = timeout(Duration::from_secs(10), look).await.unwrap();
    assert_eq!(snapshotted.compare(&id, &kept).await.unwrap(), Compared::Same);
    assert_eq!(said.taken(), [""; 0]);
}

pub async fn only_a_later_snapshot_takes_the_place_of_another(store: impl Snapshots<Baskets>) {
    let basket = stream_of(&store, 6).await;
    let id = basket.id();
    let snapshot = async |version, schema, hats_: i64| {
        let event = event(&store, id, version).await;
        Snapshot::new::<Baskets>(id, version, schema, event, hats(hats_))
    };
    let first = snapshot(3, 1, 7).await;
    store.keep_snapshot(id, &first).await.unwrap();
    for stays in [snapshot(3, 1, 8).await, snapshot(2, 1, 8).await, snapshot(2, 2, 8).await] {
        store.keep_snapshot(id, &stays).await.unwrap();
        assert_eq!(kept(&store, id).await, Some(first.clone()));
    }
    for later in [snapshot(4, 1, 9).await, snapshot(5, 2, 9).await] {
        store.keep_snapshot(id, &later).await.unwrap();
        assert_eq!(kept(&store, id).await, Some(later));
    }
    store.keep_snapshot(id, &snapshot(6, 1, 9).await).await.unwrap();
    assert_eq!(kept(&store, id).await.unwrap().schema, 2, "a program of before does not replace it");
}

pub async fn snapshots_come_by_key_and_can_be_dropped(store: impl Snapshots<Baskets>) {
    assert_eq!(store.drop_snapshots(None).await.unwrap(), 0);
    let mut ids = Vec::new();
    for _ in 0..40 {
        let basket = stream_of(&store, 2).await;
        store.keep_snapshot(basket.id(), &with_hats(&store, basket.id(), 2).await).await.unwrap();
        ids.push(*basket.id());
    }
    let found: Vec<_> = store.snapshots().try_collect().await.unwrap();
    let found: Vec<_> = found.iter().map(|found| Snapshot::read::<Baskets>(found).unwrap().0).collect();
    ids.sort();
    assert_eq!(found, ids);
    assert_eq!(store.drop_snapshots(Some(&ids[3])).await.unwrap(), 1);
    assert_eq!(store.drop_snapshots(Some(&ids[3])).await.unwrap(), 0);
    assert_eq!(kept(&store, &ids[3]).await, None);
    assert!(kept(&store, &ids[4]).await.is_some());
    assert_eq!(store.drop_snapshots(None).await.unwrap(), 39);
    assert!(store.snapshots().try_collect::<Vec<_>>().await.unwrap().is_empty());
    let events = store.entries(Scope::All, usize::MAX).await.unwrap();
    assert_eq!(events.len(), 80, "no event is gone");
}

pub async fn a_snapshot_is_compared_with_the_fold(store: impl Snapshots<Baskets>) {
    let (said, basket) = (Said::default(), stream_of(&store, 5).await);
    let (id, snapshotted) = (basket.id(), said.on(&store));
    snapshotted.take(id).await.unwrap();
    // It is compared with the events up to its own version.
    more_rocks(&store, id).await;
    let good = store.snapshot(id).await.unwrap().unwrap();
    assert_eq!(snapshotted.compare(id, &good).await.unwrap(), Compared::Same);
    let wrong = with_hats(&store, id, 6).await.document(bson::Bson::ObjectId(ObjectId::from_bytes(id.to_bytes())));
    assert_eq!(snapshotted.compare(id, &wrong.unwrap()).await.unwrap(), Compared::Differs(vec!["items".into()]));
    let mut broken = Document::try_from(&good).unwrap();
    for (field, why) in [
        ("version", "its version is "),
        ("schema", "its schema is "),
        ("event", "its event is "),
        ("state", "its state is "),
        ("taken_at", "its taken_at is "),
        ("crc32", "its crc32 is "),
    ] {
        let before = broken.insert(field, "x").unwrap();
        let compared = snapshotted.compare(id, &raw(broken.clone())).await.unwrap();
        assert!(
            matches!(&compared, Compared::Ignored(Unusable::Corrupt(found)) if found.starts_with(why)),
            "{compared:?}"
        );
        broken.insert(field, before);
    }
    assert_eq!(snapshotted.compare(id, &raw(broken)).await.unwrap(), Compared::Same);
    assert_eq!(said.taken(), [""; 0]);
}
