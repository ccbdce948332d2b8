//! What is MongoDB's own: the documents, the index, races, and the answers of servers that can't do it.
//! What every store must do is in the contract suite, `testkit::contract`.

use std::{
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};

use basket_mongo::{
    Baskets, Commit, CommitId, EventLog, EventStore, Expected, Moment, MongoStore, Outcome, StoreError, Until,
    mongo::connection,
};
use bson::{Timestamp, doc};
use futures_util::future::join_all;
use mongodb::event::{EventHandler, command::CommandEvent};
use testkit::mongo::{
    REPLICA_SET, STANDALONE, add, created, created_with_socks, new_id, product, qty, saved, server, with_database,
    with_database_on,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

#[test]
fn where_the_unique_index_can_not_be_made_nothing_is_written() {
    with_database(async |db| {
        let twin = doc! { "basket_id": 1, "version": 1 };
        db.events().insert_many([twin.clone(), twin]).await.unwrap();
        let mut basket = created();
        let error = db.store().await.save(&mut basket).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unsuitable { collection, .. } if collection == "baskets"), "{error:?}");
        assert_eq!(db.events().count_documents(doc! {}).await.unwrap(), 2);
        assert_eq!(basket.new_events().len(), 1);
    });
}

#[test]
fn reading_creates_neither_a_collection_nor_an_index() {
    with_database(async |db| {
        db.store().await.get(&new_id()).await.unwrap_err();
        assert!(db.database.list_collection_names().await.unwrap().is_empty());
    });
}

#[test]
fn commits_of_two_events_race_for_one_version_and_only_one_gets_it_whole() {
    with_database(async |db| {
        let store = db.store().await;
        let basket = saved(&store, created()).await;
        let racers = (1..=8).map(|n| {
            let (store, mut basket) = (&store, basket.clone());
            add(&mut basket, "rocks", n);
            add(&mut basket, "clocks", n);
            async move { store.save(&mut basket).await }
        });
        let outcomes = join_all(racers).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        for outcome in outcomes {
            assert!(
                matches!(outcome, Ok(Outcome::Now) | Err(StoreError::Conflict { expected: 1, found: 2.. })),
                "{outcome:?}"
            );
        }
        assert_eq!(db.stream(*basket.id()).await.len(), 3);
    });
}

#[test]
fn a_standalone_server_takes_commands_of_one_event() {
    with_database_on(STANDALONE, async |db| {
        let store = db.store().await;
        let id = *saved(&store, created()).await.id();
        let basket = store.command(&id).run(|basket| basket.add_item(&product("rocks"), qty(2))).await.unwrap();
        assert_eq!(store.get(&id).await.unwrap().state(), basket.root.state());
        // There, too, the second writer gets a conflict.
        let late = store.append(&id, Expected::Loaded(1), &Commit::default(), &basket.events).await;
        assert!(matches!(late, Err(StoreError::Conflict { expected: 1, found: 2 })), "{late:?}");
    });
}

#[test]
fn a_server_reports_its_version_and_topology() {
    with_database(async |db| {
        let info = db.store().await.server_info().await.unwrap();
        assert_eq!(info.topology, "replica set 'rs0'");
        assert!(info.version.split('.').count() >= 3, "{info:?}");
    });
    with_database_on(STANDALONE, async |db| {
        assert!(db.store().await.server_info().await.unwrap().topology.starts_with("standalone"));
    });
}

#[tokio::test]
async fn a_server_is_waited_for_two_seconds_unless_the_address_says_otherwise() {
    let patience =
        async |address| connection::options(address).await.unwrap().server_selection_timeout.unwrap().as_millis();
    assert_eq!(patience("mongodb://127.0.0.1").await, 2_000);
    assert_eq!(patience("mongodb://127.0.0.1/?serverSelectionTimeoutMS=300").await, 300);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable_by_name_and_without_its_password() {
    // Nothing listens on port 1.
    let address = "mongodb://ann:s3cret@127.0.0.1:1/shop?serverSelectionTimeoutMS=200";
    let store = MongoStore::<Baskets>::at(address).await.unwrap();
    let id = new_id();
    for error in [store.get(&id).await.unwrap_err(), store.save(&mut created()).await.unwrap_err()] {
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains("mongodb://127.0.0.1:1/shop"), "{error}");
        assert!(error.source().is_some_and(|source| source.is::<mongodb::error::Error>()), "the driver's own error");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn wrong_credentials_are_denied_and_never_printed() {
    let address = server(REPLICA_SET).replace("mongodb://", "mongodb://ann:s3cret@") + "shop";
    let store = MongoStore::<Baskets>::at(&address).await.unwrap();
    let error = store.get(&new_id()).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    assert!(!format!("{error} {error:?} {store:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn an_invalid_address_is_an_error_of_its_own_and_its_password_is_never_printed() {
    for address in [
        "mongodb://",
        "mongodb://ann:s3cr%zzt@127.0.0.1",
        "mongodb://ann:s3cr/et@127.0.0.1",
        "mongodb://ann:s3cret@127.0.0.1/?authMechanism=s3cret",
        "mongodb://ann:s3cret",
        "mongodb://ann:s3cret/shop",
        "mongodb+srv://ann:s3cret",
        "mongodb://127.0.0.1/?tlsAllowInvalidCertificates=s3cret",
        "mongodb://127.0.0.1:port",
        "mongodb://127.0.0.1/?serverSelectionTimeoutMS=soon",
        "postgres://127.0.0.1",
    ] {
        let error = MongoStore::<Baskets>::at(address).await.unwrap_err();
        assert!(matches!(error, StoreError::Address { .. }), "{address}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("s3cr"), "{error:?}");
    }
}

/// A server that answers every message with what a hello says: its wire version, and that it takes writes.
async fn one_that_speaks(wire_version: i32) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("mongodb://{}/shop", listener.local_addr().unwrap());
    let hello = doc! { "ok": 1.0, "ismaster": true, "helloOk": true, "minWireVersion": 0, "maxWireVersion": wire_version,
    "maxBsonObjectSize": 16_777_216, "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000 };
    let hello = bson::serialize_to_vec(&hello).unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let hello = hello.clone();
            tokio::spawn(async move {
                // The head of a message: its length, its number, the number that it answers, and its kind.
                let mut head = [0; 16];
                while client.read_exact(&mut head).await.is_ok() {
                    let number = |at: usize| i32::from_le_bytes(head[at..at + 4].try_into().unwrap());
                    let mut body = vec![0; number(0) as usize - head.len()];
                    client.read_exact(&mut body).await.unwrap();
                    // OP_QUERY, the first of all, is answered by an OP_REPLY of one document; OP_MSG by another.
                    let (kind, mut answer) = if number(12) == 2004 { (1, vec![0; 20]) } else { (2013, vec![0; 5]) };
                    if kind == 1 {
                        answer[16] = 1;
                    }
                    answer.extend(&hello);
                    let head = [16 + answer.len() as i32, 1, number(4), kind];
                    let message: Vec<_> = head.into_iter().flat_map(i32::to_le_bytes).chain(answer).collect();
                    client.write_all(&message).await.unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_server_older_than_4_4_is_refused_by_its_version() {
    for wire_version in [0, 6, 8] {
        let store = MongoStore::<Baskets>::at(&one_that_speaks(wire_version).await).await.unwrap();
        for error in [store.get(&new_id()).await.unwrap_err(), store.save(&mut created()).await.unwrap_err()] {
            let says = |why: &str| why.starts_with("MongoDB 4.4 or newer is needed (") && !why.contains('\n');
            assert!(matches!(&error, StoreError::Other { why, .. } if says(why)), "{wire_version}: {error:?}");
        }
    }
}

#[test]
fn after_the_deadline_nothing_is_read_or_written_and_the_same_commit_settles_it_later() {
    with_database(async |db| {
        let store = db.store().await;
        let (mut basket, commit) = (created(), CommitId::new());
        let late = Until::new(store.clone(), Duration::ZERO);
        for error in
            [late.get(basket.id()).await.unwrap_err(), late.save_as(&commit.into(), &mut basket).await.unwrap_err()]
        {
            assert!(
                matches!(&error, StoreError::Unreachable { why, .. } if why == "no answer within 0ns"),
                "{error:?}"
            );
        }
        assert_eq!(db.stream(*basket.id()).await.len(), 0);
        Until::new(store, Duration::MAX).save_as(&commit.into(), &mut basket).await.unwrap();
        assert_eq!(db.stream(*basket.id()).await.len(), 1);
    });
}

#[test]
fn a_head_that_was_written_with_mongosh_is_read() {
    with_database(async |db| {
        let store = db.store().await;
        let mut basket = saved(&store, created()).await;
        db.change(*basket.id(), 1, doc! { "version": 1.0 }).await;
        add(&mut basket, "rocks", 1);
        let basket = saved(&store, basket).await;
        assert_eq!(store.get(basket.id()).await.unwrap().version(), 2);
    });
}

#[tokio::test]
async fn an_option_that_weakens_what_is_promised_is_refused_by_its_name_and_others_are_taken() {
    for (option, name) in [
        ("w=1", "w"),
        ("w=0", "w"),
        ("w=somewhere", "w"),
        ("journal=false", "journal"),
        ("retryWrites=false", "retryWrites"),
        ("readConcernLevel=local", "readConcernLevel"),
        ("readConcernLevel=linearizable", "readConcernLevel"),
        ("readPreference=secondaryPreferred", "readPreference"),
        ("compressors=zstd", "compressors"),
        ("uuidRepresentation=standard", "uuidRepresentation"),
        ("maxPoolSize=0", "maxPoolSize"),
        ("timeoutMS=500", "timeoutMS"),
        ("retryReads=true&foo=1&bar=2", "foo"),
    ] {
        let error = MongoStore::<Baskets>::at(&format!("mongodb://ann:s3cret@127.0.0.1/x?{option}")).await.unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, StoreError::Address { .. }) && said.contains(name) && !said.contains("s3cr"), "{said}");
    }
    let options = "w=majority&journal=true&retryWrites=true&retryReads=false&readConcernLevel=majority&readPreference=primary\
                 &wTimeoutMS=100&maxPoolSize=3";
    let store =
        MongoStore::<Baskets>::at(&format!("{}basket_test_options?{options}", server(REPLICA_SET))).await.unwrap();
    let basket = saved(&store, created_with_socks()).await;
    assert_eq!(store.get(basket.id()).await.unwrap().version(), 2);
    store.collection().drop().await.unwrap();
}

#[test]
fn a_read_asks_for_the_time_of_the_newest_write_so_that_no_new_primary_shows_an_older_state() {
    with_database(async |db| {
        let times = Arc::<Mutex<Vec<(String, Option<Timestamp>)>>>::default();
        let heard = Arc::clone(&times);
        let mut options = connection::options(&db.address).await.unwrap();
        options.command_event_handler = Some(EventHandler::callback(move |event| match event {
            CommandEvent::Started(started) if started.command_name == "find" => {
                let concern = started.command.get_document("readConcern").unwrap();
                heard.lock().unwrap().push(("find".into(), concern.get_timestamp("afterClusterTime").ok()));
            }
            CommandEvent::Succeeded(done) if ["insert", "commitTransaction"].contains(&done.command_name.as_str()) => {
                let time = done.reply.get_timestamp("operationTime").ok();
                heard.lock().unwrap().push((done.command_name, time));
            }
            _ => {}
        }));
        let store = MongoStore::<Baskets>::with_options(options).unwrap();
        let id = *saved(&store, created()).await.id();
        for _ in 0..2 {
            store.get(&id).await.unwrap();
            store.past(&id, Moment::Version(1)).await.unwrap();
            saved(&store.clone(), created_with_socks()).await;
        }
        let (times, mut newest, mut finds) = (times.lock().unwrap(), None, 0);
        for (command, time) in times.iter() {
            match command.as_str() {
                "find" => {
                    assert!(newest.is_some() && *time >= newest, "{times:?}");
                    finds += 1;
                }
                // Those of a transaction have the time of its commit.
                "insert" if finds > 0 => {}
                _ => newest = newest.max(*time),
            }
        }
        assert!(finds >= 4, "{times:?}");
    });
}
