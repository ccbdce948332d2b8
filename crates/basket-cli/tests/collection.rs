//! `--collection`: collections of domains that the program has never seen, on both stores.

use std::thread;

use basket_cli::EmbeddedStore;
use basket_domain::{Aggregate, EventSourced};
use basket_mongo::{Codec, EventStore, MongoStore, Upcaster, store::codec::whole_number};
use bson::{Bson, Document, RawBsonRef, RawDocument, doc};
use serde_json::{Value, json};
use testkit::{
    mongo::with_database,
    on_both_stores,
    one_basket::records,
    shell::Shell,
    silo::{Silos, armed},
};
use tokio::runtime::Runtime;

on_both_stores! {
    its_history_is_read_without_its_rules
    ids_that_are_numbers_nested_data_and_newer_schemas_are_read
    an_export_is_that_of_the_program_that_knows_the_rules
    nothing_is_written
    what_is_not_there_is_said_with_what_is
}

/// A meter, read every month. Its id is a number, and its events are of schema 2.
#[derive(Debug, Default)]
struct Meter;

struct Meters;

impl Aggregate for Meter {
    type Id = i64;
    type Event = i64;

    fn apply(&mut self, _: &i64) {}
}

impl Codec for Meters {
    type Aggregate = Meter;

    const COLLECTION: &'static str = "meters";
    const KEY: &'static str = "meter_id";
    const UPCASTERS: &'static [Upcaster] = &[Upcaster { kind: "MeterRead", from: 1, step: Ok }];

    fn key(id: &i64) -> Bson {
        Bson::Int64(*id)
    }

    fn id(key: RawBsonRef<'_>) -> Option<i64> {
        key.as_i64()
    }

    fn encode(value: &i64) -> (&'static str, Document) {
        ("MeterRead", doc! { "reading": { "value": *value, "unit": "kWh" }, "by": ["ann", "eve"] })
    }

    fn decode(_: &i64, _: &str, data: &RawDocument) -> Result<i64, String> {
        whole_number(data, "reading")
    }
}

/// Saves streams of any kind into the store that the shell uses, or into this file.
fn save<C: Codec + 'static>(shell: &Shell, mut root: EventSourced<C::Aggregate>) {
    let saved = async {
        match shell.variable("BASKET_STORE") {
            Some(address) => MongoStore::<C>::at(address).await.unwrap().save(&mut root).await.unwrap(),
            None => EmbeddedStore::<C>::at(shell.file()).save(&mut root).await.unwrap(),
        };
    };
    // A test on MongoDB has a runtime already.
    thread::scope(|scope| scope.spawn(|| Runtime::new().unwrap().block_on(saved)).join().unwrap());
}

/// What a command prints as JSON.
fn printed(shell: &Shell, words: &str) -> Value {
    serde_json::from_str(&shell.basket(&format!("{words} --format json")).out).unwrap()
}

fn its_history_is_read_without_its_rules(shell: &Shell) {
    save::<Silos>(shell, armed("north"));
    let silos = |words: &str| shell.basket(&format!("--collection silos {words}"));
    let note = "the rules of 'silos' are not known here: each path of the data has the value that was written last\n";
    let got = silos("get north");
    assert_eq!((got.code, got.out.as_str(), got.err.as_str()), (0, "officer = \"Deputy\"\n", note));
    let log = silos("log north --oneline");
    assert!(log.out.lines().count() == 2 && log.out.contains("KeyTurned {\"officer\":\"Deputy\"}"), "{log:?}");
    assert_eq!(silos("log north --type SiloArmed --oneline").out.lines().count(), 1);
    assert_eq!(silos("log north --path officer --oneline").out.lines().count(), 1);
    assert_eq!(silos("diff north 1..").out, "+ officer = \"Deputy\"\n");
    assert!(silos("blame north").out.ends_with("officer = \"Deputy\"\n"));
    assert_eq!(silos("what-if north --without 2").out, "");
    let list = records(shell, "list --collection=silos");
    assert_eq!((&list[0]["id"], &list[0]["versions"], &list[0]["paths"]), (&json!("north"), &json!(2), &json!(1)));
    let verified = silos("verify");
    assert_eq!((verified.code, verified.err.as_str()), (0, "2 events of 1 silo were read: all is well\n"));
    silos("get south").fails(3, "there is no silo 'south'");
}

fn ids_that_are_numbers_nested_data_and_newer_schemas_are_read(shell: &Shell) {
    for id in [7, 12] {
        let mut meter = EventSourced::<Meter>::new(id);
        meter.decide(|_| Ok::<_, ()>(vec![100, 100 + id])).unwrap();
        save::<Meters>(shell, meter);
    }
    let get = printed(shell, "--collection meters get 12");
    let item = |path: &str, value| json!({ "path": path, "value": value });
    let expected =
        [item("by", json!(["ann", "eve"])), item("reading.unit", json!("kWh")), item("reading.value", json!(112))];
    assert_eq!((&get["id"], &get["items"]), (&json!("12"), &json!(expected)));
    let then = printed(shell, "--collection meters get 12 --version 1");
    assert_eq!(then["items"][2]["value"], json!(100));
    assert_eq!(shell.basket("--collection meters list --ids").out.lines().count(), 2);
    assert_eq!(shell.basket("--collection meters blame 7").out.lines().count(), 3);
    let words = ["--collection", "meters", "bisect", "12", "--when", "rows['reading.value'] > 100"];
    let found = shell.run(&words);
    assert!(found.out.starts_with("it first became true with version 2 of meter '12'"), "{found:?}");
    // The program that is asked knows the store, also where nothing names it.
    let program = r#"test -n "$BASKET_STORE" && test "$BASKET_VERSION" -lt 2"#;
    let run = shell.run(&["--collection", "meters", "bisect", "run", "12", "sh", "-c", program]);
    assert!(run.out.starts_with("version 2 of meter '12' is the first bad one"), "{run:?}");
    let exported = shell.basket("--collection meters export");
    assert!(exported.out.contains("\"meter_id\":7,"), "{exported:?}");
}

fn an_export_is_that_of_the_program_that_knows_the_rules(shell: &Shell) {
    let id = shell.create("socks");
    shell.basket(&format!("add {id} rocks -q 3")).says("");
    assert_eq!(shell.basket("--collection baskets export").out, shell.basket("export").out);
    let (unseen, seen) = (records(shell, "--collection baskets list --ids"), records(shell, "list --ids"));
    assert_eq!(unseen, seen);
    let log = records(shell, &format!("--collection baskets log {id}"));
    assert_eq!(log, records(shell, &format!("log {id}")));
}

fn nothing_is_written(shell: &Shell) {
    let id = shell.create("socks");
    let before = shell.basket("export").out;
    for tool in [format!("revert {id} 2"), format!("restore {id} --version 1"), "project --once".into(), "init".into()]
    {
        shell.basket(&format!("--collection baskets {tool}")).fails(2, "a program only reads");
    }
    assert_eq!(shell.basket(&format!("--collection baskets add {id} rocks")).code, 2);
    assert_eq!(shell.basket("export").out, before);
}

fn what_is_not_there_is_said_with_what_is(shell: &Shell) {
    shell.create("socks");
    shell.basket("--collection loans list").fails(3, "has no events in 'loans'; there are baskets");
    assert_eq!(shell.basket("--collection").code, 2);
    let help = shell.basket("--collection loans --help");
    assert!(help.out.contains("blame") && !help.out.contains("restore"), "{help:?}");
}

#[test]
fn mongo_a_collection_of_something_else_is_none_and_what_cant_be_read_is_named() {
    with_database(async |db| {
        let other = db.events().client().database(&db.events().namespace().db).collection::<Document>("users");
        other.insert_one(doc! { "name": "ann" }).await.unwrap();
        let shell = Shell::new().with("BASKET_STORE", db.address);
        shell.basket("--collection users list").fails(7, "'users' holds no events that can be read here");
        let broken = doc! { "_id": 7, "user_id": 1, "version": 1, "type": "UserBorn", "data": 5 };
        other.delete_many(doc! {}).await.unwrap();
        other.insert_one(broken).await.unwrap();
        let verified = shell.basket("--collection users verify");
        assert!(verified.code == 7 && verified.out.contains("data is 5"), "{verified:?}");
        shell.basket("--collection users log 1").fails(7, "data is 5");
    });
}
