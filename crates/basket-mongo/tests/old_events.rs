//! Events that were written years ago: a collection of the first release, read through three changes of its events.

use std::{collections::BTreeMap, time::Duration};

use basket_mongo::{
    Baskets, Codec, Entry, EventLog, EventStore, Feeds, Maintenance, MemoryStore, MongoStore, Projection, Scope,
    StoreError, Subscription, Upcaster, Verifier,
    store::{
        codec::{Id, whole_number},
        document::read_entry,
        exchange::Export,
        feed::{RowQuery, Shape},
        json,
        projection::{keep, project, rows},
        subscription::Options,
    },
};
use bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use testkit::mongo::with_database;
use testkit::years::{
    BySerde,
    basket::{
        Basket,
        Happened::{self, ItemAdded, ItemBroken, ItemPutBack},
        Quantity, with_unit,
    },
    by_hand::ByHand,
};

/// The documents that the first release has written, as `basket export` prints them.
fn first_release() -> Vec<RawDocumentBuf> {
    let lines = include_str!("years/first_release.ndjson").lines().filter(|line| line.contains("\"_id\""));
    let document = |line| {
        let mut document = Document::try_from(json::read(line).unwrap()).unwrap();
        document.remove("crc32");
        RawDocumentBuf::try_from(&document).unwrap()
    };
    lines.map(document).collect()
}

/// Puts them into a store.
async fn fill<C: Codec>(store: &impl Maintenance<C>) {
    let documents = first_release();
    let read = |document: &RawDocumentBuf| (read_entry::<C>(document).unwrap(), document.clone());
    assert_eq!(store.import(&documents.iter().map(read).collect::<Vec<_>>(), true).await.unwrap(), 12);
}

type States = BTreeMap<String, BTreeMap<String, i64>>;

/// What is in each basket, in pieces.
async fn states<C: Codec<Aggregate = Basket>>(store: &impl EventLog<C>) -> States {
    let mut states = States::new();
    for id in store.ids().try_collect::<Vec<_>>().await.unwrap() {
        let pieces = |(product, of): (&String, &BTreeMap<String, i64>)| (product.clone(), of["piece"]);
        states.insert(id.clone(), store.get(&id).await.unwrap().state().items.iter().map(pieces).collect());
    }
    states
}

/// The same, as today's release reads it.
async fn todays_states() -> States {
    let store = MemoryStore::<Baskets>::default();
    fill(&store).await;
    let mut states = States::new();
    for id in store.ids().try_collect::<Vec<_>>().await.unwrap() {
        let basket = store.get(&id).await.unwrap();
        let items = basket.state().items().map(|(product, qty)| (product.to_string(), i64::from(qty)));
        states.insert(id.to_string(), items.collect());
    }
    assert_eq!(states.values().map(BTreeMap::len).sum::<usize>(), 2);
    states
}

async fn is_read<C: Codec<Aggregate = Basket> + 'static>(store: impl Maintenance<C> + Feeds<C> + Sync) {
    fill(&store).await;
    assert_eq!(states(&store).await, todays_states().await);
    let documents: Vec<_> = store.documents(Scope::All).try_collect().await.unwrap();
    let (mut verifier, mut export) = (Verifier::<C>::default(), Export::<C>::default());
    for (document, before) in documents.iter().zip(first_release()) {
        verifier.check(document).unwrap();
        // What was written stays as it was written.
        assert_eq!(document.as_bytes(), before.as_bytes());
        assert!(export.line(document).unwrap().contains("\"schema\":1"));
    }
    // A read model sees what an upcaster has made.
    assert_eq!(rows(&store, &UNITS, RowQuery::default()).await.unwrap(), [], "it was not kept yet");
    let mut reader =
        Subscription::open(&store, "units", Projection::<C>::shape(&UNITS), Options::default()).await.unwrap();
    while !project(&mut reader, &UNITS).await.unwrap().1 {}
    reader.close().await.unwrap();
    let kept = rows(&store, &UNITS, RowQuery::default()).await.unwrap();
    let all: BTreeMap<_, _> = kept.into_iter().map(|(id, row)| (id, row.get_i64("pieces").unwrap())).collect();
    assert_eq!(all.values().copied().collect::<Vec<_>>(), [1 + 1 + 3 + 12 + 1, 1 + 4_294_967_294]);

    // What happens today is written in today's shape, each type by its own number.
    let id = all.keys().next().unwrap().clone();
    let quantity = Quantity { value: 3, unit: "kg".into() };
    let added = ItemAdded { product: "flour".into(), quantity, bought_at: Some("the mill".into()) };
    let put_back = ItemPutBack { product: "rocks".into() };
    let more = |_: &Basket| Ok::<_, std::fmt::Error>(vec![added.clone(), put_back.clone()]);
    store.command(&id).run(more).await.unwrap();
    let new: Vec<_> = store.documents(Scope::From(id.clone(), 9)).try_collect().await.unwrap();
    let schemas: Vec<_> =
        new.iter().map(|new| (new.get_str("type").unwrap(), new.get_i32("schema").unwrap())).collect();
    assert_eq!(schemas, [("ItemAdded", 2), ("ItemPutBack", 1)]);
    let basket = store.get(&id).await.unwrap();
    assert_eq!(basket.state().items["flour"]["kg"], 3);
    assert!(!basket.state().items.contains_key("rocks"));
    let entries = store.entries(Scope::From(id.clone(), 9), 9).await.unwrap();
    assert_eq!(entries[0].event, added);

    // A service keeps the read model, for as long as it runs.
    tokio::select! {
        ended = keep(&store, &UNITS, Options::default()) => panic!("{ended:?}"),
        seen = store.wait_for("units", &id, 10, Duration::from_secs(10)) => seen.unwrap(),
    }
    let query = RowQuery { sort: Some("pieces"), limit: Some(1), ..RowQuery::default() };
    assert_eq!(rows(&store, &UNITS, query).await.unwrap(), [(id, doc! { "pieces": 18_i64 + 3 })]);
    let other = rows(&store, &Units { shape: 2 }, RowQuery::default()).await.unwrap_err();
    assert!(matches!(other, StoreError::OtherShape { found: 1, expected: 2, .. }), "{other:?}");
}

/// Pieces that were ever added.
struct Units {
    shape: i32,
}

const UNITS: Units = Units { shape: 1 };

impl<C: Codec<Aggregate = Basket>> Projection<C> for Units {
    fn name(&self) -> &'static str {
        "units"
    }

    fn shape(&self) -> Shape {
        Shape { number: self.shape, indexes: &["pieces"] }
    }

    fn fold(&self, stream: &[Entry<C>]) -> Document {
        let of = |entry: &Entry<C>| match &entry.event {
            ItemAdded { quantity, .. } => quantity.value,
            _ => 0,
        };
        doc! { "pieces": stream.iter().map(of).sum::<i64>() }
    }
}

#[test]
fn a_collection_of_the_first_release_is_read_by_a_codec_by_hand() {
    with_database(async |db| is_read(MongoStore::<ByHand>::at(&db.address).await.unwrap()).await);
    tokio::runtime::Runtime::new().unwrap().block_on(is_read(MemoryStore::<ByHand>::default()));
}

#[test]
fn a_collection_of_the_first_release_is_read_by_serde() {
    with_database(async |db| is_read(MongoStore::<BySerde>::at(&db.address).await.unwrap()).await);
    tokio::runtime::Runtime::new().unwrap().block_on(is_read(MemoryStore::<BySerde>::default()));
}

#[test]
fn a_program_of_before_refuses_what_it_does_not_know() {
    let id = "6b093d018d5904a1ed778242".to_owned();
    let read = |event: &Happened| {
        let (kind, data) = ByHand::encode(event);
        let schema = basket_mongo::store::upcaster::newest::<ByHand>(kind);
        let document = doc! { "_id": bson::oid::ObjectId::new(), "basket_id": ByHand::key(&id), "version": 1, "type": kind,
        "data": data, "schema": schema, "recorded_at": bson::DateTime::now(), "commit": bson::oid::ObjectId::new() };
        let document = RawDocumentBuf::try_from(&document).unwrap();
        read_entry::<Baskets>(&document).map(drop).map_err(|wrong| wrong.why)
    };
    let quantity = Quantity { value: 3, unit: "kg".into() };
    let added = ItemAdded { product: "flour".into(), quantity, bought_at: None };
    assert_eq!(
        read(&added).unwrap_err(),
        "its schema is 2, and this program knows 1 as the newest; read it with a newer release"
    );
    assert_eq!(
        read(&ItemBroken { product: "rocks".into() }).unwrap_err(),
        "its type 'ItemBroken' is none that a basket knows"
    );
}

#[test]
fn a_step_is_tested_alone() {
    let data = doc! { "product": "rocks", "qty": 2.0 };
    let expected = doc! { "product": "rocks", "quantity": { "value": 2_i64, "unit": "piece" } };
    assert_eq!(with_unit(data), Ok(expected));
    assert_eq!(with_unit(doc! { "product": "rocks" }).unwrap_err(), "data.qty is missing");
}

/// Steps from 1 to 3, one after the other, each of which says that it was there; and a hole.
struct Chained;

#[derive(Debug, Default)]
struct Log(Vec<String>);

impl basket_domain::Aggregate for Log {
    type Id = String;
    type Event = String;

    fn apply(&mut self, event: &String) {
        self.0.push(event.clone());
    }
}

fn step(number: i64) -> impl Fn(Document) -> Result<Document, String> {
    move |mut data| {
        data.insert("steps", data.get_i64("steps").map_err(|error| error.to_string())? * 10 + number);
        Ok(data)
    }
}

impl Codec for Chained {
    type Aggregate = Log;

    const COLLECTION: &'static str = "logs";
    const KEY: &'static str = "log_id";
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster { kind: "Happened", from: 2, step: |data| step(2)(data) },
        Upcaster { kind: "Happened", from: 1, step: |data| step(1)(data) },
        Upcaster { kind: "Other", from: 2, step: |data| step(2)(data) },
    ];

    fn key(id: &String) -> Bson {
        id.into()
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        key.as_str().map(str::to_owned)
    }

    fn encode(event: &String) -> (&'static str, Document) {
        ("Happened", doc! { "steps": event.parse::<i64>().unwrap() })
    }

    fn decode(_: &Id<Self>, _: &str, data: &RawDocument) -> Result<String, String> {
        whole_number(data, "steps").map(|steps| steps.to_string())
    }
}

#[test]
fn steps_are_taken_one_after_the_other() {
    let read = |kind: &str, schema: i32, data: Document| {
        let oid = bson::oid::ObjectId::new();
        let document = doc! { "_id": oid, "log_id": "a", "version": 1, "type": kind, "data": data, "schema": schema,
        "recorded_at": bson::DateTime::now(), "commit": oid };
        let document = RawDocumentBuf::try_from(&document).unwrap();
        let entry = read_entry::<Chained>(&document);
        entry.map(|entry| entry.event).map_err(|wrong| StoreError::from(wrong).to_string())
    };
    let steps = |number: i64| doc! { "steps": number };
    assert_eq!(read("Happened", 1, steps(7)).unwrap(), "712");
    assert_eq!(read("Happened", 2, steps(7)).unwrap(), "72");
    assert_eq!(read("Happened", 3, steps(7)).unwrap(), "7");
    assert_eq!(read("Other", 3, steps(7)).unwrap(), "7");
    for (kind, schema, data, why) in [
        ("Happened", 4, steps(7), "its schema is 4, and this program knows 3 as the newest"),
        ("Happened", 1, doc! {}, "its schema is 1, and can't be brought to the next"),
        ("Other", 1, steps(7), "its schema is 1, and this program has no step from there"),
        ("New", 2, steps(7), "its schema is 2, and this program knows 1 as the newest"),
    ] {
        let wrong = read(kind, schema, data).unwrap_err();
        assert!(wrong.contains(why), "{wrong}");
    }
}
