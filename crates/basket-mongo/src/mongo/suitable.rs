//! Whether a collection can hold events: what in it would delete or refuse them, and whether its unique index keeps two writers
//! apart. Looked at once before the first append of a store, and by `verify`.

use bson::{Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::{
    IndexModel,
    results::{CollectionSpecification, CollectionType},
};

use super::{
    failure::{code, explain},
    shape::Validator,
    store::MongoStore,
};
use crate::store::{
    codec::{Codec, integral},
    error::StoreError,
    maintenance::Fault,
};

/// Unauthorized: the user has no right to run the command.
const UNAUTHORIZED: i32 = 13;

/// What a look at the collection has found.
#[derive(Debug, Default)]
pub(super) struct Suitability {
    /// Why no event may be appended: it would not stay, or not be taken.
    pub(super) losses: Vec<String>,
    /// The validator; none if the user may not look.
    pub(super) validator: Option<Validator>,
    /// The unique index.
    unique: Unique,
    /// The other indexes.
    indexes: Vec<Document>,
    /// What else is odd, though the store can work with it.
    warnings: Vec<String>,
}

/// The unique index on (stream, version), whatever its name.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Unique {
    #[default]
    Missing,
    /// There is one on these fields, but not for every document, or it compares texts by a language's rules.
    Weak,
    There,
}

impl Suitability {
    /// All that it has found, for `verify`. A collection that is not there yet has no fault: the first append makes it.
    pub(super) fn faults<C: Codec>(self, collection: &str) -> Vec<Fault> {
        let key = C::key_field();
        let state = match self.unique {
            Unique::There => None,
            Unique::Weak => Some(("does not hold for every document", "drop it and make it again")),
            Unique::Missing => Some(("is missing", "make it")),
        };
        // The collection's own collation would be that of the index, too.
        let simple = if self.warnings.is_empty() { "" } else { ", collation: { locale: 'simple' }" };
        let unique = state.map(|(state, remedy)| {
            format!(
                "the unique index on {key} and version {state}, so two writers can take one version; {remedy}: \
                 db.{collection}.createIndex({{ {key}: 1, version: 1 }}, {{ unique: true{simple} }})"
            )
        });
        let shape = match self.validator {
            // Who never ran `init` has none, and needs none.
            None | Some(Validator::There | Validator::Missing) => None,
            Some(Validator::Weaker) => Some("a validator of an older release, or one that was weakened"),
            Some(Validator::Foreign) => Some("a validator of somebody else"),
        };
        let shape = shape.map(|found| {
            format!("'{collection}' has {found}, so the server may take documents that can't be read; `init` sets one")
        });
        let faults = self.losses.into_iter().chain(unique).map(|why| Fault { is_warning: false, why });
        faults.chain(self.warnings.into_iter().chain(shape).map(|why| Fault { is_warning: true, why })).collect()
    }

    /// The unique index, for the command that makes it; none if it is there.
    pub(super) fn unique_index<C: Codec>(&self) -> Option<Document> {
        let name = match self.unique {
            Unique::There => return None,
            // The server gives both the same name, if the collection's own collation is in the weak one.
            Unique::Weak => format!("{}_1_version_1_simple", C::key_field()),
            Unique::Missing => format!("{}_1_version_1", C::key_field()),
        };
        let key = doc! { C::key_field(): 1, "version": 1 };
        Some(doc! { "key": key, "name": name, "unique": true, "collation": { "locale": "simple" } })
    }

    /// Whether there is an index that begins with this field.
    pub(super) fn is_indexed(&self, field: &str) -> bool {
        self.indexes.iter().any(|keys| keys.keys().next().is_some_and(|first| first == field))
    }
}

impl<C: Codec> MongoStore<C> {
    /// Looks at the collection; `None` if it is not there yet. What the user may not look at is not judged.
    pub(super) async fn suitability(&self) -> Result<Option<Suitability>, StoreError> {
        let mut found = Suitability::default();
        let name = doc! { "name": self.events.name() };
        match self.database().list_collections().filter(name).await {
            Ok(collections) => {
                match collections.try_collect::<Vec<_>>().await.map_err(|error| self.failed(error))?.pop() {
                    None => return Ok(None),
                    Some(collection) => found.look_at_collection::<C>(&collection),
                }
            }
            Err(error) if code(&error) == Some(UNAUTHORIZED) => {}
            Err(error) => return Err(self.failed(error)),
        }
        let indexes = async { self.events.list_indexes().await?.try_collect::<Vec<_>>().await };
        match indexes.await {
            Ok(indexes) => found.look_at_indexes::<C>(self.events.name(), &indexes),
            Err(error) if code(&error) == Some(UNAUTHORIZED) => found.unique = self.unique_by_plan().await?,
            // A view has none, and NamespaceNotFound: it is not there yet.
            Err(_) if !found.losses.is_empty() => {}
            Err(error) if code(&error) == Some(26) => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        }
        Ok(Some(found))
    }

    /// Makes the unique index where it is missing. Fails with [`StoreError::Unsuitable`] if the collection can't hold events.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        let found = self.suitability().await?.unwrap_or_default();
        if let Some(why) = found.losses.first().cloned() {
            return Err(self.unsuitable(why, None));
        }
        let Some(index) = found.unique_index::<C>() else { return Ok(()) };
        match self.run(doc! { "createIndexes": self.events.name(), "indexes": [index] }).await {
            Err(StoreError::Denied { store, source, .. }) => {
                let why = "the unique index is missing, and the user has not the right createIndex to make it".into();
                Err(StoreError::Denied { store, why, source })
            }
            made => made,
        }
    }

    /// The unique index, for a user who may read the documents but not the list of indexes: a search that must use it says in
    /// its plan what it is.
    async fn unique_by_plan(&self) -> Result<Unique, StoreError> {
        let find =
            doc! { "find": self.events.name(), "filter": {}, "hint": { C::key_field(): 1, "version": 1 }, "limit": 1 };
        let explained = doc! { "explain": find, "verbosity": "queryPlanner" };
        match self.database().run_command(explained).await {
            Ok(plan) => Ok(index_scan(&plan).map_or(Unique::Missing, |scan| {
                let is = |field| scan.get_bool(field).unwrap_or(false);
                let is_whole = is("isUnique") && !is("isSparse") && !is("isPartial") && !scan.contains_key("collation");
                if is_whole { Unique::There } else { Unique::Weak }
            })),
            // BadValue: there is no such index.
            Err(error) if code(&error) == Some(2) => Ok(Unique::Missing),
            Err(error) => Err(explain(&error, &self.name)),
        }
    }
}

impl Suitability {
    fn look_at_collection<C: Codec>(&mut self, found: &CollectionSpecification) {
        let name = &found.name;
        self.validator = Some(Validator::of::<C>(&found.options));
        match found.collection_type {
            CollectionType::View => self.losses.push(format!("'{name}' is a view, which nothing can be written to")),
            CollectionType::Timeseries => {
                self.losses.push(format!("'{name}' is a time-series collection, which can't have a unique index"));
            }
            _ => {}
        }
        if found.options.capped == Some(true) {
            self.losses.push(format!(
                "'{name}' is capped, so the server deletes the oldest events when it is full; \
                 export the events, and import them into a collection that is not"
            ));
        }
        if let Some(collation) = &found.options.collation {
            self.warnings.push(format!(
                "'{name}' has the default collation {}; basket compares texts byte by byte all the same, but other \
                 programs that search it may not",
                bson::serialize_to_document(collation).unwrap_or_default()
            ));
        }
    }

    fn look_at_indexes<C: Codec>(&mut self, collection: &str, indexes: &[IndexModel]) {
        for index in indexes {
            let options = index.options.clone().unwrap_or_default();
            if let Some(after) = options.expire_after {
                self.losses.push(format!(
                    "the index '{name}' of '{collection}' deletes documents after {seconds} seconds; \
                     drop it: db.{collection}.dropIndex('{name}')",
                    name = options.name.clone().unwrap_or_default(),
                    seconds = after.as_secs(),
                ));
            }
            if !is_on(&index.keys, [C::key_field(), "version"]) {
                self.indexes.push(index.keys.clone());
                continue;
            }
            let is_whole = options.unique == Some(true)
                && options.partial_filter_expression.is_none()
                && options.sparse != Some(true)
                && options.collation.is_none_or(|collation| collation.locale == "simple");
            match self.unique {
                Unique::There => {}
                _ => self.unique = if is_whole { Unique::There } else { Unique::Weak },
            }
        }
    }
}

fn is_on(keys: &Document, fields: [&str; 2]) -> bool {
    let keys = RawDocumentBuf::try_from(keys).unwrap_or_default();
    let keys = keys.iter().flatten().map(|(field, order)| (field.as_str(), integral(order)));
    keys.eq(fields.map(|field| (field, Some(1))))
}

/// The part of a query plan that reads the index, wherever this version of the server puts it.
fn index_scan(plan: &Document) -> Option<&Document> {
    if matches!(plan.get_str("stage"), Ok("IXSCAN")) {
        return Some(plan);
    }
    plan.values().filter_map(|value| value.as_document()).find_map(index_scan)
}
