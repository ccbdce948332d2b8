//! The real store under load: what the driver sends and hears is recorded for each command of each writer, and every step must be
//! one that the model allows. The writers meet on a few streams; answers are lost on the way, and the server is made to fail.

mod reading;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use basket_domain::BasketId;
use basket_mongo::{
    Baskets, CommandError, Commit, EventStore, Expected, MongoStore, Retries, StoreError, mongo::connection,
};
use bson::{Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use model::{
    append::writer::{Fate, Found, Limits, Step, Told},
    trace::{Seen, Tally, check},
};
use mongodb::event::EventHandler;
use testkit::{
    mongo::{add, created, product, qty, saved, with_database},
    own_server::OwnServer,
    proxy::proxied,
};
use tokio::{runtime::Builder, task::JoinSet, time::sleep};

use reading::{Record, Records};

/// As many as the store has.
const LIMITS: Limits = Limits { sends: Retries::SEND.attempts as u8, decisions: Retries::COMMAND.attempts as u8 };

/// A store, and what its driver sends and hears.
async fn recorded(address: &str) -> (MongoStore<Baskets>, Records) {
    let records = Records::default();
    let mut options = connection::options(address).await.unwrap();
    let heard = records.clone();
    options.command_event_handler =
        Some(EventHandler::callback(move |event| heard.push(Record::Driver(Box::new(event)))));
    let store = MongoStore::with_options(options).unwrap();
    // It has looked for its index, and will not again.
    saved(&store, created()).await;
    records.take();
    (store, records)
}

/// One command as `Command::run` carries it out.
async fn run(store: &MongoStore<Baskets>, id: &BasketId) -> Record {
    let done = store.command(id).run(|basket| basket.add_item(&product("rocks"), qty(1))).await;
    match done {
        Ok(_) => Record::Told(Told::Saved),
        Err(CommandError::Contended { .. }) => Record::Told(Told::Contended),
        Err(CommandError::Store { error: StoreError::OutcomeUnknown { .. }, .. }) => Record::Unknown,
        Err(CommandError::Store { .. }) => Record::Told(Told::Failed),
        Err(other) => panic!("{other:?}"),
    }
}

/// The same by hand, with a caller who saves again after an unknown outcome.
async fn run_and_settle(store: &MongoStore<Baskets>, records: &Records, id: &BasketId) -> Record {
    let commit = Commit::default();
    loop {
        let Ok(mut root) = store.get(id).await else { return Record::Told(Told::Failed) };
        add(&mut root, "rocks", 1);
        let expected = Expected::Loaded(root.saved_version());
        match store.append(id, expected, &commit, root.new_events()).await {
            Ok(_) => return Record::Told(Told::Saved),
            Err(StoreError::Conflict { .. }) => {}
            Err(StoreError::OutcomeUnknown { .. }) => {
                records.push(Record::Unknown);
                records.push(Record::Settles);
                return match store.save_as(&commit, &mut root).await {
                    Ok(_) => Record::Told(Told::Saved),
                    Err(StoreError::Conflict { .. }) => Record::Told(Told::Conflict),
                    Err(StoreError::OutcomeUnknown { .. }) => Record::Unknown,
                    Err(_) => Record::Told(Told::Failed),
                };
            }
            Err(_) => return Record::Told(Told::Failed),
        }
    }
}

/// The traces of one writer: one of each command, with the commit that it has sent.
type Traces = Vec<(Option<ObjectId>, Vec<Seen>)>;

async fn writer(
    (store, records): (MongoStore<Baskets>, Records),
    ids: Vec<BasketId>,
    commands: usize,
    before: impl AsyncFn(usize),
) -> Traces {
    let mut traces = Vec::new();
    for command in 0..commands {
        before(command).await;
        let id = &ids[fastrand::usize(..ids.len())];
        let told = if command % 2 == 0 { run(&store, id).await } else { run_and_settle(&store, &records, id).await };
        records.push(told);
        traces.push(reading::read(records.take()));
    }
    traces
}

/// Checks all traces, and what became of each commit.
fn judge(what: &str, traces: Vec<Traces>, stored: &[Document]) -> Tally {
    let mut tally = Tally::new();
    let mut many = BTreeMap::<ObjectId, usize>::new();
    for event in stored {
        *many.entry(event.get_object_id("commit").unwrap()).or_default() += 1;
    }
    let traces: Vec<_> = traces.into_iter().flatten().collect();
    for (commit, trace) in &traces {
        if let Err(refused) = check(trace, LIMITS, &mut tally) {
            panic!("{refused}\nin {trace:#?}");
        }
        let found = commit.and_then(|commit| many.get(&commit).copied()).unwrap_or_default();
        let settles = trace.contains(&Seen::Step(Step::Settle));
        match trace.last() {
            Some(Seen::Ended(Told::Saved)) => assert_eq!(found, 1, "{commit:?}: {trace:#?}"),
            // It has saved again, and knows no more than before.
            Some(Seen::EndedUnknown) => assert!(found <= 1, "{commit:?}: {trace:#?}"),
            Some(Seen::Ended(Told::Failed)) if settles => assert!(found <= 1, "{commit:?}: {trace:#?}"),
            _ => assert_eq!(found, 0, "{commit:?}: {trace:#?}"),
        }
    }
    let steps: u64 = tally.values().sum();
    println!("{what}: {} commands, {steps} steps", traces.len());
    for (step, many) in &tally {
        println!("{many:>7} {step}");
    }
    tally
}

fn assert_seen(tally: &Tally, steps: &[&str]) {
    let missing: Vec<_> = steps.iter().filter(|step| !tally.contains_key(**step)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}

#[test]
fn what_writers_do_whose_answers_are_lost_is_what_the_model_allows() {
    with_database(async |db| {
        let (store, mut ids) = (db.store().await, Vec::new());
        for _ in 0..3 {
            ids.push(*saved(&store, created()).await.id());
        }
        let mut writers = JoinSet::new();
        for _ in 0..4 {
            let proxied = proxied(&db, "insert").await;
            let address = format!("{}?directConnection=true", proxied.store.name());
            let swallow = proxied.swallow;
            let before = async move |command| {
                // Eight are all that an append gets: it ends with an unknown outcome.
                let many = if command == 1 { 8 } else { [0, 1, 2, 3, 4, 8][fastrand::usize(..6)] };
                swallow.store(many, SeqCst);
            };
            writers.spawn(writer(recorded(&address).await, ids.clone(), 12, before));
        }
        // These meet each other, and those who come late.
        for _ in 0..2 {
            let before = async |_| sleep(Duration::from_millis(fastrand::u64(..40))).await;
            writers.spawn(writer(recorded(&db.address).await, ids.clone(), 150, before));
        }
        let traces = writers.join_all().await;
        let stored: Vec<_> = db.events().find(doc! {}).await.unwrap().try_collect().await.unwrap();
        let tally = judge("lost answers", traces, &stored);
        assert_seen(
            &tally,
            &[
                "fate -> Taken",
                "fate -> Unknown",
                "find_ours -> Ours",
                "find_ours -> Anothers",
                "conflict",
                "told OutcomeUnknown",
                "save_as (the same commit)",
            ],
        );
    });
}

/// What a server may do to a command.
fn faults() -> [Document; 5] {
    let labels = ["RetryableWriteError", "NoWritesPerformed"];
    [
        doc! { "failCommands": ["insert"], "closeConnection": true },
        doc! { "failCommands": ["insert"], "errorCode": 10_107, "errorLabels": labels.to_vec() },
        doc! { "failCommands": ["insert"], "errorCode": 91, "errorLabels": ["RetryableWriteError"] },
        doc! { "failCommands": ["insert"], "writeConcernError": { "code": 64, "errmsg": "no majority in time" } },
        doc! { "failCommands": ["find"], "closeConnection": true },
    ]
}

#[test]
fn what_writers_do_whose_server_fails_is_what_the_model_allows() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = OwnServer::start().await;
        let store = MongoStore::<Baskets>::at(&server.address()).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(*saved(&store, created()).await.id());
        }
        // They save once before the server fails: the outcome of that save must be known.
        let mut recorders = Vec::new();
        for _ in 0..6 {
            recorders.push(recorded(&server.address()).await);
        }
        let over = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&over);
        let admin = server.direct().await;
        let failing = tokio::spawn(async move {
            let faults = faults();
            while !end.load(SeqCst) {
                let (data, mode) =
                    (faults[fastrand::usize(..faults.len())].clone(), doc! { "activationProbability": 0.6 });
                admin
                    .run_command(doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data })
                    .await
                    .unwrap();
                sleep(Duration::from_millis(60)).await;
                admin.run_command(doc! { "configureFailPoint": "failCommand", "mode": "off" }).await.unwrap();
                sleep(Duration::from_millis(20)).await;
            }
        });
        let mut tally = Tally::new();
        let steps = ["fate -> Taken", "fate -> Unknown", "fate -> NotWritten", "find_ours -> Ours", "conflict"];
        // What a round shows is chance: one in ten lacks a step.
        for _ in 0..10 {
            let mut writers = JoinSet::new();
            for recorder in &recorders {
                writers.spawn(writer(recorder.clone(), ids.clone(), 25, async |_| {}));
            }
            let traces = writers.join_all().await;
            let stored: Vec<_> = store.collection().find(doc! {}).await.unwrap().try_collect().await.unwrap();
            tally.append(&mut judge("a failing server", traces, &stored));
            if steps.iter().all(|step| tally.contains_key(*step)) {
                break;
            }
        }
        over.store(true, SeqCst);
        failing.await.unwrap();
        assert_seen(&tally, &steps);
    });
}

/// A trace that the model allows: an answer is lost, and the event found.
fn legal() -> Vec<Seen> {
    vec![
        Seen::Step(Step::Get { found: 3 }),
        Seen::Sent { version: 4 },
        Seen::Step(Step::Answer(Fate::Unknown)),
        Seen::Sent { version: 4 },
        Seen::Step(Step::Answer(Fate::Taken)),
        Seen::Step(Step::FindOurs(Found::Ours)),
        Seen::Ended(Told::Saved),
    ]
}

#[test]
fn a_trace_with_a_step_that_the_model_does_not_allow_is_refused_there() {
    let refused_at = |trace: &[Seen]| check(trace, LIMITS, &mut Tally::new()).map_err(|refused| refused.at);
    assert_eq!(refused_at(&legal()), Ok(()));
    let planted = [
        // It does not ask whose event it is.
        (5, Seen::Step(Step::Conflict)),
        // It counts on another version than the one that it has loaded.
        (3, Seen::Sent { version: 5 }),
        // It takes what it has not found for another's.
        (6, Seen::Ended(Told::Conflict)),
        // It does not remember that an answer was lost.
        (3, Seen::Ended(Told::Failed)),
    ];
    for (at, step) in planted {
        let mut trace = legal();
        trace[at] = step;
        assert_eq!(refused_at(&trace), Err(at), "{step:?}");
    }
    let mut short = legal();
    short.pop();
    assert_eq!(refused_at(&short), Err(6), "nobody was told");
}
