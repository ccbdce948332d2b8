//! The start of a store: what `init` makes, that it does so once, and what a user with its role may do. Which documents the
//! server refuses from then on is in `shape.rs`.

use basket_domain::Refusal;
use basket_mongo::{
    Baskets, EventStore, Maintenance, MongoStore, StoreError, Together,
    store::setup::{Init, Role, Setup, State},
};
use bson::{Bson, Document, doc};
use futures_util::future::join_all;
use testkit::{
    mongo::{TestDatabase, created_with_socks, new_id, product, qty, saved, with_database},
    own_server::OwnServer,
};

fn states(setup: &Setup) -> Vec<State> {
    setup.steps.iter().map(|step| step.state.clone()).collect()
}

/// What the database has: its collections with their options, and the indexes on the events.
async fn all(db: &TestDatabase) -> Vec<Document> {
    let mut found = Vec::new();
    for command in [doc! { "listCollections": 1 }, doc! { "listIndexes": "baskets" }] {
        let answer = db.database.run_command(command).await.unwrap();
        let batch = answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
        found.extend(batch.iter().map(|item| item.as_document().unwrap().clone()));
    }
    found
}

#[test]
fn a_store_is_prepared_once_and_a_second_time_nothing_changes() {
    with_database(async |db| {
        let store = db.store().await;
        let dry = store.init(&Init { dry_run: true, ..Init::default() }).await.unwrap();
        assert_eq!(db.database.list_collection_names().await.unwrap(), [""; 0], "nothing happens in a dry run");
        let first = store.init(&Init::default()).await.unwrap();
        assert_eq!((states(&first), &first), (vec![State::Made; 8], &dry));
        let made = all(&db).await;
        let second = store.init(&Init::default()).await.unwrap();
        assert_eq!((states(&second), second.is_unchanged()), (vec![State::There; 8], true));
        assert_eq!(all(&db).await, made);
        assert_eq!(store.faults().await.unwrap(), []);
    });
}

#[test]
fn programs_that_start_at_the_same_time_prepare_one_store() {
    with_database(async |db| {
        let stores = join_all((0..4).map(|_| db.store())).await;
        let inits = join_all(stores.iter().map(|store| async { store.init(&Init::default()).await })).await;
        inits.into_iter().for_each(|setup| drop(setup.unwrap()));
        let writes = join_all(stores.iter().map(|store| async { store.save(&mut created_with_socks()).await })).await;
        assert!(writes.iter().all(Result::is_ok), "{writes:?}");
        assert_eq!(stores[0].faults().await.unwrap(), []);
    });
}

#[test]
fn stored_documents_of_another_shape_stay_and_are_counted() {
    with_database(async |db| {
        let store = db.store().await;
        let id = *saved(&store, created_with_socks()).await.id();
        db.events().insert_many([doc! { "basket_id": "five", "version": 1 }, doc! { "basket_id": 6 }]).await.unwrap();
        let init = Init::default();
        assert_eq!(store.init(&Init { dry_run: true, ..init.clone() }).await.unwrap().misfits, Some(2));
        assert_eq!(store.init(&init).await.unwrap().misfits, Some(2));
        assert_eq!((store.init(&init).await.unwrap().misfits, store.count().await.unwrap()), (None, 4));
        assert_eq!(store.get(&id).await.unwrap().version(), 2);
    });
}

#[test]
fn a_validator_of_an_older_program_is_brought_up_and_one_of_somebody_else_is_left() {
    with_database(async |db| {
        let store = db.store().await;
        store.init(&Init::default()).await.unwrap();
        let options =
            all(&db).await.into_iter().find(|found| found.get_str("name").is_ok_and(|name| name == "baskets")).unwrap();
        let ours = options.get_document("options").unwrap().get_document("validator").unwrap().clone();
        let numbered = |number: &str| {
            let mut validator = ours.clone();
            validator
                .get_document_mut("$jsonSchema")
                .unwrap()
                .insert("title", format!("event of basket-mongo, validator {number}"));
            validator
        };
        let mut changed = ours.clone();
        changed.get_document_mut("$jsonSchema").unwrap().remove("required");
        let foreign = doc! { "data.qty": { "$not": { "$gt": 100 } } };
        let change = |validator: &Document, level: &str, action: &str| {
            doc! { "collMod": "baskets", "validator": validator, "validationLevel": level, "validationAction": action }
        };
        let left = |step: &State| matches!(step, State::Left(_));
        for (name, command, expected, warning) in [
            ("none", change(&doc! {}, "strict", "error"), State::Made, ""),
            ("older", change(&numbered("0"), "strict", "error"), State::Changed, "an older release"),
            ("changed", change(&changed, "strict", "error"), State::Changed, "an older release"),
            ("weaker", change(&ours, "moderate", "error"), State::Changed, "was weakened"),
            ("a word", change(&ours, "strict", "warn"), State::Changed, "was weakened"),
            ("newer", change(&numbered("2"), "strict", "error"), State::There, ""),
            ("foreign", change(&foreign, "strict", "error"), State::Left(String::new()), "of somebody else"),
        ] {
            db.database.run_command(command).await.unwrap();
            let faults = store.faults().await.unwrap();
            match warning {
                "" => assert_eq!(faults, [], "{name}"),
                _ => assert!(
                    faults.len() == 1 && faults[0].is_warning && faults[0].why.contains(warning),
                    "{name}: {faults:?}"
                ),
            }
            let setup = store.init(&Init::default()).await.unwrap();
            let found = &setup.steps[1].state;
            assert!(*found == expected || left(found) && left(&expected), "{name}: {found:?}");
            assert!(left(found) || store.faults().await.unwrap().is_empty(), "{name}: as it should be, after that");
        }
        assert_eq!(store.faults().await.unwrap().len(), 1, "it is still that of somebody else");
        saved(&store, created_with_socks()).await;
        let forced = store.init(&Init { force: true, ..Init::default() }).await.unwrap();
        assert_eq!((&forced.steps[1].state, store.faults().await.unwrap()), (&State::Changed, vec![]));
        // As an administrator types it: mongosh has whole numbers of 32 bits, and doubles.
        fn typed(value: &mut Bson) {
            match value {
                Bson::Document(fields) => fields.iter_mut().for_each(|(_, value)| typed(value)),
                Bson::Int32(number) => *value = f64::from(*number).into(),
                _ => {}
            }
        }
        let mut by_hand = Bson::from(ours);
        typed(&mut by_hand);
        db.database.run_command(change(by_hand.as_document().unwrap(), "strict", "error")).await.unwrap();
        assert!(store.init(&Init::default()).await.unwrap().is_unchanged());
    });
}

#[test]
fn a_collection_that_would_lose_events_is_not_prepared() {
    with_database(async |db| {
        db.database.run_command(doc! { "create": "baskets", "capped": true, "size": 4096 }).await.unwrap();
        let error = db.store().await.init(&Init::default()).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unsuitable { why, .. } if why.contains("is capped")), "{error}");
    });
    with_database(async |db| {
        let twin = doc! { "basket_id": 1, "version": 1 };
        db.events().insert_many([twin.clone(), twin]).await.unwrap();
        let error = db.store().await.init(&Init::default()).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unsuitable { why, .. } if why.contains("E11000")), "{error}");
    });
}

#[tokio::test]
async fn who_may_not_prepare_a_store_gets_the_commands_for_one_who_may() {
    let Some(mut server) = OwnServer::start_program().await else { return };
    let user = |name: &str, role: &str| doc! { "createUser": name, "pwd": "s3cret", "roles": [role] };
    server.lock([user("ann", "readWrite"), user("root", "dbOwner")]).await;
    let store = async |user: &str| MongoStore::<Baskets>::at(&server.address_of(user)).await.unwrap();
    let error = store("ann").await.init(&Init::default()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Denied { why, .. } if why.contains("collMod")), "{error}");
    let setup = store("ann").await.init(&Init { dry_run: true, ..Init::default() }).await.unwrap();
    let commands: Vec<_> = setup.steps.iter().flat_map(|step| setup.in_mongosh(step)).collect();
    assert_eq!(commands.len(), 7, "she has made the first collection: {commands:?}");
    let root = store("root").await;
    for command in commands {
        let json =
            command.strip_prefix("db.getSiblingDB(\"basket_db\").runCommand(").unwrap().strip_suffix(')').unwrap();
        let command: Document = serde_json::from_str(json).unwrap();
        root.collection().client().database("basket_db").run_command(command).await.unwrap();
    }
    assert!(root.init(&Init::default()).await.unwrap().is_unchanged());
    let id = new_id();
    store("ann").await.command(&id).run(|basket| basket.create(id)).await.unwrap();
}

#[tokio::test]
async fn a_user_with_the_role_appends_and_deletes_nothing_unless_decisions_only_read_a_stream() {
    let Some(mut server) = OwnServer::start_program().await else { return };
    let store = MongoStore::<Baskets>::at(&server.address()).await.unwrap();
    let mut users = Vec::new();
    for (user, may_remove) in [("ann", false), ("bob", true)] {
        let role = Role { name: format!("role of {user}"), may_remove, ..Role::default() };
        store.init(&Init { role: Some(role.clone()), ..Init::default() }).await.unwrap();
        users.push(doc! { "createUser": user, "pwd": "s3cret", "roles": [role.name] });
    }
    server.lock(users).await;
    for (user, may_remove) in [("ann", false), ("bob", true)] {
        let store = MongoStore::<Baskets>::at(&server.address_of(user)).await.unwrap();
        let (one, other) = (saved(&store, created_with_socks()).await, saved(&store, created_with_socks()).await);
        let both = store.across([one.id(), other.id()]);
        let decided =
            both.run(|[one, _]| Ok::<_, Refusal>([one.add_item(&product("rocks"), qty(1))?, Vec::new()])).await;
        match decided {
            Ok([done, _]) => assert!(may_remove && done.versions == (3..4), "{done:?}"),
            Err(error) => {
                let words = error.to_string();
                assert!(
                    !may_remove && words.ends_with("not authorized on basket_db to execute command delete)"),
                    "{words}"
                );
            }
        }
        assert_eq!(store.get(other.id()).await.unwrap().version(), 2, "nothing is left of the place that was taken");
        for denied in [
            store.collection().delete_one(doc! { "version": 7 }).await.err(),
            store.collection().update_one(doc! { "version": 7 }, doc! { "$set": { "type": "ItemAdded" } }).await.err(),
            store.collection().drop_indexes().await.err(),
            store.collection().drop().await.err(),
            store.elsewhere("other_db", "baskets").unwrap().collection().find_one(doc! {}).await.err(),
        ]
        .iter()
        .skip(usize::from(may_remove))
        {
            assert!(denied.as_ref().is_some_and(|error| error.to_string().contains("not authorized")), "{denied:?}");
        }
    }
}
