//! Streams as people name them: by an id, by the beginning of one, as `@` (the one used last), or, where several are taken, from
//! standard input. An id of a fixed length is never looked up: what names a stream costs nothing unless it is short.

use std::{
    io::{self, Read},
    pin::pin,
};

use anyhow::{Context, Result};
use basket_mongo::{Scope, StoreError};
use futures_util::{Stream, TryStreamExt};

use crate::{
    args::no_hyphen,
    domain::{Domain, Id, what},
    exit::{Failure, USAGE},
    last,
    plain::plain,
    progress,
    store::Store,
};

/// How many streams an ambiguous beginning names.
pub(crate) const NAMED: usize = 10;

/// A stream, as it was typed.
#[derive(Debug, Clone)]
pub(crate) enum Named<I> {
    /// An id that no other one begins with, since all are of its length.
    Whole(I),
    /// An id with which others may begin.
    Id(I),
    /// The beginning of an id, as ids are printed.
    Begins(String),
    /// `@`: the one that was used last.
    Last,
}

/// An argument where several streams are taken.
#[derive(Debug, Clone)]
pub(crate) enum Asked<I> {
    Stream(Named<I>),
    /// `-`: one a line from standard input.
    Stdin,
}

/// Reads an argument that names one stream.
pub(crate) fn stream<D: Domain>(text: &str) -> Result<Named<Id<D>>, String> {
    let text = no_hyphen(text)?;
    if text == "@" {
        return Ok(Named::Last);
    }
    match D::parse_id(text) {
        Ok(id) if can_go_on::<D>(text) => Ok(Named::Id(id)),
        Ok(id) => Ok(Named::Whole(id)),
        Err(why) => beginning::<D>(text).map(Named::Begins).ok_or(why),
    }
}

/// Reads one of several arguments that name streams.
pub(crate) fn streams<D: Domain>(text: &str) -> Result<Asked<Id<D>>, String> {
    if text.trim() == "-" { Ok(Asked::Stdin) } else { stream::<D>(text).map(Asked::Stream) }
}

/// Whether a longer text is an id, too.
fn can_go_on<D: Domain>(text: &str) -> bool {
    let longer = text.chars().next_back().map(|last| format!("{text}{last}"));
    longer.is_some_and(|longer| D::parse_id(&longer).is_ok())
}

/// The beginning of an id as it is printed; none where no id begins so: then the rest of another id makes none of it.
fn beginning<D: Domain>(text: &str) -> Option<String> {
    let length = text.chars().count();
    let whole: String = text.chars().chain(D::EXAMPLE_ID.chars().skip(length)).collect();
    let printed = D::parse_id(&whole).ok().filter(|_| length > 0)?.to_string();
    Some(printed.chars().take(length).collect())
}

/// The id of the stream that is meant. Whether a whole id is there, the command finds out.
pub(crate) async fn find<D: Domain>(store: &impl Store<D>, named: &Named<Id<D>>) -> Result<Id<D>> {
    let (text, id) = match named {
        Named::Whole(id) => return Ok(id.clone()),
        Named::Last => {
            let none = || {
                let what = what::<D>();
                let why = format!(
                    "'@' is the {what} that was used last, and none of {} was used yet; name one",
                    store.name()
                );
                Failure(USAGE, why)
            };
            return Ok(last::used::<D>(store.name()).ok_or_else(none)?);
        }
        // All begin with nothing.
        Named::Id(id) if id.to_string().is_empty() || is_there(store, id).await? => return Ok(id.clone()),
        Named::Id(id) => (id.to_string(), Some(id)),
        Named::Begins(text) => (text.clone(), None),
    };
    let mut found = Found::default();
    found.look(&text, store.ids()).await?;
    if found.count == 0 {
        // What can't be asked adds nothing to the error that there is.
        let moved = store.archives().map_ok(|(id, _)| id);
        found.look(&text, moved).await.ok();
    }
    let Found { mut ids, count } = found;
    match (ids.pop(), count) {
        (Some(only), 1) => Ok(only),
        (None, _) => {
            let nothing = || StoreError::NotFound { what: what::<D>(), id: text, store: store.name().to_owned() };
            Ok(id.cloned().ok_or_else(nothing)?)
        }
        (Some(last), _) => {
            ids.push(last);
            Err(ambiguous(&text, count, "ids", &ids).into())
        }
    }
}

/// The same where a stream need not be named.
pub(crate) async fn find_if_named<D: Domain>(
    store: &impl Store<D>,
    named: Option<&Named<Id<D>>>,
) -> Result<Option<Id<D>>> {
    match named {
        Some(named) => find(store, named).await.map(Some),
        None => Ok(None),
    }
}

/// What is said where a beginning is that of several; `first` are some of them.
pub(crate) fn ambiguous(text: &str, count: usize, of: &str, first: &[impl ToString]) -> Failure {
    let named: Vec<_> = first.iter().map(ToString::to_string).collect();
    let more = if count > first.len() { format!(" and {} more", count - first.len()) } else { String::new() };
    Failure(USAGE, format!("'{text}' is the beginning of {count} {of}: {}{more}; type more of it", named.join(", ")))
}

/// The ids of all the streams that are meant; the first that is none ends it. Where some were asked for, some are returned:
/// none would mean all streams to many a command.
pub(crate) async fn find_all<D: Domain>(store: &impl Store<D>, asked: &[Asked<Id<D>>]) -> Result<Vec<Id<D>>> {
    let mut ids = Vec::new();
    for named in read::<D>(asked)? {
        ids.push(find(store, &named).await?);
    }
    if ids.is_empty() && !asked.is_empty() {
        return Err(Failure(USAGE, format!("standard input names no {}", what::<D>())).into());
    }
    Ok(ids)
}

/// Whether there may be several of them.
pub(crate) fn are_several<I>(asked: &[Asked<I>]) -> bool {
    !matches!(asked, [] | [Asked::Stream(_)])
}

/// The streams that are asked for, with those of standard input.
pub(crate) fn read<D: Domain>(asked: &[Asked<Id<D>>]) -> Result<Vec<Named<Id<D>>>> {
    let mut all = Vec::new();
    for one in asked {
        match one {
            Asked::Stream(named) => all.push(named.clone()),
            Asked::Stdin => {
                let mut text = String::new();
                io::stdin().read_to_string(&mut text).context("standard input can't be read")?;
                for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                    let wrong = |why| {
                        let line = plain(line).into_owned();
                        Failure(USAGE, format!("line {} of standard input, '{line}', names nothing: {why}", at + 1))
                    };
                    all.push(stream::<D>(line.trim()).map_err(wrong)?);
                }
            }
        }
    }
    Ok(all)
}

async fn is_there<D: Domain>(store: &impl Store<D>, id: &Id<D>) -> Result<bool, StoreError> {
    let any = pin!(store.documents(Scope::NewestFirst(id.clone()))).try_next().await?;
    Ok(any.is_some() || store.archived(id).await.is_ok_and(|moved| moved.is_some()))
}

/// The streams whose ids begin so.
struct Found<I> {
    /// The first of them.
    ids: Vec<I>,
    count: usize,
}

impl<I> Default for Found<I> {
    fn default() -> Self {
        Self { ids: Vec::new(), count: 0 }
    }
}

impl<I: ToString> Found<I> {
    async fn look(&mut self, text: &str, ids: impl Stream<Item = Result<I, StoreError>>) -> Result<(), StoreError> {
        let (mut ids, bar) = (pin!(ids), progress::counter("ids"));
        while let Some(id) = ids.try_next().await? {
            bar.inc(1);
            if id.to_string().starts_with(text) {
                self.count += 1;
                if self.ids.len() < NAMED {
                    self.ids.push(id);
                }
            }
        }
        bar.finish_and_clear();
        Ok(())
    }
}
