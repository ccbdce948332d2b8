//! The embedded store, against SQLite used by hand: the same table in a file of its own, with the same pragmas. By hand, the
//! connection stays open and the statement is prepared once; the store opens the file for each call, since others may use it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, Result};
use basket_cli::EmbeddedStore;
use basket_domain::BasketId;
use basket_mongo::{Baskets, Commit, EventStore, Expected};
use bson::{DateTime, oid::ObjectId};
use rusqlite::{Connection, params};
use serde::Deserialize;
use tempfile::TempDir;

use super::{Ready, Setting};
use crate::{
    bout::{Side, timed},
    place::{events, new_id},
};

/// An event to a new stream.
pub async fn append() -> Result<Ready> {
    let folder = Arc::new(tempfile::tempdir()?);
    let (by_hand, store) = (folder.path().join("by-hand.db"), made(&folder, "store.db").await?);
    made(&folder, "by-hand.db").await?;
    // A file of its own: where another connection stays open, to close one is cheap, as the log beside the file stays.
    made(&folder, "opened.db").await?;
    let alone = folder.path().join("opened.db");
    let floor = by_hand_side(&folder, by_hand, |open| insert(open, &new_id()));
    let ours = Side::new("basket", move |times| {
        let store = store.clone();
        async move {
            timed(times, async || {
                let id = new_id();
                Ok(store.append(&id, Expected::Loaded(0), &Commit::default(), &events(id, 1)?).await?)
            })
            .await
        }
    });
    let opened = Side::new("sqlite, opened each time", move |times| {
        let alone = alone.clone();
        async move { timed(times, async || insert(&open(&alone)?, &new_id())).await }
    });
    Ok(Ready::new(vec![floor, ours, opened]))
}

/// A stream as a state.
pub async fn load(setting: Setting, length: u64) -> Result<Ready> {
    let folder = Arc::new(tempfile::tempdir()?);
    let (store, id) = (made(&folder, "store.db").await?, new_id());
    let stream = events(id, length.min(setting.longest))?;
    store.append(&id, Expected::Loaded(0), &Commit::default(), &stream).await?;
    let file = folder.path().join("store.db");
    let floor = by_hand_side(&folder, file.clone(), move |open| select(open, &id));
    let ours = Side::new("basket", move |times| {
        let store = store.clone();
        async move { timed(times, async || Ok(store.get(&id).await?)).await }
    });
    let opened = Side::new("sqlite, opened each time", move |times| {
        let file = file.clone();
        async move { timed(times, async || select(&open(&file)?, &id)).await }
    });
    Ok(Ready::new(vec![floor, ours, opened]))
}

/// A file that the store has made.
async fn made(folder: &TempDir, name: &str) -> Result<EmbeddedStore<Baskets>> {
    let store = EmbeddedStore::at(folder.path().join(name));
    let id = new_id();
    store.append(&id, Expected::Loaded(0), &Commit::default(), &events(id, 1)?).await?;
    Ok(store)
}

/// A side whose connection stays open; the folder lives as long as it does.
fn by_hand_side(folder: &Arc<TempDir>, file: PathBuf, work: impl Fn(&Connection) -> Result<()> + 'static) -> Side {
    let (folder, mut connection) = (Arc::clone(folder), None);
    let mut run = move |times| {
        let connection = match &mut connection {
            Some(connection) => connection,
            none => none.insert(open(&file)?),
        };
        let start = Instant::now();
        (0..times).try_for_each(|_| work(connection))?;
        Ok(start.elapsed())
    };
    Side::new("sqlite", move |times| {
        let _folder = &folder;
        std::future::ready(run(times))
    })
}

fn open(file: &Path) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

fn insert(open: &Connection, id: &BasketId) -> Result<()> {
    let mut insert = open.prepare_cached(
        "INSERT INTO baskets (_id, basket_id, version, type, data, recorded_at, \"commit\", schema)
         VALUES (?1, ?2, 1, 'BasketCreated', '{}', ?3, ?4, 1)",
    )?;
    let now = DateTime::now().try_to_rfc3339_string()?;
    insert.execute(params![ObjectId::new().to_hex(), id.to_string(), now, ObjectId::new().to_hex()])?;
    Ok(())
}

/// What an event that adds a product says.
#[derive(Deserialize)]
struct Added {
    product: String,
    qty: u32,
}

fn select(open: &Connection, id: &BasketId) -> Result<()> {
    let mut select =
        open.prepare_cached("SELECT version, type, data FROM baskets WHERE basket_id = ?1 ORDER BY version")?;
    let (mut rows, mut totals, mut head) = (select.query([id.to_string()])?, HashMap::<String, u32>::new(), 0_i64);
    while let Some(row) = rows.next()? {
        head = row.get(0)?;
        if row.get_ref(1)?.as_str()? == "ItemAdded" {
            let Added { product, qty } = serde_json::from_str(row.get_ref(2)?.as_str()?)?;
            *totals.entry(product).or_default() += qty;
        }
    }
    (head > 0).then_some(()).context("a stream that is there")
}
