//! Loads of one stream, against a reader that takes what it needs out of the driver's batches.

use anyhow::{Result, ensure};
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
    let sides = sides(&place, length.min(setting.longest)).await?;
    Ok(Ready::new(sides).on(place))
}

/// The sides that load one stream: the reader, the store, and a cursor that understands nothing.
pub async fn sides(place: &Place, length: u64) -> Result<Vec<Side>> {
    let id = place.stream(length).await?;
    let (by_hand, store, bare) = (place.events.clone(), place.store.clone(), place.events.clone());
    let (read, root) = (reader::load(&by_hand, &id).await?, store.get(&id).await?);
    let is_same = root.state().items().all(|(product, qty)| read.of.get(product.as_str()) == Some(&qty));
    ensure!(is_same && root.version() == length, "the two sides have read two different states");

    let floor = Side::new("driver", move |times| {
        let by_hand = by_hand.clone();
        async move { timed(times, async || reader::load(&by_hand, &id).await).await }
    });
    let ours = Side::new("basket", move |times| {
        let store = store.clone();
        async move { timed(times, async || Ok(store.get(&id).await?)).await }
    });
    let bare = Side::new("bytes alone", move |times| {
        let bare = bare.clone();
        async move { timed(times, async || reader::bytes(reader::stream(&bare, &id).await?).await).await }
    });
    Ok(vec![floor, ours, bare])
}
