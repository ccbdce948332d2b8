//! From an append until a reader has the event, against a change stream by hand. Both sides append by the driver, so that only
//! the way back differs.

use std::{
    pin::{Pin, pin},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use basket_mongo::{Baskets, MongoStore, News, Since, Tail};
use bson::{Document, doc};
use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt, future::try_join};
use mongodb::Collection;

use super::{Ready, Setting, append::inserted};
use crate::{bout::Side, place::Place, statistics::quantile};

/// How many events are seen in one run.
const EVENTS: u32 = 100;

/// The latency below which such a share of the events is.
pub async fn latency(setting: Setting, share: f64) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let (events, many) = (place.events.clone(), EVENTS.min(setting.longest as u32));
    let floor = Side::new("driver", move |times| {
        let events = events.clone();
        async move { Ok(seen(pin!(by_hand(&events).await?), &events, many, share).await? * times) }
    });
    let (events, store) = (place.events.clone(), place.store.clone());
    let ours = Side::new("basket", move |times| {
        let (events, store) = (events.clone(), store.clone());
        async move { Ok(seen(pin!(tail(&store).await?), &events, many, share).await? * times) }
    });
    Ok(Ready::new(vec![floor, ours]).on(place))
}

/// Each insert, as a change stream has it.
async fn by_hand(events: &Collection<Document>) -> Result<impl Stream<Item = Result<()>>> {
    let changes = events.watch().pipeline([doc! { "$match": { "operationType": "insert" } }]).await?;
    Ok(changes.map(|change| change?.full_document.map(drop).context("an insert has a document")))
}

/// Each event, as a tail has it that watches already.
async fn tail(store: &MongoStore<Baskets>) -> Result<impl Stream<Item = Result<()>>> {
    let mut tail = Box::pin(store.tail(Since::Now(None)));
    while !matches!(tail.try_next().await?, Some(News::Watching { .. }) | None) {}
    Ok(tail.try_filter(|news| std::future::ready(matches!(news, News::Event(_)))).map(|news| Ok(news.map(drop)?)))
}

/// Appends one event after the other; each must be seen before the next.
async fn seen(
    mut reader: Pin<&mut impl Stream<Item = Result<()>>>,
    events: &Collection<Document>,
    many: u32,
    share: f64,
) -> Result<Duration> {
    let mut latencies = Vec::new();
    for _ in 0..many {
        let start = Instant::now();
        let next = reader.next().map(|event| event.context("a reader has ended")?.map(|()| start.elapsed()));
        let (_, latency) = try_join(inserted(events.clone()), next).await?;
        latencies.push(latency.as_secs_f64());
    }
    Ok(Duration::from_secs_f64(quantile(&latencies, share)))
}
