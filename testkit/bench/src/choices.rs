//! Other shapes that events could have had in MongoDB, each beside the one that they have. They are written by the driver alone: a
//! shape that loses here needs no store. What was chosen, and why, is said in `docs/performance.md` beside the figures.

use anyhow::{Context, Result, ensure};
use basket_domain::BasketId;
use basket_mongo::{Baskets, Codec};
use bson::{Binary, DateTime, Document, doc, oid::ObjectId, spec::BinarySubtype};
use futures_util::TryStreamExt;
use mongodb::{
    Collection,
    options::{ClusteredIndex, ReadConcern, WriteConcern},
};

use crate::{
    bout::{Side, timed},
    place::{Place, document, new_id},
    works::{Ready, Setting, Work, append, works},
};

/// All of them, in the order of the table.
pub const CHOICES: &[Work] = works! {
    "shape-append", None, 40, |setting| one(setting), "an event to a new stream";
    "shape-commit", None, 40, |setting| commit(setting), "a commit of 10 events";
    "shape-load", None, 40, |setting| load(setting), "a stream of 1,000 events, as bytes";
    "shape-crowd", None, 20, |setting| group(setting), "an event of each of 64 writers at once: the time between two";
};

/// Without an index of its own: the collection is the index, under a key of 16 bytes.
async fn clustered(place: &Place) -> Result<Collection<Document>> {
    place.database.create_collection("clustered").clustered_index(ClusteredIndex::default()).await?;
    Ok(like(place, "clustered"))
}

/// Another collection of the place, with reads and writes of the majority.
fn like(place: &Place, name: &str) -> Collection<Document> {
    let options = mongodb::options::CollectionOptions::builder()
        .read_concern(ReadConcern::majority())
        .write_concern(WriteConcern::majority())
        .build();
    place.database.collection_with_options(name, options)
}

/// The stream and the version as one key, in the order of the versions.
fn key(id: &BasketId, version: i64) -> Binary {
    let bytes = [&id.to_bytes()[..], &(version as u32).to_be_bytes()].concat();
    Binary { subtype: BinarySubtype::Generic, bytes }
}

fn in_cluster(id: &BasketId, version: i64) -> Document {
    let mut document = document(id, version);
    document.remove("basket_id");
    document.insert("_id", key(id, version));
    document
}

/// Field names of one letter.
fn in_short(id: &BasketId, version: i64) -> Document {
    let event = document(id, version);
    let renamed = event.into_iter().map(|(name, value)| match name.as_str() {
        "_id" => (name, value),
        "basket_id" => ("k".into(), value),
        "commit" => ("o".into(), value),
        _ => (name.chars().take(1).collect(), value),
    });
    renamed.collect()
}

/// All events of a commit in one document.
fn as_commit(id: &BasketId, first: i64, many: i64) -> Document {
    let event = |version| {
        let mut event = document(id, version);
        ["_id", "basket_id", "version", "recorded_at", "commit"].iter().for_each(|name| drop(event.remove(name)));
        event
    };
    let events: Vec<_> = (first..first + many).map(event).collect();
    doc! {
        "_id": ObjectId::new(), "basket_id": Baskets::key(id), "version": first, "last": first + many - 1, "events": events,
        "recorded_at": DateTime::now(),
    }
}

async fn indexed(place: &Place, name: &str, stream: &str, version: &str) -> Result<Collection<Document>> {
    let events = like(place, name);
    let options = mongodb::options::IndexOptions::builder().unique(true).build();
    let index = mongodb::IndexModel::builder().keys(doc! { stream: 1, version: 1 }).options(options).build();
    events.create_index(index).await?;
    Ok(events)
}

fn inserts(name: &str, into: Collection<Document>, make: impl Fn() -> Document + Clone + 'static) -> Side {
    Side::new(name, move |times| {
        let (into, make) = (into.clone(), make.clone());
        async move { timed(times, async || Ok(into.insert_one(make()).await?)).await }
    })
}

async fn one(setting: Setting) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let short = indexed(&place, "short", "k", "v").await?;
    let sides = vec![
        inserts("as it is", place.events.clone(), || document(&new_id(), 1)),
        inserts("clustered, key of 16 bytes", clustered(&place).await?, || in_cluster(&new_id(), 1)),
        inserts("names of one letter", short, || in_short(&new_id(), 1)),
    ];
    Ok(Ready::new(sides).on(place))
}

async fn commit(setting: Setting) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let (events, commits) = (place.events.clone(), indexed(&place, "commits", "basket_id", "version").await?);
    let as_it_is = Side::new("as it is, a transaction", move |times| {
        let events = events.clone();
        async move { timed(times, async || append::inserted_together(&events, 10).await).await }
    });
    let one = inserts("one document for a commit", commits, || as_commit(&new_id(), 1, 10));
    Ok(Ready::new(vec![as_it_is, one]).on(place))
}

async fn load(setting: Setting) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let (id, length) = (new_id(), 1_000.min(setting.longest) as i64);
    let (cluster, short) = (clustered(&place).await?, indexed(&place, "short", "k", "v").await?);
    let commits = indexed(&place, "commits", "basket_id", "version").await?;
    place.events.insert_many((1..=length).map(|version| document(&id, version))).await?;
    cluster.insert_many((1..=length).map(|version| in_cluster(&id, version))).await?;
    short.insert_many((1..=length).map(|version| in_short(&id, version))).await?;
    commits.insert_many((1..=length).step_by(10).map(|first| as_commit(&id, first, 10))).await?;
    let stream = doc! { "basket_id": Baskets::key(&id) };
    let range = doc! { "_id": { "$gte": key(&id, 0), "$lte": key(&id, u32::MAX.into()) } };
    let sides = vec![
        reads("as it is", place.events.clone(), stream.clone(), "version"),
        reads("clustered, key of 16 bytes", cluster, range, "_id"),
        reads("names of one letter", short, doc! { "k": Baskets::key(&id) }, "v"),
        reads("one document for 10 events", commits, stream, "version"),
    ];
    Ok(Ready::new(sides).on(place))
}

fn reads(name: &str, from: Collection<Document>, filter: Document, order: &'static str) -> Side {
    Side::new(name, move |times| {
        let (from, filter) = (from.clone(), filter.clone());
        async move {
            timed(times, async || {
                let found = from.find(filter.clone()).sort(doc! { order: 1 }).batch_size(5_000);
                let mut batches = found.batch().await?;
                let mut documents = 0;
                while let Some(batch) = batches.try_next().await? {
                    documents += batch.doc_slices()?.into_iter().count();
                }
                ensure!(documents > 0, "nothing was read");
                Ok(())
            })
            .await
        }
    })
}

async fn group(setting: Setting) -> Result<Ready> {
    const WRITERS: u32 = 64;
    let place = Place::new(&setting.server).await?;
    let (alone, together) = (place.events.clone(), place.events.clone());
    let each = Side::new("each by itself", move |times| append::crowd(WRITERS, times, alone.clone(), append::inserted));
    // Documents that know nothing of each other: if one is refused, the others are there.
    let group = Side::new("64 in one command", move |times| {
        let together = together.clone();
        async move {
            timed(times, async || {
                let documents = (0..WRITERS).map(|_| document(&new_id(), 1));
                together.insert_many(documents).ordered(false).await.context("a group")
            })
            .await
        }
    });
    Ok(Ready::new(vec![each, group]).per(WRITERS).on(place))
}
