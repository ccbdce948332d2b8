//! Names and limits that are known at run time: a database or collection for each tenant.

use std::time::Duration;

use basket_domain::Refusal;
use basket_mongo::{
    Baskets, EventLog, EventStore, Maintenance, MongoStore, News, Since, StoreError, Tail, store::setup::Init,
};
use bson::doc;
use futures_util::{StreamExt, TryStreamExt};
use testkit::mongo::{REPLICA_SET, created, created_with_socks, saved, server, with_database};

#[test]
fn a_tenant_has_streams_of_its_own_over_the_same_connections() {
    with_database(async |db| {
        let acme = MongoStore::<Baskets>::builder(server(REPLICA_SET)).database(db.database.name()).collection("acme");
        let acme = acme.app_name("shop").open().await.unwrap();
        let initech = acme.elsewhere(db.database.name(), "initech").unwrap();
        for tenant in [&acme, &initech] {
            tenant.init(&Init::default()).await.unwrap();
        }
        let (one, two) = (saved(&acme, created_with_socks()).await, saved(&initech, created()).await);
        assert!(matches!(initech.get(one.id()).await, Err(StoreError::NotFound { .. })));
        for (tenant, id) in [(&acme, one.id()), (&initech, two.id())] {
            assert_eq!(tenant.ids().try_collect::<Vec<_>>().await.unwrap(), [*id]);
            assert_eq!(tenant.faults().await.unwrap(), [], "each has its validator and its unique index");
        }
        let names = db.database.list_collection_names().await.unwrap();
        assert!(names.contains(&"acme".into()) && names.contains(&"initech".into()) && names.len() == 3, "{names:?}");

        let mut tail = std::pin::pin!(initech.tail(Since::Now(None)));
        assert!(matches!(tail.next().await, Some(Ok(News::Watching { .. }))));
        for tenant in [&acme, &initech] {
            let id = *created().id();
            tenant.command(&id).run(|basket| basket.create(id)).await.unwrap();
            if tenant.collection().name() == "initech" {
                let Some(Ok(News::Event(entry))) = tail.next().await else { panic!("no event") };
                assert_eq!(entry.stream, id);
            }
        }
        let admin = initech.collection().client().database("admin");
        let sessions = admin.run_command(doc! { "currentOp": 1, "$all": true, "appName": "shop" }).await.unwrap();
        assert!(!sessions.get_array("inprog").unwrap().is_empty(), "the server knows the program by its name");
    });
}

#[tokio::test]
async fn a_name_that_mongodb_does_not_take_is_refused_and_so_is_none_at_all() {
    let address = "mongodb://127.0.0.1:1";
    let open = |database: &str, collection: &str| {
        MongoStore::<Baskets>::builder(address).database(database).collection(collection).open()
    };
    for (database, collection) in
        [("", "a"), ("a b", "a"), ("a/b", "a"), ("a.b", "a"), ("$a", "a"), ("a", ""), ("a", "$a"), ("a", "system.a")]
    {
        let error = open(database, collection).await.unwrap_err();
        assert!(matches!(error, StoreError::Address { .. }), "{database} {collection}: {error}");
    }
    let error = MongoStore::<Baskets>::at(address).await.unwrap_err();
    assert!(error.to_string().contains("it names no database"), "{error}");
    open("a", "a.b").await.unwrap();
}

#[tokio::test]
async fn a_limit_is_kept() {
    let store = MongoStore::<Baskets>::builder("mongodb://127.0.0.1:1/x").wait_for_server(Duration::from_millis(100));
    let (store, start) = (store.open().await.unwrap(), std::time::Instant::now());
    let id = *created().id();
    let error = store.command(&id).run(|_| Ok::<_, Refusal>(Vec::new())).await.unwrap_err();
    assert!(error.is_transient() && error.commit().is_some(), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(2), "without it, the store waits for two seconds");
}
