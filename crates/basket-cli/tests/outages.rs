//! A MongoDB whose primary is gone, frozen or without a majority: every command ends by itself, and says what became of it.
//! The servers are started by the tests; the figures are in the changelog, since no test measures a time.

use std::{
    future::Future,
    thread,
    time::{Duration, Instant},
};

use bson::doc;
use testkit::{
    own_server::OwnServer,
    own_set::OwnSet,
    shell::{Answer, Shell},
};

/// No command may take as long as this, which is far more than any should.
const LONGEST: Duration = Duration::from_secs(20);

fn run(test: impl Future<Output = Option<()>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
}

/// Runs a command that must end by itself.
fn ends(shell: &Shell, words: &str) -> Answer {
    let start = Instant::now();
    let answer = shell.basket(words);
    println!("{:>6.2} s  {words}: {answer:?}", start.elapsed().as_secs_f32());
    assert!(start.elapsed() < LONGEST, "{words}");
    answer
}

#[test]
fn mongo_a_frozen_server_keeps_no_command_waiting() {
    run(async {
        let server = OwnServer::start().await;
        let shell = Shell::new().with("BASKET_STORE", server.address());
        let id = shell.create("socks");
        server.signal("STOP");
        for words in
            ["get ID", "log ID", "list", "report removed", "verify", "export", "store", "add ID rocks", "create socks"]
        {
            let answer = ends(&shell, &words.replace("ID", &id));
            assert_eq!(answer.code, 6, "{words}: {answer:?}");
            assert!(answer.err.contains("can't be reached"), "{words}: {answer:?}");
        }
        server.signal("CONT");
        shell.basket(&format!("get {id}")).says("socks = 1\n");
        Some(())
    });
}

#[test]
fn mongo_a_server_that_freezes_in_the_middle_of_a_command_is_given_up() {
    run(async {
        let server = OwnServer::start().await;
        let shell = Shell::new().with("BASKET_STORE", server.address());
        let id = shell.create("socks");
        // The server holds every insert, and so the command, until it is frozen; its answer never comes.
        let hold = doc! { "configureFailPoint": "failCommand", "mode": "alwaysOn",
        "data": { "failCommands": ["insert", "find"], "blockConnection": true, "blockTimeMS": 600_000, "appName": "basket" } };
        server.admin(hold).await;
        for (words, code, said) in [("get ID", 6, "can't be reached"), ("add ID rocks", 6, "no answer within")] {
            let frozen = thread::scope(|scope| {
                let answer = scope.spawn(|| ends(&shell, &words.replace("ID", &id)));
                thread::sleep(Duration::from_millis(500));
                server.signal("STOP");
                let answer = answer.join().unwrap();
                server.signal("CONT");
                answer
            });
            frozen.fails(code, said);
        }
        Some(())
    });
}

#[test]
fn mongo_without_a_majority_a_change_ends_with_its_commit_and_is_there_once_later() {
    run(async {
        let mut set = OwnSet::start(true).await?;
        let shell = Shell::new().with("BASKET_STORE", set.address());
        let (id, other) = (shell.create("socks"), shell.create("socks"));
        let others = Shell::new();
        others.create("hats");
        std::fs::write(shell.folder.path().join("others"), others.basket("export").out).unwrap();
        set.members[1].kill("KILL");
        ends(&shell, &format!("add {id} rocks --timeout 2")).fails(8, "did not say whether commit ");
        let by_address = format!("add {other} rocks --store {}&wTimeoutMS=300", set.address());
        ends(&shell, &by_address).fails(8, "did not say whether commit ");
        // An import has no commit of its own, and can be repeated.
        let import = format!("import others --store {}&wTimeoutMS=300", set.address());
        ends(&shell, &import).fails(6, "waiting for replication timed out");
        set.members[1].run();
        set.members[0].wait().await;
        shell.basket("import others").says("2 events read: 0 new, 2 there already\n");
        for id in [id, other] {
            shell.basket(&format!("get {id}")).says("socks = 1\nrocks = 1\n");
            let versions = shell.basket(&format!("log {id} --format ndjson")).out.lines().count();
            assert_eq!(versions, 3, "each is there once");
        }
        Some(())
    });
}

#[test]
fn mongo_a_change_waits_for_a_new_primary_and_a_reader_says_that_there_is_none() {
    run(async {
        let mut set = OwnSet::start(false).await?;
        let shell = Shell::new().with("BASKET_STORE", set.address());
        let id = shell.create("socks");
        for (killed, product) in [(0, "rocks"), (1, "clocks")] {
            set.members[killed].kill("KILL");
            match killed {
                0 => ends(&shell, &format!("add {id} {product}")).says(""),
                // One of three is left, and steps down.
                _ => {
                    while set.members[2].is_primary().await {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    ends(&shell, &format!("add {id} {product}")).fails(6, "no primary now");
                    let answer = ends(&shell, &format!("get {id}"));
                    answer.fails(6, "is a secondary");
                    assert!(answer.err.len() < 400, "one line, without the driver's view of the set: {answer:?}");
                }
            }
        }
        set.members[0].run();
        set.members[2].wait().await;
        shell.basket(&format!("get {id}")).says("socks = 1\nrocks = 1\n");
        Some(())
    });
}

#[test]
fn a_file_that_another_process_holds_keeps_no_change_waiting_for_longer_than_it_may() {
    let shell = Shell::new().with("BASKET_STORE", "own.db");
    let id = shell.create("socks");
    let holder = rusqlite::Connection::open(shell.folder.path().join("own.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    ends(&shell, &format!("add {id} rocks --timeout 300ms")).fails(8, "no answer within 300ms");
    holder.execute_batch("COMMIT").unwrap();
    shell.basket(&format!("get {id}")).says("socks = 1\n");
}

#[test]
fn a_time_to_wait_that_is_none_is_refused_and_so_is_one_for_a_command_that_goes_on() {
    let shell = Shell::new();
    for time in ["0", "-1", "nan", "inf", "1e18", "2d", "soon", "''"] {
        shell.basket(&format!("list --timeout {time}")).fails(2, "a time to wait is");
    }
    for command in ["watch", "explore"] {
        shell.basket(&format!("{command} --timeout 2")).fails(2, "takes no --timeout");
    }
    assert_eq!(shell.basket("list --timeout 0.5").code, 0);
    assert_eq!(shell.basket("list --timeout 2m").code, 0);
}
