//! Documents that somebody planted by hand: `get` names each by `_id` and version and says why; none is skipped.

mod support;

use basket_mongo::{Baskets, EventLog, EventStore, Scope, StoreError, Unreadable, Verifier};
use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use support::{TestDatabase, new_id, with_database};

/// What was done to the third event of a good stream, and what must be said of it.
struct Case {
    name: &'static str,
    plant: fn(&mut Vec<Document>),
    /// The place (from 0) of the document that must be named.
    at: usize,
    why: &'static str,
}

const fn case(name: &'static str, at: usize, why: &'static str, plant: fn(&mut Vec<Document>)) -> Case {
    Case { name, plant, at, why }
}

fn set(events: &mut [Document], at: usize, field: &str, value: impl Into<Bson>) {
    events[at].insert(field, value);
}

fn data(events: &mut [Document], field: &str, value: impl Into<Bson>) {
    events[2].get_document_mut("data").unwrap().insert(field, value);
}

const CASES: &[Case] = &[
    // A missing version sorts before all numbers, a text behind them.
    case("missing version", 0, "it has no version", |e| drop(e[0].remove("version"))),
    case("zero version", 0, "its version is 0, expected a whole number from 1", |e| set(e, 0, "version", 0)),
    case("negative version", 0, "its version is -3", |e| set(e, 0, "version", -3)),
    case("fractional version", 2, "its version is 2.5", |e| set(e, 2, "version", 2.5)),
    case("text version", 2, "its version is \"3\"", |e| set(e, 2, "version", "3")),
    case("gap", 2, "version 3 is missing before it", |e| set(e, 2, "version", 4_i64)),
    case("duplicate version", 2, "version 2 is there twice", |e| set(e, 2, "version", 2_i64)),
    case("unknown type", 2, "its type 'ItemBlessed' is none", |e| set(e, 2, "type", "ItemBlessed")),
    case("missing type", 2, "it has no type", |e| drop(e[2].remove("type"))),
    case("type no text", 2, "its type is 7", |e| set(e, 2, "type", 7)),
    case("missing data", 2, "it has no data", |e| drop(e[2].remove("data"))),
    case("data no document", 2, "its data is \"rocks\"", |e| set(e, 2, "data", "rocks")),
    case("missing product", 2, "data.product is missing", |e| set(e, 2, "data", doc! { "qty": 1 })),
    case("missing qty", 2, "data.qty is missing", |e| set(e, 2, "data", doc! { "product": "rocks" })),
    case("qty 0", 2, "data.qty is 0, expected a whole number from 1", |e| data(e, "qty", 0)),
    case("qty negative", 2, "data.qty is -1", |e| data(e, "qty", -1)),
    case("qty fractional", 2, "data.qty is 1.5", |e| data(e, "qty", 1.5)),
    case("qty not a number", 2, "data.qty is NaN", |e| data(e, "qty", f64::NAN)),
    case("qty text", 2, "data.qty is \"1\"", |e| data(e, "qty", "1")),
    case("qty beyond u32", 2, "data.qty is 4294967296", |e| data(e, "qty", 4_294_967_296_i64)),
    case("total beyond u32", 2, "it takes the total of 'socks' past", |e| {
        data(e, "product", "socks");
        data(e, "qty", i64::from(u32::MAX));
    }),
    case("product empty", 2, "a product's name can't be empty", |e| data(e, "product", "  ")),
    case("product of 1 MB", 2, "this one has 1048576", |e| data(e, "product", "x".repeat(1 << 20))),
    case("product with an escape", 2, "control character", |e| data(e, "product", "\u{1b}[2J")),
    case("product with blanks", 2, "data.product is \" rocks\", which has blanks", |e| data(e, "product", " rocks")),
    case("product not in NFC", 2, "not in Unicode's normal form C", |e| data(e, "product", "cafe\u{301}")),
    case("product no text", 2, "data.product is 7", |e| data(e, "product", 7)),
    case("first is not BasketCreated", 0, "the first event of a basket must be BasketCreated", |e| {
        set(e, 0, "type", "ItemAdded");
        set(e, 0, "data", doc! { "product": "rocks", "qty": 1 });
    }),
    case("second BasketCreated", 2, "a basket is created once", |e| set(e, 2, "type", "BasketCreated")),
    case("newer schema", 2, "its schema is 2, and this program knows 1 as the newest", |e| set(e, 2, "schema", 2)),
    case("schema no number", 2, "its schema is \"one\"", |e| set(e, 2, "schema", "one")),
    case("removal of what was never added", 2, "it removes 'clocks', which is not in the basket then", |e| {
        set(e, 2, "type", "ItemRemoved");
        data(e, "product", "clocks");
    }),
];

/// What a replay has no use for, and the log shows.
const BESIDE: &[Case] = &[
    case("no time", 2, "it has no recorded_at", |e| drop(e[2].remove("recorded_at"))),
    case("time no date", 2, "its recorded_at is \"now\", expected a date", |e| set(e, 2, "recorded_at", "now")),
    case("no commit", 2, "it has no commit", |e| drop(e[2].remove("commit"))),
    case("commit no id", 2, "its commit is 7, expected an ObjectId", |e| set(e, 2, "commit", 7)),
    case("meta no document", 2, "its meta is \"ann\", expected a document", |e| set(e, 2, "meta", "ann")),
    case("undoes no versions", 2, "meta.undoes is 4, expected the first and the last version", |e| {
        set(e, 2, "meta", doc! { "undoes": 4 });
    }),
    case("actor no text", 2, "meta.actor is 7, expected a text", |e| set(e, 2, "meta", doc! { "actor": 7 })),
];

/// Created, socks, rocks; and a fourth that a reader must not reach for when the third is off.
fn good_stream(key: ObjectId) -> Vec<Document> {
    let event = |version: i64, kind: &str, data: Document| {
        doc! {
            "_id": ObjectId::new(), "basket_id": key, "version": version, "type": kind, "data": data, "schema": 1,
            "recorded_at": DateTime::now(), "commit": ObjectId::new(),
        }
    };
    vec![
        event(1, "BasketCreated", doc! {}),
        event(2, "ItemAdded", doc! { "product": "socks", "qty": 1_i64 }),
        event(3, "ItemAdded", doc! { "product": "rocks", "qty": 1_i64 }),
    ]
}

/// Plants the stream, without the unique index, and reads it back.
async fn read(
    db: &TestDatabase,
    plant: fn(&mut Vec<Document>),
) -> (Vec<Document>, Result<Vec<(String, u32)>, StoreError>) {
    let id = new_id();
    let mut events = good_stream(ObjectId::from_bytes(id.to_bytes()));
    plant(&mut events);
    // Newest first: whatever order they were written in, version is what orders a stream.
    db.events().insert_many(events.iter().rev()).await.unwrap();
    let found = db.store().await.get(&id).await;
    let items = found.map(|basket| basket.state().items().map(|(product, many)| (product.to_string(), many)).collect());
    (events, items)
}

#[test]
fn every_kind_of_planted_document_is_named_with_its_id_its_version_and_the_reason() {
    with_database(async |db| {
        for Case { name, plant, at, why } in CASES {
            let (events, found) = read(&db, *plant).await;
            let Err(StoreError::Unreadable(Unreadable { document, version, why: said })) = found else {
                panic!("{name}: {found:?}");
            };
            let planted = &events[*at];
            // Of two at one version, either may be the one too many.
            let mut twins = events.iter().filter(|event| event.get("version") == planted.get("version"));
            let shown = |event: &Document| format!("ObjectId('{}')", event.get_object_id("_id").unwrap());
            assert!(twins.any(|event| shown(event) == document), "{name}: {document}");
            let number = match planted.get("version") {
                Some(Bson::Int64(number)) => Some(*number),
                Some(Bson::Int32(number)) => Some((*number).into()),
                _ => None,
            };
            assert_eq!(version, number, "{name}");
            assert!(said.contains(why), "{name}: {said}");
            assert!(said.len() < 300, "{name}: an error must fit a terminal, this one has {} bytes", said.len());
        }
    });
}

#[test]
fn verify_names_every_planted_document_in_one_pass_and_goes_on() {
    with_database(async |db| {
        let (mut planted, mut good) = (Vec::new(), 0);
        for case in CASES.iter().chain(BESIDE) {
            let (events, _) = read(&db, case.plant).await;
            planted.push((case, events));
            assert!(read(&db, |_| {}).await.1.is_ok());
            good += 3;
        }
        db.events().insert_one(doc! { "_id": "nobody's", "version": 1_i64, "type": "BasketCreated" }).await.unwrap();
        let store = db.store().await;
        let mut verifier = Verifier::<Baskets>::default();
        let (mut findings, mut well) = (Vec::new(), 0);
        let mut documents = std::pin::pin!(store.documents(Scope::All));
        while let Some(document) = documents.try_next().await.unwrap() {
            match verifier.check(&document) {
                Ok(_) => well += 1,
                Err(finding) => findings.push(finding),
            }
        }
        for (Case { name, at, why, .. }, events) in &planted {
            let is_named = |finding: &Unreadable, event: &Document| {
                finding.document.contains(&event.get_object_id("_id").unwrap().to_hex())
            };
            let is_of = |finding: &&Unreadable| events.iter().any(|event| is_named(finding, event));
            let found: Vec<_> = findings.iter().filter(is_of).collect();
            assert!(found.iter().any(|finding| finding.why.contains(why)), "{name}: {found:?}");
            // Where the first event is none, nothing can follow on it. Otherwise those behind are as good as they were.
            assert!(found.len() == 1 || *at == 0, "{name}: {found:?}");
        }
        assert!(well >= good, "the good baskets between them are good: {well} of {good}");
        let stranger = findings.iter().find(|finding| finding.document.contains("nobody's")).unwrap();
        assert_eq!(stranger.why, "it has no basket_id");
        assert_eq!(verifier.documents() as usize, 2 * good + 1);
    });
}

#[test]
fn verify_does_not_accuse_the_events_behind_one_that_is_off() {
    with_database(async |db| {
        let id = new_id();
        let key = ObjectId::from_bytes(id.to_bytes());
        let mut events = good_stream(key);
        for version in 4..=6_i64 {
            let mut event = events[1].clone();
            event.extend([("_id".to_owned(), ObjectId::new().into()), ("version".to_owned(), version.into())]);
            events.push(event);
        }
        let mut twin = events[1].clone();
        twin.insert("_id", ObjectId::new());
        let mut nowhere = events[1].clone();
        nowhere.insert("_id", ObjectId::new());
        nowhere.remove("version");
        events.extend([twin, nowhere]);
        db.events().insert_many(&events).await.unwrap();
        let (store, mut verifier) = (db.store().await, Verifier::<Baskets>::default());
        let mut documents = std::pin::pin!(store.documents(Scope::All));
        let mut findings = Vec::new();
        while let Some(document) = documents.try_next().await.unwrap() {
            findings.extend(verifier.check(&document).err().map(|finding| finding.why));
        }
        assert_eq!(findings, ["it has no version", "version 2 is there twice"]);
    });
}

#[test]
fn a_missing_or_wrong_index_is_a_fault_that_says_how_to_make_it() {
    with_database(async |db| {
        let store = db.store().await;
        assert_eq!(store.faults().await.unwrap(), [] as [String; 0], "no collection, no fault");
        store.save(&mut support::created()).await.unwrap();
        assert_eq!(store.faults().await.unwrap(), [] as [String; 0]);
        let says = async |words: &str| {
            let faults = store.faults().await.unwrap();
            assert!(faults.len() == 1 && faults[0].contains(words), "{faults:?}");
            assert!(faults[0].contains("db.baskets.createIndex({ basket_id: 1, version: 1 }, { unique: true })"));
        };
        db.events().drop_index("basket_id_1_version_1").await.unwrap();
        says("is missing").await;
        let index = |unique: bool| {
            let options = mongodb::options::IndexOptions::builder().unique(unique).build();
            mongodb::IndexModel::builder().keys(doc! { "basket_id": 1.0, "version": 1.0 }).options(options).build()
        };
        db.events().create_index(index(false)).await.unwrap();
        says("is not unique").await;
        db.events().drop_indexes().await.unwrap();
        db.events().create_index(index(true)).await.unwrap();
        assert_eq!(store.faults().await.unwrap(), [] as [String; 0], "mongosh writes doubles");
    });
}

#[test]
fn what_mongosh_writes_is_read() {
    with_database(async |db| {
        let (_, found) = read(&db, |events| {
            // mongosh makes doubles of numbers, and knows nothing of schema or commit.
            for (event, version) in events.iter_mut().zip(1_i32..) {
                event.insert("version", f64::from(version));
                event.remove("schema");
            }
            data(events, "qty", 3.0);
            data(events, "colour", "a field that nobody knows");
        })
        .await;
        assert_eq!(found.unwrap(), [("socks".to_owned(), 1), ("rocks".to_owned(), 3)]);
    });
}

#[test]
fn an_unreadable_basket_takes_no_command() {
    with_database(async |db| {
        let id = new_id();
        let mut events = good_stream(ObjectId::from_bytes(id.to_bytes()));
        events[1].insert("type", "ItemBlessed");
        db.events().insert_many(&events).await.unwrap();
        let store = db.store().await;
        let refused = store.handle(&id, |basket| basket.remove_item(&support::product("rocks"))).await.unwrap_err();
        assert!(refused.to_string().contains("(version 2) can't be read"), "{refused}");
        assert_eq!(db.stream(id).await.len(), 3);
    });
}
