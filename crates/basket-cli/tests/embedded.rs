//! What is the embedded file's own: several processes at once, files that are none of ours, rows that can't be read.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use basket_cli::EmbeddedStore;
use basket_mongo::{EventLog, EventStore, Scope};
use futures_util::TryStreamExt;
use rusqlite::Connection;
use testkit::{
    mongo::{add, created, product, qty, saved},
    one_basket::records,
    shell::{Shell, answer},
    silo::{Officer, Silos, armed},
};

fn shell() -> (Shell, PathBuf) {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    let file = shell.folder.path().join("baskets.db");
    (shell, file)
}

/// Sixteen processes at once; all of them work.
fn sixteen(shell: &Shell, arguments: &[&str]) {
    let spawn = |_| shell.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for child in (0..16).map(spawn).collect::<Vec<_>>() {
        let answer = answer(child.wait_with_output().unwrap());
        assert_eq!((answer.code, answer.err.as_str()), (0, ""));
    }
}

#[test]
fn processes_that_all_make_the_file_or_add_to_one_basket_at_once_lose_nothing() {
    for _ in 0..20 {
        let (shell, _) = shell();
        sixteen(&shell, &["create", "socks"]);
        let list = records(&shell, "list");
        assert_eq!((list.len(), list.iter().all(|basket| basket["versions"] == 2)), (16, true), "{list:?}");
    }
    let (shell, _) = shell();
    let id = shell.create("socks");
    sixteen(&shell, &["add", &id, "rocks", "-q", "2"]);
    shell.basket(&format!("get {id}")).says("socks = 1\nrocks = 32\n");
}

#[test]
fn a_file_that_is_none_of_ours_or_of_a_newer_basket_and_a_folder_are_left_as_they_are() {
    let letter = |file: &Path| fs::write(file, "a letter to grandmother, long enough to be taken for something else\n");
    let with_sql = |file: &Path, sql: &str| Connection::open(file).unwrap().execute_batch(sql).unwrap();
    let newer = |file: &Path| {
        Shell::new().with("BASKET_STORE", file.to_str().unwrap()).create("socks");
        with_sql(file, "PRAGMA user_version = 4");
    };
    type Make<'a> = &'a dyn Fn(&Path);
    let cases: [(Make<'_>, &str); 5] = [
        (&|file| fs::write(file, "a note").unwrap(), "is no database of ours, so it is left alone"),
        (&|file| letter(file).unwrap(), "is no database of ours, so it is left alone"),
        (&|file| with_sql(file, "CREATE TABLE recipes (name TEXT)"), "none of ours, so it is left alone"),
        (&newer, "made by a newer program"),
        (&|file| fs::create_dir(file).unwrap(), "baskets.db"),
    ];
    for (make, why) in cases {
        let (shell, file) = shell();
        make(&file);
        let before = fs::read(&file).ok();
        let id = "5ab69073421aa917e62b4734";
        for words in ["create socks", &format!("add {id} rocks"), &format!("get {id}")] {
            shell.basket(words).fails(6, why);
        }
        let store = shell.basket("store");
        assert!(store.code == 6 && store.err.contains(why), "{store:?}");
        assert_eq!(fs::read(&file).ok(), before, "{why}");
    }
}

#[test]
fn a_file_that_was_cut_is_damaged_and_no_command_says_anything_else() {
    let (shell, file) = shell();
    let id = shell.create("socks");
    for product in 0..40 {
        shell.basket(&format!("add {id} product{product}")).says("");
    }
    let whole = fs::read(&file).unwrap();
    assert_eq!(shell.basket("verify").code, 0);
    let words = ["verify".into(), format!("get {id}"), "list".into(), format!("add {id} hats"), "store".into()];
    for length in [2, 10, 16, 50, 99, 100, 511, 512, 1_000, 4_096, 5_000, 8_192, 10_000] {
        for words in &words {
            fs::write(&file, &whole[..length]).unwrap();
            let answer = shell.basket(words);
            answer.fails_after_printing(7, "baskets.db is damaged (");
            assert!(answer.err.contains("sqlite3 FILE .recover"), "{answer:?}");
        }
    }
    // Of a page that was cut, SQLite reads the rest as zeros, which are found in the event.
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    shell.basket("verify").fails_after_printing(7, "1 thing is off");
    // Before a new file has anything in it, it is empty, too.
    fs::write(&file, "").unwrap();
    shell.basket("verify").fails(6, "there is no such file, or it is empty");
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

#[tokio::test]
async fn a_file_without_tags_is_renewed_with_all_its_tables_and_another_table_is_left_alone() {
    let (shell, file) = shell();
    let id = shell.create("socks");
    let silos = EmbeddedStore::<Silos>::at(&file);
    silos.save(&mut armed("north")).await.unwrap();
    let log = || shell.basket(&format!("log {id} --format json")).out;
    let before = log();
    let database = Connection::open(&file).unwrap();
    database
        .execute_batch(
            "DROP INDEX baskets_tags; ALTER TABLE baskets DROP COLUMN tags; DROP INDEX silos_tags;
             ALTER TABLE silos DROP COLUMN tags; CREATE TABLE notes (text TEXT); PRAGMA user_version = 2;",
        )
        .unwrap();
    assert_eq!(log(), before);
    shell.basket(&format!("add {id} rocks --voucher SPRING")).says("");
    assert_eq!(silos.get(&"north".to_owned()).await.unwrap().version(), 2);
    silos.command(&"north".to_owned()).run(|silo| silo.turn_key(Officer::Commander)).await.unwrap();
    assert_eq!(shell.basket("verify --strict").code, 0);
    database.execute("INSERT INTO notes (text) VALUES ('mine')", []).unwrap();
}

#[test]
fn what_a_person_writes_with_the_sqlite_shell_is_read_or_named() {
    let (shell, file) = shell();
    let id = shell.create("socks");
    let database = Connection::open(&file).unwrap();
    let change = |what: &str| database.execute(&format!("UPDATE baskets SET {what} WHERE version = 2"), []).unwrap();
    change("data = '{ \"qty\": 3.0, \"product\": \"socks\", \"colour\": \"red\" }'");
    shell.basket(&format!("get {id}")).says("socks = 3\n");
    for (what, why) in [("type = 'BasketCreated'", "a basket is created once"), ("version = 9", "version 2 is missing")]
    {
        change(what);
        shell.basket(&format!("get {id}")).fails(7, why);
        shell.basket(&format!("add {id} rocks")).fails(7, why);
    }
}

#[tokio::test]
async fn all_the_pages_of_a_reading_are_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::<basket_mongo::Baskets>::at(folder.path().join("baskets.db"));
    let mut basket = created();
    (1..1_200).for_each(|_| add(&mut basket, "socks", 1));
    let basket = saved(&store, basket).await;
    let mut reading = std::pin::pin!(store.documents(Scope::From(*basket.id(), 1)));
    assert!(reading.try_next().await.unwrap().is_some());
    store.command(basket.id()).run(|basket| basket.add_item(&product("socks"), qty(1))).await.unwrap();
    let rest: Vec<_> = reading.try_collect().await.unwrap();
    assert_eq!(rest.len(), 1_199, "what was written meanwhile is not of that moment");
}
