//! Arguments that several commands share, and the parsers of quantities, versions and moments. A parser returns what is
//! wrong in words that clap prints. Nothing here knows a command.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use anyhow::Result;
use basket_domain::{ParseVoucherError, Product, Voucher};
use basket_mongo::Moment;
use bson::DateTime;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, ValueParser};
use jiff::SignedDuration;

use crate::{
    domain::{Domain, Id},
    named::{Asked, Named, find, stream, streams},
    output::Form,
    store::Store,
    time::{self, Date},
};

/// The stream that a command is about, and the form of the answer.
#[derive(Debug, clap::Args)]
pub(crate) struct Of<D: Domain> {
    /// The {stream}: its id, such as {id}, the beginning of it, or @ for the one used last
    #[arg(value_parser = stream::<D>)]
    id: Named<Id<D>>,
    #[command(flatten)]
    pub(crate) form: Form,
}

/// The streams that a command reads, one after the other, and the form of the answer.
#[derive(Debug, clap::Args)]
pub(crate) struct These<D: Domain> {
    /// The {streams}: each its id, such as {id}, the beginning of it, or @ for the one used last; - reads them from standard input
    #[arg(value_name = "ID", required = true, value_parser = streams::<D>)]
    pub(crate) ids: Vec<Asked<Id<D>>>,
    #[command(flatten)]
    pub(crate) form: Form,
}

impl<D: Domain> Of<D> {
    pub(crate) async fn find(&self, store: &impl Store<D>) -> Result<Id<D>> {
        find(store, &self.id).await
    }
}

/// In which form times are printed for people.
#[derive(Debug, clap::Args)]
pub(crate) struct Dates {
    /// How to print times for people
    #[arg(long, value_enum, value_name = "FORM", default_value_t, display_order = 99)]
    pub(crate) date: Date,
}

/// A moment in the past of a stream.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct Then {
    /// As it was after this many events; `{program} log` has the numbers
    #[arg(long, value_name = "N", value_parser = version)]
    version: Option<u64>,
    /// As it was at this time: RFC 3339, as printed, a date, or such as '2 hours ago'
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    at: Option<DateTime>,
}

impl Then {
    pub(crate) fn moment(&self) -> Option<Moment> {
        self.version.map(Moment::Version).or(self.at.map(Moment::Time))
    }
}

/// One rule for every argument: `-` is standard input where a FILE or several ids are asked for, and refused anywhere else. A
/// parser of a text that could be anything begins with it.
pub(crate) fn no_hyphen(text: &str) -> Result<&str, String> {
    match text.trim() {
        "-" => Err("'-' is standard input, which is only read where a FILE or several IDs are asked for".into()),
        _ => Ok(text),
    }
}

/// The name of a row.
pub(crate) fn row<D: Domain>(text: &str) -> Result<String, String> {
    D::parse_row(no_hyphen(text)?)
}

/// Reads the type of an event.
pub(crate) fn kind<D: Domain>() -> ValueParser {
    match D::TYPES {
        [] => NonEmptyStringValueParser::new().into(),
        types => PossibleValuesParser::new(types).into(),
    }
}

pub(crate) fn product(text: &str) -> Result<Product, String> {
    Product::new(no_hyphen(text)?).map_err(|error| error.to_string())
}

pub(crate) fn voucher(text: &str) -> Result<Voucher, String> {
    no_hyphen(text)?.parse().map_err(|error: ParseVoucherError| error.to_string())
}

pub(crate) fn quantity(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("a quantity is a whole number from 1 to {}", u32::MAX))
}

/// The longest time to wait, which no clock of a driver overflows with.
const LONGEST: Duration = Duration::from_secs(86_400);

/// A time to wait: seconds, or such as `500ms` and `2m`.
pub(crate) fn limit(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map(Duration::try_from_secs_f64);
    let limit = seconds.map_or_else(
        |_| text.parse::<SignedDuration>().ok().and_then(|limit| limit.try_into().ok()),
        |seconds| seconds.ok(),
    );
    let is_time = |limit: &Duration| (Duration::from_millis(1)..=LONGEST).contains(limit);
    limit
        .filter(is_time)
        .ok_or_else(|| "a time to wait is a number of seconds, or such as 500ms or 2m; a day at most".into())
}

/// For how long nothing has happened.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    const DAY: f64 = 86_400.0;
    let seconds = |text: &str, unit: f64| Duration::try_from_secs_f64(text.parse::<f64>().ok()? * unit).ok();
    let duration = || text.parse::<SignedDuration>().ok()?.try_into().ok();
    let age =
        text.strip_suffix('d').and_then(|days| seconds(days, DAY)).or_else(|| seconds(text, 1.0)).or_else(duration);
    age.ok_or_else(|| "a time is a number of seconds, or such as 90m or 7d".into())
}

pub(crate) fn version(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|version| *version > 0).ok_or_else(|| "a version is a whole number from 1".into())
}

/// A version, or the first and the last of several.
pub(crate) fn versions(text: &str) -> Result<RangeInclusive<u64>, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (version(first)?, version(last)?);
    if first <= last { Ok(first..=last) } else { Err(format!("{first} comes after {last}; turn them round")) }
}

/// Two moments, `A..B`; without the second, now.
pub(crate) fn moments(text: &str) -> Result<(Moment, Option<Moment>), String> {
    let (from, to) = text.split_once("..").unwrap_or((text, ""));
    let to = to.trim();
    if from.trim().is_empty() || to.starts_with('.') {
        return Err("a range is A..B or A.., such as 3..5".into());
    }
    Ok((moment(from)?, if to.is_empty() { None } else { Some(moment(to)?) }))
}

/// A version, from 0, or a time.
fn moment(text: &str) -> Result<Moment, String> {
    match text.trim().parse() {
        Ok(version) => Ok(Moment::Version(version)),
        Err(_) => time::parse(text).map(Moment::Time).map_err(|error| format!("{text:?} is no version, and {error}")),
    }
}
