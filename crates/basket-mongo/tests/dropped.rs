//! Calls that are dropped, or left alone in the middle: no other call waits for them or loses anything by them.

use std::{pin::pin, time::Duration};

use basket_mongo::{
    Baskets, EventStore, Feeds, MongoStore, Since, Subscription, Tail,
    store::{
        feed::{Change, Claim, Claimed, Shape},
        subscription::Options,
    },
};
use bson::doc;
use futures_util::{Stream, StreamExt, future::poll_immediate};
use testkit::{
    mongo::{created_with_socks, saved, with_database},
    own_server::OwnServer,
};
use tokio::{
    runtime::Runtime,
    task::{JoinSet, yield_now},
    time::{sleep, timeout},
};

/// Longer than any call takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

const SHAPE: Shape = Shape { number: 1, indexes: &[] };

/// Others who take the lock of the client's sessions, as each call does: it is seldom free.
fn busy(store: &MongoStore<Baskets>) -> JoinSet<()> {
    let mut busy = JoinSet::new();
    for _ in 0..2 {
        let client = store.collection().client().clone();
        busy.spawn(async move {
            while client.start_session().await.is_ok() {
                yield_now().await;
            }
        });
    }
    busy
}

/// A stream that waits for an answer and is not polled may have the turn at a lock of the client, for which all others then wait.
#[test]
fn a_stream_goes_on_while_nobody_polls_it() {
    async fn goes_on(what: &str, stream: impl Stream) {
        let mut stream = pin!(stream);
        assert!(poll_immediate(stream.next()).await.is_none(), "{what} had its answer at once");
        sleep(Duration::from_secs(1)).await;
        assert!(poll_immediate(stream.next()).await.is_some(), "{what} has waited to be polled");
    }
    with_database(async |db| {
        let store = db.store().await;
        saved(&store, created_with_socks()).await;
        tokio::join!(goes_on("after", store.after(None)), goes_on("tail", store.tail(Since::Beginning(None))));
    });
}

#[test]
fn work_that_uses_the_store_does_not_hold_up_the_renewal_of_its_lease() {
    with_database(async |db| {
        let store = db.store().await;
        let id = *saved(&store, created_with_socks()).await.id();
        let _busy = busy(&store);
        let options = Options { lease: Duration::from_millis(30), ..Options::default() };
        let mut reader = Subscription::open(&store, "units", SHAPE, options).await.unwrap();
        let work = async {
            for _ in 0..1_500 {
                store.get(&id).await.unwrap();
            }
        };
        timeout(PATIENCE, reader.stay_during(work)).await.expect("the renewal waits for the work").unwrap();
    });
}

#[test]
fn a_claim_that_comes_late_takes_nothing_from_its_own_reader() {
    async fn claim(store: &MongoStore<Baskets>) -> Claim {
        match store.claim("units", "a", SHAPE, PATIENCE, false).await.unwrap() {
            Claimed::Ours(claim) => *claim,
            Claimed::Held { by } => panic!("held by {by}"),
        }
    }
    Runtime::new().unwrap().block_on(async {
        let server = OwnServer::start().await;
        let store = MongoStore::<Baskets>::at(&server.address()).await.unwrap();
        claim(&store).await;
        // The first one only makes the feed.
        let data = doc! { "failCommands": ["findAndModify"], "appName": "late", "blockConnection": true, "blockTimeMS": 1_000 };
        server.admin(doc! { "configureFailPoint": "failCommand", "mode": { "skip": 1 }, "data": data }).await;
        let slow = MongoStore::<Baskets>::at(&format!("{}?appName=late", server.address())).await.unwrap();
        // Not dropped, or the server would see that its client is gone; but it is not waited for any more.
        let mut late = pin!(slow.claim("units", "a", SHAPE, PATIENCE, false));
        timeout(Duration::from_millis(300), late.as_mut()).await.expect_err("it is to come late");
        let claim = claim(&store).await;
        sleep(Duration::from_millis(1_500)).await;
        store.keep(&claim, &Change::default()).await.unwrap();
    });
}
