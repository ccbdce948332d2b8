//! What a program that listens learns of its stores: spans and numbers for every call, and nothing that is personal or a secret.

mod commands;
mod feeds;
mod listening;

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use basket_domain::{Basket, Subject};
use basket_mongo::{
    Baskets, CommandError, Commit, DynEventStore, EventStore, Expected, Maintenance, MemoryStore, Meta, MongoStore,
    Observed, Outcome, Scope, StoreError, Until,
    store::{
        keys::{Kept, Keys},
        observed::{self, Target},
        snapshot::Snapshots,
    },
};
use futures_util::FutureExt;
use listening::{Numbers, Seen, Spans};
use testkit::{
    mongo::{add, created, created_with_socks, new_id, product, qty, saved, with_database},
    proxy::proxied,
};

/// A store, and what is heard of it.
struct Heard<S> {
    store: S,
    system: &'static str,
    spans: Spans,
    numbers: Numbers,
}

impl<S> Heard<S> {
    /// A number with the labels that all of them have.
    fn sum(&self, metric: &str, labels: &str) -> f64 {
        self.numbers.sum(&format!("{metric} db.collection.name=baskets{labels}"))
    }
}

/// Listens on this thread.
async fn heard(system: &'static str, test: impl AsyncFnOnce(Heard<()>)) {
    let (spans, numbers) = (Spans::default(), Numbers::default());
    let _listening = (tracing::subscriber::set_default(spans.clone()), metrics::set_default_local_recorder(&numbers));
    test(Heard { store: (), system, spans: spans.clone(), numbers: numbers.clone() }).await;
}

fn memory() -> Observed<MemoryStore<Baskets>> {
    Observed::new(MemoryStore::default(), Target::new("memory", "baskets"))
}

fn alone(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

type AnyStore = Box<dyn DynEventStore<Basket>>;

/// Runs a test on both stores.
fn on_both(test: impl AsyncFn(Heard<AnyStore>)) {
    let with = async |heard: Heard<()>, store| {
        let Heard { system, spans, numbers, .. } = heard;
        test(Heard { store, system, spans, numbers }).await;
    };
    alone(heard("memory", async |heard| with(heard, Box::new(memory()) as AnyStore).await));
    with_database(async |db| {
        heard("mongodb", async |heard| with(heard, Box::new(db.store().await.observed()) as AnyStore).await).await;
    });
}

fn called<'a>(spans: &'a [Seen], call: &str) -> Vec<&'a Seen> {
    spans.iter().filter(|span| span.get("event_store.call") == Some(call)).collect()
}

#[test]
fn an_append_and_a_load_are_spans_named_by_the_conventions_and_are_counted() {
    on_both(async |heard| {
        let commit = Commit::default();
        let mut basket = created_with_socks();
        heard.store.save_as(&commit, &mut basket).await.unwrap();
        heard.store.get(basket.id()).await.unwrap();

        let spans = heard.spans.all();
        let [append, get] = &spans[..] else { panic!("{spans:?}") };
        for (span, command) in [(append, "insert"), (get, "find")] {
            assert_eq!(span.get("otel.name"), Some(&*format!("{command} baskets")));
            assert_eq!(span.get("otel.kind"), Some("client"));
            assert_eq!(span.get("db.system.name"), Some(heard.system));
            assert_eq!(span.get("db.collection.name"), Some("baskets"));
            assert_eq!(span.get("db.operation.name"), Some(command));
            assert_eq!(span.get("event_store.events"), Some("2"));
            assert_eq!((span.get("error.type"), span.get("otel.status_code")), (None, None));
        }
        let of_append =
            ["call", "expected_version", "commit", "outcome"].map(|name| append.get(&format!("event_store.{name}")));
        assert_eq!(of_append, [Some("append"), Some("0"), Some(&*commit.id.to_hex()), Some("now")]);
        assert_eq!(get.get("event_store.call"), Some("get"));

        assert_eq!(heard.sum("event_store.appends", " outcome=now"), 1.0);
        heard.store.entries(Scope::From(*basket.id(), 2), 9).await.unwrap();
        assert_eq!(called(&heard.spans.all(), "entries")[0].get("event_store.events"), Some("1"));
        assert_eq!(
            heard.numbers.of("event_store.load.events db.collection.name=baskets"),
            [2.0],
            "entries are no load"
        );
        for command in ["insert", "find"] {
            let system = heard.system;
            let labels = format!("db.system.name={system} db.collection.name=baskets db.operation.name={command}");
            let took = heard.numbers.of(&format!("db.client.operation.duration {labels}"));
            assert!(!took.is_empty() && took.iter().all(|seconds| (1e-9..10.0).contains(seconds)), "{took:?}");
        }
    });
}

#[test]
fn the_server_and_the_database_are_those_of_the_address() {
    with_database(async |db| {
        heard("mongodb", async |heard| {
            db.store().await.observed().get(&new_id()).await.unwrap_err();
            let spans = heard.spans.all();
            let hosts = db.address.trim_start_matches("mongodb://").split_once('/').unwrap().0;
            let (host, port) = hosts.split_once(':').unwrap();
            let names = ["db.namespace", "server.address", "server.port"].map(|name| spans[0].get(name));
            assert_eq!(names, [Some(db.database.name()), Some(host), Some(port)]);
        })
        .await;
    });
}

#[test]
fn of_several_servers_none_is_named_since_the_driver_chooses_one() {
    with_database(async |db| {
        heard("mongodb", async |heard| {
            let twice = db.address.replacen("mongodb://", "mongodb://ann:secret@localhost:1,", 1);
            let store = MongoStore::<Baskets>::at(&(twice + "?directConnection=false")).await.unwrap();
            Until::new(store.observed(), Duration::from_millis(50)).get(&new_id()).await.unwrap_err();
            let span = &heard.spans.all()[0];
            assert_eq!((span.get("server.address"), span.get("server.port")), (None, None));
            assert_eq!(span.get("db.namespace"), Some(db.database.name()));
            assert!(!format!("{span:?}").contains("ann"), "{span:?}");
        })
        .await;
    });
}

#[test]
fn a_second_writer_is_counted_as_a_conflict_and_the_span_says_so() {
    on_both(async |heard| {
        let basket = saved(&heard.store, created()).await;
        heard.spans.take();
        let (mut one, mut two) = (basket.clone(), basket);
        add(&mut one, "socks", 1);
        add(&mut two, "rocks", 1);
        heard.store.save(&mut one).await.unwrap();
        heard.store.save(&mut two).await.unwrap_err();

        let spans = heard.spans.all();
        let refused = called(&spans, "append")[1];
        let fields = ["error.type", "otel.status_code", "event_store.outcome"].map(|name| refused.get(name));
        assert_eq!(fields, [Some("Conflict"), Some("ERROR"), Some("conflict")]);
        assert_eq!(heard.sum("event_store.appends", " outcome=conflict"), 1.0);
        assert_eq!(heard.sum("event_store.appends", " outcome=now"), 2.0);
        let durations = heard.numbers.keys();
        assert!(
            durations.iter().any(|key| key.ends_with("db.operation.name=insert error.type=Conflict")),
            "{durations:?}"
        );
    });
}

#[test]
fn a_stream_that_is_not_there_is_no_failure_of_the_store() {
    on_both(async |heard| {
        heard.store.get(&new_id()).await.unwrap_err();
        let spans = heard.spans.all();
        assert_eq!((spans[0].get("error.type"), spans[0].get("event_store.events")), (None, Some("0")));
    });
}

#[test]
fn a_commit_that_was_there_and_one_without_events_are_told_apart_from_one_that_was_written() {
    on_both(async |heard| {
        let (basket, commit) = (created(), Commit::default());
        for outcome in [Outcome::Now, Outcome::Before] {
            let found = heard.store.append(basket.id(), Expected::Loaded(0), &commit, basket.new_events()).await;
            assert_eq!(found.unwrap(), outcome);
        }
        heard.store.append(basket.id(), Expected::Loaded(1), &commit, &[]).await.unwrap();
        let counted = ["now", "before", "unchanged"]
            .map(|outcome| heard.sum("event_store.appends", &format!(" outcome={outcome}")));
        assert_eq!(counted, [1.0, 1.0, 1.0]);
    });
}

#[test]
fn an_append_whose_answer_was_lost_is_counted_as_unknown() {
    with_database(async |db| {
        let proxied = proxied(&db, "insert").await;
        heard("mongodb", async |heard| {
            proxied.swallow.store(u32::MAX, SeqCst);
            let store = proxied.store.clone().observed();
            let error = store.save(&mut created()).await.unwrap_err();
            assert!(matches!(error, StoreError::OutcomeUnknown { .. }), "{error:?}");
            let spans = heard.spans.all();
            let fields = ["error.type", "event_store.outcome"].map(|name| spans[0].get(name));
            assert_eq!(fields, [Some("OutcomeUnknown"), Some("unknown")]);
            assert_eq!(heard.sum("event_store.appends", " outcome=unknown"), 1.0);
        })
        .await;
    });
}

#[test]
fn an_append_that_its_caller_no_longer_waits_for_is_counted_as_unknown_and_a_load_as_cancelled() {
    with_database(async |db| {
        let proxied = proxied(&db, "insert").await;
        heard("mongodb", async |heard| {
            proxied.swallow.store(u32::MAX, SeqCst);
            let store = proxied.store.clone().observed();
            let id = new_id();
            let create = store.command(&id).deadline(Duration::from_secs(1)).run(|basket| basket.create(id));
            let error = observed::command("create", create).await.unwrap_err();
            assert!(
                matches!(&error, CommandError::Store { error: StoreError::OutcomeUnknown { .. }, .. }),
                "{error:?}"
            );
            assert!(store.get(&new_id()).now_or_never().is_none());

            let spans = heard.spans.all();
            let fields =
                |call| ["error.type", "event_store.outcome"].map(|name| called(&spans, call).last().unwrap().get(name));
            assert_eq!(fields("append"), [Some("Cancelled"), Some("unknown")]);
            assert_eq!(fields("get"), [Some("Cancelled"), None]);
            assert_eq!(heard.sum("event_store.appends", " outcome=unknown"), 1.0);
            assert_eq!(heard.numbers.sum("event_store.commands command=create outcome=unknown"), 1.0);
        })
        .await;
    });
}

#[test]
fn no_value_of_an_event_no_actor_and_no_stream_is_told_unless_the_stream_is_asked_for() {
    alone(heard("memory", async |heard| {
        let id = new_id();
        let put = async |store: Observed<MemoryStore<Baskets>>| {
            let meta = Meta { actor: Some("ann".into()), reason: Some("they called".into()), ..Meta::default() };
            store.command(&id).meta(meta.clone()).run(|basket| basket.create(id)).await.unwrap();
            let run = store.command(&id).meta(meta).run(|basket| basket.add_item(&product("truffles"), qty(1)));
            observed::command("add", run).await.unwrap();
            store.get(&new_id()).await.unwrap_err();
            format!("{:?} {:?}", heard.spans.take(), heard.numbers.keys())
        };
        let told = put(memory()).await;
        for secret in ["ann", "they called", "truffles", &id.to_string()] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
        assert!(put(memory().naming_streams()).await.contains(&format!("\"event_store.stream\": \"{id}\"")));
    }));
}

#[test]
fn each_metric_is_described_with_its_unit() {
    alone(heard("memory", async |heard| {
        memory();
        let described = heard.numbers.described.lock().unwrap();
        assert_eq!(described.len(), 11);
        for (name, unit) in described.iter() {
            let seconds = name.ends_with("duration") || name.ends_with("seconds");
            assert_eq!(unit.as_str() == "seconds", seconds, "{name}");
        }
    }));
}

#[test]
fn what_is_not_observed_passes() {
    alone(heard("memory", async |heard| {
        let (store, subject) = (memory(), "ann".parse::<Subject>().unwrap());
        assert_eq!(store.delete_key(&subject).await.unwrap(), Kept::Unknown);
        assert_eq!(store.drop_snapshots(None).await.unwrap(), 0);
        assert_eq!(store.count().await.unwrap(), 0);
        assert!(heard.spans.all().is_empty());
    }));
}
