//! `basket report`: questions about all the baskets. The events answer them, although the questions are newer than the
//! events. [`stays`](crate::stays) computes the answer.

use std::{io, mem, time::Duration};

use anyhow::Result;
use basket_domain::{Product, Turnover};
use basket_mongo::{Baskets, FeedState};
use clap::{Subcommand, ValueEnum};

use super::list::how_far;
use crate::{
    args::Dates,
    exit,
    near::did_you_mean,
    output::{Fields, Form, Output, RED, Text, json},
    plain::{padded, plain, width},
    progress,
    removed::kept,
    stays::{Query, Removals, Removed, removals},
    store::Store,
    time,
};

/// How many cells a bar has.
const BAR: u64 = 20;

#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    Removed(RemovedReport),
}

/// Do shoppers never add a product, or remove it again?
///
/// For each product: how many baskets had it, how many units were added, how many of them were removed again, and the
/// median of the times that removed products had been in the basket, to three digits.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A product stays in a basket from when it comes in until it is removed; what is added meanwhile is removed with it. --since
and --until choose stays by their beginning, and --by day takes the day of the beginning, in UTC. Where clocks run
backwards, a stay lasts no time.

It asks the read model that `{program} project` keeps, and says how far behind that is. Where there is
none, and with --since, --until, --include-undos or --replay, it reads every event once, and keeps
some numbers for each product (and day).

What shoppers did counts, and undo does not: neither an event that was undone and is not in effect now, nor the events of
`revert` and `restore` themselves. --include-undos counts all of them, as if shoppers had done so.

Documents that can't be read as events, and removals of what was not there, are left out and counted on standard error;
`basket verify` names them.

Examples:
  basket report removed
  basket report removed --product clocks --by day
  basket report removed --since '7 days ago' --until yesterday
  basket report removed --format json")]
pub(crate) struct RemovedReport {
    #[command(flatten)]
    query: Query,
    /// Each day by itself
    #[arg(long, value_enum, value_name = "SPAN")]
    by: Option<By>,
    /// Read the events, also where a read model is kept
    #[arg(long)]
    replay: bool,
    #[command(flatten)]
    dates: Dates,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// The day (UTC) on which a product came into a basket
    Day,
}

impl Report {
    pub(super) async fn run(self, store: &impl Store<Baskets>) -> Result<()> {
        let Self::Removed(RemovedReport { query, by, replay, dates, form }) = self;
        let day: &[&str] = if by.is_some() { &["day"] } else { &[] };
        form.has(&[day, &FIELDS].concat())?;
        let query = Query { by_day: matches!(by, Some(By::Day)), ..query };
        let (state, Removals { products, left_out }) = ask(store, &query, replay).await?;
        if let Some(state) = state {
            exit::note(&how_far(&state, dates.date));
        }
        let (mut output, mut heading) = (Output::list(&form)?, true);
        let names = products.iter().map(|removed| width(&plain(removed.product.as_str())));
        let columns = names.max().unwrap_or_default().max("product".len());
        for removed in &products {
            output.show(&record(removed), |out| line(out, removed, columns, mem::take(&mut heading)))?;
        }
        output.finish()?;
        if products.is_empty() && form.is_text() {
            let none = "no such product ever was in a basket then";
            let meant = match &query.product {
                Some(product) => meant(store, product, &query, replay).await?,
                None => None,
            };
            exit::note(&meant.map_or_else(|| none.to_owned(), |meant| format!("{none}; {meant}")));
        }
        if left_out > 0 {
            exit::note(&format!(
                "documents left out, because they can't be read as events or remove what was not in the basket: {left_out}; \
                 `basket verify` names them"
            ));
        }
        Ok(())
    }
}

/// The answer, with the state of the read model that it is of.
async fn ask(store: &impl Store<Baskets>, query: &Query, replay: bool) -> Result<(Option<FeedState>, Removals)> {
    if let Some((state, removals)) = if replay { None } else { kept(store, query).await? } {
        return Ok((Some(state), removals));
    }
    let bar = progress::bar(store.count().await?, "events");
    let removals = removals(store, query, || bar.inc(1)).await?;
    bar.finish_and_clear();
    Ok((None, removals))
}

/// Which of the products that there were was meant.
async fn meant(store: &impl Store<Baskets>, typed: &Product, query: &Query, replay: bool) -> Result<Option<String>> {
    let all = Query { product: None, by_day: false, ..query.clone() };
    let (_, Removals { products, .. }) = ask(store, &all, replay).await?;
    Ok(did_you_mean(typed.as_str(), products.into_iter().map(|removed| removed.product.as_str().to_owned())))
}

/// The fields of a line; by day, it has that, too.
const FIELDS: [&str; 8] =
    ["product", "baskets", "stays", "ended", "added", "removed", "share_removed", "median_seconds"];

fn record(line: &Removed) -> Fields<'static> {
    let Removed { product, day, turnover, stays, ended, median } = line;
    let day = day.map(|day| ("day", json(&time::utc(day))));
    let fields = [
        ("product", json(product.as_str())),
        ("baskets", json(&turnover.baskets)),
        ("stays", json(stays)),
        ("ended", json(ended)),
        ("added", json(&turnover.added)),
        ("removed", json(&turnover.removed)),
        ("share_removed", json(&share(*turnover))),
        ("median_seconds", json(&median.as_ref().map(Duration::as_secs_f64))),
    ];
    Fields(day.into_iter().chain(fields).collect())
}

fn share(Turnover { added, removed, .. }: Turnover) -> f64 {
    if added == 0 { 0.0 } else { removed as f64 / added as f64 }
}

fn line(out: &mut Text<'_>, line: &Removed, columns: usize, heading: bool) -> io::Result<()> {
    if heading {
        if line.day.is_some() {
            write!(out, "{:11}  ", "day (UTC)")?;
        }
        let (product, bar) = (padded("product", columns), BAR as usize);
        writeln!(out, "{product}  baskets     added   removed  share  {:bar$}  median stay", "")?;
    }
    if let Some(day) = line.day {
        write!(out, "{:11}  ", time::day(day))?;
    }
    let (share, Turnover { baskets, added, removed }) = (share(line.turnover), line.turnover);
    let product = padded(&plain(line.product.as_str()), columns);
    let (percent, full) = ((share * 100.0).round(), (share * BAR as f64).round() as u64);
    let bar: String = (0..BAR).map(|cell| if cell < full { '█' } else { '·' }).collect();
    let median = line.median.map_or_else(|| "-".into(), time::lasting);
    writeln!(out, "{product}  {baskets:>7}  {added:>8}  {removed:>8}  {percent:>3} %  {RED}{bar}{RED:#}  {median}")
}
