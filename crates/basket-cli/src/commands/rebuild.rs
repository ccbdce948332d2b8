//! `rebuild`: builds a read model again beside the one that is there, shows what differs, and puts it in the other's place.

use std::{marker::PhantomData, time::Instant};

use anyhow::Result;
use basket_mongo::store::projection::{Differences, next_name, rebuild};

use super::{
    project::named,
    turn::{self, LEASE, in_words},
};
use crate::{
    domain::{Domain, what},
    exit::note,
    output::{Fields, Form, json, print},
    plain::plain,
    progress,
    store::{Store, must_exist},
};

/// Build a read model again from all the events, and put it in the place of the old one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The old one answers until the new one has read all there is; then they change places at once. A
`project` that keeps the old one goes on with the new one. Only rows of the same version are
compared: others have read more or less of their {stream}.

Examples:
  {program} rebuild list
  {program} rebuild list --dry-run      shows what differs, and changes nothing
  {program} rebuild list --format json")]
pub struct Rebuild<D: Domain> {
    /// Which read model
    #[arg(value_name = "NAME")]
    name: String,
    /// Show what differs, and keep the old one
    #[arg(long)]
    dry_run: bool,
    /// Go on after an event that can't be read, without its {stream}; otherwise it ends the command
    #[arg(long)]
    park: bool,
    #[command(flatten)]
    form: Form,
    #[arg(skip)]
    domain: PhantomData<D>,
}

impl<D: Domain> Rebuild<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        self.form.has(&["feed", "events", "seconds", "compared", "differ", "rows", "totals", "replaced"])?;
        must_exist(store).await?;
        let projection = named::<D>(&self.name)?;
        let total = store.count().await?;
        let is_there = store.feed(&self.name).await?.is_some();
        let (bar, start, mut events) = (progress::bar(total, "events"), Instant::now(), 0);
        let options = turn::options(&next_name(&self.name), self.park, LEASE);
        let built = rebuild(store, &*projection, options, |more| {
            events += more;
            bar.inc(more);
        });
        let built = built.await;
        bar.finish_and_clear();
        let (next, found) = built.map_err(|error| in_words(error, &self.name))?;
        let seconds = start.elapsed().as_secs_f64();
        let rate = events as f64 / seconds.max(0.001);
        print(&self.form, &record(&self.name, &found, events, seconds, !self.dry_run), |out| {
            let Differences { compared, differ, rows, totals } = &found;
            if is_there {
                let rows_of = if *compared == 1 { "row" } else { "rows" };
                writeln!(out, "{compared} {rows_of} of the old one compared: {differ} differ")?;
                for id in rows {
                    writeln!(out, "  {} {}", what::<D>(), plain(id))?;
                }
                if *differ > rows.len() as u64 {
                    writeln!(out, "  … and {} more", differ - rows.len() as u64)?;
                }
                for key in totals {
                    writeln!(out, "  total {}", plain(key))?;
                }
            }
            Ok(())
        })?;
        if self.dry_run {
            store.forget(&next_name(&self.name)).await?;
        } else {
            store.replace(&self.name, next.claim()).await?;
        }
        let done = if self.dry_run { "was built, and dropped again" } else { "is built" };
        note(&format!("'{}' {done}: {events} events in {seconds:.1} s ({rate:.0} a second)", self.name));
        Ok(())
    }
}

fn record(name: &str, found: &Differences, events: u64, seconds: f64, replaced: bool) -> Fields<'static> {
    let Differences { compared, differ, rows, totals } = found;
    Fields(vec![
        ("feed", json(name)),
        ("events", json(&events)),
        ("seconds", json(&seconds)),
        ("compared", json(compared)),
        ("differ", json(differ)),
        ("rows", json(rows)),
        ("totals", json(totals)),
        ("replaced", json(&replaced)),
    ])
}
