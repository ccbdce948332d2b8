//! What a store holds in the end, read as documents: of MongoDB by the driver alone, so that what judges the store is not the store.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use basket_mongo::{EventLog, Scope};
use bson::{Document, doc};
use futures_util::{TryStreamExt, pin_mut};
use mongodb::{
    Client, Collection,
    options::{ClientOptions, CollectionOptions, ReadConcern},
};

use crate::list::Lists;

/// An event, as its document has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEvent {
    /// Its version.
    pub version: i64,
    /// Its commit.
    pub commit: String,
    /// Its value.
    pub value: String,
}

/// All streams, each in the order of its versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept(pub BTreeMap<String, Vec<KeptEvent>>);

impl Kept {
    /// What the collection of lists at an address holds, as the majority has it.
    pub async fn of_mongo(address: &str) -> anyhow::Result<Self> {
        let documents = collection(address).await?.find(doc! {}).sort(doc! { "list_id": 1, "version": 1 }).await?;
        Self::of(documents.map_err(anyhow::Error::from)).await
    }

    /// What a store holds, as it shows its documents.
    pub async fn of_store(store: &impl EventLog<Lists>) -> anyhow::Result<Self> {
        let documents = store.documents(Scope::All).map_err(anyhow::Error::from);
        Self::of(documents.and_then(async |raw| Ok(Document::try_from(raw)?))).await
    }

    async fn of(documents: impl futures_util::Stream<Item = anyhow::Result<Document>>) -> anyhow::Result<Self> {
        let mut kept = Self::default();
        pin_mut!(documents);
        while let Some(document) = documents.try_next().await? {
            let stream = document.get_str("list_id")?.to_owned();
            let version = document.get("version").and_then(basket_mongo::store::codec::stored_number);
            kept.0.entry(stream).or_default().push(KeptEvent {
                version: version.with_context(|| format!("{document} has no version"))?,
                commit: document.get_object_id("commit")?.to_hex(),
                value: document.get_document("data")?.get_str("value")?.to_owned(),
            });
        }
        ensure!(kept.events() > 0, "the store holds nothing");
        Ok(kept)
    }

    /// How many events there are.
    pub fn events(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

/// The collection of lists at an address, read as the majority has it.
pub async fn collection(address: &str) -> anyhow::Result<Collection<Document>> {
    let client = Client::with_options(ClientOptions::parse(address).await?)?;
    let options = CollectionOptions::builder().read_concern(ReadConcern::majority()).build();
    let database = client.default_database().context("the address names no database")?;
    Ok(database.collection_with_options("lists", options))
}
