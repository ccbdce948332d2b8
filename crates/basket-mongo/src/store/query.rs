//! Which events a decision depends on, whatever their streams: the query of a dynamic consistency boundary (Sara Pellegrini's
//! "aggregateless" decisions; the specification of <https://dcb.events>).

use std::collections::BTreeSet;

use bson::{Bson, Document, doc};

use super::{codec::Codec, error::StoreError};

/// Events that match any of its items: an item names types, of which an event has one, and tags, all of which it has.
///
/// ```
/// use basket_mongo::Query;
///
/// // What has happened to this voucher, and whatever else has happened in this shop with it.
/// let query = Query::tagged(["voucher:SPRING"]).or(Query::of_types(["Returned"], ["voucher:SPRING", "shop:7"]));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    types: BTreeSet<String>,
    tags: BTreeSet<String>,
}

impl Query {
    /// Events of any type with all of these tags.
    pub fn tagged<T: Into<String>>(tags: impl IntoIterator<Item = T>) -> Self {
        Self::of_types([""; 0], tags)
    }

    /// Events of one of these types, or of any if none is named, with all of these tags. Without tags, the codec must
    /// [guard](Codec::GUARDED) each of the types.
    pub fn of_types<N: Into<String>, T: Into<String>>(
        types: impl IntoIterator<Item = N>,
        tags: impl IntoIterator<Item = T>,
    ) -> Self {
        let types = types.into_iter().map(Into::into).collect();
        Self { items: vec![Item { types, tags: tags.into_iter().map(Into::into).collect() }] }
    }

    /// What one of the two queries asks for.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.items.extend(other.items);
        self
    }

    /// Whether it asks for an event of this type and these tags.
    pub fn matches(&self, name: &str, tags: &[String]) -> bool {
        let has = |tag: &String| tags.contains(tag);
        self.items.iter().any(|item| (item.types.is_empty() || item.types.contains(name)) && item.tags.iter().all(has))
    }

    /// What guards the events that it asks for: every append of one of them writes one of these. An event has all the tags of
    /// its item, so one of them is enough.
    ///
    /// # Errors
    /// [`StoreError::NotGuarded`] if it names no tag, and a type that the codec does not guard.
    pub fn guards<C: Codec>(&self, store: &str) -> Result<BTreeSet<String>, StoreError> {
        let not_guarded = |name: &str| StoreError::NotGuarded { store: store.to_owned(), name: name.to_owned() };
        let mut guards = BTreeSet::new();
        for Item { types, tags } in &self.items {
            match tags.first() {
                Some(tag) => drop(guards.insert(tag_guard(tag))),
                None if types.is_empty() => return Err(not_guarded("*")),
                None => {
                    if let Some(name) = types.iter().find(|name| !C::GUARDED.contains(&name.as_str())) {
                        return Err(not_guarded(name));
                    }
                    guards.extend(types.iter().map(|name| type_guard(name)));
                }
            }
        }
        Ok(guards)
    }

    /// As a filter of documents; one that finds nothing, if it has no items.
    pub fn filter(&self) -> Document {
        let item = |Item { types, tags }: &Item| {
            let mut filter = Document::new();
            if !types.is_empty() {
                filter.insert("type", doc! { "$in": texts(types) });
            }
            if !tags.is_empty() {
                filter.insert("tags", doc! { "$all": texts(tags) });
            }
            filter
        };
        match self.items.as_slice() {
            [] => doc! { "_id": { "$in": [] } },
            items => doc! { "$or": items.iter().map(item).map(Bson::from).collect::<Vec<_>>() },
        }
    }

    /// Whether every event that it asks for has a tag.
    pub fn is_tagged(&self) -> bool {
        self.items.iter().all(|item| !item.tags.is_empty())
    }

    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Its items as extended JSON: `[{"types":[...],"tags":[...]}]`.
    pub fn json(&self) -> String {
        let item = |Item { types, tags }: &Item| Bson::from(doc! { "types": texts(types), "tags": texts(tags) });
        Bson::from(self.items.iter().map(item).collect::<Vec<_>>()).into_relaxed_extjson().to_string()
    }
}

fn texts(texts: &BTreeSet<String>) -> Vec<Bson> {
    texts.iter().map(Bson::from).collect()
}

/// The guards that an append of this event writes, so that a commit that counts on a query for such events conflicts with it.
pub fn guards_of<'a, C: Codec>(name: &'a str, tags: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let guarded = C::GUARDED.contains(&name).then(|| type_guard(name));
    tags.iter().map(|tag| tag_guard(tag)).chain(guarded)
}

fn tag_guard(tag: &str) -> String {
    format!("tag:{tag}")
}

fn type_guard(name: &str) -> String {
    format!("type:{name}")
}
