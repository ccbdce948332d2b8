//! `basket report`: questions about all the baskets, which the history answers though nobody asked them when it was written.

use std::{io, mem, pin::pin, time::Duration};

use anyhow::Result;
use basket_domain::Product;
use basket_mongo::{Finding, Removed, RemovedQuery};
use bson::DateTime;
use clap::{
    Subcommand, ValueEnum,
    builder::styling::{AnsiColor, Style},
};
use futures_util::TryStreamExt;
use serde::Serialize;

use crate::{
    exit,
    output::{Format, Lines, Output},
    progress::Waiting,
    store::Store,
    time,
};

const RED: Style = AnsiColor::Red.on_default();

/// Cells of a bar that stands for all of it.
const BAR: u64 = 20;

/// Ask a question about all the baskets
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  basket report removed --product clocks")]
pub struct Report {
    #[command(subcommand)]
    question: Question,
}

/// The questions.
#[derive(Debug, Subcommand)]
enum Question {
    Removed(RemovedReport),
}

/// Do shoppers never add a product, or take it out again?
///
/// For each product: how many baskets had it, how many units were added and how many of them removed again, and the median
/// of the times for which what was removed had been in the basket.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A product stays in a basket from when it comes in until it is removed; what is added meanwhile is removed with it. --since
and --until choose stays by their beginning, and --by day takes the day of the beginning, in UTC. Where clocks run
backwards, a stay lasts no time.

Documents that can't be read as events, and removals of what was not there, are left out and counted on standard error; `basket verify`
names them.

Examples:
  basket report removed
  basket report removed --product clocks --by day
  basket report removed --since '7 days ago' --until yesterday
  basket report removed --format json")]
struct RemovedReport {
    /// Only this product
    #[arg(long, value_name = "PRODUCT")]
    product: Option<Product>,
    /// Only what came into a basket at or after this time: RFC 3339, a date, or such as '2 hours ago'
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<DateTime>,
    /// Only what came into a basket at or before this time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<DateTime>,
    /// Each day by itself
    #[arg(long, value_enum, value_name = "SPAN")]
    by: Option<By>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What a report can be split by.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// The day (UTC) on which a product came into a basket
    Day,
}

/// A product, as JSON has it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    product: &'a str,
    baskets: u64,
    stays: u64,
    ended: u64,
    added: u64,
    removed: u64,
    share_removed: f64,
    median_seconds: Option<f64>,
}

impl Report {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        match self.question {
            Question::Removed(report) => report.run(store).await,
        }
    }
}

impl RemovedReport {
    async fn run(self, store: &Store) -> Result<()> {
        let Self { product, since, until, by, format } = self;
        let query = RemovedQuery { product, since, until, by_day: matches!(by, Some(By::Day)) };
        let mut findings = pin!(store.removed(&query));
        let waiting = Waiting::on("the store goes through all the events");
        let mut next = findings.try_next().await?;
        drop(waiting);
        let mut left_out = 0;
        let (mut output, mut heading) = (Output::list(format)?, true);
        while let Some(finding) = next {
            match finding {
                Finding::LeftOut(documents) => left_out += documents,
                Finding::Product(removed) => {
                    output.show(&Told::from(&removed), |out| line(out, &removed, mem::take(&mut heading)))?;
                }
            }
            next = findings.try_next().await?;
        }
        output.finish()?;
        if heading && format == Format::Text {
            exit::note("no such product ever was in a basket then");
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

impl<'a> From<&'a Removed> for Told<'a> {
    fn from(removed: &'a Removed) -> Self {
        Self {
            day: removed.day.map(time::day),
            product: removed.product.as_str(),
            baskets: removed.baskets,
            stays: removed.stays,
            ended: removed.ended,
            added: removed.added,
            removed: removed.removed,
            share_removed: share(removed),
            median_seconds: removed.median.as_ref().map(Duration::as_secs_f64),
        }
    }
}

fn share(removed: &Removed) -> f64 {
    if removed.added == 0 { 0.0 } else { removed.removed as f64 / removed.added as f64 }
}

fn line(out: &mut Lines<'_>, removed: &Removed, heading: bool) -> io::Result<()> {
    if heading {
        if removed.day.is_some() {
            write!(out, "{:10}  ", "day (UTC)")?;
        }
        let (product, bar) = ("product", BAR as usize);
        writeln!(out, "{product:20}  baskets       added     removed  share  {:bar$}  median stay", "")?;
    }
    if let Some(day) = removed.day {
        write!(out, "{:10}  ", time::day(day))?;
    }
    let Removed { product, baskets, added, removed: out_again, median, .. } = removed;
    let (percent, bar) = ((share(removed) * 100.0).round(), bar(removed));
    let median = median.map_or_else(|| "-".into(), time::lasting);
    writeln!(
        out,
        "{product:20}  {baskets:>7}  {added:>10}  {out_again:>10}  {percent:>3} %  {RED}{bar}{RED:#}  {median}"
    )
}

/// A bar for the share that was removed.
fn bar(removed: &Removed) -> String {
    let full = (share(removed) * BAR as f64).round() as u64;
    (0..BAR).map(|cell| if cell < full { '█' } else { '·' }).collect()
}
