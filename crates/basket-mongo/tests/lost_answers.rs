//! A connection that breaks between the server's commit and its answer, which is when careless retries append twice.
//! A proxy in front of a real MongoDB passes on what the client sends and swallows answers to its writes.

use std::sync::atomic::Ordering::SeqCst;

use basket_domain::{Basket, EventSourced};
use basket_mongo::{CommitId, EventStore, StoreError};
use testkit::{
    mongo::{TestDatabase, add, created, created_with_socks, with_database},
    proxy::{Proxied, proxied},
};

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
        let error = proxied.store.save_as(&commit.into(), &mut basket).await.unwrap_err();
        assert!(matches!(error, StoreError::OutcomeUnknown { commit: named, .. } if named == commit), "{error:?}");
        assert_eq!(basket.new_events().len(), 1, "still new, because the outcome is unknown");

        proxied.swallow.store(0, SeqCst);
        proxied.store.save_as(&commit.into(), &mut basket).await.unwrap();
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
