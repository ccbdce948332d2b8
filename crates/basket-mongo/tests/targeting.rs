//! Which commands on the collection of events say which streams they are about, so that in a sharded cluster, with the stream's id
//! as the shard key, they would go to the shards of these alone. docs/growing.md draws its conclusions from it; here, no shard is
//! to be had.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use basket_domain::Voucher;
use basket_mongo::{
    Baskets, Codec, Commit, EventLog, EventStore, Expected, Maintenance, MongoStore, Query, Require, Scope, Since,
    Tail, Together, baskets::voucher_tag, mongo::connection, store::document::read_entry,
};
use bson::{Bson, Document};
use futures_util::{StreamExt, TryStreamExt};
use mongodb::event::{EventHandler, command::CommandEvent};
use testkit::mongo::{TestDatabase, add, created, created_with_socks, new_id, product, qty, saved, with_database};

/// A store, and the commands that its driver sends.
async fn overheard(db: &TestDatabase) -> (MongoStore<Baskets>, Arc<Mutex<Vec<Document>>>) {
    let sent = Arc::<Mutex<Vec<Document>>>::default();
    let heard = Arc::clone(&sent);
    let mut options = connection::options(&db.address).await.unwrap();
    options.command_event_handler = Some(EventHandler::callback(move |event| {
        if let CommandEvent::Started(started) = event {
            heard.lock().unwrap().push(started.command);
        }
    }));
    (MongoStore::with_options(options).unwrap(), sent)
}

/// What a filter says of the streams: `one`, `some` or, if it says nothing, `all`.
fn reach(filter: &Document) -> &'static str {
    match (filter.get(Baskets::KEY), filter.get_array("$or")) {
        (Some(Bson::Document(among)), _) if among.contains_key("$in") => "some",
        (Some(Bson::Document(_)), _) => "all",
        (Some(_), _) => "one",
        (None, Ok(clauses)) if clauses.iter().all(|clause| clause.as_document().is_some_and(|c| reach(c) != "all")) => {
            "some"
        }
        _ => "all",
    }
}

/// What the commands on the events reach: `find one`.
fn reached(sent: &[Document]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for command in sent {
        let (name, collection) = command.iter().next().unwrap();
        // A cursor that is closed early is closed in the background.
        if collection.as_str() != Some("baskets") || name == "killCursors" {
            continue;
        }
        let of = |list: &str, part: fn(&Document) -> &Document| -> Vec<&'static str> {
            let list = command.get_array(list).unwrap().iter();
            list.map(|item| reach(part(item.as_document().unwrap()))).collect()
        };
        let all = match &**name {
            "find" => vec![command.get_document("filter").map_or("all", reach)],
            "insert" => of("documents", |document| document),
            "update" => of("updates", |update| update.get_document("q").unwrap()),
            "delete" => of("deletes", |delete| delete.get_document("q").unwrap()),
            _ => vec!["all"],
        };
        found.extend(all.into_iter().map(|reach| format!("{name} {reach}")));
    }
    found
}

#[test]
fn what_is_about_some_streams_names_them_in_each_command() {
    with_database(async |db| {
        let (store, sent) = overheard(&db).await;
        let (one, two) = (saved(&store, created()).await, saved(&store, created_with_socks()).await);
        let rocks = |basket: &basket_domain::Basket| basket.add_item(&product("rocks"), qty(1));
        let check = |what: &str, expected: &[&str]| {
            let found = reached(&std::mem::take(&mut *sent.lock().unwrap()));
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{what}");
        };
        sent.lock().unwrap().clear();

        store.get(one.id()).await.unwrap();
        check("a load", &["find one"]);
        let (mut first, mut second) = (two.clone(), two.clone());
        add(&mut first, "rocks", 1);
        store.append(first.id(), Expected::Loaded(2), &Commit::default(), first.new_events()).await.unwrap();
        check("an append of one event", &["insert one"]);
        saved(&store, created_with_socks()).await;
        check("an append of two events", &["insert one"]);
        add(&mut second, "clocks", 1);
        store.append(second.id(), Expected::Loaded(2), &Commit::default(), second.new_events()).await.unwrap_err();
        check("a conflict", &["find one", "insert one"]);
        store.command(one.id()).once("req-1").require(Require::Version(1)).run(rocks).await.unwrap();
        check("a command", &["find one", "insert one"]);
        store
            .across([one.id(), two.id()])
            .run(|[one, _]| Ok::<_, basket_domain::Refusal>([rocks(one)?, vec![]]))
            .await
            .unwrap();
        check("a command across streams, one of which is read", &["delete one", "find one", "insert one"]);
        store.documents(Scope::NewestFirst(*one.id())).count().await;
        check("a log", &["find one"]);

        let documents: Vec<_> = store.documents(Scope::All).try_collect().await.unwrap();
        sent.lock().unwrap().clear();
        let events: Vec<_> =
            documents.into_iter().map(|document| (read_entry::<Baskets>(&document).unwrap(), document)).collect();
        assert_eq!(store.import(&events, true).await.unwrap(), 0);
        check("an import", &["find some"]);

        let voucher: Voucher = "SPRING".parse().unwrap();
        store.ask(&Query::tagged([voucher_tag(&voucher)])).await.unwrap();
        check("a query", &["createIndexes all", "find all"]);
        store.documents(Scope::All).count().await;
        check("all events", &["find all"]);
        store.ids().count().await;
        check("the ids of all streams", &["aggregate all"]);
        Box::pin(store.tail(Since::Now(Some(new_id())))).next().await.unwrap().unwrap();
        check("a watch of one stream", &["aggregate all", "find all"]);
    });
}

/// A cluster refuses a unique index that does not begin with its shard key.
#[test]
fn every_unique_index_begins_with_the_stream() {
    with_database(async |db| {
        let (store, sent) = overheard(&db).await;
        saved(&store, created()).await;
        let voucher: Voucher = "SPRING".parse().unwrap();
        store.ask(&Query::tagged([voucher_tag(&voucher)])).await.unwrap();
        let sent = sent.lock().unwrap().clone();
        let made = sent.iter().filter_map(|command| command.get_array("indexes").ok()).flatten();
        let unique: Vec<_> = made
            .filter_map(Bson::as_document)
            .filter(|index| index.get_bool("unique").is_ok_and(|unique| unique))
            .collect();
        let [index] = unique[..] else { panic!("{unique:?}") };
        assert_eq!(index.get_document("key").unwrap().keys().next().map(String::as_str), Some("basket_id"));
        // And a shard key needs an index that compares byte by byte.
        assert_eq!(index.get_document("collation").unwrap().get_str("locale").ok(), Some("simple"));
    });
}

/// The time of a majority read is that of the shard that has come furthest.
#[test]
fn a_watch_begins_at_a_time_that_every_shard_has_reached() {
    with_database(async |db| {
        let (store, sent) = overheard(&db).await;
        Box::pin(store.tail(Since::Now(None))).next().await.unwrap().unwrap();
        let sent = sent.lock().unwrap().clone();
        let waits = sent
            .iter()
            .filter_map(|command| command.get_document("readConcern").ok()?.get_timestamp("afterClusterTime").ok());
        let begins = sent.iter().filter_map(|command| {
            let stage =
                command.get_array("pipeline").ok()?.first()?.as_document()?.get_document("$changeStream").ok()?;
            stage.get_timestamp("startAtOperationTime").ok()
        });
        let ([wait], [begin]) = (&waits.collect::<Vec<_>>()[..], &begins.collect::<Vec<_>>()[..]) else {
            panic!("{sent:?}")
        };
        assert_eq!((wait.time, wait.increment + 1), (begin.time, begin.increment));
    });
}
