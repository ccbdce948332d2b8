//! `show`: one event, or the events of one commit, with all that is kept beside them, and the rows that each has changed.

use std::{collections::BTreeMap, io, pin::pin};

use anyhow::Result;
use basket_domain::Aggregate;
use basket_mongo::{CommitId, Entry, Scope, StoreError, store::document::read_entry};
use futures_util::TryStreamExt;
use serde::Serialize;

use super::{
    diff::{changes_json, write_changes},
    log::{EventJson, event_fields, event_json},
};
use crate::{
    args::{Dates, no_hyphen, version},
    domain::{Change, Domain, Id, changes, what},
    exit::{Failure, NOT_FOUND},
    help::PROGRAM,
    last,
    named::{NAMED, Named, ambiguous, find, stream},
    output::{Fields, Form, Output, Text, YELLOW},
    plain::{padded, plain},
    progress,
    secrets::{Secrets, Shown},
    store::Store,
    time::Date,
};

/// Show one event or one commit: all that is kept of it, and what it has changed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A commit or an _id is looked for in all events, since no store has an index for them; ID@VERSION reads
one {stream}. `{program} log` prints the ids of commits, and with --format json those of documents.

Examples:
  {program} show {id}@2
  {program} show @@2
  {program} show {id}@2 --format json")]
pub struct Show<D: Domain> {
    /// The event: ID@VERSION, where the ID may be short or @, or its _id of 24 digits; or a commit: its id, or the beginning of it
    #[arg(value_name = "EVENT", value_parser = event::<D>)]
    event: Wanted<Id<D>>,
    #[command(flatten)]
    dates: Dates,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Clone)]
enum Wanted<I> {
    Version(Named<I>, u64),
    /// The id of a document or of a commit, or the beginning of that of a commit.
    Digits(String),
}

fn event<D: Domain>(text: &str) -> Result<Wanted<Id<D>>, String> {
    if let Some((id, number)) = no_hyphen(text)?.rsplit_once('@') {
        let number = version(number)?;
        return Ok(Wanted::Version(stream::<D>(id)?, number));
    }
    match (1..=24).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        true => Ok(Wanted::Digits(text.to_ascii_lowercase())),
        false => Err(format!(
            "an event is ID@VERSION, such as {}@3, or the _id of its document, 24 digits; a commit is its id, or the \
                     beginning of it",
            D::EXAMPLE_ID
        )),
    }
}

/// An event and the rows that it has changed.
#[derive(Serialize)]
struct ShowJson {
    #[serde(flatten)]
    event: EventJson,
    changes: Vec<Fields<'static>>,
}

impl<D: Domain> Show<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        self.form.has(&event_fields::<D>(&["changes"]))?;
        let (events, several) = match &self.event {
            Wanted::Version(named, version) => {
                let id = find(store, named).await?;
                last::note::<D>(store.name(), &id);
                (vec![(id, vec![*version])], false)
            }
            Wanted::Digits(digits) => look_for(store, digits).await?,
        };
        let (mut output, mut secrets) = (Output::of(&self.form, several)?, Secrets::of(store)?);
        let mut first = true;
        for (id, versions) in events {
            for (entry, changes) in with_changes(store, &id, &versions).await? {
                let shown = secrets.shown::<D>(entry).await?;
                let record = ShowJson { event: event_json(&shown), changes: changes_json::<D>(&changes) };
                output.show(&record, |out| {
                    if std::mem::take(&mut first) {
                        heading(out, &shown, self.dates.date)?;
                    }
                    write_event(out, &shown, &changes)
                })?;
            }
        }
        Ok(output.finish()?)
    }
}

/// The events of a commit, or the one with this `_id`, by their streams; and whether it is a commit.
async fn look_for<D: Domain>(store: &impl Store<D>, digits: &str) -> Result<(Vec<(Id<D>, Vec<u64>)>, bool)> {
    let bar = progress::bar(store.count().await?, "events");
    let (mut documents, mut commits) =
        (pin!(store.documents(Scope::All)), BTreeMap::<CommitId, Vec<(Id<D>, Vec<u64>)>>::new());
    while let Some(document) = documents.try_next().await? {
        bar.inc(1);
        let is_it = document.get_object_id("_id").is_ok_and(|id| id.to_hex() == digits);
        let commit = document.get_object_id("commit").ok().filter(|commit| commit.to_hex().starts_with(digits));
        if !is_it && commit.is_none() {
            continue;
        }
        let Entry::<D> { stream, version, .. } = read_entry::<D>(&document)?;
        if is_it {
            return Ok((vec![(stream, vec![version])], false));
        }
        let Some(commit) = commit else { continue };
        let streams = commits.entry(commit).or_default();
        match streams.last_mut() {
            Some((last, versions)) if *last == stream => versions.push(version),
            _ => streams.push((stream, vec![version])),
        }
    }
    bar.finish_and_clear();
    let ids: Vec<_> = commits.keys().take(NAMED).map(|commit| commit.to_hex()).collect();
    match (commits.len(), commits.pop_first()) {
        (1, Some((_, events))) => Ok((events, true)),
        (0, _) | (_, None) => {
            let name = store.name();
            let why = format!(
                "no commit in {name} begins with '{digits}', and no event has it as its _id; an event of a {} is \
                               ID@VERSION, and `{PROGRAM} log` prints the ids of commits",
                what::<D>()
            );
            Err(Failure(NOT_FOUND, why).into())
        }
        (count, _) => Err(ambiguous(digits, count, "commits", &ids).into()),
    }
}

/// These events of a stream, and what each has changed.
async fn with_changes<D: Domain>(
    store: &impl Store<D>,
    id: &Id<D>,
    versions: &[u64],
) -> Result<Vec<(Entry<D>, Vec<Change<D::Value>>)>> {
    let (mut found, mut state, mut head) = (Vec::new(), D::Aggregate::default(), 0);
    let mut history = pin!(store.history(id));
    while found.len() < versions.len()
        && let Some(entry) = history.try_next().await?
    {
        head = entry.version;
        if !versions.contains(&head) {
            state.apply(&entry.event);
            continue;
        }
        let before = state.clone();
        state.apply(&entry.event);
        found.push((entry, changes::<D>(&before, &state)));
    }
    let missing = versions.iter().find(|version| **version > head);
    missing.map_or(Ok(found), |asked| Err(StoreError::no_such_version::<D>(id, *asked, head).into()))
}

/// What is kept of the whole commit.
fn heading<D: Domain>(out: &mut Text<'_>, Shown { entry, .. }: &Shown<D>, date: Date) -> io::Result<()> {
    let Entry::<D> { commit, meta, recorded_at, .. } = entry;
    let label = |label| padded(label, 12);
    writeln!(out, "{YELLOW}{}{commit}{YELLOW:#}", label("commit"))?;
    let said = [
        ("by", &meta.actor),
        ("correlation", &meta.correlation),
        ("causation", &meta.causation),
        ("request", &meta.request),
    ];
    for (name, text) in said {
        if let Some(text) = text {
            writeln!(out, "{}{}", label(name), plain(text))?;
        }
    }
    writeln!(out, "{}{}", label("at"), date.of(*recorded_at))?;
    for (name, value) in &meta.headers {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        writeln!(out, "{}{}", label("header"), plain(&format!("{name}={value}")))?;
    }
    if let Some(undoes) = &meta.undoes {
        writeln!(out, "{}{}..{}", label("undoes"), undoes.start(), undoes.end())?;
    }
    for (at, line) in meta.reason.iter().flat_map(|reason| reason.lines().enumerate()) {
        writeln!(out, "{}    {}", if at == 0 { "\n" } else { "" }, plain(line))?;
    }
    Ok(())
}

fn write_event<D: Domain>(
    out: &mut Text<'_>,
    Shown { entry, kind, words, .. }: &Shown<D>,
    changes: &[Change<D::Value>],
) -> io::Result<()> {
    let Entry::<D> { stream, version, document, .. } = entry;
    let (stream, what) = (plain(&stream.to_string()).into_owned(), what::<D>());
    writeln!(out, "\n{YELLOW}{what} {stream}, version {version}{YELLOW:#}: {kind}, _id {document}")?;
    writeln!(out, "{}", plain(words))?;
    write_changes::<D>(out, changes)
}
