//! A primary that does not answer: every command ends with its deadline, with a commit id that settles it. What was written after
//! the deadline, or not at all, is there once when the command has been put again.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    time::{Duration, Instant},
};

use basket_domain::{Basket, BasketEvent, BasketId, Refusal, Voucher};
use basket_mongo::{
    Baskets, Command, CommandError, CommitId, Done, Entry, EventLog, EventStore, MongoStore, Outcome, Query, Scope,
    StoreError, Together, Until, baskets::voucher_tag,
};
use bson::doc;
use futures_util::TryStreamExt;
use testkit::{
    mongo::{add, created, created_with_socks, new_id, product, qty, saved},
    own_server::OwnServer,
};

const DEADLINE: Duration = Duration::from_secs(1);

/// Every form of a command.
const FORMS: [&str; 6] = ["new stream", "one event", "two events", "two streams", "on a query", "undo"];

/// How a command is named, so that it can be put again.
#[derive(Debug, Clone)]
enum Named {
    First,
    Settle(CommitId),
    Once(String),
}

/// What a test wants to know of an error, whatever the command's refusals are.
#[derive(Debug)]
struct Failed {
    commit: Option<CommitId>,
    is_transient: bool,
    is_unknown: bool,
    words: String,
}

fn failed<R: Debug + std::fmt::Display>(error: CommandError<BasketEvent, R>) -> Failed {
    let is_unknown = matches!(&error, CommandError::Store { error: StoreError::OutcomeUnknown { .. }, .. });
    Failed { commit: error.commit(), is_transient: error.is_transient(), is_unknown, words: error.to_string() }
}

struct Streams {
    /// Baskets with socks in them, two for each form.
    baskets: BTreeMap<&'static str, [BasketId; 2]>,
}

impl Streams {
    async fn new(store: &MongoStore<Baskets>) -> Self {
        let mut baskets = BTreeMap::new();
        for form in FORMS {
            let (one, two) = (saved(store, created_with_socks()).await, saved(store, created_with_socks()).await);
            let new = if form == "new stream" { new_id() } else { *one.id() };
            baskets.insert(form, [new, *two.id()]);
        }
        Self { baskets }
    }

    async fn put(&self, store: &MongoStore<Baskets>, form: &'static str, named: &Named) -> Result<Outcome, Failed> {
        fn with<'a, S: ?Sized, T>(command: Command<'a, S, T>, named: &Named) -> Command<'a, S, T> {
            let command = command.deadline(DEADLINE);
            match named {
                Named::First => command,
                Named::Settle(commit) => command.settle(*commit),
                Named::Once(request) => command.once(request),
            }
        }
        let [one, two] = &self.baskets[form];
        let rocks = |basket: &Basket| basket.add_item(&product("rocks"), qty(1));
        let done: Result<Done<Basket>, Failed> = match form {
            "new stream" => with(store.command(one), named).run(|basket| basket.create(*one)).await.map_err(failed),
            "one event" => with(store.command(one), named).run(rocks).await.map_err(failed),
            "two events" => {
                let twice = |basket: &Basket| Ok::<_, Refusal>([rocks(basket)?, rocks(basket)?].concat());
                with(store.command(one), named).run(twice).await.map_err(failed)
            }
            "two streams" => {
                let command = with(store.across([one, two]), named);
                command.run(|[one, two]| Ok::<_, Refusal>([rocks(one)?, rocks(two)?])).await.map_err(failed).map(first)
            }
            "on a query" => {
                let voucher: Voucher = "SPRING".parse().unwrap();
                let command = with(store.across([one]).given(Query::tagged([voucher_tag(&voucher)])), named);
                let redeem = |[basket]: [&Basket; 1], seen: &[Entry<Baskets>]| {
                    basket.redeem(&voucher, seen.iter().map(|entry| &entry.event)).map(|events| [events])
                };
                command.run(redeem).await.map_err(failed).map(first)
            }
            "undo" => with(store.command(one), named).revert(2..=2).await.map_err(failed),
            other => panic!("{other}"),
        };
        done.map(|done| done.outcome)
    }

    /// What a form appends, once: the versions of its streams then.
    async fn assert_once(&self, store: &MongoStore<Baskets>, form: &'static str, how: &str) {
        let expected = match form {
            "new stream" => [1, 2],
            "one event" | "on a query" | "undo" => [3, 2],
            "two events" => [4, 2],
            _ => [3, 3],
        };
        for (id, expected) in self.baskets[form].iter().zip(expected) {
            assert_eq!(store.get(id).await.unwrap().version(), expected, "{form}, {how}");
        }
    }
}

fn first<const N: usize>(done: [Done<Basket>; N]) -> Done<Basket> {
    done.into_iter().next().unwrap()
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
}

/// Puts every form while the server is held by `hold`, and again when `release` has let it go.
async fn held(
    server: &OwnServer,
    named: impl Fn(&str) -> Named,
    hold: impl AsyncFn(&OwnServer),
    release: impl AsyncFn(&OwnServer),
    how: &str,
) -> usize {
    let store = MongoStore::<Baskets>::at(&server.address()).await.unwrap();
    let streams = Streams::new(&store).await;
    // The guards and indexes are there before the server is held.
    saved(&store, created()).await;
    store.ask(&Query::tagged(["voucher:SPRING"])).await.unwrap();
    hold(server).await;
    let (mut failures, mut unknown) = (Vec::new(), 0);
    for form in FORMS {
        let start = Instant::now();
        let failure = streams.put(&store, form, &named(form)).await.unwrap_err();
        let took = start.elapsed();
        println!("{how:40} {form:12} {:.2} s  {}", took.as_secs_f32(), failure.words);
        assert!(took < DEADLINE + Duration::from_secs(1), "{how}, {form}: {took:?}");
        assert!(failure.is_transient && failure.commit.is_some(), "{how}, {form}: {failure:?}");
        unknown += usize::from(failure.is_unknown);
        failures.push((form, failure.commit.unwrap()));
    }
    release(server).await;
    for (form, commit) in failures {
        let again = match named(form) {
            Named::First => Named::Settle(commit),
            once => once,
        };
        // The deadline may be over once more while the server wakes up: that is no other case.
        let mut outcomes = Vec::new();
        while outcomes.len() < 2 {
            match streams.put(&store, form, &again).await {
                Ok(outcome) => outcomes.push(outcome),
                Err(failure) => assert!(failure.is_transient, "{how}, {form}: {failure:?}"),
            }
        }
        assert_eq!(outcomes[1], Outcome::Before, "{how}, {form}");
        streams.assert_once(&store, form, how).await;
    }
    unknown
}

#[test]
fn a_frozen_primary_keeps_no_command_longer_than_its_deadline() {
    run(async {
        let server = OwnServer::start().await;
        let (stop, go_on) =
            (async |server: &OwnServer| server.signal("STOP"), async |server: &OwnServer| server.signal("CONT"));
        held(&server, |_| Named::First, stop, go_on, "frozen").await;
        server.wait().await;
        server.database("basket_db", "").await.drop().await.unwrap();
        held(&server, |form| Named::Once(form.into()), stop, go_on, "frozen, with a request").await;

        // A read has no commit to settle; it ends all the same.
        let store = MongoStore::<Baskets>::at(&server.address()).await.unwrap();
        let id = *saved(&store, created()).await.id();
        server.signal("STOP");
        let start = Instant::now();
        let until = Until::new(&store, DEADLINE);
        assert!(until.get(&id).await.unwrap_err().is_transient());
        assert!(until.history(&id).try_collect::<Vec<_>>().await.is_err());
        assert!(until.documents(Scope::All).try_collect::<Vec<_>>().await.is_err());
        assert!(start.elapsed() < DEADLINE + Duration::from_secs(1));
        server.signal("CONT");
    });
}

/// The server takes its time with what it was sent, and does it in the end: after the deadline, and before it is asked again.
#[test]
fn what_is_written_after_the_deadline_is_there_once() {
    run(async {
        let server = OwnServer::start().await;
        let slow = async |server: &OwnServer| {
            let commands = ["insert", "commitTransaction"];
            let data = doc! { "failCommands": &commands[..], "blockConnection": true, "blockTimeMS": 2_000 };
            server.admin(doc! { "configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data }).await;
        };
        let quick = async |server: &OwnServer| {
            server.admin(doc! { "configureFailPoint": "failCommand", "mode": "off" }).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        };
        let unknown = held(&server, |_| Named::First, slow, quick, "slow").await;
        // The answer to a query is read in a transaction, which is slow as well, so that one has sent nothing.
        assert_eq!(unknown, FORMS.len() - 1, "the others were sent, so none can say that nothing was written");
        server.database("basket_db", "").await.drop().await.unwrap();
        held(&server, |form| Named::Once(form.into()), slow, quick, "slow, with a request").await;
    });
}

/// The caller is gone in the middle of it, or was dropped: what was under way is whole or not at all, and others go on.
#[test]
fn a_command_that_is_dropped_at_any_moment_leaves_nothing_half_done() {
    run(async {
        let server = OwnServer::start().await;
        let store = MongoStore::<Baskets>::at(&server.address()).await.unwrap();
        for delay in 0..40 {
            let (one, mut two) = (saved(&store, created_with_socks()).await, created_with_socks());
            add(&mut two, "rocks", 2);
            let two = saved(&store, two).await;
            let merge = async || {
                let merge = store.across([one.id(), two.id()]).once("merge");
                merge.run(|[into, from]| into.merge(from)).await
            };
            tokio::time::timeout(Duration::from_micros(delay * 150), merge()).await.ok();
            let [into, from] = merge().await.unwrap();
            assert_eq!((into.versions, from.versions), (3..5, 4..6), "after {delay}");
            assert_eq!((into.root.version(), from.root.version()), (4, 5), "after {delay}");
        }
    });
}
