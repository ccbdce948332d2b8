//! Killed at any moment, a commit of two events is there whole or not at all: 60 rounds on each store; `make faults` does it five hundred times.

use std::{
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use testkit::{on_both_stores, one_basket::records, shell::Shell};

const ROUNDS: usize = 60;

on_both_stores! {
    a_killed_commit_is_whole_or_not_there
    a_killed_merge_has_changed_both_baskets_or_neither
}

fn a_killed_merge_has_changed_both_baskets_or_neither(shell: &Shell) {
    let start = Instant::now();
    (0..5).for_each(|_| drop(shell.create("socks")));
    let run = start.elapsed() / 5;
    let (mut killed, mut merged) = (0, 0);
    for _ in 0..40 {
        let (into, from) = (shell.create("socks"), shell.create("socks"));
        let mut child = shell.command(&["merge", &into, &from]).stdout(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_nanos(fastrand::u64(..run.as_nanos() as u64 * 3 / 2)));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        let held = [&into, &from].map(|id| shell.basket(&format!("get {id}")).out);
        match held.each_ref().map(String::as_str) {
            ["socks = 2\n", ""] => merged += 1,
            ["socks = 1\n", "socks = 1\n"] => {}
            other => panic!("{other:?}"),
        }
    }
    println!("40 merges, {killed} killed before they ended, {merged} kept");
    assert_eq!(shell.basket("verify").code, 0);
    assert!((1..40).contains(&killed) && merged >= 40 - killed, "{killed}, {merged}");
}

fn a_killed_commit_is_whole_or_not_there(shell: &Shell) {
    // How long one takes here and now, so that the moments fall all over its run and a little beyond.
    let start = Instant::now();
    (0..5).for_each(|_| drop(shell.create("socks")));
    let run = start.elapsed() / 5;
    let mut killed = 0;
    for _ in 0..ROUNDS {
        let mut child = shell.command(&["create", "socks"]).stdout(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_nanos(fastrand::u64(..run.as_nanos() as u64 * 6 / 5)));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
    }

    // A list counts the events of each basket, and no document may be unreadable, for example for a gap before it.
    let list = records(shell, "list");
    println!("{ROUNDS} rounds, {killed} killed before they ended; {} baskets kept, all whole", list.len() - 5);
    for basket in &list {
        assert_eq!((basket["versions"].as_u64(), basket["units"].as_u64()), (Some(2), Some(1)), "{basket}");
    }
    assert_eq!(shell.basket("verify").code, 0);
    // What was not killed has kept its basket; and the test would prove nothing if none or all were killed.
    assert!(list.len() >= ROUNDS + 5 - killed);
    assert!((1..ROUNDS).contains(&killed), "{killed}");
}
