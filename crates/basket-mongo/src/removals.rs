//! Do shoppers never add a product, or take it out again? Reckoned by the server in one pass, in terms of *stays*: a stay
//! begins when a product comes into a basket that doesn't hold it, and ends with its removal. `basket report removed`
//! prints it; over the whole history, its sums are those of [`Report`](basket_domain::Report).

use std::time::Duration;

use basket_domain::Product;
use bson::{DateTime, Document, RawDocument, doc};
use futures_util::{Stream, TryStreamExt};

use crate::{
    Baskets, MongoStore, StoreError,
    facts::{by_basket_and_product, each, in_order, nothing, number, readable, reckoned, removals_before},
};

/// What became of one product, over the stays that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Which product.
    pub product: Product,
    /// Where the query asks for days: the beginning of the day, in UTC, on which these stays began.
    pub day: Option<DateTime>,
    /// Baskets that had it.
    pub baskets: u64,
    /// How often it came into a basket that didn't hold it.
    pub stays: u64,
    /// How many of the stays have ended.
    pub ended: u64,
    /// Units added, over all the stays.
    pub added: u64,
    /// Units that were taken out again: all of a stay that has ended.
    pub removed: u64,
    /// The middle one of the times from beginning to end, or the mean of the two in the middle; none where no stay ended.
    /// Where clocks run backwards, a stay lasts no time.
    pub median: Option<Duration>,
}

/// A line of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// What became of a product.
    Product(Removed),
    /// So many documents are in none of the other lines, whatever was asked for: they can't be read as events, or they
    /// remove a product that is not in the basket then.
    LeftOut(u64),
}

/// Which stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemovedQuery {
    /// Only those of this product.
    pub product: Option<Product>,
    /// Only those whose first event was recorded at or after this time.
    pub since: Option<DateTime>,
    /// Only those whose first event was recorded at or before this time.
    pub until: Option<DateTime>,
    /// For each day (UTC) on which stays began by itself.
    pub by_day: bool,
}

impl MongoStore<Baskets> {
    /// What became of each product, by day and name. Before them comes what was left out, where there is such a thing.
    ///
    /// The server holds the events that one basket has of one product at once; where that is too much, it takes another
    /// road, [`removed_frugally`](Self::removed_frugally).
    pub fn removed(&self, query: &RemovedQuery) -> impl Stream<Item = Result<Finding, StoreError>> + Send + use<> {
        self.reckoned(Some(quick(query)), frugal(query)).try_filter_map(async |row| Ok(finding(&row)))
    }

    /// The same in more time, and with no limit to what there may be of one product in one basket.
    pub fn removed_frugally(
        &self,
        query: &RemovedQuery,
    ) -> impl Stream<Item = Result<Finding, StoreError>> + Send + use<> {
        self.reckoned(None, frugal(query)).try_filter_map(async |row| Ok(finding(&row)))
    }
}

/// What can be said of the stays that are asked for, and of what can't be read.
fn asked_for(query: &RemovedQuery) -> Document {
    let mut of_a_product = doc! { "type": { "$ne": "BasketCreated" } };
    of_a_product.extend(query.product.iter().map(|product| ("data.product".to_owned(), product.as_str().into())));
    doc! { "$match": { "$or": [of_a_product, { "$expr": { "$not": [readable()] } }] } }
}

/// The day of a time, where days are asked for.
fn day(query: &RemovedQuery, time: &str) -> Document {
    match query.by_day {
        true => doc! { "$dateTrunc": { "date": time, "unit": "day" } },
        false => nothing(),
    }
}

/// Without lists: the stays are numbered by the removals before them.
fn frugal(query: &RemovedQuery) -> Vec<Document> {
    let known = doc! { "$gt": ["$_id.p", ""] };
    let stay = doc! { "$and": [known, { "$gt": ["$q", 0] }] };
    let lasted = doc! { "$max": [0, { "$subtract": ["$end", "$begin.at"] }] };
    let mut stages = vec![
        asked_for(query),
        each(),
        removals_before(1),
        doc! { "$group": {
            "_id": { "b": "$b", "p": "$p", "stay": "$removals" },
            "n": { "$sum": 1 },
            "q": { "$sum": { "$cond": ["$r", 0, "$q"] } },
            "begin": { "$min": { "v": "$v", "at": "$at" } },
            "end": { "$max": { "$cond": ["$r", "$at", nothing()] } },
        } },
        doc! { "$project": {
            "at": "$begin.at", "q": 1, "n": 1, "stay": stay,
            "d": { "$cond": [{ "$gt": ["$end", nothing()] }, lasted, nothing()] },
        } },
        doc! { "$match": { "$expr": { "$or": [{ "$not": ["$stay"] }, chosen(query, "$at", "$q")] } } },
        doc! { "$project": {
            "b": "$_id.b", "number": "$_id.stay", "d": { "$cond": ["$stay", "$d", nothing()] },
            "p": { "$cond": ["$stay", "$_id.p", nothing()] },
            "t": { "$cond": ["$stay", day(query, "$at"), nothing()] },
            "q": { "$cond": ["$stay", "$q", 0] }, "left": { "$cond": ["$stay", 0, "$n"] },
        } },
        doc! { "$setWindowFields": {
            "partitionBy": { "b": "$b", "p": "$p", "t": "$t" },
            "sortBy": { "number": 1 },
            "output": { "place": { "$sum": 1, "window": { "documents": ["unbounded", "current"] } } },
        } },
        doc! { "$set": { "first": { "$eq": ["$place", 1] } } },
    ];
    stages.extend(by_product());
    stages
}

fn quick(query: &RemovedQuery) -> Vec<Document> {
    let day = |time| day(query, time);
    let mut stages = vec![
        asked_for(query),
        by_basket_and_product(),
        doc! { "$project": { "n": { "$size": "$e" }, "e": in_order(), "known": { "$gt": ["$_id.p", ""] } } },
        doc! { "$project": { "known": 1, "n": 1, "stays": { "$cond": ["$known", stays(), []] } } },
        doc! { "$project": {
            "stays": { "$filter": { "input": "$stays", "cond": chosen(query, "$$this.at", "$$this.q") } },
            "left": { "$cond": ["$known", { "$size": { "$filter": { "input": "$stays", "cond": "$$this.loose" } } }, "$n"] },
        } },
        // A basket counts once, with its first stay; what is left out is a line of its own.
        doc! { "$project": {
            "days": { "$map": { "input": "$stays", "in": day("$$this.at") } },
            "stays": { "$concatArrays": ["$stays", { "$cond": [{ "$gt": ["$left", 0] }, [{ "left": "$left" }], []] }] },
        } },
        doc! { "$unwind": { "path": "$stays", "includeArrayIndex": "i" } },
        doc! { "$project": {
            "p": { "$cond": [{ "$gt": ["$stays.left", 0] }, nothing(), "$_id.p"] },
            "t": { "$cond": [{ "$gt": ["$stays.left", 0] }, nothing(), day("$stays.at")] },
            "d": "$stays.d", "q": "$stays.q", "left": "$stays.left",
            "first": match query.by_day {
                true => doc! { "$eq": ["$i", { "$indexOfArray": ["$days", day("$stays.at")] }] },
                false => doc! { "$eq": ["$i", 0] },
            },
        } },
    ];
    stages.extend(by_product());
    stages
}

/// The stays of a product in a basket, in their order, `{ at, q, d }`: beginning, units, and how long, where it has ended.
/// A removal of what is not there is a `{ loose: true }`.
///
/// One pass over the events, however many there are: `ends` has the places of the removals.
fn stays() -> Document {
    let at = |list: &str, place: &str| doc! { "$arrayElemAt": [list, place] };
    let is_removal = doc! { "$let": { "vars": { "event": at("$e", "$$this") }, "in": "$$event.r" } };
    let ends = doc! { "$filter": { "input": { "$range": [0, "$n"] }, "cond": is_removal } };
    let stay = doc! { "$let": {
        "vars": {
            "begin": { "$let": { "vars": { "event": at("$e", "$$from") }, "in": "$$event.at" } },
            "end": { "$let": { "vars": { "event": at("$e", "$$to") }, "in": "$$event.at" } },
            "events": { "$slice": ["$e", "$$from", { "$subtract": ["$$to", "$$from"] }] },
        },
        "in": {
            "at": "$$begin",
            "q": { "$sum": "$$events.q" },
            "d": { "$cond": [{ "$lt": ["$$to", "$n"] }, { "$max": [0, { "$subtract": ["$$end", "$$begin"] }] }, nothing()] },
        },
    } };
    let stay_or_none = doc! { "$switch": {
        "branches": [
            { "case": { "$lt": ["$$from", "$$to"] }, "then": stay },
            { "case": { "$lt": ["$$to", "$n"] }, "then": { "loose": true } },
        ],
        "default": nothing(),
    } };
    let between = doc! { "$let": {
        "vars": {
            "from": { "$add": [{ "$arrayElemAt": ["$$ends", { "$subtract": ["$$this", 1] }] }, 1] },
            "to": at("$$ends", "$$this"),
        },
        "in": stay_or_none,
    } };
    let all = doc! { "$let": {
        "vars": { "ends": { "$concatArrays": [[-1], ends, ["$n"]] } },
        "in": { "$map": { "input": { "$range": [1, { "$size": "$$ends" }] }, "in": between } },
    } };
    // Mostly, a product comes in once and stays.
    let only = doc! { "$first": "$e" };
    let one = doc! { "$let": { "vars": { "event": only }, "in": {
        "$cond": ["$$event.r", [{ "loose": true }], [{ "at": "$$event.at", "q": "$$event.q", "d": nothing() }]],
    } } };
    doc! { "$cond": [{ "$eq": ["$n", 1] }, one, all] }
}

fn chosen(query: &RemovedQuery, at: &str, q: &str) -> Document {
    let mut conditions = vec![doc! { "$gt": [q, 0] }];
    conditions.extend(query.since.map(|since| doc! { "$gte": [at, since] }));
    conditions.extend(query.until.map(|until| doc! { "$lte": [at, until] }));
    doc! { "$and": conditions }
}

/// From stays to a row for each product (`p`) and day (`t`). Stays that lasted as long as each other are one row first, so
/// that the middle one is found by counting, and nothing has to be held for it.
fn by_product() -> [Document; 5] {
    let ended = doc! { "$gt": ["$_id.d", nothing()] };
    let past_the_middle = |comparison: &str| {
        let twice = doc! { "$multiply": ["$upto", 2] };
        doc! { "$min": { "$cond": [{ comparison: [twice, "$all"] }, "$_id.d", nothing()] } }
    };
    [
        doc! { "$group": {
            "_id": { "p": "$p", "t": "$t", "d": "$d" },
            "stays": { "$sum": { "$cond": [{ "$gt": ["$left", 0] }, 0, 1] } },
            "added": { "$sum": "$q" },
            "baskets": { "$sum": { "$cond": ["$first", 1, 0] } },
            "left": { "$sum": "$left" },
        } },
        doc! { "$set": {
            "ended": { "$cond": [ended.clone(), "$stays", 0] }, "removed": { "$cond": [ended, "$added", 0] },
        } },
        doc! { "$setWindowFields": {
            "partitionBy": { "p": "$_id.p", "t": "$_id.t" },
            "sortBy": { "_id.d": 1 },
            "output": {
                "upto": { "$sum": "$ended", "window": { "documents": ["unbounded", "current"] } },
                "all": { "$sum": "$ended", "window": { "documents": ["unbounded", "unbounded"] } },
            },
        } },
        doc! { "$group": {
            "_id": { "t": "$_id.t", "p": "$_id.p" },
            "baskets": { "$sum": "$baskets" }, "stays": { "$sum": "$stays" }, "ended": { "$sum": "$ended" },
            "added": { "$sum": "$added" }, "removed": { "$sum": "$removed" }, "left": { "$sum": "$left" },
            "low": past_the_middle("$gte"), "high": past_the_middle("$gt"),
        } },
        doc! { "$sort": { "_id.t": 1, "_id.p": 1 } },
    ]
}

/// The line that a row of the answer stands for.
fn finding(row: &RawDocument) -> Option<Finding> {
    let id = row.get_document("_id").ok()?;
    let Ok(product) = id.get_str("p") else { return Some(Finding::LeftOut(number(row, "left"))) };
    let time = |field| u64::try_from(row.get(field).ok().flatten().and_then(reckoned)?).ok();
    Some(Finding::Product(Removed {
        product: Product::new(product).ok()?,
        day: id.get_datetime("t").ok(),
        baskets: number(row, "baskets"),
        stays: number(row, "stays"),
        ended: number(row, "ended"),
        added: number(row, "added"),
        removed: number(row, "removed"),
        median: time("low").zip(time("high")).map(|(low, high)| middle(low, high)),
    }))
}

/// The median, from the two times in the middle, in milliseconds.
pub fn middle(low: u64, high: u64) -> Duration {
    Duration::from_millis(low + high.saturating_sub(low) / 2)
}
