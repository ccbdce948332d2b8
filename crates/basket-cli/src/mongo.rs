//! The MongoDB at an address, opened for one command: how long it is waited for depends on whether the command changes something.

use std::time::Duration;

use anyhow::{Context, Result};
use basket_mongo::{Codec, MongoStore, mongo::connection, store::exchange::FIELDS};
use bson::{Document, doc};
use mongodb::options::{ConnectionString, ServerMonitoringMode};
use tokio::time::timeout;

use crate::{
    exit::{self, Failure},
    help::PROGRAM,
    unseen::Key,
};

/// How long a second look at the servers takes, of which none has answered.
const REASONS: Duration = Duration::from_millis(200);

/// The MongoDB at an address. With a limit, a command waits so long for a new primary; then, some server must answer now: one
/// that was never started is not waited for as long as an election.
pub(crate) async fn open<C: Codec>(address: &str, reason: &str, limit: Option<Duration>) -> Result<MongoStore<C>> {
    let mut options = connection::options(address).await.with_context(|| reason.to_owned())?;
    options.app_name.get_or_insert_with(|| PROGRAM.to_string());
    options.default_database.get_or_insert_with(|| format!("{PROGRAM}_db"));
    // A command is short: it needs no extra connection that watches the server.
    options.server_monitoring_mode.get_or_insert(ServerMonitoringMode::Poll);
    let is_chosen = ConnectionString::parse(address).is_ok_and(|parsed| parsed.server_selection_timeout.is_some());
    // The options of an address are the user's.
    let Some(limit) = limit.filter(|_| !is_chosen) else {
        return MongoStore::with_options(options).with_context(|| reason.to_owned());
    };
    let mut shortly = options.clone();
    // Before the command gives up, so that it can say that nothing was sent.
    options.server_selection_timeout = Some(limit.mul_f32(0.9));
    let store = MongoStore::with_options(options).with_context(|| reason.to_owned())?;
    let patience = shortly.server_selection_timeout.unwrap_or(limit).min(limit);
    match timeout(patience, store.ping()).await {
        Ok(pinged) => pinged?,
        Err(_) => {
            // Its error says why each server did not answer.
            shortly.server_selection_timeout = Some(REASONS);
            MongoStore::<C>::with_options(shortly)?.ping().await?;
        }
    }
    Ok(store)
}

/// A document of the store's collection; where there is none, the names of the collections that there are.
pub(crate) async fn an_event<C: Codec>(store: &MongoStore<C>) -> Result<(Option<Document>, Vec<String>)> {
    let collection = store.collection();
    let found = collection.find_one(doc! {}).await.map_err(|error| store.failed(error))?;
    let names = match found {
        Some(_) => Vec::new(),
        None => {
            let database = collection.client().database(&collection.namespace().db);
            let mut names = database.list_collection_names().await.map_err(|error| store.failed(error))?;
            names.sort();
            names
        }
    };
    Ok((found, names))
}

/// Where the id stands in an event: in the field that is none of [`FIELDS`]. Of several, it is the one whose name ends in `_id`.
pub(crate) fn key_of(name: &str, event: Document) -> Result<Key> {
    let is_event = ["version", "type", "data"].iter().all(|field| event.contains_key(field));
    let fields: Vec<_> = event.into_iter().filter(|(field, _)| !FIELDS.contains(&field.as_str())).collect();
    let mut ids: Vec<_> = fields.iter().filter(|(field, _)| field.ends_with("_id")).collect();
    if let [only] = fields.as_slice() {
        ids = vec![only];
    }
    match ids.as_slice() {
        [(field, example)] if is_event => Ok(Key { field: field.clone(), example: example.clone() }),
        _ => {
            let why = format!(
                "'{name}' holds no events that can be read here: they have version, type, data, and one more field with the id of \
                 their stream, such as loan_id"
            );
            Err(Failure(exit::UNREADABLE, why).into())
        }
    }
}
