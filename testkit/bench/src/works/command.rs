//! Commands: load, decide, append. Against a find and an insert, and many writers against one.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use anyhow::Result;
use basket_domain::BasketId;
use basket_mongo::{Baskets, CommandError, EventStore, MongoStore};

use super::{Ready, Setting, append::crowd};
use crate::{
    bout::Side,
    place::{Place, document, product},
    reader,
};

/// How many commands each writer puts to the stream that all write to.
const EACH: u32 = 2;

/// A command to a stream of so many events; each to one of its own, so that all streams are of the same length.
pub async fn handle(setting: Setting, length: u64) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let sides = vec![
        Side::new("driver", {
            let place = place.clone();
            move |times| {
                let place = place.clone();
                async move {
                    on_streams(&place, length, times, async |id| {
                        let next = reader::load(&place.events, &id).await?.version + 1;
                        place.events.insert_one(document(&id, next)).await?;
                        Ok(())
                    })
                    .await
                }
            }
        }),
        Side::new("basket", {
            let place = place.clone();
            move |times| {
                let place = place.clone();
                async move { on_streams(&place, length, times, async |id| put(place.store.clone(), id).await).await }
            }
        }),
    ];
    Ok(Ready::new(sides).on(place))
}

/// Only the work is counted, not the new stream before it.
async fn on_streams(
    place: &Place,
    length: u64,
    times: u32,
    work: impl AsyncFn(BasketId) -> Result<()>,
) -> Result<Duration> {
    let mut took = Duration::ZERO;
    for _ in 0..times {
        let id = place.stream(length).await?;
        let start = Instant::now();
        work(id).await?;
        took += start.elapsed();
    }
    Ok(took)
}

/// Commands to one stream by so many writers at once, against the same number by one.
pub async fn contended(setting: Setting, writers: u32) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let side = |name: &str, writers: u32, each: u32| {
        let place = place.clone();
        Side::new(name, move |times| {
            let place = place.clone();
            async move {
                let id = place.stream(1).await?;
                let (store, each) = (place.store.clone(), each * times);
                crowd(writers, each, (store, id), |(store, id)| put(store, id)).await
            }
        })
    };
    let sides = vec![side("one writer", 1, writers * EACH), side("basket", writers, EACH)];
    Ok(Ready::new(sides).per(writers * EACH).on(place))
}

/// Puts a command until it is carried out: a writer that has met others too often tries again, as its caller would.
async fn put(store: MongoStore<Baskets>, id: BasketId) -> Result<()> {
    let product = product()?;
    loop {
        match store.command(&id).run(|basket| basket.add_item(&product, NonZeroU32::MIN)).await {
            Err(CommandError::Contended { .. }) => {}
            done => return Ok(done.map(drop)?),
        }
    }
}
