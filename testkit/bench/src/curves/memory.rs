//! How much memory a process has at most that loads a stream: each load in a process of its own, as an allocator gives little back.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};
use basket_domain::BasketId;
use basket_mongo::{Baskets, EventStore, MongoStore, mongo::connection};

use super::Point;
use crate::{
    place::Place,
    reader,
    works::{Setting, beside},
};

/// Megabytes at most.
pub async fn load(setting: Setting, sizes: Vec<u64>) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    for size in sizes {
        let place = Place::new(&setting.server).await?;
        let id = place.stream(size).await?;
        let measured = child(&place, id, true).and_then(|floor| Ok((child(&place, id, false)?, floor)));
        place.database.drop().await?;
        let (y, floor) = measured?;
        points.push(Point { x: size as f64, y, floor });
    }
    Ok(points)
}

fn child(place: &Place, id: BasketId, by_hand: bool) -> Result<f64> {
    let mut command = Command::new(beside("bench")?);
    command.args(["peak", &place.address, &id.to_string()]).args(by_hand.then_some("--by-hand"));
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)?.trim().parse().context("a number of megabytes")
}

/// What the hidden command `peak` does: it loads a stream, and returns how many megabytes it had at most, as Linux counts them.
pub async fn peak(address: &str, id: BasketId, by_hand: bool) -> Result<f64> {
    let store = MongoStore::<Baskets>::with_options(connection::options(address).await?)?;
    match by_hand {
        true => drop(reader::load(store.collection(), &id).await?),
        false => drop(store.get(&id).await?),
    }
    let status = fs::read_to_string("/proc/self/status").context("only Linux says how much memory there was")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("it does not say so")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
