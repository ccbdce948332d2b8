//! Which documents the server refuses, once a store was set up: those that can't be read, and no others.

use basket_domain::{BasketEvent, BasketId};
use basket_mongo::{
    Baskets, Codec, MongoStore,
    store::{document::read_entry, exchange::event_document, setup::Init},
};
use bson::{Bson, DateTime, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc, oid::ObjectId};
use testkit::{mongo::with_database, silo::Silos};

/// Reads a document as far as it can be read without knowing what happened.
struct AnyEvent;

impl Codec for AnyEvent {
    type Aggregate = <Baskets as Codec>::Aggregate;
    const COLLECTION: &'static str = Baskets::COLLECTION;
    const KEY: &'static str = Baskets::KEY;
    const KEY_TYPE: Option<&'static str> = Baskets::KEY_TYPE;

    fn key(id: &BasketId) -> Bson {
        Baskets::key(id)
    }

    fn id(key: RawBsonRef<'_>) -> Option<BasketId> {
        Baskets::id(key)
    }

    fn encode(event: &BasketEvent) -> (&'static str, Document) {
        Baskets::encode(event)
    }

    fn decode(id: &BasketId, _: &str, _: &RawDocument) -> Result<BasketEvent, String> {
        Ok(BasketEvent::BasketCreated { basket_id: *id })
    }
}

fn event() -> Document {
    doc! {
        "_id": ObjectId::new(), "basket_id": ObjectId::new(), "version": 1_i64, "type": "ItemAdded",
        "data": { "product": "socks", "qty": 1_i64 }, "recorded_at": DateTime::now(), "commit": ObjectId::new(), "schema": 1,
        "meta": { "actor": "ann", "undoes": { "first": 1_i64, "last": 2_i64 } },
    }
}

/// A value of each type, and numbers of each kind.
fn values() -> Vec<Bson> {
    let exact = 9_007_199_254_740_992.0;
    vec![
        Bson::Null,
        0.into(),
        1.into(),
        (-1).into(),
        7_i64.into(),
        1.0.into(),
        1.5.into(),
        exact.into(),
        (exact + 2.0).into(),
        (-0.0).into(),
        f64::NAN.into(),
        f64::INFINITY.into(),
        Bson::Decimal128("1".parse().unwrap()),
        true.into(),
        "socks".into(),
        ObjectId::new().into(),
        DateTime::now().into(),
        Bson::Timestamp(bson::Timestamp { time: 1, increment: 1 }),
        Bson::Binary(bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![1] }),
        Bson::RegularExpression(bson::Regex {
            pattern: bson::raw::cstr!("a").into(),
            options: bson::raw::cstr!("").into(),
        }),
        Bson::MinKey,
        doc! {}.into(),
        doc! { "actor": "ann" }.into(),
        doc! { "first": 1, "last": 2.0 }.into(),
        doc! { "first": 1 }.into(),
        vec![Bson::from(1)].into(),
        vec![Bson::from("socks")].into(),
        vec![Bson::from(DateTime::now())].into(),
        vec![Bson::from(doc! {})].into(),
    ]
}

/// Puts a value into a field, or takes the field away.
fn put(document: &mut Document, path: &str, value: Option<Bson>) {
    let mut names: Vec<_> = path.split('.').collect();
    let last = names.pop().unwrap();
    let place = names.into_iter().fold(document, |document, name| document.get_document_mut(name).unwrap());
    match value {
        Some(value) => drop(place.insert(last, value)),
        None => drop(place.remove(last)),
    }
}

#[test]
fn the_server_refuses_what_can_not_be_read_and_nothing_else() {
    let fields = "_id basket_id version type data recorded_at commit schema meta meta.actor meta.reason meta.correlation \
                  meta.causation meta.request meta.headers meta.undoes meta.undoes.first meta.undoes.last another";
    with_database(async |db| {
        db.store().await.init(&Init::default()).await.unwrap();
        let (mut refused, mut taken) = (0, 0);
        for field in fields.split(' ') {
            let missing = (field != "_id").then_some(None);
            for value in values().into_iter().map(Some).chain(missing) {
                let mut document = event();
                put(&mut document, field, value.clone());
                let raw = RawDocumentBuf::try_from(&document).unwrap();
                let read = read_entry::<AnyEvent>(&raw);
                // Of a newer program, whose events this one must not read.
                let is_newer = read.as_ref().is_err_and(|error| error.why.contains("read it with a newer release"));
                let inserted = db.events().insert_one(&document).await;
                assert_eq!(
                    inserted.is_ok(),
                    read.is_ok() || is_newer,
                    "{field} {value:?}: {inserted:?}, {:?}",
                    read.err()
                );
                *(if inserted.is_ok() { &mut taken } else { &mut refused }) += 1;
            }
        }
        assert!(refused > 400 && taken > 80, "{refused} {taken}");
        for tags in [Bson::from("voucher"), vec![Bson::from(1)].into(), Bson::Null] {
            let mut document = event();
            put(&mut document, "tags", Some(tags));
            db.events().insert_one(document).await.unwrap_err();
        }
        // What is stored can't be spoiled either.
        for spoiled in [doc! { "$unset": { "type": "" } }, doc! { "$set": { "version": "one" } }] {
            db.events().update_one(doc! { "type": "ItemAdded" }, spoiled).await.unwrap_err();
        }
    });
}

/// The documents of a corpus.
fn documents(corpus: &str) -> impl Iterator<Item = RawDocumentBuf> {
    corpus.lines().filter(|line| line.starts_with('{')).map(|line| event_document(line).unwrap())
}

#[test]
fn the_server_takes_every_document_that_was_ever_written() {
    with_database(async |db| {
        db.store().await.init(&Init::default()).await.unwrap();
        let silos = MongoStore::<Silos>::at(&db.address).await.unwrap();
        silos.init(&Init::default()).await.unwrap();
        let mut taken = 0;
        for (store, corpus) in [
            (db.events(), include_str!("corpus/baskets.ndjson")),
            (db.events(), include_str!("years/first_release.ndjson")),
            (silos.collection().clone(), include_str!("corpus/silos.ndjson")),
        ] {
            for document in documents(corpus).filter(|document| document.get("_id").unwrap().is_some()) {
                let answer = store.clone_with_type::<RawDocumentBuf>().insert_one(&document).await;
                // A corpus may have one place twice, which is another matter.
                assert!(answer.is_ok() || answer.as_ref().unwrap_err().to_string().contains("E11000"), "{answer:?}");
                taken += usize::from(answer.is_ok());
            }
        }
        assert!(taken >= 15, "{taken}");
        // As it is typed in mongosh, whose numbers are doubles.
        let typed = doc! {
            "_id": ObjectId::new(), "basket_id": ObjectId::new(), "version": 1.0, "type": "BasketCreated", "data": {},
            "recorded_at": DateTime::now(), "commit": ObjectId::new(), "note": "by hand",
        };
        db.events().insert_one(typed).await.unwrap();
    });
}
