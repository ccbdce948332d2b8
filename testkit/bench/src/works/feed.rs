//! All streams from the beginning, as readers of the store have them, against a reader that takes what it needs out of the
//! driver's batches.

use std::{collections::HashMap, pin::pin};

use anyhow::{Context, Result, ensure};
use basket_mongo::{Baskets, EventLog, Feeds, MongoStore, News, Scope, Since, Tail, store::feed::Shown};
use bson::{Document, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::Collection;

use super::{Ready, Setting};
use crate::{
    bout::{Side, timed},
    place::Place,
    reader::{self, Totals},
};

/// How a reader has them.
#[derive(Clone, Copy)]
pub enum Way {
    /// As a subscription and a read model.
    Subscription,
    /// As the log.
    Log,
    /// As what is stored before what comes live.
    Tail,
}

/// All streams, of a hundred events each.
pub async fn catch_up(setting: Setting, way: Way) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let length = setting.longest.min(100);
    place.fill(setting.events, length).await?;
    let read = move |store: MongoStore<Baskets>| async move {
        match way {
            Way::Subscription => subscription(&store).await,
            Way::Log => log(&store).await,
            Way::Tail => tail(&store).await,
        }
    };
    let found = read(place.store.clone()).await?;
    ensure!(found == place.events.count_documents(Document::new()).await?, "{found} events were read");

    let (by_hand, store, bare) = (place.events.clone(), place.store.clone(), place.events.clone());
    let floor = Side::new("driver", move |times| {
        let by_hand = by_hand.clone();
        async move { timed(times, async || by_hand_all(&by_hand).await).await }
    });
    let ours = Side::new("basket", move |times| {
        let store = store.clone();
        async move { timed(times, async || read(store.clone()).await).await }
    });
    let bare = Side::new("bytes alone", move |times| {
        let bare = bare.clone();
        async move { timed(times, async || reader::bytes(reader::all(&bare).await?).await).await }
    });
    Ok(Ready::new(vec![floor, ours, bare]).on(place))
}

/// The fold of each stream, by the driver alone.
async fn by_hand_all(events: &Collection<Document>) -> Result<usize> {
    let mut baskets = HashMap::<ObjectId, Totals>::new();
    let (mut now, mut totals) = (None, Totals::default());
    reader::each(reader::all(events).await?, |event| {
        let id = event.get_object_id("basket_id").context("an event has a stream")?;
        if now != Some(id) {
            now.replace(id).map(|before| baskets.insert(before, std::mem::take(&mut totals)));
        }
        totals.add(event)
    })
    .await?;
    now.map(|last| baskets.insert(last, totals));
    Ok(baskets.len())
}

async fn subscription(store: &MongoStore<Baskets>) -> Result<u64> {
    let mut passed = pin!(store.after(None));
    let mut events = 0;
    while let Some(passed) = passed.try_next().await? {
        events += u64::from(matches!(passed.shown, Some(Shown::Event(_))));
        if passed.is_last {
            break;
        }
    }
    Ok(events)
}

/// Reads all events of the log, and returns how many there are.
pub async fn log(store: &MongoStore<Baskets>) -> Result<u64> {
    let events = store.log(Scope::All).try_fold(0, async |events, _| Ok(events + 1));
    Ok(events.await?)
}

async fn tail(store: &MongoStore<Baskets>) -> Result<u64> {
    let mut tail = pin!(store.tail(Since::Beginning(None)));
    let mut events = 0;
    while let Some(news) = tail.try_next().await? {
        match news {
            News::Event(_) => events += 1,
            News::Watching { .. } => break,
            News::Unreadable(_) | News::Lost(_) => {}
        }
    }
    Ok(events)
}
