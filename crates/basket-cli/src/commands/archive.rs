//! `archive`: moves streams that have ended to a file, from which `import` brings them back. And what the other commands say of a
//! stream that is not there: where it was moved to, if it was.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, ErrorKind, Write},
    path::{self, Path, PathBuf},
    pin::pin,
    time::Duration,
};

use anyhow::{Context, Result};
use basket_mongo::{
    CommandError, EventLog, Scope, StoreError,
    store::{
        archive::Archived,
        document::RecordedEvent,
        exchange::{Export, Foreign, Import, Line},
    },
};
use bson::{DateTime, RawDocument};
use futures_util::TryStreamExt;

use crate::{
    args::{Dates, age},
    domain::{Domain, Id, what},
    exit::{self, Failure, NOT_FOUND, REFUSED, USAGE},
    help::PROGRAM,
    named::{Asked, find_all, streams},
    output::{Fields, Form, Output, json},
    plain::plain,
    store::{Store, must_exist},
    time,
};

/// Move {streams} that have ended to a file; `{program} import` brings them back
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} archive {id} --to old.ndjson --idle 0\n  \
                        {program} archive --list\n\n\
                        The file is an export: it is written, synced and read back before an event is deleted, and no\n\
                        file is ever overwritten. A {stream} that was moved is in no list and no report; `{program} get` and\n\
                        the others say in which file it is. Read models keep its row until they are rebuilt, and count\n\
                        its events: so they can't say well how far behind they are. Move only {streams} that are not\n\
                        written to any more: that is what --idle is for.")]
pub struct Archive<D: Domain> {
    /// The {streams}: their ids, such as {id}, or - for those of standard input
    #[arg(value_name = "ID", value_parser = streams::<D>, required_unless_present = "list", conflicts_with = "list")]
    ids: Vec<Asked<Id<D>>>,
    /// A new file for them
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    to: Option<PathBuf>,
    /// Only if nothing has happened to them for so long: seconds, or such as 90m or 7d
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = age)]
    idle: Duration,
    /// Print which {streams} were moved, and where
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    dates: Dates,
    #[command(flatten)]
    form: Form,
}

impl<D: Domain> Archive<D> {
    pub(super) async fn run(mut self, store: &impl Store<D>) -> Result<()> {
        self.form.has(if self.list { &["id", "events", "file", "at"] } else { &["id", "events", "file"] })?;
        must_exist(store).await?;
        let Some(to) = self.to.take().filter(|_| !self.list) else { return self.list(store).await };
        let mut ids = find_all(store, &self.ids).await?;
        ids.sort_unstable();
        ids.dedup();
        // Who reads the note may be in another folder.
        let to = path::absolute(&to)?;
        let Some(name) = to.to_str() else {
            return Err(Failure(USAGE, format!("{} is not valid UTF-8, so no note could name it", to.display())).into());
        };
        all_have_read(store).await?;
        let file = File::create_new(&to).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                Failure(USAGE, format!("'{name}' is there already, and is not overwritten; name a new file"))
            }
            _ => Failure(USAGE, format!("'{name}' can't be made: {error}")),
        })?;
        let lengths = self.write(store, &ids, file, &to).await.inspect_err(|_| drop(fs::remove_file(&to)));
        let lengths = lengths.with_context(|| format!("nothing was moved to '{name}'"))?;
        let mut output = Output::live(&self.form)?;
        for (id, events) in lengths {
            let to = Archived { file: name.to_owned(), events, at: DateTime::now() };
            match (store.archive(&id, &to).await, store.archived(&id).await?) {
                (Ok(()), _) => {}
                (Err(StoreError::Conflict { found: 0, .. }), Some(before)) => {
                    return Err(is_archived::<D>(&id, &before).into());
                }
                (Err(StoreError::Conflict { .. }), _) => {
                    let what = what::<D>();
                    let why =
                        format!("{what} '{id}' was changed meanwhile, and stays; what was moved before is in '{name}'");
                    return Err(Failure(REFUSED, why).into());
                }
                (Err(error), _) => return Err(error.into()),
            }
            store.drop_snapshots(Some(&id)).await?;
            let id = id.to_string();
            let record = Fields(vec![("id", json(&id)), ("events", json(&events)), ("file", json(&name))]);
            output
                .show(&record, |out| writeln!(out, "moved '{}' to '{}': {events} events", plain(&id), plain(name)))?;
        }
        output.finish()?;
        if store.feeds().await?.iter().any(|feed| feed.events > 0) {
            exit::note(&format!(
                "read models have their rows still, and can't say well how far behind they are; `{PROGRAM} rebuild` mends both"
            ));
        }
        Ok(())
    }

    async fn list(&self, store: &impl Store<D>) -> Result<()> {
        let (mut archives, mut output) = (pin!(store.archives()), Output::list(&self.form)?);
        let mut none = true;
        while let Some((id, Archived { file, events, at })) = archives.try_next().await? {
            let id = id.to_string();
            let record =
                vec![("id", json(&id)), ("events", json(&events)), ("file", json(&file)), ("at", json(&time::utc(at)))];
            output.show(&Fields(record), |out| {
                writeln!(out, "{}  {events} events  {}  {}", plain(&id), self.dates.date.of(at), plain(&file))
            })?;
            none = false;
        }
        output.finish()?;
        if none && self.form.is_text() {
            exit::note(&format!("no {} was moved to a file", what::<D>()));
        }
        Ok(())
    }

    /// Writes the file, and returns how many events each stream has. All of it is on the disk then.
    async fn write(&self, store: &impl EventLog<D>, ids: &[Id<D>], file: File, to: &Path) -> Result<Vec<(Id<D>, u64)>> {
        let mut out = BufWriter::new(file);
        let (mut lines, mut lengths, mut foreign) = (Export::<D>::default(), Vec::new(), Foreign::default());
        writeln!(out, "{}", lines.header())?;
        for id in ids {
            let (mut documents, mut events, mut newest) = (pin!(store.documents(Scope::From(id.clone(), 1))), 0, None);
            while let Some(document) = documents.try_next().await? {
                writeln!(out, "{}", lines.line(&document)?)?;
                foreign.count::<D>(&document);
                must_not_be_asked_for::<D>(id, &document)?;
                events += 1;
                newest = document.get_datetime("recorded_at").ok().or(newest);
            }
            let since = newest.map(|at| DateTime::now().timestamp_millis().saturating_sub(at.timestamp_millis()));
            match since {
                _ if events == 0 => return Err(StoreError::not_found::<D>(store.name(), id).into()),
                Some(since) if u128::try_from(since).unwrap_or(0) < self.idle.as_millis() => {
                    let (what, idle) = (what::<D>(), time::lasting(self.idle));
                    let why = format!(
                        "something has happened to {what} '{id}' within the last {idle}; wait, or lower --idle"
                    );
                    return Err(Failure(REFUSED, why).into());
                }
                _ => lengths.push((id.clone(), events)),
            }
        }
        if let Some((field, events)) = foreign.0.first_key_value() {
            let why =
                format!("the field '{field}' of {events} events is none that an export carries, and would be lost");
            return Err(Failure(REFUSED, why).into());
        }
        writeln!(out, "{}", lines.end())?;
        out.into_inner().map_err(|error| error.into_error())?.sync_all()?;
        read_back::<D>(to).context("it can't be read back")?;
        // The name of the file is on the disk, too.
        #[cfg(unix)]
        File::open(to.parent().unwrap_or(to))?.sync_all()?;
        Ok(lengths)
    }
}

/// Fails if decisions about other streams may rest on an event: they would be made as if it had never happened.
fn must_not_be_asked_for<D: Domain>(id: &Id<D>, document: &RawDocument) -> Result<(), Failure> {
    let has_tags = document.get_array("tags").is_ok_and(|tags| tags.into_iter().next().is_some());
    if !has_tags && !document.get_str("type").is_ok_and(|kind| D::GUARDED.contains(&kind)) {
        return Ok(());
    }
    let (what, kind) = (what::<D>(), document.get_str("type").unwrap_or_default());
    let why = format!("{what} '{id}' has a {kind}, which decisions about other {what}s look for; so it stays");
    Err(Failure(REFUSED, why))
}

/// Fails while a reader has not read all: what is moved is not shown to it any more.
async fn all_have_read<D: Domain>(store: &impl Store<D>) -> Result<()> {
    let behind = store.feeds().await?.into_iter().find(|feed| feed.behind > 0);
    behind.map_or(Ok(()), |feed| {
        let (name, behind) = (feed.rows.feed, feed.behind);
        let why = format!(
            "the feed '{name}' is {behind} events behind, and would not see what is moved; let it read them first, or \
             `{PROGRAM} feed forget {name}`"
        );
        Err(Failure(REFUSED, why).into())
    })
}

/// Fails unless the whole file can be imported.
fn read_back<D: Domain>(file: &Path) -> Result<()> {
    let mut lines = Import::<D>::default();
    for line in BufReader::new(File::open(file)?).lines() {
        match lines.line(&line?)? {
            Line::Begin | Line::End | Line::Blank | Line::Event(..) => {}
        }
    }
    Ok(lines.end()?)
}

/// The error of a command; where it is that a stream is not there, and it was moved, it says where to.
pub(super) async fn or_archived<D: Domain>(store: &impl Store<D>, done: Result<()>) -> Result<()> {
    let Err(error) = done else { return Ok(()) };
    let not_found = match (error.downcast_ref::<StoreError>(), error.downcast_ref::<exit::Changing>()) {
        (Some(StoreError::NotFound { id, .. }), _) => Some(id),
        (_, Some(CommandError::Store { error: StoreError::NotFound { id, .. }, .. })) => Some(id),
        _ => None,
    };
    let Some(id) = not_found.and_then(|id| D::parse_id(id).ok()) else { return Err(error) };
    // What can't be asked adds nothing to the error that there is.
    match store.archived(&id).await {
        Ok(Some(archived)) => Err(is_archived::<D>(&id, &archived).into()),
        _ => Err(error),
    }
}

pub(super) fn is_archived<D: Domain>(id: &Id<D>, Archived { file, events, at }: &Archived) -> Failure {
    let (what, at) = (what::<D>(), time::local(*at));
    let why = format!(
        "{what} '{id}' was moved to the file '{file}' at {at}, with {events} events; `{PROGRAM} import` brings it back"
    );
    Failure(NOT_FOUND, why)
}

/// Removes the notes of streams that are whole again.
pub(super) async fn remove_notes<D: Domain>(store: &impl Store<D>) -> Result<(), StoreError> {
    let archives: Vec<_> = store.archives().try_collect().await?;
    for (id, Archived { file, events, .. }) in archives {
        let mut documents = pin!(store.documents(Scope::From(id.clone(), 1)));
        let (mut whole, mut found) = (0, 0);
        while let Some(document) = documents.try_next().await?
            && whole < events
        {
            found += 1;
            whole += u64::from(RecordedEvent::from_document(document.as_ref().into())?.version()? == whole + 1);
        }
        match found {
            0 => {}
            _ if whole == events => drop(store.unarchive(&id).await?),
            _ => exit::note(&format!(
                "of {} '{id}', {whole} of {events} events are here; the others are in the file '{file}', to be imported",
                what::<D>()
            )),
        }
    }
    Ok(())
}
