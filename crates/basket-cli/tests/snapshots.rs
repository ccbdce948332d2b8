//! Snapshots on the command line: taken, used, compared with the events, ignored with a warning, and removed.

use std::thread;

use basket_cli::EmbeddedStore;
use basket_domain::{Basket, BasketId, EventSourced, Refusal};
use basket_mongo::{Baskets, MongoStore, Scope, Snapshot, Snapshots};
use bson::{Document, RawDocumentBuf, doc};
use rusqlite::Connection;
use testkit::{
    events::{product, qty},
    on_both_stores,
    one_basket::OneBasket,
    planted::plant,
    shell::Shell,
};
use tokio::runtime::Builder;

on_both_stores! {
    long_baskets_get_a_snapshot_and_short_ones_none
    a_long_basket_is_loaded_from_its_snapshot
    a_snapshot_that_cant_be_used_is_named_and_the_events_are_read
    verify_compares_each_snapshot_with_the_events
    a_basket_that_cant_be_read_gets_no_snapshot
}

/// What another program does in a store.
#[derive(Clone, Copy)]
enum Work {
    /// Adds so many rocks, one at a time, in one commit.
    Rocks(u32),
    /// Keeps a snapshot of this version with hats in it, of a program with this schema.
    Hats(u64, i32),
}

impl Work {
    async fn to(self, store: impl Snapshots<Baskets>, id: BasketId) {
        match self {
            Self::Rocks(many) => {
                let add = |basket: &Basket| {
                    let mut root = EventSourced::from_parts(id, basket.clone(), 0);
                    (0..many)
                        .try_for_each(|_| root.decide(|basket| basket.add_item(&product("rocks"), qty(1))).map(drop))?;
                    Ok::<_, Refusal>(root.take_new_events())
                };
                store.command(&id).run(add).await.unwrap();
            }
            Self::Hats(version, schema) => {
                let event = store.entries(Scope::From(id, version), 1).await.unwrap()[0].document;
                let state = doc! { "items": [{ "product": "hats", "qty": 7_i64 }] };
                let state = RawDocumentBuf::try_from(&state).unwrap();
                store.drop_snapshots(Some(&id)).await.unwrap();
                let snapshot = Snapshot::new::<Baskets>(&id, version, schema, event, state);
                store.keep_snapshot(&id, &snapshot).await.unwrap();
            }
        }
    }
}

fn address(shell: &Shell) -> String {
    shell.basket("store --format json").out.split('"').nth(3).unwrap().to_owned()
}

/// Runs on a thread of its own, since a test may stand in a runtime already.
fn in_store(basket: &OneBasket<'_>, work: Work) {
    let (store, id) = (address(basket.shell), basket.id.parse().unwrap());
    let run = async move {
        match store.starts_with("mongodb://") {
            true => work.to(MongoStore::<Baskets>::at(&store).await.unwrap(), id).await,
            false => work.to(EmbeddedStore::<Baskets>::at(store), id).await,
        }
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    thread::spawn(move || runtime.block_on(run)).join().unwrap();
}

/// Puts other words into the state of the only snapshot.
fn corrupt(shell: &Shell) {
    let store = address(shell);
    if !store.starts_with("mongodb://") {
        let change = "UPDATE baskets_snapshots SET state = replace(state, 'rocks', 'socks')";
        assert_eq!(Connection::open(store).unwrap().execute(change, ()).unwrap(), 1);
        return;
    }
    let change = async move {
        let client = mongodb::Client::with_uri_str(store).await.unwrap();
        let snapshots = client.default_database().unwrap().collection::<Document>("baskets_snapshots");
        let change = doc! { "$set": { "state.items.1.product": "socks" } };
        assert_eq!(snapshots.update_one(doc! {}, change).await.unwrap().modified_count, 1);
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    thread::spawn(move || runtime.block_on(change)).join().unwrap();
}

/// A basket of so many events, with socks and rocks.
fn basket_of(shell: &Shell, events: u32) -> OneBasket<'_> {
    let basket = OneBasket::with(shell, "socks");
    in_store(&basket, Work::Rocks(events - 2));
    basket
}

fn long_baskets_get_a_snapshot_and_short_ones_none(shell: &Shell) {
    let (long, short) = (basket_of(shell, 8), basket_of(shell, 7));
    let taken = shell.basket("snapshot --longer-than 7");
    assert_eq!((taken.code, taken.out), (0, format!("{} at version 8\n", long.id)));
    assert_eq!(taken.err, "1 snapshot was taken; 0 had one already, 1 are short\n");
    long.does(["add ID hats"]);
    let outcomes = |words: &str| {
        let printed = shell.basket(&format!("{words} --format ndjson"));
        assert_eq!(printed.code, 0, "{printed:?}");
        let record = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let records: Vec<_> = printed.out.lines().map(record).collect();
        records.iter().map(|record| format!("{} {}", record["outcome"], record["version"])).collect::<Vec<_>>()
    };
    assert_eq!(outcomes("snapshot --longer-than 7"), [r#""taken" 9"#]);
    assert_eq!(outcomes("snapshot --longer-than 7"), [r#""before" 9"#]);
    assert_eq!(outcomes(&format!("snapshot {} {}", short.id, long.id)), [r#""taken" 7"#, r#""before" 9"#]);
    assert_eq!(outcomes("snapshot"), [""; 0], "a thousand events are not long");
    shell.basket("snapshot 5ab69073421aa917e62b4734").fails(3, "there is no basket '5ab69073421aa917e62b4734'");

    let verified = shell.basket("verify --snapshots");
    assert_eq!((verified.code, verified.out.as_str()), (0, ""), "{verified:?}");
    assert_eq!(verified.err, "16 events of 2 baskets and 2 snapshots were read: all is well\n");
    short.says("snapshot ID --drop", "1 snapshot was removed\n");
    assert_eq!(shell.basket("snapshot --drop --format json").out, "{\"dropped\":1}\n");
    assert_eq!(
        shell.basket("verify --snapshots").err.split(" were").next(),
        Some("16 events of 2 baskets and 0 snapshots")
    );
}

fn a_long_basket_is_loaded_from_its_snapshot(shell: &Shell) {
    let (basket, other) = (basket_of(shell, 600), basket_of(shell, 2));
    basket.does(["add ID rocks", "remove ID socks"]);
    basket.says("get ID", "rocks = 599\n");
    assert_eq!(shell.basket("snapshot --longer-than 10").code, 0);
    basket.says("get ID", "rocks = 599\n");
    // Now each load shows where it begins.
    in_store(&basket, Work::Hats(602, 1));
    basket.says("get ID", "hats = 7\n");
    basket.does(["add ID rocks", "remove ID hats", "add ID hats -q 2 --voucher SPRING-26", "remove ID rocks"]);
    basket.says("get ID", "hats = 2\n");
    basket.fails("remove ID socks", 4, "'socks' is not in the basket");
    basket.fails("add ID rocks --if-version 602", 4, "is at version 607");
    basket.says(
        &format!("merge {} ID", other.id),
        &format!("merged '{}' into '{}': added 2 of 'hats'\n", basket.id, other.id),
    );
    // What a request has done may be before the snapshot, and a moment of the past is.
    basket.fails("remove ID rocks --request-id 7", 4, "'rocks' is not in the basket");
    assert!(basket.basket("get ID --version 600").out.contains("rocks = 598"));
    basket.does(["add ID rocks"]);
    basket.says("snapshot ID --drop", "1 snapshot was removed\n");
    assert!(basket.basket("get ID").out.starts_with("rocks"));
}

fn a_snapshot_that_cant_be_used_is_named_and_the_events_are_read(shell: &Shell) {
    let basket = basket_of(shell, 600);
    let is_read = |why: &str| {
        let read = basket.basket("get ID");
        assert_eq!((read.code, read.out.as_str()), (0, "socks = 1\nrocks = 598\n"), "{read:?}");
        let warning = format!("warning: the snapshot of basket '{}' is ignored: {why}", basket.id);
        assert!(read.err.starts_with(&warning) && read.err.lines().count() == 1, "{read:?}");
        let verified = basket.basket("verify --snapshots");
        assert_eq!((verified.code, verified.out.lines().count()), (0, 1), "{verified:?}");
        assert!(verified.out.starts_with(&warning), "{verified:?}");
        assert!(verified.err.ends_with("were read: all can be read, with 1 warning\n"), "{verified:?}");
        basket.basket("verify --snapshots --strict").fails_after_printing(7, "with 1 warning");
    };
    assert_eq!(basket.basket("snapshot ID").code, 0);
    corrupt(shell);
    is_read("it is corrupt: its checksum is of other bytes");
    in_store(&basket, Work::Hats(600, 0));
    is_read("its schema is 0, and this program's is 1");
    // It is replaced by one that can be used.
    assert!(basket.basket("snapshot ID").out.ends_with(" at version 600\n"));
    basket.says("get ID", "socks = 1\nrocks = 598\n");
    in_store(&basket, Work::Hats(600, 2));
    is_read("its schema is 2, and this program's is 1");
    let record = basket.basket("snapshot ID --format ndjson");
    assert!(record.code == 0 && record.out.contains("of_newer_program"), "{record:?}");
    is_read("its schema is 2, and this program's is 1");
}

fn verify_compares_each_snapshot_with_the_events(shell: &Shell) {
    let (basket, other) = (basket_of(shell, 5), basket_of(shell, 5));
    assert_eq!(shell.basket("snapshot --longer-than 1").code, 0);
    in_store(&basket, Work::Hats(4, 1));
    for words in ["verify --snapshots", "verify ID --snapshots"] {
        let verified = basket.basket(words);
        verified.fails_after_printing(7, "were read, and 1 thing is off");
        let why = format!("the snapshot of basket '{}' is not the fold of its events", basket.id);
        assert!(verified.out.starts_with(&why) && verified.out.contains(": items differ; "), "{verified:?}");
        assert_eq!(verified.out.lines().count(), 1, "{verified:?}");
    }
    let finding = basket.basket("verify --snapshots --format ndjson").out;
    assert!(finding.starts_with(r#"{"severity":"error","document":null,"version":4,"why":"the snapshot"#), "{finding}");
    assert_eq!(
        other.basket("verify ID --snapshots").err,
        "5 events of 1 basket and 1 snapshot were read: all is well\n"
    );
    assert_eq!(basket.basket("verify").err, "10 events of 2 baskets were read: all is well\n");
    basket.says("snapshot ID --drop", "1 snapshot was removed\n");
    assert_eq!(basket.basket("verify --snapshots").code, 0);
}

fn a_basket_that_cant_be_read_gets_no_snapshot(shell: &Shell) {
    let basket = basket_of(shell, 5);
    assert_eq!(basket.basket("snapshot ID").code, 0);
    let _ = plant(shell, "ItemBlessed");
    for words in ["snapshot ID", "snapshot --longer-than 1"] {
        let failed = basket.basket(words);
        failed.fails_after(7, "0 snapshots were taken; 0 had one already, 0 are short, and 1 can't be read");
        assert!(failed.err.contains("its type 'ItemBlessed' is none that a basket knows"), "{failed:?}");
    }
    basket
        .basket("verify --snapshots")
        .fails_after_printing(7, "6 events of 1 basket and 1 snapshot were read, and 1 thing");
}

#[test]
fn where_there_is_no_file_there_are_no_snapshots() {
    let shell = Shell::new();
    shell.basket("snapshot").fails(6, "there is no such file");
    shell.basket("snapshot --drop").fails(6, "there is no such file");
    shell.basket("snapshot --drop --longer-than 3").fails_with_usage();
}
