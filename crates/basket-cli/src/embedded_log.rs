//! The events of the embedded file as the documents that they would be in MongoDB: read in pages, taken in from elsewhere,
//! and whether the file is whole. [`basket_mongo::log`] makes the rest of it.

use basket_domain::BasketId;
use basket_mongo::{Baskets, EventLog, Meta, Scope, StoreError, document::read_entry};
use bson::{Document, RawDocumentBuf};
use futures_util::{Stream, TryStreamExt, stream};
use rusqlite::{Connection, TransactionBehavior};

use crate::{EmbeddedStore, rows};

// The rows after a place, which is a basket's id and a version.
const OLDEST_FIRST: &str = "basket_id = ?1 AND version > ?2 ORDER BY version";
const NEWEST_FIRST: &str = "basket_id = ?1 AND version < ?2 ORDER BY version DESC";
const ALL: &str = "(basket_id, version) > (?1, ?2) ORDER BY basket_id, version";

impl EventLog<Baskets> for EmbeddedStore {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn signed(&self, meta: Meta) -> Self {
        Self { path: self.path.clone(), meta }
    }

    fn meta(&self) -> &Meta {
        &self.meta
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let Some(connection) = self.open_existing()? else { return Ok(0) };
        let count = connection.query_row("SELECT count(*) FROM baskets", [], |row| row.get::<_, i64>(0));
        count.map(|count| u64::try_from(count).unwrap_or(0)).map_err(|error| self.failed(error))
    }

    /// SQLite's own check of the file, which includes that its indexes are whole; and that the unique one is there.
    async fn faults(&self) -> Result<Vec<String>, StoreError> {
        let Some(connection) = self.open_existing()? else { return Ok(Vec::new()) };
        let mut faults = Vec::new();
        let check = connection.pragma_query(None, "integrity_check", |row| {
            faults.push(row.get::<_, String>(0)?);
            Ok(())
        });
        check.map_err(|error| self.failed(error))?;
        faults.retain(|fault| fault != "ok");
        let unique = "SELECT EXISTS (SELECT 1 FROM pragma_index_list('baskets') AS index_list WHERE \"unique\" = 1 AND
            (SELECT group_concat(name) FROM pragma_index_info(index_list.name)) = 'basket_id,version')";
        if !connection.query_row(unique, [], |row| row.get::<_, bool>(0)).map_err(|error| self.failed(error))? {
            faults.push(
                "the unique key of basket_id and version is missing, so two writers can take one version; \
                 `basket export`, and `basket import` into another file"
                    .into(),
            );
        }
        Ok(faults)
    }

    async fn import(&self, documents: &[RawDocumentBuf], write: bool) -> Result<u64, StoreError> {
        let connection = if write { Some(self.open_or_create()?) } else { self.open_existing()? };
        let Some(mut connection) = connection else { return Ok(documents.len() as u64) };
        let failed = |error| self.failed(error);
        let behaviour = if write { TransactionBehavior::Immediate } else { TransactionBehavior::Deferred };
        let transaction = connection.transaction_with_behavior(behaviour).map_err(failed)?;
        let mut new = 0;
        for document in documents {
            let entry = read_entry::<Baskets>(document)?;
            let found = rows::at(&transaction, &entry.stream.to_string(), entry.version).map_err(failed)?;
            if let Some(document) = self.new_here(document, found.as_deref())? {
                new += 1;
                if write {
                    let document = Document::try_from(document).map_err(|error| self.other(error.to_string()))?;
                    rows::insert(&transaction, &document).map_err(failed)?;
                }
            }
        }
        if write {
            transaction.commit().map_err(failed)?;
        }
        Ok(new)
    }

    fn documents(&self, scope: Scope<BasketId>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        let (order, after) = match scope {
            Scope::From(id, version) => (OLDEST_FIRST, (id.to_string(), rows::lowest(version).saturating_sub(1))),
            Scope::NewestFirst(id) => (NEWEST_FIRST, (id.to_string(), i64::MAX)),
            Scope::All => (ALL, (String::new(), i64::MIN)),
        };
        let pages = stream::try_unfold((None::<Connection>, after), move |(open, after)| async move {
            let open = match open {
                Some(open) => open,
                None => match self.open_existing()? {
                    // One transaction, so that all the pages are of one moment.
                    Some(new) => new.execute_batch("BEGIN").map(|()| new).map_err(|error| self.failed(error))?,
                    None => return Ok::<_, StoreError>(None),
                },
            };
            let (page, after) = rows::page(&open, order, after).map_err(|error| self.failed(error))?;
            Ok((!page.is_empty()).then(|| (stream::iter(page.into_iter().map(Ok)), (Some(open), after))))
        });
        pages.try_flatten()
    }
}
