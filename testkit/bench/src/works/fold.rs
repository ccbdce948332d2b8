//! The fold of a basket by itself, in memory: of events that were decoded already, and of documents. A thousand events are one
//! run, and the figures are those of one event.

use std::{collections::HashMap, hint::black_box, time::Instant};

use anyhow::{Context, Result};
use basket_domain::{Basket, BasketEvent, EventSourced};
use basket_mongo::{Baskets, store::document::RecordedEvent};
use bson::RawDocumentBuf;

use super::Ready;
use crate::{
    bout::{Side, timed},
    place::{documents, events, new_id},
    reader::Totals,
};

/// How many events there are.
const EVENTS: u32 = 1_000;

/// Events as the domain has them, against the same sums in a map from the standard library.
pub async fn replay() -> Result<Ready> {
    let id = new_id();
    let history = events(id, EVENTS.into())?;
    let again = history.clone();
    let floor = Side::new("a map", move |times| {
        let took = timed_by(times, || history.clone(), sums);
        std::future::ready(took)
    });
    let ours = Side::new("basket", move |times| {
        let took = timed_by(times, || again.clone(), |events| EventSourced::<Basket>::new(id).replay(events));
        std::future::ready(took)
    });
    Ok(Ready::new(vec![floor, ours]).per(EVENTS))
}

/// Only the fold is counted, not the copy of its events before it.
fn timed_by<T, R>(times: u32, prepare: impl Fn() -> T, fold: impl Fn(T) -> R) -> Result<std::time::Duration> {
    let mut took = std::time::Duration::ZERO;
    for _ in 0..times {
        let prepared = black_box(prepare());
        let start = Instant::now();
        let folded = black_box(fold(prepared));
        took += start.elapsed();
        drop(folded);
    }
    Ok(took)
}

fn sums(events: Vec<BasketEvent>) -> HashMap<String, u32> {
    let mut sums = HashMap::<String, u32>::new();
    for event in events {
        if let BasketEvent::ItemAdded { product, qty, .. } = &event {
            match sums.get_mut(product.as_str()) {
                Some(sum) => *sum += qty.get(),
                None => drop(sums.insert(product.as_str().to_owned(), qty.get())),
            }
        }
    }
    sums
}

/// Documents as they come from the server.
pub async fn decode() -> Result<Ready> {
    let id = new_id();
    let raw: Vec<_> = documents(id, EVENTS.into())?.iter().map(RawDocumentBuf::try_from).collect::<Result<_, _>>()?;
    let again = raw.clone();
    let floor = Side::new("by hand", move |times| {
        let raw = raw.clone();
        async move {
            timed(times, async || {
                let mut totals = Totals::default();
                raw.iter().try_for_each(|event| totals.add(event))?;
                Ok(totals)
            })
            .await
        }
    });
    let ours = Side::new("basket", move |times| {
        let raw = again.clone();
        async move {
            timed(times, async || {
                let mut root = EventSourced::<Basket>::new(id);
                for event in &raw {
                    root = RecordedEvent::from_document(event.as_ref().into())?.replay_onto::<Baskets>(root)?;
                }
                (root.version() > 0).then_some(root).context("a basket with events")
            })
            .await
        }
    });
    Ok(Ready::new(vec![floor, ours]).per(EVENTS))
}
