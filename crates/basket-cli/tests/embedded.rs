//! What is the embedded file's own: several processes at once, files that are none of ours, rows that can't be read.

mod support;

use std::{fs, path::PathBuf};

use basket_cli::EmbeddedStore;
use basket_mongo::{EventLog, EventStore, Scope};
use futures_util::TryStreamExt;
use rusqlite::Connection;
use support::{
    Shell, answer,
    mongo::{created, product, qty},
};

fn shell() -> (Shell, PathBuf) {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    let file = shell.folder.path().join("baskets.db");
    (shell, file)
}

#[test]
fn processes_that_all_make_the_file_at_once_make_it_once_and_lose_nothing() {
    for _ in 0..20 {
        let (shell, file) = shell();
        let children: Vec<_> = (0..16)
            .map(|_| {
                shell
                    .command(&["create", "socks"])
                    .stdout(std::process::Stdio::piped())
                    .stderr(std::process::Stdio::piped())
                    .spawn()
            })
            .collect();
        for child in children {
            let answer = answer(child.unwrap().wait_with_output().unwrap());
            assert_eq!((answer.code, answer.err.as_str()), (0, ""));
        }
        let count = "SELECT count(*), count(DISTINCT basket_id) FROM baskets";
        let counted =
            Connection::open(file).unwrap().query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(counted, (32, 16));
    }
}

#[test]
fn processes_that_add_to_one_basket_at_once_are_all_heard() {
    let (shell, _) = shell();
    let id = shell.create("socks");
    let children: Vec<_> = (0..16).map(|_| shell.command(&["add", &id, "rocks", "-q", "2"]).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    shell.basket(&format!("get {id}")).says("socks = 1\nrocks = 32\n");
}

#[test]
fn a_file_that_is_none_of_ours_is_left_as_it_is() {
    let (shell, file) = shell();
    fs::write(&file, "a letter to grandmother, long enough to be taken for something else\n").unwrap();
    shell.basket("create socks").fails(6, "is no database of ours, so it is left alone");
    assert_eq!(fs::read_to_string(&file).unwrap().len(), 68);
    fs::remove_file(&file).unwrap();

    Connection::open(&file).unwrap().execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    let before = fs::read(&file).unwrap();
    for words in ["create socks", "get 5ab69073421aa917e62b4734", "store"] {
        let answer = shell.basket(words);
        assert!(answer.code == 6 && answer.err.contains("none of ours, so it is left alone"), "{answer:?}");
    }
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_file_of_a_newer_basket_is_left_alone() {
    let (shell, file) = shell();
    let id = shell.create("socks");
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 3).unwrap();
    shell.basket(&format!("add {id} rocks")).fails(6, "made by a newer basket");
    shell.basket(&format!("get {id}")).fails(6, "made by a newer basket");
}

#[test]
fn a_file_of_the_first_release_is_read_and_renewed() {
    let (shell, file) = shell();
    let (id, other) = (shell.create("socks"), shell.create("hats"));
    shell.basket(&format!("add {id} rocks"));
    let log = |id: &str| shell.basket(&format!("log {id} --format json")).out;
    let before = (log(&id), log(&other));
    let database = Connection::open(&file).unwrap();
    database
        .execute_batch(
            r#"CREATE TABLE old (_id TEXT NOT NULL PRIMARY KEY, basket_id TEXT NOT NULL, version INTEGER NOT NULL,
                   type TEXT NOT NULL, data TEXT NOT NULL, recorded_at TEXT NOT NULL, "commit" TEXT NOT NULL,
                   schema INTEGER NOT NULL, UNIQUE (basket_id, version)) STRICT;
               INSERT INTO old SELECT _id, basket_id, version, type, data, recorded_at, "commit", schema FROM baskets;
               DROP TABLE baskets; ALTER TABLE old RENAME TO baskets; PRAGMA user_version = 1;"#,
        )
        .unwrap();
    drop(database);
    assert_eq!((log(&id), log(&other)), before);
    shell.basket(&format!("add {id} clocks --as ann")).says("");
    shell.basket(&format!("get {id}")).says("socks = 1\nrocks = 1\nclocks = 1\n");
}

#[test]
fn a_folder_in_place_of_the_file_is_said() {
    let (shell, file) = shell();
    fs::create_dir(file).unwrap();
    shell.basket("create socks").fails(6, "baskets.db");
    shell.basket("get 5ab69073421aa917e62b4734").fails(6, "baskets.db");
}

#[test]
fn a_row_that_somebody_planted_is_named_with_its_id_its_version_and_the_reason() {
    let cases = [
        ("version = 0", "(version 0) can't be read: its version is 0"),
        ("version = 9", "(version 9) can't be read: version 2 is missing before it"),
        ("type = 'ItemBlessed'", "its type 'ItemBlessed' is none that a basket knows"),
        ("type = 'BasketCreated'", "a basket is created once"),
        ("type = 'ItemRemoved'", "it removes 'socks', which is not in the basket then"),
        ("data = 'socks'", "its data is \"socks\", expected a document"),
        ("data = '[1]'", "its data is \"[1]\", expected a document"),
        ("data = '{}'", "data.product is missing"),
        ("data = '{\"product\": \"\", \"qty\": 1}'", "a product's name can't be empty"),
        ("data = '{\"product\": \"socks\", \"qty\": 0}'", "data.qty is 0"),
        ("data = '{\"product\": \"socks\", \"qty\": 1.5}'", "data.qty is 1.5"),
        ("data = '{\"product\": \"socks\", \"qty\": \"1\"}'", "data.qty is \"1\""),
        ("data = '{\"product\": \"socks\", \"qty\": 18446744073709551615}'", "18446744073709551615"),
        ("data = CAST(x'7b2270726f64756374223a22ff222c22717479223a317d' AS TEXT)", "its data is Binary("),
        ("schema = 2", "its schema is 2, and this program knows 1 as the newest"),
    ];
    for (change, why) in cases {
        let (shell, file) = shell();
        let id = shell.create("socks");
        let database = Connection::open(&file).unwrap();
        database.execute(&format!("UPDATE baskets SET {change} WHERE version = 2"), []).unwrap();
        let named: String =
            database.query_row("SELECT _id FROM baskets WHERE version <> 1", [], |row| row.get(0)).unwrap();
        let answer = shell.basket(&format!("get {id}"));
        answer.fails(7, why);
        assert!(answer.err.contains(&format!("the document with _id ObjectId('{named}')")), "{answer:?}");
        shell.basket(&format!("add {id} rocks")).fails(7, why);
    }
}

#[test]
fn what_a_person_writes_with_the_sqlite_shell_is_read() {
    let (shell, file) = shell();
    let id = shell.create("socks");
    let change =
        "UPDATE baskets SET data = '{ \"qty\": 3.0, \"product\": \"socks\", \"colour\": \"red\" }' WHERE version = 2";
    Connection::open(&file).unwrap().execute(change, []).unwrap();
    shell.basket(&format!("get {id}")).says("socks = 3\n");
}

#[tokio::test]
async fn all_the_pages_of_a_reading_are_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(folder.path().join("baskets.db"));
    let mut basket = created();
    for _ in 1..1_200 {
        basket.decide(|basket| basket.add_item(&product("socks"), qty(1))).unwrap();
    }
    store.save(&mut basket).await.unwrap();
    let mut reading = std::pin::pin!(store.documents(Scope::From(*basket.id(), 1)));
    assert!(reading.try_next().await.unwrap().is_some());
    store.handle(basket.id(), |basket| basket.add_item(&product("socks"), qty(1))).await.unwrap();
    let rest: Vec<_> = reading.try_collect().await.unwrap();
    assert_eq!(rest.len(), 1_199, "what was written meanwhile is not of that moment");
}
