//! An event as `log`, `watch` and others print it.

use std::{borrow::Cow, io};

use basket_mongo::{CommitId, Entry};
use bson::Document;
use serde::Serialize;

use crate::{
    domain::{Change, Domain, what},
    output::{Fields, GREEN, Output, RED, Text, YELLOW, json},
    plain::{count, cut, padded, plain, width},
    secrets::Shown,
    time::{self, Date},
};

/// An event in JSON. Its data stand between the other fields, as they are stored.
#[derive(Serialize)]
pub(in super::super) struct EventJson {
    #[serde(flatten)]
    pub(in super::super) before: Fields<'static>,
    pub(in super::super) data: Document,
    #[serde(flatten)]
    pub(in super::super) after: Fields<'static>,
}

pub(in super::super) fn event_json<D: Domain>(Shown { entry, kind, data, .. }: &Shown<D>) -> EventJson {
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

/// The fields of an event, with others.
pub(in super::super) fn event_fields<D: Domain>(others: &[&'static str]) -> Vec<&'static str> {
    let after = "recorded_at actor reason correlation causation request headers undoes commit document";
    [what::<D>(), "version", "type", "data"].into_iter().chain(after.split(' ')).chain(others.iter().copied()).collect()
}

/// The events of a log, printed one after the other; those of one commit stand together under one heading.
pub(super) struct Page {
    pub(super) output: Output,
    pub(super) oneline: bool,
    pub(super) date: Date,
    /// The events are of several streams, so each names its own.
    pub(super) across: bool,
    /// The commit whose heading was printed last.
    pub(super) commit: Option<CommitId>,
}

#[derive(Serialize)]
struct LineJson {
    #[serde(flatten)]
    event: EventJson,
    #[serde(flatten)]
    stat: Fields<'static>,
}

impl Page {
    /// Prints an event, with the rows that its commit has changed, if they are asked for.
    pub(super) fn show<D: Domain>(&mut self, shown: &Shown<D>, stat: Option<&[Change<D::Value>]>) -> io::Result<()> {
        let Shown { entry, words, .. } = shown;
        let stat_json = stat.map(|changes| ("commit_changes", json(&super::super::diff::changes_json::<D>(changes))));
        let record = LineJson { event: event_json::<D>(shown), stat: Fields(stat_json.into_iter().collect()) };
        let room = self.output.room();
        self.output.show(&record, |out| {
            let stream = if self.across { format!("{}  ", plain(&entry.stream.to_string())) } else { String::new() };
            if self.oneline {
                write!(out, "{stream}")?;
                return one_line::<D>(out, shown, self.date, room.map(|room| room.saturating_sub(width(&stream))));
            }
            let before = self.commit.replace(entry.commit);
            if before != Some(entry.commit) {
                heading::<D>(out, entry, before.is_some(), self.date)?;
                stat.map_or(Ok(()), |changes| write_stat::<D>(out, changes))?;
            }
            writeln!(out, "    {stream}{:>4}  {}", entry.version, plain(words))
        })
    }
}

/// What a commit comes to, row by row.
fn write_stat<D: Domain>(out: &mut Text<'_>, changes: &[Change<D::Value>]) -> io::Result<()> {
    let names: Vec<_> = changes.iter().map(|change| plain(&change.name)).collect();
    let (columns, none) = (names.iter().map(|name| width(name)).max().unwrap_or_default(), D::Value::default());
    for (name, Change { before, after, .. }) in names.iter().zip(changes) {
        let (name, shown) = (padded(name, columns), |value: &D::Value| plain(&value.to_string()).into_owned());
        match (*before == none, *after == none) {
            (true, _) => writeln!(out, "     {name}  {GREEN}+ {}{GREEN:#}", shown(after)),
            (_, true) => writeln!(out, "     {name}  {RED}- {}{RED:#}", shown(before)),
            _ => writeln!(out, "     {name}  {} → {}", shown(before), shown(after)),
        }?;
    }
    writeln!(out, "     {} changed\n", count(changes.len() as u64, D::ROW))
}

fn heading<D: Domain>(out: &mut Text<'_>, entry: &Entry<D>, again: bool, date: Date) -> io::Result<()> {
    if again {
        writeln!(out)?;
    }
    writeln!(out, "{YELLOW}commit {}{YELLOW:#}", entry.commit)?;
    if let Some(actor) = &entry.meta.actor {
        writeln!(out, "by     {}", plain(actor))?;
    }
    writeln!(out, "at     {}\n", date.of(entry.recorded_at))?;
    for line in entry.meta.reason.iter().flat_map(|reason| reason.lines()) {
        writeln!(out, "    {}", plain(line))?;
    }
    if entry.meta.reason.is_some() { writeln!(out) } else { Ok(()) }
}

/// An event in one line: version, time, actor, what it did, why; cut where there is no room for all of it.
pub(in super::super) fn one_line<D: Domain>(
    out: &mut Text<'_>,
    Shown { entry, words, .. }: &Shown<D>,
    date: Date,
    room: Option<usize>,
) -> io::Result<()> {
    let actor = plain(entry.meta.actor.as_deref().unwrap_or("-"));
    let (version, at) = (format!("{:>4}", entry.version), date.of(entry.recorded_at));
    let mut rest = plain(words).into_owned();
    if let Some(reason) = entry.meta.reason.as_deref().and_then(|reason| reason.lines().next()) {
        rest += &format!("  ({})", plain(reason));
    }
    let (actor, rest) = match room {
        None => (actor, rest.into()),
        Some(room) => {
            let actor = actor_in(&actor, room);
            let left = room.saturating_sub(width(&version) + width(&at) + width(&actor) + 6);
            (actor, cut(&rest, left))
        }
    };
    writeln!(out, "{YELLOW}{version}{YELLOW:#}  {at}  {actor}  {rest}")
}

/// An actor's name in a table of so many columns: it leaves room for what was done.
pub(in super::super) fn actor_in(actor: &str, room: usize) -> Cow<'_, str> {
    cut(actor, (room / 4).max(8))
}
