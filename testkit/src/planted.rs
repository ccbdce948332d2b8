//! An event that no command writes, put into the store of a shell as another program would.

use std::thread;

use bson::{Document, doc, oid::ObjectId};
use mongodb::Client;
use rusqlite::Connection;
use tokio::runtime::Builder;

use crate::shell::Shell;

/// Copies the newest event of the only basket to the next version, as an event of this type; returns the `_id` of the copy.
pub fn plant(shell: &Shell, kind: &str) -> ObjectId {
    copy(shell, Some(kind.into()), None)
}

/// The same, with another product in the event.
pub fn plant_product(shell: &Shell, name: &str) -> ObjectId {
    copy(shell, None, Some(name.into()))
}

fn copy(shell: &Shell, kind: Option<String>, product: Option<String>) -> ObjectId {
    let (planted, store) = (ObjectId::new(), shell.basket("store --format json").out);
    let store = store.split('"').nth(3).unwrap().to_owned();
    if !store.starts_with("mongodb://") {
        let copy = r#"INSERT INTO baskets (_id, basket_id, version, type, data, recorded_at, "commit", schema)
            SELECT ?1, basket_id, version + 1, coalesce(?2, type), json_set(data, '$.product',
                coalesce(?3, json_extract(data, '$.product'))), recorded_at, "commit", schema FROM baskets
            ORDER BY version DESC LIMIT 1"#;
        Connection::open(store).unwrap().execute(copy, (planted.to_hex(), kind, product)).unwrap();
        return planted;
    }
    let copy = async move {
        let client = Client::with_uri_str(store + "?w=majority").await.unwrap();
        let events = client.default_database().unwrap().collection::<Document>("baskets");
        let mut event = events.find_one(doc! {}).sort(doc! { "version": -1 }).await.unwrap().unwrap();
        let version = event.get_i64("version").unwrap() + 1;
        event.extend(doc! { "_id": planted, "version": version });
        event.extend(kind.map(|kind| ("type".into(), kind.into())));
        if let Some(product) = product {
            event.get_document_mut("data").unwrap().insert("product", product);
        }
        events.insert_one(event).await.unwrap();
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    // The test stands in a runtime already.
    thread::spawn(move || runtime.block_on(copy)).join().unwrap();
    planted
}
