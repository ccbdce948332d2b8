//! What a collection costs as it grows, on a server of its own with a small cache, so that it does not fit into memory.

use anyhow::{Context, Result};
use basket_domain::BasketId;
use bson::{Bson, Document, doc};
use testkit::own_server::OwnServer;

use super::{
    Point,
    stream::{ROUNDS, point},
};
use crate::{
    place::Place,
    works::{Ready, Setting, append, load},
};

/// Events in each of the streams that fill it.
const LENGTH: u64 = 100;

/// A place that grows.
struct Growing {
    place: Place,
    events: u64,
    streams: Vec<BasketId>,
    _server: OwnServer,
}

impl Growing {
    async fn new() -> Result<Self> {
        let server =
            OwnServer::start_program().await.context("it needs a mongod on this machine, not in a container")?;
        server.admin(doc! { "setParameter": 1, "wiredTigerEngineRuntimeConfig": "cache_size=256M" }).await;
        let address = server.address().replace("/basket_db", "/");
        Ok(Self { place: Place::new(&address).await?, events: 0, streams: Vec::new(), _server: server })
    }

    async fn to(&mut self, events: u64) -> Result<&Place> {
        self.streams.extend(self.place.fill(events.saturating_sub(self.events), LENGTH).await?);
        self.events = events;
        Ok(&self.place)
    }
}

/// Microseconds an append to a new stream.
pub async fn append(setting: Setting, sizes: Vec<u64>) -> Result<Vec<Point>> {
    let (mut growing, mut points) = (Growing::new().await?, Vec::new());
    for size in sizes {
        let ready = Ready::new(append::sides(growing.to(size).await?, 1));
        let measured = ready.measured(setting.rounds.unwrap_or(ROUNDS), setting.least).await?;
        points.push(point(size, &measured, |nanos| nanos / 1e3));
    }
    Ok(points)
}

/// Microseconds a load.
pub async fn load(setting: Setting, sizes: Vec<u64>) -> Result<Vec<Point>> {
    let (mut growing, mut points) = (Growing::new().await?, Vec::new());
    for size in sizes {
        growing.to(size).await?;
        // Any of all streams: the newest ones would be in the cache.
        let ready = Ready::new(load::sides(&growing.place, growing.streams.clone()).await?);
        let measured = ready.measured(setting.rounds.unwrap_or(ROUNDS), setting.least).await?;
        points.push(point(size, &measured, |nanos| nanos / 1e3));
    }
    Ok(points)
}

/// Bytes an event, on disk with its share of the indexes; the floor is the document by itself.
pub async fn bytes(_: Setting, sizes: Vec<u64>) -> Result<Vec<Point>> {
    let (mut growing, mut points) = (Growing::new().await?, Vec::new());
    for size in sizes {
        let place = growing.to(size).await?;
        // What is not written yet has no size.
        place.events.client().database("admin").run_command(doc! { "fsync": 1 }).await?;
        let stats = place.database.run_command(doc! { "collStats": place.events.name() }).await?;
        let count = number(&stats, "count")?;
        let kept = (number(&stats, "storageSize")? + number(&stats, "totalIndexSize")?) / count;
        points.push(Point { x: size as f64, y: kept, floor: number(&stats, "size")? / count });
    }
    Ok(points)
}

/// A number of the server's, of whatever type.
fn number(stats: &Document, name: &str) -> Result<f64> {
    match stats.get(name) {
        Some(Bson::Int32(number)) => Ok((*number).into()),
        Some(Bson::Int64(number)) => Ok(*number as f64),
        Some(Bson::Double(number)) => Ok(*number),
        _ => anyhow::bail!("the server has not said '{name}'"),
    }
}
