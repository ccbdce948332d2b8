//! Snapshots over the years, as the state of an aggregate changes its shape; and a store that does not give them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use basket_mongo::{
    Commit, Entry, EventLog, EventStore, Expected, MemoryStore, MongoStore, Outcome, Scope, Snapshot, Snapshots,
    Snapshotted, StateCodec, StoreError,
    store::{
        codec::{Event, Id},
        event_store::Sought,
        snapshotted::{Compared, Taken},
    },
};
use bson::{RawDocumentBuf, doc};
use futures_util::Stream;
use testkit::{
    mongo::with_database,
    years::{
        BySerde,
        basket::{
            Basket,
            Happened::{self, BasketCreated, ItemAdded},
            Quantity,
        },
        by_hand::ByHand,
    },
};

/// The state as the first release wrote it: of each product, a number of pieces.
const FIRST: StateCodec<ByHand> = StateCodec {
    schema: 1,
    write: |basket| {
        let pieces = basket.items.iter().map(|(product, of)| (product.clone(), of.values().sum::<i64>().into()));
        Ok(doc! { "pieces": pieces.collect::<bson::Document>() })
    },
    read: |_, state| {
        let pieces = state.get_document("pieces").map_err(|error| error.to_string())?;
        let pieces: BTreeMap<String, i64> =
            bson::deserialize_from_slice(pieces.as_bytes()).map_err(|error| error.to_string())?;
        let items = pieces.into_iter().map(|(product, pieces)| (product, [("piece".to_owned(), pieces)].into()));
        Ok(Basket { items: items.collect() })
    },
};

/// As it is written now: of each product, how many of each unit.
const NOW: StateCodec<ByHand> = StateCodec::by_serde(2);

/// A program that writes the new state, and whose author has not raised the schema.
const FORGOTTEN: StateCodec<ByHand> = StateCodec { schema: 1, ..NOW };

#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn on<S>(&self, store: S, state: StateCodec<ByHand>) -> Snapshotted<S, ByHand> {
        let said = Arc::clone(&self.0);
        Snapshotted::new(store, state, move |warning| said.lock().unwrap().push(warning.to_string()))
    }

    #[track_caller]
    fn is(&self, expected: &[&str]) {
        let said = std::mem::take(&mut *self.0.lock().unwrap());
        let is_it = said.len() == expected.len() && said.iter().zip(expected).all(|(said, words)| said.contains(words));
        assert!(is_it, "{said:?} is not {expected:?}");
    }
}

const ID: &str = "6b093d018d5904a1ed778242";

fn added(product: &str, value: i64, unit: &str) -> Happened {
    let quantity = Quantity { value, unit: unit.into() };
    ItemAdded { product: product.into(), quantity, bought_at: None }
}

async fn happens(store: &impl EventStore<Basket>, events: &[Happened]) {
    let decide = |_: &Basket| Ok::<_, std::fmt::Error>(events.to_vec());
    store.command(&ID.to_owned()).run(decide).await.unwrap();
}

async fn each_program_loads_the_fold(store: impl Snapshots<ByHand>) {
    let (id, said) = (ID.to_owned(), Said::default());
    happens(&store, &[BasketCreated {}, added("rocks", 2, "piece"), added("flour", 3, "kg")]).await;
    let (first, now) = (said.on(&store, FIRST), said.on(&store, NOW));
    assert_eq!(first.take(&id).await.unwrap(), Taken::Now(3));
    happens(&store, &[added("flour", 1, "bag")]).await;
    let fold = store.get(&id).await.unwrap();
    assert_eq!(fold.state().items["flour"], [("bag".to_owned(), 1), ("kg".to_owned(), 3)].into());

    // The first program had no units; what it has kept of the flour is not what the events say now.
    assert_eq!(now.get(&id).await.unwrap().state(), fold.state());
    said.is(&["its schema is 1, and this program's is 2"]);
    assert_eq!(now.take(&id).await.unwrap(), Taken::Now(4));
    said.is(&["its schema is 1, and this program's is 2"]);
    assert_eq!(now.get(&id).await.unwrap().state(), fold.state());
    said.is(&[]);

    // While both run, the first program reads the events, and leaves the snapshot to the new one.
    assert_eq!(first.get(&id).await.unwrap().state(), fold.state());
    assert_eq!(first.take(&id).await.unwrap(), Taken::OfNewerProgram);
    said.is(&["its schema is 2, and this program's is 1"; 2]);
    let kept = store.snapshot(&id).await.unwrap().unwrap();
    assert_eq!(Snapshot::read::<ByHand>(&kept).unwrap().1.schema, 2);

    // Without a new number, nothing but a comparison sees it.
    store.drop_snapshots(None).await.unwrap();
    first.take(&id).await.unwrap();
    let kept = store.snapshot(&id).await.unwrap().unwrap();
    let forgotten = said.on(&store, FORGOTTEN).compare(&id, &kept).await.unwrap();
    let Compared::Ignored(why) = forgotten else { panic!("{forgotten:?}") };
    assert!(why.to_string().contains("missing field `items`"), "{why}");
    assert_eq!(first.compare(&id, &kept).await.unwrap(), Compared::Same);
}

#[test]
fn a_snapshot_of_another_schema_is_read_by_no_program() {
    with_database(async |db| each_program_loads_the_fold(MongoStore::<ByHand>::at(&db.address).await.unwrap()).await);
    run(each_program_loads_the_fold(MemoryStore::<ByHand>::default()));
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(test);
}

#[test]
fn a_change_of_the_appliers_is_seen_by_a_comparison() {
    run(async {
        let (id, store, said) = (ID.to_owned(), MemoryStore::<ByHand>::default(), Said::default());
        happens(&store, &[BasketCreated {}, added("rocks", 2, "piece")]).await;
        // Until yesterday, the applier counted each piece twice.
        let yesterday: StateCodec<ByHand> = StateCodec {
            write: |basket| {
                let twice = basket.items.iter().map(|(product, of)| {
                    (product.clone(), of.iter().map(|(unit, value)| (unit.clone(), value * 2)).collect())
                });
                (NOW.write)(&Basket { items: twice.collect() })
            },
            ..NOW
        };
        said.on(&store, yesterday).take(&id).await.unwrap();
        let kept = store.snapshot(&id).await.unwrap().unwrap();
        let compared = said.on(&store, NOW).compare(&id, &kept).await.unwrap();
        assert_eq!(compared, Compared::Differs(vec!["items".into()]));
        said.is(&[]);
    });
}

#[test]
fn a_state_by_serde_is_kept_by_a_codec_by_serde() {
    with_database(async |db| {
        let (id, store) = (ID.to_owned(), MongoStore::<BySerde>::at(&db.address).await.unwrap());
        let state = StateCodec::by_serde(1);
        let snapshotted = Snapshotted::new(&store, state, |warning| panic!("{warning}"));
        happens(&snapshotted, &[BasketCreated {}, added("flour", 3, "kg")]).await;
        assert_eq!(snapshotted.take(&id).await.unwrap(), Taken::Now(2));
        happens(&snapshotted, &[added("flour", 4, "kg")]).await;
        let loaded = snapshotted.get(&id).await.unwrap();
        assert_eq!((loaded.version(), loaded.state().items["flour"]["kg"]), (3, 7));
    });
}

/// A store whose snapshots can't be had: its answer to each question about them is this error.
#[derive(Clone)]
struct Without(MemoryStore<ByHand>, fn() -> StoreError);

impl EventStore<Basket> for Without {
    fn name(&self) -> &str {
        "without"
    }

    async fn get(&self, id: &String) -> Result<basket_domain::EventSourced<Basket>, StoreError> {
        self.0.get(id).await
    }

    async fn append(
        &self,
        id: &String,
        expected: Expected,
        commit: &Commit,
        events: &[Event<ByHand>],
    ) -> Result<Outcome, StoreError> {
        self.0.append(id, expected, commit, events).await
    }

    async fn seek(&self, id: &String, commit: &Commit) -> Result<Sought<Basket>, StoreError> {
        self.0.seek(id, commit).await
    }

    async fn entries(&self, scope: Scope<String>, limit: usize) -> Result<Vec<Entry<ByHand>>, StoreError> {
        self.0.entries(scope, limit).await
    }
}

impl EventLog<ByHand> for Without {
    fn documents(&self, scope: Scope<Id<ByHand>>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        self.0.documents(scope)
    }

    fn ids(&self) -> impl Stream<Item = Result<String, StoreError>> + Send {
        self.0.ids()
    }
}

impl Snapshots<ByHand> for Without {
    async fn snapshot(&self, _: &String) -> Result<Option<RawDocumentBuf>, StoreError> {
        Err((self.1)())
    }

    fn snapshots(&self) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        futures_util::stream::iter([Err((self.1)())])
    }

    async fn keep_snapshot(&self, _: &String, _: &Snapshot) -> Result<(), StoreError> {
        Err((self.1)())
    }

    async fn drop_snapshots(&self, _: Option<&String>) -> Result<u64, StoreError> {
        Err((self.1)())
    }
}

#[test]
fn where_snapshots_are_denied_the_events_are_read() {
    run(async {
        let (id, said) = (ID.to_owned(), Said::default());
        let denied = || StoreError::Denied { store: "without".into(), why: "not for you".into(), source: None };
        let store = Without(MemoryStore::default(), denied);
        happens(&store, &[BasketCreated {}, added("rocks", 2, "piece")]).await;
        let snapshotted = said.on(store.clone(), NOW).every(1);
        assert_eq!(snapshotted.get(&id).await.unwrap().version(), 2);
        while said.0.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        let words = format!("of basket '{ID}'");
        said.is(&[
            &format!("the snapshot {words} can't be read: without refuses access (not for you)"),
            &format!("no snapshot {words} was taken: without refuses access (not for you)"),
        ]);
        // A store that does not answer is not asked for the events as well.
        let unreachable = || StoreError::Unreachable { store: "without".into(), why: "gone".into(), source: None };
        let gone = said.on(Without(store.0, unreachable), NOW).get(&id).await;
        assert!(matches!(gone, Err(StoreError::Unreachable { .. })), "{gone:?}");
        said.is(&[]);
    });
}

#[test]
fn without_a_runtime_a_load_says_that_no_snapshot_is_taken() {
    let (id, said, store) = (ID.to_owned(), Said::default(), MemoryStore::<ByHand>::default());
    run(happens(&store, &[BasketCreated {}]));
    let snapshotted = said.on(store, NOW).every(1);
    for _ in 0..2 {
        let loaded = futures_util::FutureExt::now_or_never(snapshotted.get(&id)).unwrap().unwrap();
        assert_eq!(loaded.version(), 1);
        said.is(&["no snapshot of basket '6b093d018d5904a1ed778242' was taken: "]);
    }
}
