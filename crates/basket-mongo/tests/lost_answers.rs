//! A connection that breaks between the server's commit and its answer, which is when careless retries append twice.
//! A proxy in front of a real MongoDB passes on what the client sends and swallows answers to its writes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
};

use basket_domain::{Basket, EventSourced};
use basket_mongo::{Baskets, CommitId, EventStore, MongoStore, StoreError};
use testkit::mongo::{REPLICA_SET, TestDatabase, add, created, created_with_socks, server, with_database};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A store behind a proxy that swallows the answers to the next `swallow` commands of one name.
struct Proxied {
    store: MongoStore<Baskets>,
    swallow: Arc<AtomicU32>,
    /// Whether the proxy drops new connections after that.
    dies: Arc<AtomicBool>,
}

async fn proxied(db: &TestDatabase, command: &'static str) -> Proxied {
    let target = server(REPLICA_SET).trim_start_matches("mongodb://").trim_end_matches('/').to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (swallow, dies) = (Arc::<AtomicU32>::default(), Arc::<AtomicBool>::default());
    let (left, mortal) = (swallow.clone(), dies.clone());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if mortal.load(SeqCst) && left.load(SeqCst) == 0 {
                continue;
            }
            let server = TcpStream::connect(&target).await.unwrap();
            tokio::spawn(relay(client, server, command, left.clone()));
        }
    });
    let address = format!("mongodb://127.0.0.1:{port}/{}?directConnection=true", db.database.name());
    let store = MongoStore::at(&address).await.unwrap();
    // Its connections and the collection are there before the first answer is swallowed.
    store.save(&mut created()).await.unwrap();
    Proxied { store, swallow, dies }
}

/// Passes on one request and one answer at a time; closes the connection instead of an answer that it swallows.
async fn relay(mut client: TcpStream, mut server: TcpStream, command: &str, swallow: Arc<AtomicU32>) {
    while let Some(request) = message(&mut client).await {
        server.write_all(&request).await.unwrap();
        let Some(answer) = message(&mut server).await else { return };
        // An OP_MSG carries its command as the first key of its document.
        let is_it = request.get(26..).is_some_and(|body| body.starts_with(command.as_bytes()));
        if is_it && swallow.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            return;
        }
        if client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// A wire message: its length, then the rest of it.
async fn message(from: &mut TcpStream) -> Option<Vec<u8>> {
    let length = from.read_u32_le().await.ok()?;
    let mut message = length.to_le_bytes().to_vec();
    message.resize(length as usize, 0);
    from.read_exact(&mut message[4..]).await.ok()?;
    Some(message)
}

async fn saved(basket: &mut EventSourced<Basket>, db: &TestDatabase, proxied: &Proxied, swallowed: u32) {
    proxied.swallow.store(swallowed, SeqCst);
    let events = basket.new_events().len();
    proxied.store.save(basket).await.unwrap();
    assert_eq!(proxied.swallow.load(SeqCst), 0, "the proxy had answers to swallow");
    assert_eq!(db.stream(*basket.id()).await.len(), events, "appended once");
}

#[test]
fn an_insert_whose_answers_got_lost_is_recognised_by_its_commit_and_not_appended_twice() {
    with_database(async |db| {
        let proxied = proxied(&db, "insert").await;
        // The driver's own retry recovers from the first; from the third on, it takes ours.
        for swallowed in 1..=5 {
            saved(&mut created(), &db, &proxied, swallowed).await;
        }
    });
}

#[test]
fn a_transaction_whose_commit_got_no_answer_is_recognised_and_not_appended_twice() {
    with_database(async |db| {
        let proxied = proxied(&db, "commitTransaction").await;
        // Eight are all the commits, with the driver's own: the transaction runs again and finds its events.
        for swallowed in [1, 2, 3, 8] {
            saved(&mut created_with_socks(), &db, &proxied, swallowed).await;
        }
    });
}

#[test]
fn an_outcome_that_can_not_be_asked_is_called_unknown_and_saving_again_settles_it() {
    with_database(async |db| {
        let proxied = proxied(&db, "insert").await;
        proxied.swallow.store(u32::MAX, SeqCst);
        let mut basket = created();
        let commit = CommitId::new();
        let error = proxied.store.save_as(commit, &mut basket).await.unwrap_err();
        assert!(matches!(error, StoreError::OutcomeUnknown { commit: named, .. } if named == commit), "{error:?}");
        assert_eq!(basket.new_events().len(), 1, "still new, because the outcome is unknown");

        proxied.swallow.store(0, SeqCst);
        proxied.store.save_as(commit, &mut basket).await.unwrap();
        assert!(basket.new_events().is_empty());
        assert_eq!(db.stream(*basket.id()).await.len(), 1);
    });
}

#[test]
fn a_server_that_is_gone_after_a_commit_was_sent_leaves_the_outcome_unknown_and_not_unreachable() {
    for command in ["insert", "commitTransaction"] {
        with_database(async |db| {
            let proxied = proxied(&db, command).await;
            proxied.swallow.store(1, SeqCst);
            proxied.dies.store(true, SeqCst);
            let mut basket = if command == "insert" { created() } else { created_with_socks() };
            let error = proxied.store.save(&mut basket).await.unwrap_err();
            assert!(matches!(error, StoreError::OutcomeUnknown { .. }), "{command}: {error:?}");
            assert_eq!(db.stream(*basket.id()).await.len(), basket.new_events().len(), "{command}: it was kept");
        });
    }
}

#[test]
fn a_lost_answer_does_not_hide_that_another_writer_came_first() {
    with_database(async |db| {
        let proxied = proxied(&db, "insert").await;
        let mut basket = created();
        proxied.store.save(&mut basket).await.unwrap();
        let mut late = basket.clone();
        add(&mut basket, "rocks", 1);
        proxied.store.save(&mut basket).await.unwrap();

        add(&mut late, "socks", 1);
        proxied.swallow.store(2, SeqCst);
        let error = proxied.store.save(&mut late).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { expected: 1, found: 2 }), "{error:?}");
        assert_eq!(db.stream(*basket.id()).await.len(), 2);
    });
}
