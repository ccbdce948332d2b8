//! Commands of the `basket` program that read or write all events, against a cursor or an insert that does no more than that.

use std::{path::Path, sync::Arc, time::Instant};

use anyhow::{Context, Result};
use bson::{Document, doc};
use futures_util::TryStreamExt;
use mongodb::{IndexModel, options::IndexOptions};

use super::{
    Ready, Setting,
    feed::log,
    program::{beside, run},
};
use crate::{
    bout::{Side, timed},
    place::Place,
    reader,
};

/// How many documents an import inserts at a time.
const BATCH: usize = 1_000;

/// A command that reads all events, against the bytes alone; beside it the log of all streams, which decodes them.
pub async fn reading(setting: Setting, arguments: &'static [&'static str]) -> Result<Ready> {
    let (place, basket) = (filled(&setting).await?, beside("basket")?);
    let (bare, store, address) = (place.events.clone(), place.store.clone(), place.address.clone());
    let floor = Side::new("bytes alone", move |times| {
        let bare = bare.clone();
        async move { timed(times, async || reader::bytes(reader::all(&bare).await?).await).await }
    });
    let ours = Side::new("basket", move |times| {
        std::future::ready(run(times, &basket, &[arguments, &["--store", &address]].concat()))
    });
    let decoded = Side::new("the log in memory", move |times| {
        let store = store.clone();
        async move { timed(times, async || log(&store).await).await }
    });
    Ok(Ready::new(vec![floor, ours, decoded]).on(place))
}

/// An import of all events into a new collection, against inserts of the same documents.
pub async fn import(setting: Setting) -> Result<Ready> {
    let (place, basket, folder) = (filled(&setting).await?, beside("basket")?, Arc::new(tempfile::tempdir()?));
    let file = folder.path().join("events.ndjson");
    exported(&basket, &place, &file)?;
    let by_stream = place.events.find(doc! {}).sort(doc! { "basket_id": 1, "version": 1 });
    let documents: Arc<Vec<Document>> = Arc::new(by_stream.await?.try_collect().await?);
    let server = setting.server.clone();
    let floor = Side::new("driver", move |times| {
        let (server, documents) = (server.clone(), Arc::clone(&documents));
        async move {
            let mut took = std::time::Duration::ZERO;
            for _ in 0..times {
                let target = Place::empty(&server).await?;
                let start = Instant::now();
                let unique = IndexOptions::builder().unique(true).build();
                let index = IndexModel::builder().keys(doc! { "basket_id": 1, "version": 1 }).options(unique).build();
                target.events.create_index(index).await?;
                for batch in documents.chunks(BATCH) {
                    target.events.insert_many(batch).await?;
                }
                took += start.elapsed();
                target.database.drop().await?;
            }
            Ok(took)
        }
    });
    let server = setting.server;
    let ours = Side::new("basket", move |times| {
        let (server, basket, folder) = (server.clone(), basket.clone(), Arc::clone(&folder));
        async move {
            let file = folder.path().join("events.ndjson").display().to_string();
            let mut took = std::time::Duration::ZERO;
            for _ in 0..times {
                let target = Place::empty(&server).await?;
                took += run(1, &basket, &["import", &file, "--store", &target.address])?;
                target.database.drop().await?;
            }
            Ok(took)
        }
    });
    Ok(Ready::new(vec![floor, ours]).on(place))
}

async fn filled(setting: &Setting) -> Result<Place> {
    let place = Place::new(&setting.server).await?;
    place.fill(setting.events, setting.longest.min(100)).await?;
    Ok(place)
}

fn exported(basket: &Path, place: &Place, file: &Path) -> Result<()> {
    let into = std::fs::File::create(file)?;
    let mut command = std::process::Command::new(basket);
    let output = command.args(["export", "--store", &place.address]).env_clear().stdout(into).output()?;
    output.status.success().then_some(()).context("the export has failed")
}
