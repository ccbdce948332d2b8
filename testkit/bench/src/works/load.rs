//! Loads of one stream, against a reader that takes what it needs out of the driver's batches.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use basket_domain::BasketId;
use basket_mongo::EventStore;

use super::{Ready, Setting};
use crate::{
    bout::{Side, timed},
    place::Place,
    reader,
};

/// A stream of so many events.
pub async fn stream(setting: Setting, length: u64) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let id = place.stream(length.min(setting.longest)).await?;
    Ok(Ready::new(sides(&place, vec![id]).await?).on(place))
}

/// The sides that load one of these streams, any of them each time: the reader, the store, and a cursor that understands nothing.
pub async fn sides(place: &Place, ids: Vec<BasketId>) -> Result<Vec<Side>> {
    let id = ids.first().context("a load needs a stream")?;
    let (read, root) = (reader::load(&place.events, id).await?, place.store.get(id).await?);
    let is_same = root.state().items().all(|(product, qty)| read.of.get(product.as_str()) == Some(&qty));
    ensure!(is_same && i64::try_from(root.version())? == read.version, "the two sides have read two different states");

    let ids: Arc<[BasketId]> = ids.into();
    let (by_hand, any) = (place.events.clone(), Arc::clone(&ids));
    let floor = Side::new("driver", move |times| {
        let (by_hand, any) = (by_hand.clone(), Arc::clone(&any));
        async move { timed(times, async || reader::load(&by_hand, one_of(&any)?).await).await }
    });
    let (store, any) = (place.store.clone(), Arc::clone(&ids));
    let ours = Side::new("basket", move |times| {
        let (store, any) = (store.clone(), Arc::clone(&any));
        async move { timed(times, async || Ok(store.get(one_of(&any)?).await?)).await }
    });
    let bare = place.events.clone();
    let bare = Side::new("bytes alone", move |times| {
        let (bare, any) = (bare.clone(), Arc::clone(&ids));
        async move { timed(times, async || reader::bytes(reader::stream(&bare, one_of(&any)?).await?).await).await }
    });
    Ok(vec![floor, ours, bare])
}

fn one_of(ids: &[BasketId]) -> Result<&BasketId> {
    ids.get(fastrand::usize(..ids.len())).context("a load needs a stream")
}
