//! `basket list`: all the baskets, a line each, from the store's own reckoning.

use std::{io, pin::pin};

use anyhow::Result;
use basket_domain::Product;
use basket_mongo::{ListQuery, Order, Summary};
use bson::DateTime;
use clap::{
    ValueEnum,
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

const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default();

/// List all the baskets, the one that changed last on top
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The store reckons it in one pass; no basket is loaded. A document that can't be read as an event counts for nothing but
the number of unreadable ones in its basket's line; one whose basket_id is none is in no line. `basket verify` names them.

Examples:
  basket list
  basket list --product clocks --since yesterday
  basket list --sort items -n 10
  basket list --sort created --reverse --format ndjson")]
pub struct List {
    /// Only baskets that hold this product now
    #[arg(long, value_name = "PRODUCT")]
    product: Option<Product>,
    /// Only baskets that changed at or after this time: RFC 3339, a date, or such as '2 hours ago'
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<DateTime>,
    /// By what they are sorted, the newest or the largest first
    #[arg(long, value_enum, default_value_t)]
    sort: Sort,
    /// The other way round
    #[arg(short, long)]
    reverse: bool,
    /// At most so many
    #[arg(short = 'n', long, value_name = "N")]
    number: Option<u32>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// By what baskets are sorted.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Sort {
    /// When something last happened to it
    #[default]
    Changed,
    /// When it was created
    Created,
    /// How much has happened to it
    Versions,
    /// How many units are in it
    Items,
}

/// A basket, as JSON has it.
#[derive(Serialize)]
struct Listed {
    id: String,
    created: Option<String>,
    changed: Option<String>,
    versions: u64,
    products: u64,
    units: u64,
    unreadable: u64,
}

impl List {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let order = match self.sort {
            Sort::Changed => Order::Changed,
            Sort::Created => Order::Created,
            Sort::Versions => Order::Versions,
            Sort::Items => Order::Items,
        };
        let Self { product, since, reverse, number: limit, format, .. } = self;
        let query = ListQuery { product, since, order, reverse, limit };
        let mut baskets = pin!(store.list(&query));
        let waiting = Waiting::on("the store goes through all the events");
        let mut next = baskets.try_next().await?;
        drop(waiting);
        if next.is_none() && format == Format::Text {
            exit::note("there is no such basket");
        }
        let (mut output, mut heading) = (Output::list(format)?, true);
        while let Some(basket) = next {
            output.show(&Listed::from(&basket), |out| line(out, &basket, std::mem::take(&mut heading)))?;
            next = baskets.try_next().await?;
        }
        Ok(output.finish()?)
    }
}

impl From<&Summary> for Listed {
    fn from(basket: &Summary) -> Self {
        let Summary { id, created, changed, versions, products, units, unreadable } = *basket;
        let (created, changed) = (created.map(time::utc), changed.map(time::utc));
        Self { id: id.to_string(), created, changed, versions, products, units, unreadable }
    }
}

fn line(out: &mut Lines<'_>, basket: &Summary, heading: bool) -> io::Result<()> {
    if heading {
        writeln!(out, "{:24}  {:26}  {:26}  versions  products       units", "basket", "changed", "created")?;
    }
    let local = |time: Option<DateTime>| time.map_or_else(|| "-".into(), time::local);
    let Summary { id, created, changed, versions, products, units, unreadable } = *basket;
    let (created, changed) = (local(created), local(changed));
    write!(out, "{YELLOW}{id}{YELLOW:#}  {changed:26}  {created:26}  {versions:>8}  {products:>8}  {units:>10}")?;
    match unreadable {
        0 => writeln!(out),
        some => writeln!(out, "  {RED}unreadable: {some}{RED:#}"),
    }
}
