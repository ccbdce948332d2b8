//! `feed`: how far each reader of the store has come, what it has parked, and waiting until it has read something.

use std::{marker::PhantomData, mem, time::Duration};

use anyhow::Result;
use basket_mongo::{
    FeedState, Feeds, Subscription,
    store::{codec::id_of_key, feed::RowQuery, projection::retry},
};
use clap::Subcommand;
use futures_util::TryStreamExt;

use super::{
    project::named,
    turn::{self, LEASE, in_words},
};
use crate::{
    args::{Dates, version},
    domain::{Domain, Id, what},
    exit::{CONTENDED, Failure, NOT_FOUND, USAGE, note},
    help::PROGRAM,
    named::{Named, find, stream},
    output::{Fields, Form, Format, Output, RED, json},
    plain::{padded, plain, width},
    store::Store,
    time::{self, Date},
};

/// Show how far each read model and each `forward` has come, and what it has parked
#[derive(Debug, clap::Args)]
#[command(after_help = "\
`behind` counts the events of the store that a feed has not read; `healed` how often it read all
events again, because the store no longer knew what came after its position.

Examples:
  {program} feed
  {program} feed --format json
  {program} feed parked list
  {program} feed retry list
  {program} feed forget list          reads all again when it is next kept
  {program} feed wait list {id} 3     ends once version 3 was read")]
pub struct Feed<D: Domain> {
    #[command(subcommand)]
    what: Option<What<D>>,
    #[command(flatten)]
    dates: Dates,
    /// How to print it
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
    /// Only these fields, in JSON: as --format json, unless that is ndjson
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',', global = true)]
    json: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum What<D: Domain> {
    /// Show the {streams} that a feed has left out, and the document of each that can't be read
    Parked {
        /// Which feed
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Read the parked {streams} once more, after their documents were mended
    Retry {
        /// Which feed
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Drop a feed that no process reads, with all that is kept of it: the next one reads, or sends, all events again
    Forget {
        /// Which feed
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Wait until a feed has read a version of a {stream}; --timeout says how long [default: 10]
    Wait {
        /// Which feed
        #[arg(value_name = "NAME")]
        name: String,
        /// The {stream}: its id, such as {id}, the beginning of it, or @ for the one used last
        #[arg(value_parser = stream::<D>)]
        id: Named<Id<D>>,
        /// The version that it must have come to
        #[arg(value_parser = version)]
        version: u64,
        #[arg(skip)]
        domain: PhantomData<D>,
    },
}

impl<D: Domain> Feed<D> {
    /// Whether it waits for something, and no longer than for a change.
    pub(super) fn waits(&self) -> bool {
        matches!(self.what, Some(What::Wait { .. }))
    }

    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        let form = Form { format: self.format, json: self.json };
        match self.what {
            None => show(&store.feeds().await?, &form, self.dates.date),
            Some(What::Parked { name }) => parked::<D>(store, &name, &form).await,
            Some(What::Retry { name }) => again::<D>(store, &name).await,
            Some(What::Forget { name }) => {
                if let Some(holder) = must_be_there(store, &name).await?.holder {
                    let why = format!("'{}' is kept by {}; end it first", plain(&name), plain(&holder));
                    return Err(Failure(CONTENDED, why).into());
                }
                Ok(store.forget(&name).await?)
            }
            Some(What::Wait { name, id, version, .. }) => {
                must_be_there(store, &name).await?;
                let id = find(store, &id).await?;
                Ok(store.wait_for(&name, &id, version, Duration::MAX).await?)
            }
        }
    }
}

async fn must_be_there<D: Domain>(store: &impl Feeds<D>, name: &str) -> Result<FeedState> {
    let state = store.feed(name).await?;
    state.ok_or_else(|| {
        let why =
            format!("there is no feed '{}' in {}; `{PROGRAM} feed` shows which there are", plain(name), store.name());
        Failure(NOT_FOUND, why).into()
    })
}

/// The fields of a feed.
const FEED: [&str; 12] = [
    "feed",
    "holder",
    "events",
    "behind",
    "rate",
    "as_of",
    "parked",
    "retries",
    "healed",
    "generation",
    "shape",
    "position",
];

fn show(feeds: &[FeedState], form: &Form, date: Date) -> Result<()> {
    form.has(&FEED)?;
    if feeds.is_empty() && form.is_text() {
        note(&format!("there is no feed; `{PROGRAM} project` and `{PROGRAM} forward` make them"));
    }
    let columns = feeds.iter().map(|feed| width(&feed.rows.feed)).max().unwrap_or_default().max(4);
    let (mut output, mut heading) = (Output::list(form)?, true);
    for feed in feeds {
        let FeedState { rows, shape, holder, position, events, behind, rate, as_of, retries, healed, parked } = feed;
        let position = position.as_ref().map(ToString::to_string);
        let record = Fields(vec![
            ("feed", json(&rows.feed)),
            ("holder", json(holder)),
            ("events", json(events)),
            ("behind", json(behind)),
            ("rate", json(rate)),
            ("as_of", json(&as_of.map(time::utc))),
            ("parked", json(parked)),
            ("retries", json(retries)),
            ("healed", json(healed)),
            ("generation", json(&rows.generation)),
            ("shape", json(shape)),
            ("position", json(&position)),
        ]);
        output.show(&record, |out| {
            if mem::take(&mut heading) {
                let name = padded("feed", columns);
                let read_all = "had read all at";
                writeln!(
                    out,
                    "{name}      events    behind  a second  parked  retries  healed  {read_all:30}  kept by"
                )?;
            }
            let (name, as_of) = (padded(&rows.feed, columns), as_of.map_or_else(|| "-".into(), |time| date.of(time)));
            let rate = rate.map_or_else(|| "-".into(), |rate| format!("{rate:.0}"));
            write!(out, "{name}  {events:>10}  {behind:>8}  {rate:>8}  ")?;
            match parked {
                0 => write!(out, "{parked:>6}")?,
                _ => write!(out, "{RED}{parked:>6}{RED:#}")?,
            }
            let holder = holder.as_deref().map_or_else(|| "-".into(), plain);
            writeln!(out, "  {retries:>7}  {healed:>6}  {as_of:30}  {holder}")
        })?;
    }
    Ok(output.finish()?)
}

async fn parked<D: Domain>(store: &impl Feeds<D>, name: &str, form: &Form) -> Result<()> {
    form.has(&[what::<D>(), "version", "document", "why", "read_to"])?;
    let state = must_be_there(store, name).await?;
    let found = store.rows(state.rows.clone(), RowQuery { is_parked: true, ..RowQuery::default() });
    let found: Vec<_> = found.try_collect().await?;
    if found.is_empty() && form.is_text() {
        note(&format!("'{name}' has parked nothing"));
    }
    let mut output = Output::list(form)?;
    for (key, mark) in found {
        let Some(parked) = mark.parked else { continue };
        let id = id_of_key::<D>(&key).map(|id| id.to_string());
        let record = Fields(vec![
            (what::<D>(), json(&id)),
            ("version", json(&parked.version)),
            ("document", json(&parked.document)),
            ("why", json(&parked.why)),
            ("read_to", json(&mark.version)),
        ]);
        output.show(&record, |out| {
            let id = id.as_deref().map_or_else(|| format!("of no {}", what::<D>()).into(), plain);
            let version = parked.version.map(|version| format!(" version {version}")).unwrap_or_default();
            writeln!(out, "{id}{version}, document {}: {}", plain(&parked.document), plain(&parked.why))
        })?;
    }
    Ok(output.finish()?)
}

async fn again<D: Domain>(store: &(impl Feeds<D> + Sync), name: &str) -> Result<()> {
    let before = must_be_there(store, name).await?.parked;
    if D::projections().iter().all(|projection| projection.name() != name) {
        let why = format!("'{name}' is no read model; `{PROGRAM} forward --retry` delivers again what it has parked");
        return Err(Failure(USAGE, why).into());
    }
    let projection = named::<D>(name)?;
    // The process that keeps the feed is fenced off by this, and goes on when it is over.
    let holder = turn::options(&format!("{name}, retry"), true, LEASE);
    let opened = Subscription::try_open(store, name, projection.shape(), holder, true).await;
    let Ok(mut reader) = opened.map_err(|error| in_words(error, name))? else {
        return Err(anyhow::anyhow!("'{name}' can't be taken from the process that keeps it"));
    };
    let events = retry(&mut reader, &*projection).await;
    reader.close().await?;
    let events = events.map_err(|error| in_words(error, name))?;
    let after = must_be_there(store, name).await?.parked;
    note(&format!("{before} parked before, {after} now; {events} events of them were read"));
    Ok(())
}
