//! The events of the embedded file as the documents that they would be in MongoDB: read in pages, checked, and imported from
//! another store.

use basket_mongo::{
    Codec, EventLog, Maintenance, Scope, StoreError,
    store::{
        codec::Id,
        document::id_of,
        maintenance::{Fault, Read, is_new},
    },
};
use bson::{Document, RawBson, RawDocumentBuf};
use futures_util::{Stream, TryStreamExt, stream};
use rusqlite::Connection;

use super::{
    file::File,
    rows::{self, Selection, Table},
    store::EmbeddedStore,
};

impl<C: Codec> EventLog<C> for EmbeddedStore<C> {
    fn documents(&self, scope: Scope<Id<C>>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        let key = |id| rows::key_text(C::key(id));
        let (order, after, text) = match &scope {
            Scope::From(id, version) => (
                "KEY = ?1 AND version > ?2 ORDER BY version",
                (key(id), rows::lowest(*version).saturating_sub(1)),
                String::new(),
            ),
            Scope::NewestFirst(id) => {
                ("KEY = ?1 AND version < ?2 ORDER BY version DESC", (key(id), i64::MAX), String::new())
            }
            Scope::Matching(query) => {
                let order = if query.is_tagged() { rows::TAGGED } else { rows::MATCHING };
                (order, (String::new(), i64::MIN), query.json())
            }
            Scope::All => ("(KEY, version) > (?1, ?2) ORDER BY KEY, version", (String::new(), i64::MIN), String::new()),
        };
        let selection = Selection { order, text };
        let pages = stream::try_unfold(Some((None::<Connection>, after)), move |place| {
            let selection = selection.clone();
            async move {
                let Some((open, after)) = place else { return Ok(None) };
                let read = move |file: &File| {
                    let open = match open {
                        Some(open) => open,
                        None => match file.open_existing()? {
                            // One transaction, so that all the pages show the same moment.
                            Some(new) => {
                                new.execute_batch("BEGIN").map(|()| new).map_err(|error| file.failed(error))?
                            }
                            None => return Ok(None),
                        },
                    };
                    let page = file.table.page(&open, &selection, after).map_err(|error| file.failed(error))?;
                    Ok(Some((page, open)))
                };
                let Some(((page, after), open)) = self.on_thread(read).await? else { return Ok::<_, StoreError>(None) };
                Ok(Some((stream::iter(page.into_iter().map(Ok)), after.map(|after| (Some(open), after)))))
            }
        });
        pages.try_flatten()
    }

    fn ids(&self) -> impl Stream<Item = Result<Id<C>, StoreError>> + Send {
        let pages = stream::try_unfold(Some(String::new()), move |after| async move {
            let Some(after) = after else { return Ok(None) };
            let read = move |file: &File| match file.open_existing()? {
                Some(open) => file.table.keys(&open, &after).map_err(|error| file.failed(error)),
                None => Ok(Vec::new()),
            };
            let keys = self.on_thread(read).await?;
            let last = keys.last().map(|(key, ..)| key.clone());
            let id = |(_, document, key): (_, RawBson, RawBson)| {
                Ok(id_of::<C>(Some(document.as_raw_bson_ref()), Some(key.as_raw_bson_ref()))?)
            };
            let ids = keys.into_iter().map(id);
            Ok::<_, StoreError>(last.map(|last| (stream::iter(ids.collect::<Vec<_>>()), Some(last))))
        });
        pages.try_flatten()
    }
}

impl<C: Codec> Maintenance<C> for EmbeddedStore<C> {
    async fn count(&self) -> Result<u64, StoreError> {
        self.ask_table(Table::count).await
    }

    /// What SQLite's own check of the file and its indexes finds, and whether the unique index is missing.
    async fn faults(&self) -> Result<Vec<Fault>, StoreError> {
        let faults = self.ask_table(rows::faults).await?;
        Ok(faults.into_iter().map(|why| Fault { is_warning: false, why }).collect())
    }

    async fn import(&self, events: &[Read<C>], write: bool) -> Result<u64, StoreError> {
        let places: Vec<_> =
            events.iter().map(|(entry, _)| (rows::key_text(C::key(&entry.stream)), entry.version)).collect();
        // The transaction stays open between the two calls; dropping the connection ends it.
        let look = move |file: &File| {
            let connection = if write { Some(file.open_or_create()?) } else { file.open_existing()? };
            let Some(connection) = connection else { return Ok(None) };
            let look = || {
                connection.execute_batch(if write { "BEGIN IMMEDIATE" } else { "BEGIN" })?;
                places.iter().map(|(key, version)| file.table.at(&connection, key, *version)).collect()
            };
            let found: rusqlite::Result<Vec<_>> = look();
            let found = found.map_err(|error| file.failed(error))?;
            Ok(Some((connection, found)))
        };
        let Some((connection, found)) = self.on_thread(look).await? else { return Ok(events.len() as u64) };
        let mut new = Vec::new();
        for (event, found) in events.iter().zip(&found) {
            if is_new::<C>(&self.file.name, event, found.as_deref())? {
                new.push(event.1.clone());
            }
        }
        let count = new.len() as u64;
        if write {
            self.on_thread(move |file| {
                for document in new {
                    let document = Document::try_from(document).map_err(|error| file.other(&error.to_string()))?;
                    rows::insert(&connection, file.table, &document).map_err(|error| file.failed(error))?;
                }
                connection.execute_batch("COMMIT").map_err(|error| file.failed(error))
            })
            .await?;
        }
        Ok(count)
    }
}
