//! `basket watch`: events as they happen, until somebody ends it. What it says of itself goes to standard error, so that
//! a program may read the events from standard output; each of them is out as soon as it is known.

use std::{io, pin::pin};

use anyhow::Result;
use basket_domain::BasketId;
use basket_mongo::{Baskets, Entry, EventLog, News, Scope, Since, Tail};
use futures_util::{
    StreamExt, TryStreamExt,
    future::{Either, select},
};

use super::log::{Told, one_line};
use crate::{
    args::version,
    exit::note,
    output::{Format, Output},
    store::Store,
};

/// Show events as they happen, until Ctrl-C
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket watch\n  \
                        basket watch 5ab69073421aa917e62b4734 --from beginning\n  \
                        basket watch 5ab69073421aa917e62b4734 --from 3 -n 2\n  \
                        basket watch --from beginning -n 5 --format ndjson\n\n\
                        On MongoDB it needs a replica set (`make mongo` starts one), waits for a server that is\n\
                        restarted, and neither misses an event then nor shows one twice.")]
pub struct Watch {
    /// The basket; without it, all of them
    id: Option<BasketId>,
    /// Where to begin: `now`, `beginning`, or with this version of the basket
    #[arg(long, value_name = "now|beginning|VERSION", default_value = "now", hide_default_value = true, value_parser = from)]
    from: From,
    /// End after so many events
    #[arg(short = 'n', long, value_name = "N")]
    number: Option<usize>,
    /// How to print it; `json` is one document, so it needs -n
    #[arg(long, value_enum, default_value_t)]
    format: Format,
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

impl Watch {
    /// Whether the arguments go together.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Self { id: None, from: From::Version(_), .. } => {
                Err("a version is one of a basket: name it, or watch from now or from the beginning")
            }
            Self { format: Format::Json, number: None, .. } => {
                Err("a watch without an end is no JSON document: say how many events with -n, or use --format ndjson")
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn run(self, store: &Store) -> Result<()> {
        if let Some(id) = &self.id {
            // A typing mistake would be waited for until the end of days.
            let any = pin!(store.documents(Scope::NewestFirst(*id))).try_next().await?;
            any.ok_or_else(|| store.not_found(id))?;
        }
        let since = match (self.from, self.id) {
            (From::Version(version), Some(id)) => Since::Version(id, version),
            (From::Beginning, id) => Since::Beginning(id),
            (From::Now | From::Version(_), id) => Since::Now(id),
        };
        let mut ended = pin!(ended());
        let mut news = pin!(store.tail(since));
        let mut output = Output::live(self.format)?;
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
                    self.show(&mut output, &entry)?;
                    shown += 1;
                }
                Some(News::Watching) if watching => note(&format!("{} is back; nothing was missed", store.name())),
                Some(News::Watching) => {
                    watching = true;
                    let what = self.id.map_or("all baskets".into(), |id| format!("basket '{id}'"));
                    note(&format!("watching {what} in {}; Ctrl-C ends it", store.name()));
                }
                Some(News::Lost(why)) => note(&format!("{why}; waiting for it")),
                None => break,
            }
        }
        Ok(output.finish()?)
    }

    fn show(&self, output: &mut Output, entry: &Entry<Baskets>) -> io::Result<()> {
        output.show(&Told::from(entry), |out| {
            if self.id.is_none() {
                write!(out, "{}  ", entry.stream)?;
            }
            one_line(out, entry)
        })?;
        output.flush()
    }
}

/// Ends when nobody wants us any more: at Ctrl-C, at the signal that ends a service, and when the reader has gone.
#[cfg(unix)]
async fn ended() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (interrupted, terminated) = (pin!(interrupt.recv()), pin!(terminate.recv()));
    let gone = pin!(crate::output::reader_gone());
    select(select(interrupted, terminated), gone).await;
    Ok(())
}

/// Ends when nobody wants us any more: at Ctrl-C.
#[cfg(not(unix))]
async fn ended() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
