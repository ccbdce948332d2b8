//! Invalid documents written by hand: `get` names each by `_id` and version and says why; none is skipped.

use basket_domain::{Basket, BasketId, EventSourced};
use basket_mongo::{
    Baskets, Codec, EventLog, EventStore, Maintenance, Scope, StoreError, Unreadable, Verifier, store::setup::Init,
};
use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use testkit::mongo::{TestDatabase, created, new_id, product, saved, with_database};

/// A name, the place (from 0) of the invalid document in a valid stream, the reason in the error, and the change.
type Case = (&'static str, usize, &'static str, fn(&mut Vec<Document>));

fn set(events: &mut [Document], at: usize, field: &str, value: impl Into<Bson>) {
    events[at].insert(field, value);
}

fn data(events: &mut [Document], field: &str, value: impl Into<Bson>) {
    events[2].get_document_mut("data").unwrap().insert(field, value);
}

const CASES: &[Case] = &[
    // A missing version sorts before all numbers, a text after them.
    ("missing version", 0, "it has no version", |e| drop(e[0].remove("version"))),
    ("zero version", 0, "its version is 0, expected a whole number from 1", |e| set(e, 0, "version", 0)),
    ("negative version", 0, "its version is -3", |e| set(e, 0, "version", -3)),
    ("fractional version", 2, "its version is 2.5", |e| set(e, 2, "version", 2.5)),
    ("text version", 2, "its version is \"3\"", |e| set(e, 2, "version", "3")),
    ("gap", 2, "version 3 is missing before it", |e| set(e, 2, "version", 4_i64)),
    ("duplicate version", 2, "version 2 is there twice", |e| set(e, 2, "version", 2_i64)),
    ("unknown type", 2, "its type 'ItemBlessed' is none", |e| set(e, 2, "type", "ItemBlessed")),
    ("missing type", 2, "it has no type", |e| drop(e[2].remove("type"))),
    ("type no text", 2, "its type is 7", |e| set(e, 2, "type", 7)),
    ("missing data", 2, "it has no data", |e| drop(e[2].remove("data"))),
    ("data no document", 2, "its data is \"rocks\"", |e| set(e, 2, "data", "rocks")),
    ("missing product", 2, "data.product is missing", |e| set(e, 2, "data", doc! { "qty": 1 })),
    ("missing qty", 2, "data.qty is missing", |e| set(e, 2, "data", doc! { "product": "rocks" })),
    ("qty 0", 2, "data.qty is 0, expected a whole number from 1", |e| data(e, "qty", 0)),
    ("qty negative", 2, "data.qty is -1", |e| data(e, "qty", -1)),
    ("qty fractional", 2, "data.qty is 1.5", |e| data(e, "qty", 1.5)),
    ("qty not a number", 2, "data.qty is NaN", |e| data(e, "qty", f64::NAN)),
    ("qty text", 2, "data.qty is \"1\"", |e| data(e, "qty", "1")),
    ("qty beyond u32", 2, "data.qty is 4294967296", |e| data(e, "qty", 4_294_967_296_i64)),
    ("total beyond u32", 2, "it takes the total of 'socks' past", |e| {
        data(e, "product", "socks");
        data(e, "qty", i64::from(u32::MAX));
    }),
    ("product empty", 2, "a product's name can't be empty", |e| data(e, "product", "  ")),
    ("product of 1 MB", 2, "this one has 1048576", |e| data(e, "product", "x".repeat(1 << 20))),
    ("product with an escape", 2, "control character", |e| data(e, "product", "\u{1b}[2J")),
    ("product with blanks", 2, "data.product is \" rocks\", which has blanks", |e| data(e, "product", " rocks")),
    ("product not in NFC", 2, "not in Unicode's normal form C", |e| data(e, "product", "cafe\u{301}")),
    ("product no text", 2, "data.product is 7", |e| data(e, "product", 7)),
    ("first is not BasketCreated", 0, "the first event of a basket must be BasketCreated", |e| {
        set(e, 0, "type", "ItemAdded");
        set(e, 0, "data", doc! { "product": "rocks", "qty": 1 });
    }),
    ("second BasketCreated", 2, "a basket is created once", |e| set(e, 2, "type", "BasketCreated")),
    ("newer schema", 2, "its schema is 2, and this program knows 1 as the newest", |e| set(e, 2, "schema", 2)),
    ("schema no number", 2, "its schema is \"one\"", |e| set(e, 2, "schema", "one")),
];

/// Fields that a replay does not read, but the log does.
const BESIDE: &[Case] = &[
    ("no time", 2, "it has no recorded_at", |e| drop(e[2].remove("recorded_at"))),
    ("time no date", 2, "its recorded_at is \"now\", expected a date", |e| set(e, 2, "recorded_at", "now")),
    ("no commit", 2, "it has no commit", |e| drop(e[2].remove("commit"))),
    ("commit no id", 2, "its commit is 7, expected an ObjectId", |e| set(e, 2, "commit", 7)),
    ("meta no document", 2, "its meta is \"ann\", expected a document", |e| set(e, 2, "meta", "ann")),
    ("undoes no versions", 2, "meta.undoes is 4, expected the first and the last version", |e| {
        set(e, 2, "meta", doc! { "undoes": 4 });
    }),
    ("actor no text", 2, "meta.actor is 7, expected a text", |e| set(e, 2, "meta", doc! { "actor": 7 })),
];

/// Created, socks, rocks.
fn valid_stream(id: &BasketId) -> Vec<Document> {
    let event = |version: i64, kind: &str, data: Document| {
        doc! {
            "_id": ObjectId::new(), "basket_id": Baskets::key(id), "version": version, "type": kind, "data": data,
            "schema": 1, "recorded_at": DateTime::now(), "commit": ObjectId::new(),
        }
    };
    vec![
        event(1, "BasketCreated", doc! {}),
        event(2, "ItemAdded", doc! { "product": "socks", "qty": 1_i64 }),
        event(3, "ItemAdded", doc! { "product": "rocks", "qty": 1_i64 }),
    ]
}

/// Plants the stream, without the unique index, and reads it back.
async fn read(db: &TestDatabase, plant: fn(&mut Vec<Document>)) -> (Vec<Document>, Result<Root, StoreError>) {
    let id = new_id();
    let mut events = valid_stream(&id);
    plant(&mut events);
    // Newest first: the version orders a stream, and not the order in which it was written.
    db.events().insert_many(events.iter().rev()).await.unwrap();
    (events, db.store().await.get(&id).await)
}

type Root = EventSourced<Basket>;

/// The reasons of all invalid documents, from a verifier that has checked all documents.
async fn verified(db: &TestDatabase) -> (Vec<Unreadable>, Verifier<Baskets>) {
    let (store, mut verifier, mut findings) = (db.store().await, Verifier::default(), Vec::new());
    let mut documents = std::pin::pin!(store.documents(Scope::All));
    while let Some(document) = documents.try_next().await.unwrap() {
        findings.extend(verifier.check(&document).err());
    }
    (findings, verifier)
}

#[test]
fn every_kind_of_planted_document_is_named_with_its_id_its_version_and_the_reason() {
    with_database(async |db| {
        for (name, at, why, plant) in CASES {
            let (events, found) = read(&db, *plant).await;
            let Err(StoreError::Unreadable(Unreadable { document, version, why: said })) = found else {
                panic!("{name}: {found:?}");
            };
            let planted = &events[*at];
            // Of two at one version, either may be the one too many.
            let mut twins = events.iter().filter(|event| event.get("version") == planted.get("version"));
            let shown = |event: &Document| format!("ObjectId('{}')", event.get_object_id("_id").unwrap());
            assert!(twins.any(|event| shown(event) == document), "{name}: {document}");
            let number = planted.get_i64("version").or_else(|_| planted.get_i32("version").map(i64::from));
            assert_eq!(version, number.ok(), "{name}");
            assert!(said.contains(why), "{name}: {said}");
            assert!(said.len() < 300, "{name}: an error must fit a terminal, this one has {} bytes", said.len());
        }
    });
}

#[test]
fn verify_names_every_planted_document_in_one_pass_and_goes_on() {
    with_database(async |db| {
        let (mut planted, mut valid) = (Vec::new(), 0);
        for case in CASES.iter().chain(BESIDE) {
            planted.push((case, read(&db, case.3).await.0));
            assert!(read(&db, |_| {}).await.1.is_ok());
            valid += 3;
        }
        db.events().insert_one(doc! { "_id": "keyless", "version": 1_i64, "type": "BasketCreated" }).await.unwrap();
        let (findings, verifier) = verified(&db).await;
        for ((name, at, why, _), events) in &planted {
            let is_named = |finding: &Unreadable, event: &Document| {
                finding.document.contains(&event.get_object_id("_id").unwrap().to_hex())
            };
            let is_of = |finding: &&Unreadable| events.iter().any(|event| is_named(finding, event));
            let found: Vec<_> = findings.iter().filter(is_of).collect();
            assert!(found.iter().any(|finding| finding.why.contains(why)), "{name}: {found:?}");
            // Without a valid first event, none can follow. Otherwise the events after the invalid one stay valid.
            assert!(found.len() == 1 || *at == 0, "{name}: {found:?}");
        }
        let keyless = findings.iter().find(|finding| finding.document.contains("keyless")).unwrap();
        assert_eq!(keyless.why, "it has no basket_id");
        let documents = verifier.documents() as usize;
        assert_eq!(documents, 2 * valid + 1);
        assert!(documents - findings.len() >= valid, "the valid baskets between them are valid");
    });
}

#[test]
fn verify_does_not_report_the_valid_events_after_an_invalid_one() {
    with_database(async |db| {
        let mut events = valid_stream(&new_id());
        // As another program may write it that has nothing to say.
        set(&mut events, 1, "meta", Bson::Null);
        // Three more events, a second version 2, and one without a version.
        for version in [Some(4_i64), Some(5), Some(6), Some(2), None] {
            let mut event = events[1].clone();
            event.insert("_id", ObjectId::new());
            match version {
                Some(version) => event.insert("version", version),
                None => event.remove("version"),
            };
            events.push(event);
        }
        db.events().insert_many(&events).await.unwrap();
        let (findings, _) = verified(&db).await;
        let reasons: Vec<_> = findings.iter().map(|finding| &finding.why[..]).collect();
        assert_eq!(reasons, ["it has no version", "version 2 is there twice"]);
    });
}

#[test]
fn a_missing_or_wrong_index_is_a_fault_that_says_how_to_make_it() {
    with_database(async |db| {
        let store = db.store().await;
        assert_eq!(store.faults().await.unwrap(), [], "no collection, no fault");
        saved(&store, created()).await;
        store.init(&Init::default()).await.unwrap();
        assert_eq!(store.faults().await.unwrap(), []);
        let says = async |words: &str| {
            let faults = store.faults().await.unwrap();
            assert!(faults.len() == 1 && faults[0].why.contains(words), "{faults:?}");
            assert!(faults[0].why.contains("db.baskets.createIndex({ basket_id: 1, version: 1 }, { unique: true })"));
        };
        db.events().drop_index("basket_id_1_version_1").await.unwrap();
        says("is missing").await;
        let index = |unique: bool| {
            let options = mongodb::options::IndexOptions::builder().unique(unique).build();
            mongodb::IndexModel::builder().keys(doc! { "basket_id": 1.0, "version": 1.0 }).options(options).build()
        };
        db.events().create_index(index(false)).await.unwrap();
        says("does not hold for every document").await;
        db.events().drop_indexes().await.unwrap();
        db.events().create_index(index(true)).await.unwrap();
        assert_eq!(store.faults().await.unwrap(), [], "mongosh writes doubles");
    });
}

#[test]
fn what_mongosh_writes_is_read() {
    with_database(async |db| {
        let (_, found) = read(&db, |events| {
            // mongosh writes numbers as doubles, and its user leaves out the schema.
            for (event, version) in events.iter_mut().zip(1_i32..) {
                event.insert("version", f64::from(version));
                event.remove("schema");
            }
            data(events, "qty", 3.0);
            data(events, "colour", "an unknown field");
        })
        .await;
        let basket = found.unwrap();
        let held = |name| basket.state().quantity(&product(name));
        assert_eq!((basket.state().items().len(), held("socks"), held("rocks")), (2, 1, 3));
    });
}

#[test]
fn an_unreadable_basket_takes_no_command() {
    with_database(async |db| {
        let id = new_id();
        let mut events = valid_stream(&id);
        events[1].insert("type", "ItemBlessed");
        db.events().insert_many(&events).await.unwrap();
        let store = db.store().await;
        let refused = store.command(&id).run(|basket| basket.remove_item(&product("rocks"))).await.unwrap_err();
        assert!(refused.to_string().contains("(version 2) can't be read"), "{refused}");
        assert_eq!(db.stream(id).await.len(), 3);
    });
}
