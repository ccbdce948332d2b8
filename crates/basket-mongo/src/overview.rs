//! All the baskets at a glance, reckoned by the server in one pass: nothing is loaded but the rows of the answer.
//! `basket list` prints them. Each document is taken by itself: whether a stream has gaps is not looked at here.

use basket_domain::{BasketId, Product};
use bson::{Bson, DateTime, Document, RawDocument, doc};
use futures_util::{Stream, StreamExt, TryStreamExt};

use crate::{
    Baskets, Codec, MongoStore, StoreError,
    facts::{by_basket_and_product, each, in_order, nothing, number, removals_before},
};

/// What can be said of a basket in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Which basket.
    pub id: BasketId,
    /// When its first event was recorded; none where no event of it can be read.
    pub created: Option<DateTime>,
    /// When its newest event was recorded.
    pub changed: Option<DateTime>,
    /// The version of its newest event.
    pub versions: u64,
    /// How many products are in it now.
    pub products: u64,
    /// How many units are in it now, of all products.
    pub units: u64,
    /// Documents under its id that can't be read as events, and count for nothing else here.
    pub unreadable: u64,
}

/// What the baskets are sorted by: the newest first, or the largest. Those that are equal come by their ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// By when they were changed.
    #[default]
    Changed,
    /// By when they were created.
    Created,
    /// By how many versions they have.
    Versions,
    /// By how many units are in them now.
    Items,
}

/// Which baskets, in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only those that hold this product now.
    pub product: Option<Product>,
    /// Only those whose newest event was recorded at or after this time.
    pub since: Option<DateTime>,
    /// What they are sorted by.
    pub order: Order,
    /// The other way round.
    pub reverse: bool,
    /// At most so many.
    pub limit: Option<u32>,
}

impl MongoStore<Baskets> {
    /// All the baskets that the query asks for, a line each. No more of them are held than a batch.
    ///
    /// A document whose `basket_id` is none belongs to no basket, so it is in no line.
    pub fn list(&self, query: &ListQuery) -> impl Stream<Item = Result<Summary, StoreError>> + Send + use<> {
        self.lines(query, Some(quick()))
    }

    /// The same in more time, and with no limit to what there may be of one product in one basket. [`list`](Self::list)
    /// turns to it by itself.
    pub fn list_frugally(&self, query: &ListQuery) -> impl Stream<Item = Result<Summary, StoreError>> + Send + use<> {
        self.lines(query, None)
    }

    fn lines(
        &self,
        query: &ListQuery,
        quick: Option<Vec<Document>>,
    ) -> impl Stream<Item = Result<Summary, StoreError>> + Send + use<> {
        // A limit of nothing is none that the server takes.
        let most = if query.limit == Some(0) { 0 } else { usize::MAX };
        let pipeline = |start| [start, by_basket(query)].concat();
        self.reckoned(quick.map(pipeline), pipeline(frugal())).try_filter_map(async |row| Ok(summary(&row))).take(most)
    }
}

/// Of a product in a basket: how many are in it, and the oldest and the newest event.
fn quick() -> Vec<Document> {
    vec![
        of_a_basket(),
        by_basket_and_product(),
        doc! { "$project": { "n": { "$size": "$e" }, "e": in_order() } },
        doc! { "$project": {
            "held": { "$cond": [{ "$gt": ["$_id.p", ""] }, held(), 0] },
            "unreadable": { "$cond": [unreadable("$_id.p"), "$n", 0] },
            "first": { "$cond": [unreadable("$_id.p"), nothing(), { "$first": "$e" }] },
            "last": { "$cond": [unreadable("$_id.p"), nothing(), { "$last": "$e" }] },
        } },
    ]
}

/// The same, one event after the other from the newest on.
fn frugal() -> Vec<Document> {
    let event = doc! { "$cond": [unreadable("$p"), nothing(), { "v": "$v", "at": "$at" }] };
    let kept = doc! { "$and": [{ "$gt": ["$p", ""] }, { "$eq": ["$removals", 0] }, { "$not": ["$r"] }] };
    vec![
        of_a_basket(),
        each(),
        removals_before(-1),
        doc! { "$group": {
            "_id": { "b": "$b", "p": "$p" },
            "held": { "$sum": { "$cond": [kept, "$q", 0] } },
            "unreadable": { "$sum": { "$cond": [unreadable("$p"), 1, 0] } },
            "first": { "$min": event.clone() },
            "last": { "$max": event },
        } },
    ]
}

fn of_a_basket() -> Document {
    doc! { "$match": { Baskets::KEY: { "$type": "objectId" } } }
}

fn by_basket(query: &ListQuery) -> Vec<Document> {
    let mut stages = vec![
        // Versions come first in what is compared: they alone tell which event is the first.
        doc! { "$group": {
            "_id": "$_id.b",
            "first": { "$min": "$first" },
            "last": { "$max": "$last" },
            "products": { "$sum": { "$cond": [{ "$gt": ["$held", 0] }, 1, 0] } },
            "units": { "$sum": "$held" },
            "unreadable": { "$sum": "$unreadable" },
            "holds": { "$max": { "$and": [{ "$eq": ["$_id.p", wanted(query)] }, { "$gt": ["$held", 0] }] } },
        } },
    ];
    if query.product.is_some() {
        stages.push(doc! { "$match": { "holds": true } });
    }
    if let Some(since) = query.since {
        stages.push(doc! { "$match": { "last.at": { "$gte": since } } });
    }
    let direction = if query.reverse { 1 } else { -1 };
    let by = match query.order {
        Order::Changed => "last.at",
        Order::Created => "first.at",
        Order::Versions => "last.v",
        Order::Items => "units",
    };
    stages.push(doc! { "$sort": { by: direction, "_id": direction } });
    stages.extend(query.limit.filter(|limit| *limit > 0).map(|limit| doc! { "$limit": i64::from(limit) }));
    stages.push(doc! { "$project": {
        "created": "$first.at", "changed": "$last.at", "versions": "$last.v", "products": 1, "units": 1, "unreadable": 1,
    } });
    stages
}

/// What came in since the last removal.
fn held() -> Document {
    let sum = doc! { "$cond": ["$$this.r", 0, { "$add": ["$$value", "$$this.q"] }] };
    doc! { "$reduce": { "input": "$e", "initialValue": 0, "in": sum } }
}

fn unreadable(product: &str) -> Document {
    doc! { "$eq": [product, nothing()] }
}

/// A product's name is data, whatever it looks like.
fn wanted(query: &ListQuery) -> Document {
    doc! { "$literal": query.product.as_ref().map_or(Bson::Null, |product| product.as_str().into()) }
}

/// The line that a row of the answer stands for.
fn summary(row: &RawDocument) -> Option<Summary> {
    let time = |field| row.get_datetime(field).ok();
    Some(Summary {
        id: Baskets::id(row.get("_id").ok().flatten()?)?,
        created: time("created"),
        changed: time("changed"),
        versions: number(row, "versions"),
        products: number(row, "products"),
        units: number(row, "units"),
        unreadable: number(row, "unreadable"),
    })
}
