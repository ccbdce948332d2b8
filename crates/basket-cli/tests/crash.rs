//! Killed at any moment, a commit of two events is there whole or not at all: 200 rounds on each store.

mod support;

use std::{
    collections::HashMap,
    thread::sleep,
    time::{Duration, Instant},
};

use bson::{Document, doc};
use futures_util::TryStreamExt;
use support::Shell;

const ROUNDS: usize = 200;

/// Starts `basket create socks` again and again and kills it at a random moment; returns how many were killed in time.
fn kill_creating_baskets(shell: &Shell) -> usize {
    // How long one takes here and now, so that the moments fall all over its life and a little beyond.
    let start = Instant::now();
    (0..5).for_each(|_| drop(shell.create("socks")));
    let life = start.elapsed() / 5;
    let mut killed = 0;
    for _ in 0..ROUNDS {
        let mut child = shell.command(&["create", "socks"]).stdout(std::process::Stdio::null()).spawn().unwrap();
        sleep(Duration::from_nanos(fastrand::u64(..life.as_nanos() as u64 * 6 / 5)));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
    }
    killed
}

/// `versions` has the versions found for each basket.
fn assert_whole(versions: &HashMap<String, Vec<i64>>, killed: usize) {
    println!("{ROUNDS} rounds, {killed} killed before they ended; {} baskets kept, all whole", versions.len() - 5);
    for (id, versions) in versions {
        assert_eq!(versions, &[1, 2], "basket {id}");
    }
    // Whoever was not killed has kept its basket; and the test would prove nothing if nobody was killed, or everybody.
    assert!(versions.len() >= ROUNDS + 5 - killed);
    assert!((1..ROUNDS).contains(&killed), "{killed}");
}

#[test]
fn embedded_a_killed_commit_is_whole_or_not_there() {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    let killed = kill_creating_baskets(&shell);

    let file = rusqlite::Connection::open(shell.folder.path().join("baskets.db")).unwrap();
    let mut found: HashMap<String, Vec<i64>> = HashMap::new();
    let mut rows = file.prepare("SELECT basket_id, version FROM baskets ORDER BY version").unwrap();
    for row in rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap() {
        let (id, version) = row.unwrap();
        found.entry(id).or_default().push(version);
    }
    assert_whole(&found, killed);
}

#[test]
fn mongo_a_killed_commit_is_whole_or_not_there() {
    support::mongo::with_database(async |db| {
        let killed = kill_creating_baskets(&Shell::new().with("BASKET_STORE", db.address.clone()));

        let events: Vec<Document> =
            db.events().find(doc! {}).sort(doc! { "version": 1 }).await.unwrap().try_collect().await.unwrap();
        let mut found: HashMap<String, Vec<i64>> = HashMap::new();
        for event in events {
            let id = event.get_object_id("basket_id").unwrap().to_hex();
            found.entry(id).or_default().push(event.get_i64("version").unwrap());
        }
        assert_whole(&found, killed);
    });
}
