//! What is added to baskets and removed again, in *stays*: a stay of a product begins when it is added to a basket that
//! doesn't hold it, and ends with its removal. `basket report removed` prints what [`removals`] computes from all the events.
//! Undo is no shopping: of each basket, only what [counts](InEffect::counts) is counted. The domain's [`Report`] counts baskets and units; times are counted here, since the domain has no clock.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use basket_domain::{Aggregate, BasketEvent::ItemRemoved, Product, Report, Turnover};
use basket_mongo::{Baskets, Entry, EventLog, InEffect, Scope, StoreError, store::document::read_entry};
use bson::DateTime;
use futures_util::TryStreamExt;

use crate::{args::product, time};

const DAY_MILLIS: i64 = 86_400_000;

/// Which stays.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Query {
    /// Only this product
    #[arg(long, value_name = "PRODUCT", value_parser = product)]
    pub product: Option<Product>,
    /// Only what came into a basket at or after this time: RFC 3339, as printed, a date, or such as '2 hours ago'
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub since: Option<DateTime>,
    /// Only what came into a basket at or before this time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub until: Option<DateTime>,
    /// Count also what was undone, and the events that undid it
    #[arg(long)]
    pub include_undos: bool,
    /// Each day (UTC) on which stays began by itself.
    #[arg(skip)]
    pub by_day: bool,
}

/// The numbers of one product, over the stays that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    pub product: Product,
    /// Where the query asks for days: when the day (UTC) began on which these stays began.
    pub day: Option<DateTime>,
    /// Baskets that had it, units added, and units removed again.
    pub turnover: Turnover,
    /// How often it came into a basket that didn't hold it.
    pub stays: u64,
    /// How many of the stays have ended.
    pub ended: u64,
    /// The median time from beginning to end, to three digits; none where no stay ended. Where clocks run backwards, a stay
    /// lasts no time.
    pub median: Option<Duration>,
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removals {
    /// The products, by day and name.
    pub products: Vec<Removed>,
    /// How many documents are in none of them, at any time: they can't be read as events, or they remove a product that is
    /// not in the basket then.
    pub left_out: u64,
}

/// The numbers of each product; `read` is called after each document. A document that can't be read is counted. Memory
/// holds these numbers and the events of one basket, so it does not grow with the baskets.
pub async fn removals(
    store: &impl EventLog<Baskets>,
    query: &Query,
    mut read: impl FnMut() + Send,
) -> Result<Removals, StoreError> {
    let mut fold = Fold { query, cohorts: BTreeMap::new(), open: BTreeMap::new(), left_out: 0 };
    let mut basket = Vec::<Entry<Baskets>>::new();
    let mut documents = pin!(store.documents(Scope::All));
    while let Some(document) = documents.try_next().await? {
        match read_entry::<Baskets>(&document) {
            Ok(entry) => {
                if basket.last().is_some_and(|last| last.stream != entry.stream) {
                    fold.close(&mut basket);
                }
                basket.push(entry);
            }
            Err(_) => fold.left_out += 1,
        }
        read();
    }
    fold.close(&mut basket);
    let mut products = Vec::new();
    for (day, Cohort { report, times }) in fold.cohorts {
        products.extend(report.products().filter_map(|(product, turnover)| {
            let Times { begun, lasted } = times.get(product)?;
            let (ended, median) = (lasted.number(), lasted.median());
            Some(Removed { product: product.clone(), day, turnover: *turnover, stays: *begun, ended, median })
        }));
    }
    Ok(Removals { products, left_out: fold.left_out })
}

/// What a basket adds to the numbers of each product, and how many of its events are left out.
pub(crate) fn of_basket(stream: &[Entry<Baskets>], by_day: bool) -> (Vec<Share>, u64) {
    let query = Query { by_day, ..Query::default() };
    let mut fold = Fold { query: &query, cohorts: BTreeMap::new(), open: BTreeMap::new(), left_out: 0 };
    fold.close(&mut stream.to_vec());
    let mut shares = Vec::new();
    for (day, Cohort { report, mut times }) in fold.cohorts {
        for (product, turnover) in report.products() {
            let Times { begun, lasted } = times.remove(product).unwrap_or_default();
            shares.push(Share { product: product.clone(), day, turnover: *turnover, begun, lasted });
        }
    }
    (shares, fold.left_out)
}

/// What a basket adds to the numbers of a product.
pub(crate) struct Share {
    pub(crate) product: Product,
    pub(crate) day: Option<DateTime>,
    pub(crate) turnover: Turnover,
    pub(crate) begun: u64,
    pub(crate) lasted: Durations,
}

struct Fold<'a> {
    query: &'a Query,
    /// The stays that began on the same day; all of them, under no day, where days are not asked for.
    cohorts: BTreeMap<Option<DateTime>, Cohort>,
    /// When the stays in the basket whose events come now began that have not ended yet.
    open: BTreeMap<Product, DateTime>,
    left_out: u64,
}

#[derive(Default)]
struct Cohort {
    report: Report,
    times: BTreeMap<Product, Times>,
}

/// The stays of one product.
#[derive(Default)]
struct Times {
    begun: u64,
    lasted: Durations,
}

/// How often something lasted so many milliseconds, kept to 11 bits: exact below 2,048, and at most 1/1,024 too short from
/// there on. For times up to a year that is at most 27,000 counters (0.7 MB), however many stays there are.
#[derive(Default)]
pub(crate) struct Durations(pub(crate) BTreeMap<u64, u64>);

impl Fold<'_> {
    /// These are all the events of a basket: only now is it known what was undone.
    fn close(&mut self, basket: &mut Vec<Entry<Baskets>>) {
        let in_effect = InEffect::of(basket, &[]);
        let counts = |entry: &Entry<Baskets>| self.query.include_undos || in_effect.counts(entry.version);
        basket.drain(..).filter(counts).for_each(|entry| self.apply(&entry));
        self.open.clear();
    }

    fn apply(&mut self, entry: &Entry<Baskets>) {
        let Query { product: only, since, until, by_day, .. } = self.query;
        let Some(product) = entry.event.product() else { return };
        if only.as_ref().is_some_and(|only| only != product) {
            return;
        }
        let removes = matches!(entry.event, ItemRemoved { .. });
        let open = if removes { self.open.remove(product) } else { self.open.get(product).copied() };
        if removes && open.is_none() {
            self.left_out += 1;
            return;
        }
        let began = open.unwrap_or(entry.recorded_at);
        if !removes {
            self.open.insert(product.clone(), began);
        }
        if since.is_none_or(|since| began >= since) && until.is_none_or(|until| began <= until) {
            let cohort = self.cohorts.entry(by_day.then(|| day(began))).or_default();
            cohort.report.apply(&entry.event);
            let times = cohort.times.entry(product.clone()).or_default();
            match removes {
                true => times.lasted.count(between(began, entry.recorded_at)),
                false => times.begun += u64::from(open.is_none()),
            }
        }
    }
}

impl Durations {
    fn count(&mut self, millis: u64) {
        let dropped = (u64::BITS - millis.leading_zeros()).saturating_sub(11);
        *self.0.entry(millis >> dropped << dropped).or_default() += 1;
    }

    fn number(&self) -> u64 {
        self.0.values().sum()
    }

    pub(crate) fn median(&self) -> Option<Duration> {
        let number = self.number();
        let (low, high) = (self.at(number.checked_sub(1)? / 2)?, self.at(number / 2)?);
        Some(Duration::from_millis(low + (high - low) / 2))
    }

    /// The time at this place, from the shortest on.
    fn at(&self, place: u64) -> Option<u64> {
        let mut before = 0;
        let found = self.0.iter().find(|(_, number)| {
            before += **number;
            before > place
        });
        found.map(|(millis, _)| *millis)
    }
}

/// The milliseconds from one time to another; none, where the clock ran backwards.
fn between(began: DateTime, ended: DateTime) -> u64 {
    let millis = ended.timestamp_millis().saturating_sub(began.timestamp_millis());
    u64::try_from(millis).unwrap_or(0)
}

/// The beginning of a time's day, in UTC.
fn day(time: DateTime) -> DateTime {
    let millis = time.timestamp_millis();
    DateTime::from_millis(millis.saturating_sub(millis.rem_euclid(DAY_MILLIS)))
}
