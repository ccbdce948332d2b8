//! `log`: what happened to a stream, by whom and why. Newest first, as in `git log`.

use std::{collections::VecDeque, io, pin::pin};

use anyhow::Result;
use basket_mongo::{CommitId, Entry, Scope, StoreError};
use bson::{DateTime, Document};
use clap::builder::PossibleValuesParser;
use futures_util::TryStreamExt;
use serde::Serialize;

use super::each::each;
use crate::{
    args::{These, row},
    domain::{Domain, Id, what},
    exit,
    help::PROGRAM,
    last,
    named::{are_several, read},
    output::{Fields, Output, Text, YELLOW, json},
    plain::plain,
    secrets::{Secrets, Shown},
    store::Store,
    time,
};

/// Show what happened to a {stream}, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} log {id}\n  \
                        {program} log {id} --oneline -n 10\n  \
                        {program} log {id} --{row} socks --since '2 hours ago'\n  \
                        {program} log {id} --reverse --format ndjson")]
pub struct Log<D: Domain> {
    #[command(flatten)]
    these: These<D>,
    /// Oldest first
    #[arg(long)]
    reverse: bool,
    /// At most so many events, the newest of them
    #[arg(short = 'n', long, value_name = "N")]
    number: Option<usize>,
    /// A line for each event
    #[arg(long)]
    oneline: bool,
    /// Only what is about this {row}
    #[arg(long = D::ROW, value_name = "NAME", value_parser = row::<D>)]
    row: Option<String>,
    /// Only events of this type
    #[arg(long, value_name = "TYPE", value_parser = PossibleValuesParser::new(D::TYPES))]
    r#type: Option<String>,
    /// Only what was written at or after this time: RFC 3339, as printed, a date, or such as '2 hours ago'
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<DateTime>,
    /// Only what was written at or before this time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<DateTime>,
}

/// An event in JSON. Its data stand between the other fields, as they are stored.
#[derive(Serialize)]
pub(super) struct EventJson {
    #[serde(flatten)]
    pub(super) before: Fields<'static>,
    pub(super) data: Document,
    #[serde(flatten)]
    pub(super) after: Fields<'static>,
}

pub(super) fn event_json<D: Domain>(Shown { entry, kind, data, .. }: &Shown<D>) -> EventJson {
    let Entry::<D> { document, stream, version, recorded_at, commit, meta, .. } = entry;
    let before =
        Fields(vec![(what::<D>(), json(&stream.to_string())), ("version", json(version)), ("type", json(kind))]);
    let after = Fields(vec![
        ("recorded_at", json(&time::utc(*recorded_at))),
        ("actor", json(&meta.actor)),
        ("reason", json(&meta.reason)),
        ("correlation", json(&meta.correlation)),
        ("causation", json(&meta.causation)),
        ("request", json(&meta.request)),
        ("headers", json(&(!meta.headers.is_empty()).then_some(&meta.headers))),
        ("undoes", json(&meta.undoes.as_ref().map(|versions| [*versions.start(), *versions.end()]))),
        ("commit", json(&commit.to_hex())),
        ("document", json(&document.to_hex())),
    ]);
    EventJson { before, data: data.clone(), after }
}

impl<D: Domain> Log<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        let asked = read::<D>(&self.these.ids)?;
        let (mut output, mut secrets) = (Output::list(self.these.format)?, Secrets::of(store)?);
        let done = each(store, &asked, async |id| self.of_one(store, &mut output, &mut secrets, id).await).await;
        output.finish()?;
        done
    }

    async fn of_one<S: Store<D>>(
        &self,
        store: &S,
        output: &mut Output,
        secrets: &mut Secrets<'_, S>,
        id: Id<D>,
    ) -> Result<()> {
        let oldest_first = self.reverse && self.number.is_none();
        let scope = if oldest_first { Scope::From(id.clone(), 1) } else { Scope::NewestFirst(id.clone()) };
        let mut entries = pin!(store.log(scope));
        let mut next = entries.try_next().await?;
        if next.is_none() {
            return Err(StoreError::not_found::<D>(store.name(), &id).into());
        }
        last::note::<D>(store.name(), &id);
        if are_several(&self.these.ids) {
            output.heading(&format!("{} {id}", what::<D>()))?;
        }
        let (mut shown, mut commit, mut newest) = (0, None, VecDeque::new());
        let (mut before, mut gap) = (None::<u64>, false);
        while self.number.is_none_or(|number| shown < number) {
            let Some(entry) = next else { break };
            gap |= before.is_some_and(|before| before.abs_diff(entry.version) != 1);
            before = Some(entry.version);
            if self.wants(&entry) {
                shown += 1;
                let entry = secrets.shown::<D>(entry).await?;
                if self.reverse && self.number.is_some() {
                    newest.push_front(entry);
                } else {
                    self.show(output, &entry, &mut commit)?;
                }
            }
            next = entries.try_next().await?;
        }
        newest.iter().try_for_each(|entry| self.show(output, entry, &mut commit))?;
        if gap {
            exit::note(&format!(
                "versions are missing between these, or are there twice; `{PROGRAM} verify` names what is off"
            ));
        }
        Ok(())
    }

    fn wants(&self, entry: &Entry<D>) -> bool {
        self.r#type.as_deref().is_none_or(|wanted| wanted == D::encode(&entry.event).0)
            && self.row.as_deref().is_none_or(|row| D::about(&entry.event) == Some(row))
            && self.since.is_none_or(|since| entry.recorded_at >= since)
            && self.until.is_none_or(|until| entry.recorded_at <= until)
    }

    /// Events of one commit stand together under one heading.
    fn show(&self, output: &mut Output, shown: &Shown<D>, before: &mut Option<CommitId>) -> io::Result<()> {
        let Shown { entry, words, .. } = shown;
        output.show(&event_json::<D>(shown), |out| {
            if self.oneline {
                return one_line::<D>(out, shown);
            }
            if *before != Some(entry.commit) {
                heading::<D>(out, entry, before.is_some())?;
                *before = Some(entry.commit);
            }
            writeln!(out, "    {:>4}  {}", entry.version, plain(words))
        })
    }
}

fn heading<D: Domain>(out: &mut Text<'_>, entry: &Entry<D>, again: bool) -> io::Result<()> {
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
pub(super) fn one_line<D: Domain>(out: &mut Text<'_>, Shown { entry, words, .. }: &Shown<D>) -> io::Result<()> {
    let actor = plain(entry.meta.actor.as_deref().unwrap_or("-"));
    let (version, at) = (entry.version, time::local(entry.recorded_at));
    write!(out, "{YELLOW}{version:>4}{YELLOW:#}  {at}  {actor}  {}", plain(words))?;
    match entry.meta.reason.as_deref().and_then(|reason| reason.lines().next()) {
        Some(reason) => writeln!(out, "  ({})", plain(reason)),
        None => writeln!(out),
    }
}
