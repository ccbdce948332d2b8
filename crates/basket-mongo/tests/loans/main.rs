//! A service of someone else: a library that lends books, on the store in memory and on MongoDB. Its edge is written twice: by
//! hand on `get` and `append`, as it was before there were commands, and with a command.

mod after;
mod before;
mod loan;

use std::{sync::Arc, time::Duration};

use basket_mongo::{
    CommandError, DynEventStore, EventLog, EventStore, Maintenance, MemoryStore, Meta, Moment, MongoStore, Outcome,
    Scope, StoreError, Until,
};
use bson::DateTime;
use futures_util::{TryStreamExt, future::join_all};
use loan::{Loan, LoanEvent, Loans, Refusal};
use testkit::{
    mongo::{REPLICA_SET, server, with_database},
    own_server::OwnServer,
};

/// A test on both stores; the service doesn't know which one it has.
fn on_both<F: Future<Output = ()>>(test: impl Fn(Arc<dyn DynEventStore<Loan>>) -> F) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(test(Arc::new(MemoryStore::<Loans>::default())));
    with_database(async |db| test(Arc::new(MongoStore::<Loans>::at(&db.address).await.unwrap())).await);
}

fn id() -> String {
    "book 7".to_owned()
}

#[test]
fn one_call_lends_or_renews() {
    on_both(async |loans| {
        let lent = after::put(&loans, &id(), "r1", None, |loan| loan.lend("ann")).await.unwrap();
        assert_eq!((lent.outcome, lent.versions, lent.events.len()), (Outcome::Now, 1..2, 1));
        let renewed = after::put(&loans, &id(), "r2", None, Loan::renew).await.unwrap();
        assert_eq!((renewed.outcome, renewed.versions), (Outcome::Now, 2..3));
        let refused = after::put(&loans, &id(), "r3", None, |loan| loan.lend("bob")).await;
        assert!(matches!(refused, Err(CommandError::Refused(Refusal::LentAlready))), "{refused:?}");
        let nothing = after::put(&loans, &id(), "r4", None, |_| Ok(vec![])).await.unwrap();
        assert_eq!((nothing.outcome, nothing.commit), (Outcome::Unchanged, None));
    });
}

/// Before, a new id was an error, and every service wrote its own way around it.
#[test]
fn before_the_edge_was_a_loop_for_each_of_these() {
    on_both(async |loans| {
        assert_eq!(before::put(&loans, &id(), |loan| loan.lend("ann")).await.unwrap(), 1);
        assert_eq!(before::put(&loans, &id(), Loan::renew).await.unwrap(), 2);
        // What the edge by hand can't do: the same request again is another renewal.
        assert_eq!(before::put(&loans, &id(), Loan::renew).await.unwrap(), 3);
    });
}

#[test]
fn a_request_that_is_repeated_by_anyone_is_carried_out_once() {
    on_both(async |loans| {
        after::put(&loans, &id(), "lend", None, |loan| loan.lend("ann")).await.unwrap();
        let repeated = (0..6).map(|_| {
            let loans = Arc::clone(&loans);
            tokio::spawn(async move { after::put(&loans, &id(), "renew", None, Loan::renew).await })
        });
        let outcomes = join_all(repeated).await.into_iter().map(|done| done.unwrap().unwrap().outcome);
        let outcomes: Vec<_> = outcomes.collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Now).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Before).count(), 5, "{outcomes:?}");
        assert_eq!(loans.get(&id()).await.unwrap().version(), 2);
    });
}

#[test]
fn a_caller_that_is_out_of_date_gets_what_it_does_not_know() {
    on_both(async |loans| {
        after::put(&loans, &id(), "lend", None, |loan| loan.lend("ann")).await.unwrap();
        after::put(&loans, &id(), "renew", Some(1), Loan::renew).await.unwrap();
        let outcome = after::put(&loans, &id(), "return", Some(1), Loan::give_back).await;
        let Err(CommandError::Stale { found: 2, since, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(since, [LoanEvent::Renewed { times: 1 }]);
    });
}

#[test]
fn a_server_that_does_not_answer_costs_a_second_and_nothing_is_done_twice() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let server = OwnServer::start().await;
        let loans: Arc<dyn DynEventStore<Loan>> = Arc::new(MongoStore::<Loans>::at(&server.address()).await.unwrap());
        after::put(&loans, &id(), "lend", None, |loan| loan.lend("ann")).await.unwrap();
        server.signal("STOP");
        let error = after::put(&loans, &id(), "renew", None, Loan::renew).await.unwrap_err();
        assert!(error.is_transient() && error.commit().is_some(), "{error:?}");
        server.signal("CONT");
        while after::put(&loans, &id(), "renew", None, Loan::renew).await.is_err() {}
        assert_eq!(loans.get(&id()).await.unwrap().version(), 2);
    });
}

/// Users' tests need no server, and know what time it is.
#[tokio::test]
async fn in_memory_the_time_is_what_the_test_says() {
    let loans = MemoryStore::<Loans>::default();
    for (day, decide) in [(1, Loan::renew as fn(&Loan) -> _), (2, Loan::give_back)] {
        loans.set_time(DateTime::from_millis(day * 86_400_000));
        let lend = |loan: &Loan| if loan.is_lent() { decide(loan) } else { loan.lend("ann") };
        loans.command(&id()).run(lend).await.unwrap();
    }
    let past = loans.past(&id(), Moment::Time(DateTime::from_millis(86_400_001))).await.unwrap();
    assert!(past.root.state().is_lent() && !loans.get(&id()).await.unwrap().state().is_lent());
    assert_eq!(loans.ids().try_collect::<Vec<_>>().await.unwrap(), [id()]);
    assert_eq!(loans.count().await.unwrap(), 2);
}

/// A tenant each, a missing database is an error, and a deadline for any other call.
#[test]
fn names_and_limits_are_given_at_run_time() {
    with_database(async |db| {
        let missing = MongoStore::<Loans>::at(&server(REPLICA_SET)).await;
        assert!(matches!(missing, Err(StoreError::Address { .. })), "{missing:?}");
        let loans =
            MongoStore::<Loans>::builder(server(REPLICA_SET)).database(db.database.name()).collection("branch_7");
        let loans = loans.app_name("library").open().await.unwrap();
        let mut meta = Meta { actor: Some("ann".into()), ..Meta::default() };
        meta.set_headers(&bson::doc! { "desk": 3 }).unwrap();
        loans.command(&id()).meta(meta.clone()).run(|loan| loan.lend("ann")).await.unwrap();
        let until = Until::new(&loans, Duration::from_secs(5));
        assert_eq!(until.entries(Scope::From(id(), 1), 1).await.unwrap()[0].meta, meta);
        let elsewhere = loans.elsewhere(db.database.name(), "branch_8").unwrap();
        assert!(matches!(elsewhere.get(&id()).await, Err(StoreError::NotFound { what: "loan", .. })));
    });
}
