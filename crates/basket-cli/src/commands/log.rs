//! `basket log`: what happened to a basket, by whom and why. Newest first, as git has it.

use std::{collections::VecDeque, io, pin::pin};

use anyhow::Result;
use basket_domain::{BasketEvent, BasketId, Product};
use basket_mongo::{Baskets, Codec, CommitId, Entry, EventLog, Scope};
use bson::{DateTime, Document};
use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Style};
use futures_util::TryStreamExt;
use serde::Serialize;

use crate::{
    args::ID_HELP,
    exit,
    output::{Format, Lines, Output, plain},
    store::Store,
    time,
};

const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Show what happened to a basket, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket log 5ab69073421aa917e62b4734\n  \
                        basket log 5ab69073421aa917e62b4734 --oneline -n 10\n  \
                        basket log 5ab69073421aa917e62b4734 --product socks --since '2 hours ago'\n  \
                        basket log 5ab69073421aa917e62b4734 --reverse --format ndjson")]
pub struct Log {
    #[arg(help = ID_HELP)]
    id: BasketId,
    /// Oldest first
    #[arg(long)]
    reverse: bool,
    /// At most so many events, the newest of them
    #[arg(short = 'n', long, value_name = "N")]
    number: Option<usize>,
    /// A line for each event
    #[arg(long)]
    oneline: bool,
    /// Only what is about this product
    #[arg(long, value_name = "PRODUCT")]
    product: Option<Product>,
    /// Only events of this type
    #[arg(long, value_enum, value_name = "TYPE")]
    r#type: Option<Kind>,
    /// Only what was written at or after this time: RFC 3339, a date, or such as '2 hours ago'
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<DateTime>,
    /// Only what was written at or before this time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<DateTime>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The types of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum Kind {
    BasketCreated,
    ItemAdded,
    ItemRemoved,
}

/// An event, as JSON has it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    basket: String,
    version: u64,
    r#type: &'static str,
    data: Document,
    recorded_at: String,
    actor: Option<String>,
    reason: Option<String>,
    correlation: Option<String>,
    causation: Option<String>,
    undoes: Option<[u64; 2]>,
    commit: String,
    document: String,
}

impl From<&Entry<Baskets>> for Told {
    fn from(entry: &Entry<Baskets>) -> Self {
        let (r#type, data) = Baskets::encode(&entry.event);
        let meta = entry.meta.clone();
        Self {
            basket: entry.stream.to_string(),
            version: entry.version,
            r#type,
            data,
            recorded_at: time::utc(entry.recorded_at),
            actor: meta.actor,
            reason: meta.reason,
            correlation: meta.correlation,
            causation: meta.causation,
            undoes: meta.undoes.map(|versions| [*versions.start(), *versions.end()]),
            commit: entry.commit.to_hex(),
            document: entry.document.to_hex(),
        }
    }
}

/// What an event did, in words.
pub(crate) fn in_words(event: &BasketEvent) -> String {
    match event {
        BasketEvent::BasketCreated { .. } => "created the basket".into(),
        BasketEvent::ItemAdded { product, qty, .. } => format!("added {qty} of '{product}'"),
        BasketEvent::ItemRemoved { product, .. } => format!("removed '{product}'"),
    }
}

/// Several events in words, in the order in which they happened.
pub(super) fn all_in_words(events: &[BasketEvent]) -> String {
    events.iter().map(in_words).collect::<Vec<_>>().join(", ")
}

impl Log {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let scope =
            if self.reverse && self.number.is_none() { Scope::From(self.id, 1) } else { Scope::NewestFirst(self.id) };
        let mut entries = pin!(store.log(scope));
        let mut next = entries.try_next().await?;
        if next.is_none() {
            return Err(store.not_found(&self.id).into());
        }
        let mut output = Output::list(self.format)?;
        let (mut shown, mut commit, mut newest) = (0, None, VecDeque::new());
        let (mut before, mut gap) = (None::<u64>, false);
        while self.number.is_none_or(|number| shown < number) {
            let Some(entry) = next else { break };
            gap |= before.is_some_and(|before| before.abs_diff(entry.version) != 1);
            before = Some(entry.version);
            if self.wants(&entry) {
                shown += 1;
                if self.reverse && self.number.is_some() {
                    newest.push_front(entry);
                } else {
                    self.show(&mut output, &entry, &mut commit)?;
                }
            }
            next = entries.try_next().await?;
        }
        newest.iter().try_for_each(|entry| self.show(&mut output, entry, &mut commit))?;
        output.finish()?;
        if gap {
            exit::note("versions are missing between these, or are there twice; `basket verify` names what is off");
        }
        Ok(())
    }

    fn wants(&self, entry: &Entry<Baskets>) -> bool {
        let kind = match entry.event {
            BasketEvent::BasketCreated { .. } => Kind::BasketCreated,
            BasketEvent::ItemAdded { .. } => Kind::ItemAdded,
            BasketEvent::ItemRemoved { .. } => Kind::ItemRemoved,
        };
        self.r#type.is_none_or(|wanted| wanted == kind)
            && self.product.as_ref().is_none_or(|product| entry.event.product() == Some(product))
            && self.since.is_none_or(|since| entry.recorded_at >= since)
            && self.until.is_none_or(|until| entry.recorded_at <= until)
    }

    /// Events of one commit stand together under one heading.
    fn show(&self, output: &mut Output, entry: &Entry<Baskets>, before: &mut Option<CommitId>) -> io::Result<()> {
        output.show(&Told::from(entry), |out| {
            if self.oneline {
                return one_line(out, entry);
            }
            if *before != Some(entry.commit) {
                heading(out, entry, before.is_some())?;
                *before = Some(entry.commit);
            }
            writeln!(out, "    {:>4}  {}", entry.version, in_words(&entry.event))
        })
    }
}

fn heading(out: &mut Lines<'_>, entry: &Entry<Baskets>, again: bool) -> io::Result<()> {
    if again {
        writeln!(out)?;
    }
    writeln!(out, "{YELLOW}commit {}{YELLOW:#}", entry.commit)?;
    if let Some(actor) = &entry.meta.actor {
        writeln!(out, "by     {}", plain(actor))?;
    }
    writeln!(out, "at     {}\n", time::local(entry.recorded_at))?;
    for line in entry.meta.reason.iter().flat_map(|reason| reason.lines()) {
        writeln!(out, "    {}", plain(line))?;
    }
    if entry.meta.reason.is_some() { writeln!(out) } else { Ok(()) }
}

/// An event in one line: version, time, actor, what it did, why.
pub(super) fn one_line(out: &mut Lines<'_>, entry: &Entry<Baskets>) -> io::Result<()> {
    let actor = plain(entry.meta.actor.as_deref().unwrap_or("-"));
    write!(
        out,
        "{YELLOW}{:>4}{YELLOW:#}  {}  {actor}  {}",
        entry.version,
        time::local(entry.recorded_at),
        in_words(&entry.event)
    )?;
    match entry.meta.reason.as_deref().and_then(|reason| reason.lines().next()) {
        Some(reason) => writeln!(out, "  ({})", plain(reason)),
        None => writeln!(out),
    }
}
