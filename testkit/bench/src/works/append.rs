//! Appends to new streams, against the driver's inserts of the same documents.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use basket_mongo::{Baskets, Commit, EventStore, Expected, MongoStore, Outcome};
use bson::Document;
use mongodb::{
    Collection,
    options::{ReadConcern, WriteConcern},
};

use super::{Ready, Setting};
use crate::{
    bout::{Side, timed},
    place::{Place, document, events, new_id},
};

/// One event by each of some writers.
pub async fn one(setting: Setting, writers: u32) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let mut sides = sides(&place, writers);
    if writers > 1 {
        // What the store does beyond the floor that may cost time.
        let by_hand = place.events.clone();
        let in_a_session = move |times| crowd(writers, times, by_hand.clone(), inserted_in_a_session);
        sides.push(Side::new("driver, in a session", in_a_session));
    }
    Ok(Ready::new(sides).per(writers).on(place))
}

/// The sides that append one event by each of some writers.
pub fn sides(place: &Place, writers: u32) -> Vec<Side> {
    let (by_hand, store) = (place.events.clone(), place.store.clone());
    let floor = Side::new("driver", move |times| crowd(writers, times, by_hand.clone(), inserted));
    let ours = Side::new("basket", move |times| crowd(writers, times, store.clone(), |store| appended(store, 1)));
    vec![floor, ours]
}

/// Several events in one commit.
pub async fn several(setting: Setting, length: u64) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let (by_hand, store) = (place.events.clone(), place.store.clone());
    let floor = Side::new("driver", move |times| {
        let by_hand = by_hand.clone();
        async move { timed(times, async || inserted_together(&by_hand, length).await).await }
    });
    let ours = Side::new("basket", move |times| {
        let store = store.clone();
        async move { timed(times, async || appended(store.clone(), length).await).await }
    });
    Ok(Ready::new(vec![floor, ours]).on(place))
}

/// Lets some tasks do it so many times each, all at once.
pub async fn crowd<T, F>(
    many: u32,
    times: u32,
    with: T,
    work: impl Fn(T) -> F + Copy + Send + 'static,
) -> Result<Duration>
where
    T: Clone + Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let start = Instant::now();
    let task = |with: T| async move {
        for _ in 0..times {
            work(with.clone()).await?;
        }
        anyhow::Ok(())
    };
    let tasks: Vec<_> = (0..many).map(|_| tokio::spawn(task(with.clone()))).collect();
    for task in tasks {
        task.await??;
    }
    Ok(start.elapsed())
}

/// The first event of a new stream, by the driver alone.
pub async fn inserted(events: Collection<Document>) -> Result<()> {
    events.insert_one(document(&new_id(), 1)).await?;
    Ok(())
}

/// The same, in a session that was asked for.
async fn inserted_in_a_session(events: Collection<Document>) -> Result<()> {
    let mut session = events.client().start_session().await?;
    events.insert_one(document(&new_id(), 1)).session(&mut session).await?;
    Ok(())
}

/// The first events of a new stream in one transaction, by the driver alone.
pub async fn inserted_together(events: &Collection<Document>, length: u64) -> Result<()> {
    let id = new_id();
    let documents: Vec<_> = (1..).take(length as usize).map(|version| document(&id, version)).collect();
    let mut session = events.client().start_session().await?;
    session.start_transaction().read_concern(ReadConcern::majority()).write_concern(WriteConcern::majority()).await?;
    events.insert_many(documents).session(&mut session).await?;
    Ok(session.commit_transaction().await?)
}

/// The first events of a new stream, by the store.
pub async fn appended(store: MongoStore<Baskets>, length: u64) -> Result<()> {
    let id = new_id();
    match store.append(&id, Expected::Loaded(0), &Commit::default(), &events(id, length)?).await? {
        Outcome::Now => Ok(()),
        other => bail!("an append to a new stream has ended as {other:?}"),
    }
}
