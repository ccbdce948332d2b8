//! The read model of `report removed`: of each basket, what it adds to the numbers of each product, in all and for each day; and
//! their sums. Of how long the stays lasted there is a sum for each power of two, and for each time under it, so that a median
//! is found with two questions.

use std::collections::BTreeMap;

use basket_domain::{Product, Turnover};
use basket_mongo::{
    Baskets, Entry, FeedState, Feeds, Projection, StoreError,
    store::{
        codec::stored_number,
        feed::{Shape, Totals, Which},
    },
};
use bson::{Bson, DateTime, Document, doc};

use crate::{
    listing::is_fit,
    stays::{self, Durations, Query, Removals, Share, of_basket},
};

/// Keeps what `report removed` prints.
#[derive(Debug, Clone, Copy)]
pub struct Removed;

const REMOVED: &str = "removed";
const SHAPE: Shape = Shape { number: 1, indexes: &[] };

/// Sums that are of no product.
const LEFT_OUT: &str = "left out";

impl Projection<Baskets> for Removed {
    fn name(&self) -> &'static str {
        REMOVED
    }

    fn shape(&self) -> Shape {
        SHAPE
    }

    fn fold(&self, stream: &[Entry<Baskets>]) -> Document {
        let (all, left_out) = of_basket(stream, false);
        let (days, _) = of_basket(stream, true);
        let shares: Vec<Bson> = all.iter().chain(&days).map(|share| written(share).into()).collect();
        doc! { "shares": shares, "left_out": number(left_out) }
    }

    fn totals(&self, row: &Document) -> Totals {
        let mut totals = Totals::new();
        for share in row.get_array("shares").into_iter().flatten().filter_map(Bson::as_document) {
            let Ok(key) = share.get_str("key") else { continue };
            let numbers = share.iter().filter_map(|(name, value)| Some((name.clone(), stored_number(value)?)));
            let mut numbers: BTreeMap<_, _> = numbers.collect();
            for (millis, many) in lasted(share) {
                let octave = octave(millis);
                let times = totals.entry(format!("lasted/{key}/{octave}")).or_default();
                *times.entry(millis.to_string()).or_default() += many;
                *numbers.entry(format!("lasted {octave}")).or_default() += many;
            }
            totals.entry(key.to_owned()).or_default().extend(numbers);
        }
        let left_out = row.get("left_out").and_then(stored_number).unwrap_or_default();
        totals.insert(LEFT_OUT.into(), BTreeMap::from([("documents".into(), left_out)]));
        totals
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The times between one power of two and the next.
fn octave(millis: u64) -> u32 {
    u64::BITS - millis.leading_zeros()
}

fn written(Share { product, day, turnover, begun, lasted }: &Share) -> Document {
    let day = day.map_or_else(|| "all".to_owned(), |day| format!("day/{}", day.timestamp_millis()));
    let Turnover { baskets, added, removed } = *turnover;
    let lasted: Vec<Bson> = lasted.0.iter().map(|(millis, many)| vec![number(*millis), number(*many)].into()).collect();
    doc! {
        "key": format!("{day}/{product}"), "baskets": number(baskets), "added": number(added),
        "removed": number(removed), "begun": number(*begun), "lasted": lasted,
    }
}

/// How often the stays of a share lasted so many milliseconds.
fn lasted(share: &Document) -> impl Iterator<Item = (u64, i64)> {
    share.get_array("lasted").into_iter().flatten().filter_map(|pair| match pair.as_array().map(Vec::as_slice) {
        Some([millis, many]) => Some((u64::try_from(stored_number(millis)?).ok()?, stored_number(many)?)),
        _ => None,
    })
}

/// The answer to a query, and how far behind it is; none if the read model can't give it: it knows days, and no times of them,
/// and nothing of what undo took back.
pub(crate) async fn kept(
    store: &impl Feeds<Baskets>,
    query: &Query,
) -> Result<Option<(FeedState, Removals)>, StoreError> {
    if query.since.is_some() || query.until.is_some() || query.include_undos {
        return Ok(None);
    }
    let Some(state) = store.feed(REMOVED).await?.filter(|state| is_fit(state, SHAPE)) else { return Ok(None) };
    let start = if query.by_day { "day/" } else { "all/" };
    let sums = match &query.product {
        Some(product) if !query.by_day => Which::Of(vec![format!("all/{product}")]),
        _ => Which::Beginning(start.into()),
    };
    let sums = store.totals(&state.rows, &sums).await?;
    let mut products: Vec<_> = sums.iter().filter_map(|(key, sums)| line(key, start, sums)).collect();
    products.retain(|(removed, _)| query.product.as_ref().is_none_or(|only| *only == removed.product));
    // A median lies in one power of two, or between two of them.
    let wanted =
        products.iter().flat_map(|(_, line)| line.octaves().map(|octave| format!("lasted/{}/{octave}", line.key)));
    let times = store.totals(&state.rows, &Which::Of(wanted.collect())).await?;
    for (removed, line) in &mut products {
        removed.median = line.median(&times);
    }
    let left_out = store.totals(&state.rows, &Which::Of(vec![LEFT_OUT.into()])).await?;
    let left_out = left_out.get(LEFT_OUT).and_then(|numbers| numbers.get("documents")).copied().unwrap_or_default();
    let mut products: Vec<_> = products.into_iter().map(|(removed, _)| removed).collect();
    products.sort_by(|one, other| (one.day, &one.product).cmp(&(other.day, &other.product)));
    Ok(Some((state, Removals { products, left_out: natural(left_out) })))
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// The sums of a product, with what its median is found by.
struct Line {
    key: String,
    /// How many stays ended in each octave.
    ended: BTreeMap<u32, u64>,
}

fn line(key: &str, start: &str, sums: &BTreeMap<String, i64>) -> Option<(stays::Removed, Line)> {
    let rest = key.strip_prefix(start)?;
    let (day, product) = match start {
        "day/" => rest.split_once('/').map(|(day, product)| (day.parse().ok().map(DateTime::from_millis), product))?,
        _ => (None, rest),
    };
    let sum = |name: &str| natural(sums.get(name).copied().unwrap_or_default());
    let ended =
        sums.iter().filter_map(|(name, many)| Some((name.strip_prefix("lasted ")?.parse().ok()?, natural(*many))));
    let line = Line { key: key.to_owned(), ended: ended.collect() };
    let turnover = Turnover { baskets: sum("baskets"), added: sum("added"), removed: sum("removed") };
    if turnover == Turnover::default() {
        return None;
    }
    let product = Product::new(product).ok()?;
    let (stays, ended) = (sum("begun"), line.ended.values().sum());
    Some((stays::Removed { product, day, turnover, stays, ended, median: None }, line))
}

impl Line {
    /// The places of the median, from 0.
    fn places(&self) -> Option<(u64, u64)> {
        let number: u64 = self.ended.values().sum();
        Some((number.checked_sub(1)? / 2, number / 2))
    }

    /// The octaves in which they are.
    fn octaves(&self) -> impl Iterator<Item = u32> {
        let at = |place: u64| {
            let mut before = 0;
            self.ended.iter().find(|(_, many)| {
                before += **many;
                before > place
            })
        };
        let octaves = self.places().map(|(low, high)| [at(low), at(high)]);
        octaves.into_iter().flatten().flatten().map(|(octave, _)| *octave)
    }

    fn median(&self, times: &Totals) -> Option<std::time::Duration> {
        // What lies in the octaves that were not asked for only has to be counted.
        let mut all: BTreeMap<u64, u64> = BTreeMap::new();
        for (octave, many) in &self.ended {
            match times.get(&format!("lasted/{}/{octave}", self.key)) {
                Some(times) => {
                    all.extend(times.iter().filter_map(|(millis, many)| Some((millis.parse().ok()?, natural(*many)))));
                }
                None => drop(all.insert(1_u64.checked_shl(octave.saturating_sub(1))?, *many)),
            }
        }
        Durations(all).median()
    }
}
