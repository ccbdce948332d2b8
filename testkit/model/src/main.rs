//! `cargo run --release -p model`: checks the laws within larger bounds than the tests do, and prints how each of them is broken
//! without a safeguard.

use std::{hash::Hash, time::Instant};

use model::{
    append::Append,
    feed::Feed,
    safeguards::Safeguard,
    story::{Narrated, counter_example, story},
};
use stateright::{Checker, Model};

/// Visits all states of a model; whether its laws hold.
fn check<M>(what: &str, model: M) -> bool
where
    M: Model<State: Clone + PartialEq + Hash + Send + Sync, Action: Clone + PartialEq> + Send + Sync + 'static,
{
    let start = Instant::now();
    let done = model.checker().threads(2).spawn_bfs().join();
    let broken: Vec<_> = done.discoveries().into_keys().collect();
    let (states, steps, depth) = (done.unique_state_count(), done.state_count(), done.max_depth());
    let outcome = if broken.is_empty() { "all laws hold".into() } else { format!("BROKEN: {}", broken.join(", ")) };
    println!(
        "{what}: {outcome}; {states} states, {steps} steps, depth {depth}, {:.1} s",
        start.elapsed().as_secs_f32()
    );
    broken.is_empty()
}

fn tell<M>(safeguard: Safeguard, model: &M)
where
    M: Narrated<State: Clone + PartialEq + Hash + Send + Sync, Action: Clone + PartialEq>
        + Clone
        + Send
        + Sync
        + 'static,
{
    println!("\nWithout {}:", safeguard.name());
    match counter_example(model) {
        Some(way) => print!("{}", story(model, &way)),
        None => println!("no law is broken"),
    }
}

fn main() {
    let sorted = |model: Append| Append { is_sorted: true, ..model };
    let holds = [
        check("3 writers, 2 faults, 1 crash, 1 fail-over", sorted(Append::new(3, 2, 1, 1))),
        check("3 writers, 2 faults, 1 crash, 2 fail-overs", sorted(Append::new(3, 2, 1, 2))),
        check("3 writers, 3 faults, 1 crash, 1 fail-over", sorted(Append::new(3, 3, 1, 1))),
        check("2 readers, 2 faults, 1 crash, 1 fail-over", Feed::new(2, 1, 1)),
        check("2 readers, 2 faults, 2 crashes, 2 fail-overs", Feed::new(2, 2, 2)),
    ];
    for safeguard in Safeguard::OF_APPENDS {
        tell(safeguard, &Append::without(safeguard));
    }
    for safeguard in Safeguard::OF_FEEDS {
        tell(safeguard, &Feed::without(safeguard));
    }
    let (model, what) =
        (Append::of_a_stale_primary(), "\nWith reads from a primary that has not heard of its successor:");
    println!("{what}");
    if let Some(way) = counter_example(&model) {
        print!("{}", story(&model, &way));
    }
    if holds.contains(&false) {
        std::process::exit(1);
    }
}
