//! Processes that keep a read model, killed, frozen and taken over: the read model is the fold of the events, each time.
//!
//! The short form runs with the other tests; `KEEPER_ROUNDS=200 scripts/with-mongo cargo test --workspace --test keepers` is the
//! long one.

use std::{
    env,
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use bson::doc;
use serde_json::Value;
use testkit::{on_both_stores, own_set::OwnSet, shell::Shell, watcher::Watcher};

on_both_stores! {
    a_killed_keeper_leaves_the_fold
    a_frozen_keeper_is_taken_over_and_writes_nothing_more
}

/// How many rounds: so many, or what the long form is asked for.
fn rounds(short: u32) -> u32 {
    env::var("KEEPER_ROUNDS").map_or(short, |rounds| rounds.parse().unwrap())
}

fn keeper(shell: &Shell) -> Child {
    let mut keeper = shell.command(&["project", "--lease", "300ms"]);
    keeper.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Creates and changes baskets until it must stop. What fails while there is no primary is left.
fn write(shell: &Shell, stop: &AtomicBool) {
    let mut ids = Vec::<String>::new();
    while !stop.load(SeqCst) {
        let created = shell.basket("create socks");
        ids.extend(created.out.split('\'').nth(1).map(str::to_owned));
        let Some(id) = ids.get(fastrand::usize(..ids.len().max(1))) else { continue };
        shell.basket(&format!("add {id} rocks -q {}", fastrand::u8(1..9)));
        shell.basket(&format!("remove {id} {}", ["socks", "rocks"][fastrand::usize(..2)]));
    }
}

#[track_caller]
fn is_the_fold(shell: &Shell) {
    let caught_up = shell.basket("project --once --lease 300ms");
    assert_eq!(caught_up.code, 0, "{caught_up:?}");
    for words in ["list --sort created --format ndjson", "report removed --format json", "report removed --by day"] {
        let (kept, folded) = (shell.basket(words), shell.basket(&format!("{words} --replay")));
        assert!(kept.err.contains("which has read all events"), "{kept:?}");
        assert_eq!(kept.out, folded.out, "{words}");
    }
}

fn killed(shell: &Shell, rounds: u32, mut before_the_kill: impl FnMut(u32)) {
    let mut at_work = 0;
    for round in 0..rounds {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let writers = [(); 2].map(|()| scope.spawn(|| write(shell, &stop)));
            let mut keeper = keeper(shell);
            before_the_kill(round);
            thread::sleep(Duration::from_millis(fastrand::u64(5..600)));
            at_work += usize::from(keeper.try_wait().unwrap().is_none());
            keeper.kill().unwrap();
            keeper.wait().unwrap();
            stop.store(true, SeqCst);
            writers.into_iter().for_each(|writer| writer.join().unwrap());
        });
        is_the_fold(shell);
    }
    println!("{rounds} rounds; the keeper was at work when it was killed in {at_work}");
    assert!(at_work > 0);
}

fn a_killed_keeper_leaves_the_fold(shell: &Shell) {
    shell.create("socks");
    killed(shell, rounds(3), |_| {});
}

#[test]
fn mongo_a_killed_keeper_leaves_the_fold_through_elections() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let Some(set) = runtime.block_on(OwnSet::start(false)) else { return };
    let shell = Shell::new().with("BASKET_STORE", set.address());
    shell.create("socks");
    let step_down = async |round: u32| {
        if round.is_multiple_of(2) {
            return;
        }
        for member in &set.members {
            if member.is_primary().await {
                let down = doc! { "replSetStepDown": 2, "secondaryCatchUpPeriodSecs": 1, "force": true };
                member.direct().await.run_command(down).await.ok();
            }
        }
    };
    killed(&shell, rounds(2), |round| runtime.block_on(step_down(round)));
}

fn a_frozen_keeper_is_taken_over_and_writes_nothing_more(shell: &Shell) {
    let id = shell.create("socks");
    let first = Watcher::spawn(shell, "project list --lease 1");
    assert!(first.note().contains("'list' has read all"));
    let second = Watcher::spawn(shell, "project list --lease 1");
    assert!(second.note().contains("'list' is kept by process"), "it waits for its turn");
    let holder =
        || serde_json::from_str::<Value>(&shell.basket("feed --format json").out).unwrap()[0]["holder"].clone();
    let before = holder();
    first.freeze(shell, &format!("add {id} rocks"));
    let frozen = Instant::now();
    assert!(second.note().contains("'list' has read all"));
    println!("taken over after {:.1} s", frozen.elapsed().as_secs_f32());
    assert_ne!(holder(), before);
    shell.basket(&format!("feed wait list {id} 3")).says("");
    first.signal("CONT");
    assert!(first.note().contains("another process has taken over 'list'"));
    assert!(first.note().contains("'list' is kept by process"));
    // It gives the feed back when it ends, so that no one has to wait.
    second.signal("INT");
    assert_eq!(second.end().code, 0);
    assert!(first.note().contains("'list' has read all"));
    shell.basket(&format!("add {id} rocks")).says("");
    shell.basket(&format!("feed wait list {id} 4")).says("");
    first.signal("TERM");
    assert_eq!(first.end().code, 0);
    assert!(holder().is_null());
}
