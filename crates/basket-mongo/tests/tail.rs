//! A tail that begins while others write: what both the collection and the change stream show is reported once, whether it
//! can be read or not.

use std::time::Duration;

use basket_mongo::{Baskets, MongoStore, News, Since, Tail};
use bson::{Document, doc, oid::ObjectId};
use futures_util::{TryStreamExt, future::join_all};
use testkit::{
    mongo::{created_with_socks, saved, with_database},
    own_server::{OwnServer, initiate},
};
use tokio::time::sleep;

/// The newest version that is written; every odd one from 3 on can't be read.
const LAST: i64 = 300;

#[test]
fn what_cant_be_read_is_reported_once_and_nothing_else_is_lost() {
    with_database(async |db| {
        let store = db.store().await;
        let id = *saved(&store, created_with_socks()).await.id();
        let good = db.events().find_one(doc! { "version": 2 }).await.unwrap().unwrap();
        let events = db.events();
        let writer = async {
            for version in 3..=LAST {
                let kind = if version % 2 == 0 { "ItemAdded" } else { "ItemBlessed" };
                let mut event: Document = good.clone();
                event.extend(doc! { "_id": ObjectId::new(), "version": version, "type": kind });
                events.insert_one(event).await.unwrap();
            }
        };
        let tail = async |begin: u8, since: Since<_>| {
            sleep(Duration::from_millis(20) * begin.into()).await;
            let mut news = std::pin::pin!(store.tail(since));
            let mut versions = Vec::new();
            while versions.last() != Some(&LAST) {
                match news.try_next().await.unwrap().unwrap() {
                    News::Event(entry) => versions.push(i64::try_from(entry.version).unwrap()),
                    News::Unreadable(unreadable) => versions.push(unreadable.version.unwrap()),
                    _ => {}
                }
            }
            versions
        };
        let tails = join_all((0_u8..20).map(|begin| {
            let since = [Since::Beginning(Some(id)), Since::Beginning(None), Since::Version(id, 1)];
            tail(begin, since.into_iter().cycle().nth(begin.into()).unwrap())
        }));
        let (shown, ()) = tokio::join!(tails, writer);
        for versions in shown {
            assert_eq!(versions, (1..=LAST).collect::<Vec<_>>());
        }
    });
}

/// It gives no time of a commit until it has its keys to sign it with.
#[test]
fn a_reader_waits_for_a_server_that_has_just_started() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let without_keys = ["--setParameter", "failpoint.disableKeyGeneration={mode: 'alwaysOn'}"];
        let Some(mut server) = OwnServer::program_with(without_keys.map(str::to_owned).into()) else { return };
        initiate(&format!("127.0.0.1:{}", server.port())).await.unwrap();
        let root = doc! { "role": "root", "db": "admin" };
        server.lock([doc! { "createUser": "ann", "pwd": "s3cret", "roles": [root] }]).await;
        let store = MongoStore::<Baskets>::at(&server.address_of("ann")).await.unwrap();
        let mut news = std::pin::pin!(store.tail(Since::Now(None)));
        let admin = store.collection().client().database("admin");
        let keys_are_made = async {
            sleep(Duration::from_millis(500)).await;
            admin.run_command(doc! { "configureFailPoint": "disableKeyGeneration", "mode": "off" }).await.unwrap();
        };
        let (first, ()) = tokio::join!(news.try_next(), keys_are_made);
        assert!(matches!(first.unwrap(), Some(News::Watching { .. })));
    });
}
