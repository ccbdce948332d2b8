//! Collections that another program has made or changed: which of them events are appended to, and what `verify` says of them.

use basket_mongo::{
    Baskets, Codec, CommandError, EventLog, EventStore, Maintenance, MongoStore, Scope, StoreError,
    store::{codec::text, maintenance::Fault},
};
use bson::{Bson, Document, RawBsonRef, RawDocument, doc};
use futures_util::TryStreamExt;
use testkit::{
    mongo::{TestDatabase, add, created, created_with_socks, product, qty, saved, with_database},
    own_server::OwnServer,
};

/// Runs a command of the server in the test's database.
async fn run(db: &TestDatabase, command: Document) {
    db.database.run_command(command).await.unwrap();
}

/// Makes an index on the collection of the baskets.
async fn index(db: &TestDatabase, name: &str, keys: Document, mut options: Document) {
    options.insert("key", keys);
    options.insert("name", name);
    run(db, doc! { "createIndexes": "baskets", "indexes": [options] }).await;
}

/// What `verify` says of a collection.
async fn faults<C: Codec>(store: &MongoStore<C>) -> Vec<Fault> {
    store.faults().await.unwrap()
}

fn unique_key() -> Document {
    doc! { "basket_id": 1, "version": 1 }
}

#[test]
fn the_unique_index_is_known_by_its_fields_whatever_its_name_and_not_made_again() {
    with_database(async |db| {
        index(&db, "made_by_hand", unique_key(), doc! { "unique": true }).await;
        let store = db.store().await;
        saved(&store, created_with_socks()).await;
        assert_eq!(faults(&store).await, []);
        assert_eq!(db.events().list_index_names().await.unwrap(), ["_id_", "made_by_hand"]);
    });
}

#[test]
fn a_collection_that_would_lose_events_takes_none_and_is_named_by_verify() {
    let ttl = doc! { "createIndexes": "baskets", "indexes": [
        { "key": { "recorded_at": 1 }, "name": "old", "expireAfterSeconds": 3600 },
    ] };
    let cases = [
        (ttl, "'old' of 'baskets' deletes documents after 3600 seconds"),
        (doc! { "create": "baskets", "capped": true, "size": 4096 }, "'baskets' is capped"),
        (doc! { "create": "baskets", "viewOn": "others", "pipeline": [] }, "'baskets' is a view"),
        (
            doc! { "create": "baskets", "timeseries": { "timeField": "recorded_at" } },
            "'baskets' is a time-series collection",
        ),
    ];
    for (command, why) in cases {
        with_database(async |db| {
            // MongoDB has time-series collections from 5.0 on.
            match db.database.run_command(command.clone()).await {
                Err(error) if error.to_string().contains("'create.timeseries' is an unknown field") => return,
                outcome => drop(outcome.unwrap()),
            }
            let store = db.store().await;
            let found = faults(&store).await;
            assert!(found.iter().any(|fault| !fault.is_warning && fault.why.contains(why)), "{why}: {found:?}");
            let error = store.save(&mut created()).await.unwrap_err();
            assert!(matches!(&error, StoreError::Unsuitable { why: said, .. } if said.contains(why)), "{why}: {error}");
        });
    }
}

#[test]
fn an_index_that_does_not_hold_for_every_document_is_a_fault_and_one_that_does_is_made_beside_it() {
    let weak = [
        doc! { "unique": true, "sparse": true },
        doc! { "unique": true, "partialFilterExpression": { "type": "ItemAdded" } },
        doc! { "unique": true, "collation": { "locale": "en", "strength": 1 } },
    ];
    for options in weak {
        with_database(async |db| {
            index(&db, "weak", unique_key(), options.clone()).await;
            let store = db.store().await;
            let found = faults(&store).await;
            assert!(found.len() == 1 && found[0].why.contains("does not hold for every document"), "{found:?}");
            // MongoDB has no two indexes on the same fields but for their collation.
            match store.save(&mut created()).await {
                Ok(_) => assert_eq!(faults(&store).await, []),
                Err(StoreError::Unsuitable { .. }) => assert!(!options.contains_key("collation"), "{options}"),
                Err(other) => panic!("{options}: {other}"),
            }
        });
    }
}

#[test]
fn a_unique_index_of_somebody_else_refuses_an_event_and_is_named() {
    with_database(async |db| {
        index(&db, "one_of_each", doc! { "data.product": 1 }, doc! { "unique": true, "sparse": true }).await;
        let store = db.store().await;
        let mut basket = saved(&store, created_with_socks()).await;
        add(&mut basket, "socks", 1);
        let alone = store.save(&mut basket).await.unwrap_err();
        let together = store.save(&mut created_with_socks()).await.unwrap_err();
        for error in [alone, together] {
            assert!(matches!(&error, StoreError::Other { why, .. } if why.contains("one_of_each")), "{error:?}");
        }
        assert_eq!(db.events().count_documents(doc! {}).await.unwrap(), 2);
    });
}

/// Streams with a text as their key, in a collection of their own.
struct Notes;

impl Codec for Notes {
    type Aggregate = Note;
    const COLLECTION: &'static str = "notes";
    const KEY: &'static str = "note_id";

    fn key(id: &String) -> Bson {
        id.into()
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        key.as_str().map(Into::into)
    }

    fn encode(event: &String) -> (&'static str, Document) {
        ("Noted", doc! { "text": event })
    }

    fn decode(_: &String, _: &str, data: &RawDocument) -> Result<String, String> {
        text(data, "text").map(Into::into)
    }
}

/// What was noted last.
#[derive(Debug, Default, Clone)]
struct Note(String);

impl basket_domain::Aggregate for Note {
    type Id = String;
    type Event = String;

    fn apply(&mut self, event: &String) {
        self.0.clone_from(event);
    }
}

#[test]
fn in_a_collection_that_compares_texts_by_a_language_ids_are_compared_byte_by_byte() {
    with_database(async |db| {
        run(&db, doc! { "create": "notes", "collation": { "locale": "en", "strength": 1 } }).await;
        let store = MongoStore::<Notes>::at(&db.address).await.unwrap();
        let note = async |id: &str| {
            let mut note = basket_domain::EventSourced::<Note>::new(id.to_owned());
            note.decide(|_| Ok::<_, std::convert::Infallible>(vec![format!("first of {id}"), format!("of {id}")]))
                .unwrap();
            store.save(&mut note).await.unwrap();
        };
        for id in ["ann", "Ann", "änn"] {
            note(id).await;
        }
        for id in ["ann", "Ann", "änn"] {
            let found = store.get(&id.to_owned()).await.unwrap();
            assert_eq!((found.version(), &found.state().0), (2, &format!("of {id}")));
            let log: Vec<_> = store.log(Scope::NewestFirst(id.to_owned())).try_collect().await.unwrap();
            assert_eq!(log.len(), 2, "{id}");
        }
        let all: Vec<_> = store.log(Scope::All).map_ok(|entry| entry.stream).try_collect().await.unwrap();
        assert_eq!(all, ["Ann", "Ann", "ann", "ann", "änn", "änn"]);
        let found = faults(&store).await;
        assert!(found.len() == 1 && found[0].is_warning && found[0].why.contains("\"locale\": \"en\""), "{found:?}");
    });
}

#[test]
fn a_race_for_a_version_is_still_a_conflict_where_the_index_has_another_name() {
    with_database(async |db| {
        index(&db, "made_by_hand", unique_key(), doc! { "unique": true }).await;
        let store = db.store().await;
        let mut first = saved(&store, created()).await;
        let mut second = first.clone();
        add(&mut first, "rocks", 1);
        store.save(&mut first).await.unwrap();
        add(&mut second, "rocks", 1);
        let error = store.save(&mut second).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { expected: 1, found: 2 }), "{error:?}");
        store.command(first.id()).run(|basket| basket.add_item(&product("socks"), qty(1))).await.unwrap();
    });
}

#[tokio::test]
async fn a_user_who_may_only_find_and_insert_appends_where_the_index_is_there_and_the_missing_right_is_named() {
    let Some(mut server) = OwnServer::start_program().await else { return };
    let id = *saved(&MongoStore::<Baskets>::at(&server.address()).await.unwrap(), created()).await.id();
    let own = doc! { "resource": { "db": "basket_db", "collection": "baskets" }, "actions": ["find", "insert"] };
    let users = [
        doc! { "createRole": "shop", "privileges": [own], "roles": [] },
        doc! { "createUser": "ann", "pwd": "s3cret", "roles": ["shop"] },
        doc! { "createUser": "root", "pwd": "s3cret", "roles": ["dbOwner"] },
    ];
    server.lock(users).await;
    let store = async |user: &str| MongoStore::<Baskets>::at(&server.address_of(user)).await.unwrap();
    let add = async || store("ann").await.command(&id).run(|basket| basket.add_item(&product("socks"), qty(1))).await;
    assert_eq!(add().await.unwrap().root.version(), 2);
    assert_eq!(faults(&store("ann").await).await, []);

    store("root").await.collection().drop_index("basket_id_1_version_1").await.unwrap();
    let CommandError::Store { error: error @ StoreError::Denied { .. }, .. } = add().await.unwrap_err() else {
        panic!("not denied")
    };
    assert!(error.to_string().contains("has not the right createIndex"), "{error}");
    let store = store("root").await;
    assert_eq!(store.get(&id).await.unwrap().version(), 2);
}
