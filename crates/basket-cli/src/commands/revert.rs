//! `basket revert` and `restore`: undo by new events, through the deciders. The history stays, and says who undid what.

use std::ops::RangeInclusive;

use anyhow::Result;
use basket_domain::{BasketEvent, BasketId};
use basket_mongo::{EventLog, Moment, Revert as _};
use bson::DateTime;
use serde::Serialize;

use super::{get::tell_out_of_order, log::all_in_words};
use crate::{
    args::{ID_HELP, version, versions},
    output::{Format, Output},
    signature::Signature,
    store::Store,
    time,
};

/// Undo the effect of some events by new ones; what came later stays
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket revert 5ab69073421aa917e62b4734 3\n  \
                        basket revert 5ab69073421aa917e62b4734 3..5 -m 'the wrong basket'\n  \
                        basket revert 5ab69073421aa917e62b4734 3 --dry-run\n\n\
                        Where a later event rests on one of these, it is named, and nothing changes.")]
pub struct Revert {
    #[arg(help = ID_HELP)]
    id: BasketId,
    /// The event, or the first and the last of several; `basket log` has the numbers
    #[arg(value_name = "VERSION[..VERSION]", value_parser = versions)]
    versions: RangeInclusive<u64>,
    /// Print what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signature: Signature,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Bring a whole basket back to how it was, by new events
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket restore 5ab69073421aa917e62b4734 --version 3\n  \
                        basket restore 5ab69073421aa917e62b4734 --at yesterday --dry-run")]
#[group(id = "moment", required = true, args = ["version", "at"])]
pub struct Restore {
    #[arg(help = ID_HELP)]
    id: BasketId,
    /// As it was after this many events
    #[arg(long, value_name = "N", value_parser = version)]
    version: Option<u64>,
    /// As it was at this time: RFC 3339, a date, or such as '2 hours ago'
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    at: Option<DateTime>,
    /// Print what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signature: Signature,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Told {
    id: String,
    dry_run: bool,
    events: Vec<String>,
}

impl Revert {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let (first, last) = (*self.versions.start(), *self.versions.end());
        let which = if first == last { format!("version {first}") } else { format!("versions {first} to {last}") };
        let plan = if self.dry_run {
            store.plan_revert(&self.id, self.versions).await?
        } else {
            let mut meta = self.signature.meta();
            meta.reason.get_or_insert_with(|| format!("Revert {which}"));
            store.signed(meta).revert(&self.id, self.versions).await?
        };
        tell(&self.id, self.dry_run, &plan.events, self.format, &which)
    }
}

impl Restore {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let version = match self.at {
            // The version that is found is meant, whatever is written meanwhile.
            Some(time) => {
                let target = store.past(&self.id, Moment::Time(time)).await?;
                tell_out_of_order(&target);
                target.root.version()
            }
            // clap has seen to it that one of them is there.
            None => self.version.unwrap_or_default(),
        };
        let (which, moment) = (format!("version {version}"), Moment::Version(version));
        let plan = if self.dry_run {
            store.plan_restore(&self.id, moment).await?
        } else {
            let mut meta = self.signature.meta();
            meta.reason.get_or_insert_with(|| format!("Restore {which}"));
            store.signed(meta).restore(&self.id, moment).await?
        };
        tell(&self.id, self.dry_run, &plan.events, self.format, &format!("what followed {which}"))
    }
}

fn tell(id: &BasketId, dry_run: bool, events: &[BasketEvent], format: Format, what: &str) -> Result<()> {
    let told = Told { id: id.to_string(), dry_run, events: events.iter().map(super::log::in_words).collect() };
    let mut output = Output::one(format);
    output.show(&told, |out| match (events, dry_run) {
        ([], _) => writeln!(out, "nothing to do: the effect of {what} is gone already"),
        (_, true) => writeln!(out, "to undo {what}: {}; nothing was changed", all_in_words(events)),
        (_, false) => writeln!(out, "undid {what}: {}", all_in_words(events)),
    })?;
    Ok(output.finish()?)
}
