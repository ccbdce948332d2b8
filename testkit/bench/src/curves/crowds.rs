//! Many writers, and many readers.

use std::pin::pin;

use anyhow::{Context, Result};
use basket_mongo::{Baskets, MongoStore, Subscription, store::feed::Shape, store::subscription::Options};
use bson::{Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{Collection, options::WriteConcern};

use super::{
    Point,
    stream::{ROUNDS, point},
};
use crate::{
    bout::Side,
    place::{Place, new_id},
    reader::Totals,
    works::{
        Ready, Setting,
        append::{self, crowd},
    },
};

/// How many events each reader reads.
const EVENTS: u64 = 5_000;

/// Appends a second, of all writers together.
pub async fn writers(setting: Setting, sizes: Vec<u64>) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    for size in sizes {
        let ready = append::one(setting.clone(), size as u32).await?;
        let measured = ready.measured(setting.rounds.unwrap_or(ROUNDS), setting.least).await?;
        points.push(point(size, &measured, |nanos| 1e9 / nanos));
    }
    Ok(points)
}

/// Events a second of each of the readers, from the beginning.
pub async fn subscriptions(setting: Setting, sizes: Vec<u64>) -> Result<Vec<Point>> {
    let events = setting.events.min(EVENTS);
    let mut points = Vec::new();
    for size in sizes {
        let place = Place::new(&setting.server).await?;
        place.fill(events, setting.longest.min(100)).await?;
        let count = place.events.count_documents(Document::new()).await?;
        let (by_hand, store) = (place.events.clone(), place.store.clone());
        let floor = Side::new("driver", move |times| crowd(size as u32, times, by_hand.clone(), read));
        let ours = Side::new("basket", move |times| {
            crowd(size as u32, times, store.clone(), move |store| subscribed(store, count))
        });
        let ready = Ready::new(vec![floor, ours]).on(place);
        let measured = ready.measured(setting.rounds.unwrap_or(ROUNDS / 3), setting.least).await?;
        points.push(point(size, &measured, |nanos| count as f64 * 1e9 / nanos));
    }
    Ok(points)
}

/// Reads all events, and keeps after each thousand how far it is, as who goes on after a restart must.
async fn read(events: Collection<Document>) -> Result<()> {
    let positions = events.client().database(&events.namespace().db).collection::<Document>("positions");
    let (me, mut totals, mut read) = (ObjectId::new(), Totals::default(), 0);
    let all = events.find(doc! {}).sort(doc! { "basket_id": 1, "version": 1 });
    let mut batches = all.batch_size(1_000).batch().await?;
    while let Some(batch) = batches.try_next().await? {
        for event in batch.doc_slices()? {
            totals.add(event?.as_document().context("an answer holds no document")?)?;
            read += 1;
        }
        let position = positions.update_one(doc! { "_id": me }, doc! { "$set": { "read": read } }).upsert(true);
        position.write_concern(WriteConcern::majority()).await?;
    }
    Ok(())
}

/// A new subscription until it has kept all events; what it leaves goes with the database.
async fn subscribed(store: MongoStore<Baskets>, events: u64) -> Result<()> {
    let (name, shape) = (format!("reader-{}", new_id()), Shape { number: 1, indexes: &[] });
    let mut reader = Subscription::open(&store, &name, shape, Options::default()).await?;
    let mut read = 0;
    while read < events {
        let batch = pin!(reader.next()).await?;
        read += batch.entries.len() as u64;
        reader.keep(batch, Default::default()).await?;
    }
    Ok(())
}
