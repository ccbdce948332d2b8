//! What the peers in Rust share: the works, the clock and the answers to bench.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::io::{BufRead, stdin};
use std::time::Instant;

use serde_json::{Value, json};

const WORKS: [&str; 5] = ["append", "append-10000", "handle-100", "load-10000", "load-100"];

pub type Failure = Box<dyn Error + Send + Sync>;
pub type Items = BTreeMap<String, u32>;

pub trait Peer {
    /// What finds a basket that was written.
    type Basket;

    /// Appends the first event of a new basket.
    async fn create(&mut self) -> Result<(), Failure>;
    /// Writes a basket of that many events.
    async fn filled(&mut self, events: usize) -> Result<Self::Basket, Failure>;
    /// Appends one event to it.
    async fn append(&mut self, basket: &mut Self::Basket) -> Result<(), Failure>;
    /// Loads it, decides to add "product 0", and appends that.
    async fn add(&mut self, basket: &Self::Basket) -> Result<(), Failure>;
    /// Loads it, and gives its items.
    async fn load(&mut self, basket: &Self::Basket) -> Result<Items, Failure>;
}

fn events_in(work: &str) -> Result<usize, Failure> {
    Ok(work.split_once('-').ok_or("it has no number")?.1.parse()?)
}

fn check(items: &Items, quantity: usize) -> Result<(), Failure> {
    let (products, total) = (items.len(), items.values().sum::<u32>());
    if (products, total as usize) != (50, quantity) {
        return Err(format!("{products} products, {total} in all, not 50 and {quantity}").into());
    }
    Ok(())
}

async fn prepare<P: Peer>(peer: &mut P, prepared: &mut HashMap<String, P::Basket>, work: &str) -> Result<(), Failure> {
    match work {
        "append" => peer.create().await?, // whatever the first append creates, the clock should not see
        "handle-100" => {}
        _ => drop(prepared.insert(work.into(), peer.filled(events_in(work)?).await?)),
    }
    Ok(())
}

async fn run<P: Peer>(
    peer: &mut P,
    prepared: &mut HashMap<String, P::Basket>,
    work: &str,
    n: usize,
) -> Result<u128, Failure> {
    let mut fresh = Vec::new();
    if work == "handle-100" {
        for _ in 0..n {
            fresh.push(peer.filled(100).await?);
        }
    }
    let mut items = Items::new();
    let started = Instant::now();
    match (work, prepared.get_mut(work)) {
        ("append", _) => {
            for _ in 0..n {
                peer.create().await?;
            }
        }
        ("append-10000", Some(basket)) => {
            for _ in 0..n {
                peer.append(basket).await?;
            }
        }
        ("handle-100", _) => {
            for basket in &fresh {
                peer.add(basket).await?;
            }
        }
        (_, Some(basket)) => {
            for _ in 0..n {
                items = peer.load(basket).await?;
            }
        }
        (_, None) => return Err("it was not prepared".into()),
    }
    let took = started.elapsed().as_nanos();
    if let Some(basket) = fresh.last() {
        check(&peer.load(basket).await?, 100)?;
    }
    if work.starts_with("load-") {
        check(&items, events_in(work)? - 1)?;
    }
    Ok(took)
}

/// `about` is what bench is told of the peer: its name, its versions, and what it gives less.
pub async fn answer(mut peer: impl Peer, mut about: Value) -> Result<(), Failure> {
    let mut prepared = HashMap::new();
    about["ready"] = json!(true);
    about["works"] = json!(WORKS);
    println!("{about}");
    for line in stdin().lock().lines() {
        let line = line?;
        match *line.split(' ').collect::<Vec<_>>() {
            ["prepare", work] if WORKS.contains(&work) => {
                prepare(&mut peer, &mut prepared, work).await?;
                println!("{}", json!({ "prepared": true }));
            }
            ["run", work, n] if WORKS.contains(&work) => {
                let ns = run(&mut peer, &mut prepared, work, n.parse()?).await? as u64;
                println!("{}", json!({ "ns": ns }));
            }
            ["end"] => break,
            _ => return Err(format!("not understood: {line}").into()),
        }
    }
    Ok(())
}

pub fn exit(result: Result<(), Failure>) {
    if let Err(error) = result {
        println!("{}", json!({ "error": error.to_string() }));
        std::process::exit(1);
    }
}
