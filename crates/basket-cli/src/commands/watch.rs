//! `watch`: events as they happen, until it is ended. Its own messages go to standard error, so that a program can read
//! the events from standard output; each is printed as soon as it is known.

use std::{io, pin::pin};

use anyhow::Result;
use basket_mongo::{News, Scope, Since, StoreError};
use futures_util::{
    StreamExt, TryStreamExt,
    future::{Either, select},
};

use super::log::{event_fields, event_json, one_line};
use crate::{
    args::{Dates, version},
    domain::{Domain, Id, what},
    exit::{Failure, UNREADABLE, USAGE, note},
    last,
    named::{Named, find_if_named, stream},
    output::{Form, Output},
    plain::{plain, width},
    secrets::{Secrets, Shown},
    store::Store,
    time,
};

/// Show events as they happen, until Ctrl-C
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} watch\n  \
                        {program} watch {id} --from beginning\n  \
                        {program} watch {id} --from 3 -n 2\n  \
                        {program} watch --from beginning -n 5 --format ndjson\n\n\
                        On MongoDB it waits for a server that is restarted, and neither misses an event then nor shows\n\
                        one twice. A server that is no replica set is read once a second.")]
pub struct Watch<D: Domain> {
    /// The {stream}: its id, such as {id}, the beginning of it, or @ for the one used last; without it, all of them
    #[arg(value_parser = stream::<D>)]
    id: Option<Named<Id<D>>>,
    /// Where to begin: `now`, `beginning`, or with this version of the {stream}
    #[arg(long, value_name = "now|beginning|VERSION", default_value = "now", hide_default_value = true, value_parser = from)]
    from: From,
    /// End after so many events
    #[arg(short = 'n', long, visible_alias = "limit", value_name = "N")]
    number: Option<usize>,
    #[command(flatten)]
    dates: Dates,
    /// Name an event that can't be read on standard error, and go on; otherwise it ends the watch
    #[arg(long)]
    skip_unreadable: bool,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum From {
    Now,
    Beginning,
    Version(u64),
}

fn from(text: &str) -> Result<From, String> {
    match text {
        "now" => Ok(From::Now),
        "beginning" => Ok(From::Beginning),
        _ => version(text).map(From::Version).map_err(|_| "write now, beginning, or a version, from 1".into()),
    }
}

impl<D: Domain> Watch<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        self.form.has(&event_fields::<D>(&[]))?;
        let id = find_if_named(store, self.id.as_ref()).await?;
        let since = match (self.from, id.clone()) {
            (From::Version(version), Some(id)) => Since::Version(id, version),
            (From::Version(_), None) => {
                let stream = what::<D>();
                let why = format!("a version is one of a {stream}: name it, or watch from now or from the beginning");
                return Err(Failure(USAGE, why).into());
            }
            (From::Beginning, id) => Since::Beginning(id),
            (From::Now, id) => Since::Now(id),
        };
        if self.form.is_json() && self.number.is_none() {
            let why = "a watch without an end is no JSON document: say how many events with -n, or use --format ndjson"
                .into();
            return Err(Failure(USAGE, why).into());
        }
        if let Some(id) = &id {
            // Without this check, a mistyped id would be waited for without end.
            let any = pin!(store.documents(Scope::NewestFirst(id.clone()))).try_next().await?;
            any.ok_or_else(|| StoreError::not_found::<D>(store.name(), id))?;
            last::note::<D>(store.name(), id);
        }
        let mut ended = pin!(ended());
        let mut news = pin!(store.tail(since));
        let mut output = Output::live(&self.form)?;
        let (mut shown, mut watching) = (0, false);
        while self.number.is_none_or(|number| shown < number) {
            let next = match select(&mut ended, news.next()).await {
                Either::Right((next, _)) => next.transpose()?,
                Either::Left((ended, _)) => {
                    ended?;
                    break;
                }
            };
            match next {
                Some(News::Event(entry)) => {
                    self.show(&mut output, &Secrets::of(store)?.shown::<D>(entry).await?)?;
                    shown += 1;
                }
                Some(News::Unreadable(unreadable)) if self.skip_unreadable => note(&unreadable.to_string()),
                Some(News::Unreadable(unreadable)) => {
                    let why = format!("{unreadable}; with --skip-unreadable, a watch goes on after it");
                    return Err(Failure(UNREADABLE, why).into());
                }
                Some(News::Watching { .. }) if watching => {
                    note(&format!("{} is back; nothing was missed", store.name()))
                }
                Some(News::Watching { every }) => {
                    watching = true;
                    let what = what::<D>();
                    let what = id.as_ref().map_or(format!("all {what}s"), |id| format!("{what} '{id}'"));
                    let how = every
                        .map(|every| format!(" (a look every {}, since it is no replica set)", time::lasting(every)));
                    note(&format!("watching {what} in {}{}; Ctrl-C ends it", store.name(), how.unwrap_or_default()));
                }
                Some(News::Lost(why)) => note(&format!("{why}; waiting for it")),
                None => break,
            }
        }
        Ok(output.finish()?)
    }

    fn show(&self, output: &mut Output, shown: &Shown<D>) -> io::Result<()> {
        let room = output.room();
        output.show(&event_json::<D>(shown), |out| {
            let stream = match self.id {
                None => format!("{}  ", plain(&shown.entry.stream.to_string())),
                Some(_) => String::new(),
            };
            write!(out, "{stream}")?;
            one_line::<D>(out, shown, self.dates.date, room.map(|room| room.saturating_sub(width(&stream))))
        })?;
        output.flush()
    }
}

/// Ends at Ctrl-C, at the signal that ends a service, and when the reader has gone.
#[cfg(unix)]
pub(super) async fn ended() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (interrupted, terminated) = (pin!(interrupt.recv()), pin!(terminate.recv()));
    let gone = pin!(crate::output::reader_gone());
    select(select(interrupted, terminated), gone).await;
    Ok(())
}

/// Ends at Ctrl-C.
#[cfg(not(unix))]
pub(super) async fn ended() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
