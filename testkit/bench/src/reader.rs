//! The least that understands an event: it takes from each document what the fold of a basket needs, and checks nothing that
//! the fold does not need. A store that does its duty can come near to it, and not below.

use std::collections::HashMap;

use anyhow::{Context, Result};
use basket_domain::BasketId;
use basket_mongo::{Baskets, Codec};
use bson::{Document, RawDocument, doc};
use futures_util::TryStreamExt;
use mongodb::{Collection, raw_batch_cursor::RawBatchCursor};

/// How much of each product is in a basket.
#[derive(Debug, Default)]
pub struct Totals {
    /// The products.
    pub of: HashMap<String, u32>,
    /// The version after the last event.
    pub version: i64,
}

impl Totals {
    /// Reads the next event.
    pub fn add(&mut self, event: &RawDocument) -> Result<()> {
        let (mut version, mut kind, mut data) = (None, None, None);
        for field in event {
            let (name, value) = field?;
            match name.as_str() {
                "version" => version = value.as_i64(),
                "type" => kind = value.as_str(),
                "data" => data = value.as_document(),
                _ => {}
            }
        }
        self.version = version.context("an event has a version")?;
        match (kind.context("an event has a type")?, data.context("an event has data")?) {
            ("ItemAdded", data) => self.put(data),
            ("ItemRemoved", data) => self.of.remove(data.get_str("product")?).map_or(Ok(()), |_| Ok(())),
            _ => Ok(()),
        }
    }

    fn put(&mut self, data: &RawDocument) -> Result<()> {
        let (mut product, mut qty) = (None, None);
        for field in data {
            let (name, value) = field?;
            match name.as_str() {
                "product" => product = value.as_str(),
                "qty" => qty = value.as_i64(),
                _ => {}
            }
        }
        let (product, qty) = (product.context("a product was added")?, u32::try_from(qty.context("so many")?)?);
        match self.of.get_mut(product) {
            Some(total) => *total += qty,
            None => drop(self.of.insert(product.to_owned(), qty)),
        }
        Ok(())
    }
}

/// Loads a stream.
pub async fn load(events: &Collection<Document>, id: &BasketId) -> Result<Totals> {
    let mut totals = Totals::default();
    each(stream(events, id).await?, |event| totals.add(event)).await?;
    Ok(totals)
}

/// A stream in batches, as a cursor has it.
pub async fn stream(events: &Collection<Document>, id: &BasketId) -> Result<RawBatchCursor> {
    let find = events.find(doc! { "basket_id": Baskets::key(id) }).sort(doc! { "version": 1 });
    Ok(find.batch_size(5_000).batch().await?)
}

/// All streams, one after the other.
pub async fn all(events: &Collection<Document>) -> Result<RawBatchCursor> {
    let find = events.find(doc! {}).sort(doc! { "basket_id": 1, "version": 1 });
    Ok(find.batch_size(5_000).batch().await?)
}

/// Each document of a cursor.
pub async fn each(mut batches: RawBatchCursor, mut read: impl FnMut(&RawDocument) -> Result<()>) -> Result<()> {
    while let Some(batch) = batches.try_next().await? {
        for document in batch.doc_slices()? {
            read(document?.as_document().context("an answer holds no document")?)?;
        }
    }
    Ok(())
}

/// Only receives the bytes, and understands nothing of them.
pub async fn bytes(mut batches: RawBatchCursor) -> Result<usize> {
    let mut bytes = 0;
    while let Some(batch) = batches.try_next().await? {
        bytes += batch.as_raw_document().as_bytes().len();
    }
    Ok(bytes)
}
