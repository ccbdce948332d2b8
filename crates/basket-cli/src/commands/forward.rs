//! `forward`: sends events to another system, each at least once and in the order of its stream. It is a subscription without a read
//! model: what was taken is kept with the position, and what was not comes again.

mod courier;
mod http;
#[cfg(feature = "kurrentdb")]
mod kurrent;
mod sink;

use std::{marker::PhantomData, mem, time::Duration};

use anyhow::Result;
use basket_mongo::{
    Entry, StoreError,
    store::{
        feed::{Shape, check_name},
        projection::next_name,
        subscription::Options,
    },
};
use sha2::{Digest, Sha256};

use self::{
    courier::{Courier, before_the_end},
    sink::Sink,
};
use super::{turn, watch::ended};
use crate::{
    args::{kind, limit},
    domain::{Domain, Id},
    exit::{Failure, USAGE, note},
    named::{Asked, find_all, streams},
    plain::hex,
    store::{Store, must_exist},
};

/// Send events to another system, until Ctrl-C: CloudEvents over HTTP, or to KurrentDB
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each event is sent at least once, and those of one {stream} in their order. What was taken is kept in
the store: after a restart, a kill or an election it goes on where it was. It may run in several
processes: one works, the others wait until it has been silent for the time of its lease.

http:// and https:// get CloudEvents 1.0 by POST, one in a request, or with --batch several. The
event's `id` and the header `Idempotency-Key` are the same each time, so that a receiver can tell
what it has had. 2xx takes them. 408, 409, 425, 429, 5xx and no answer mean later: it waits, longer
each time up to 30 seconds, or as many seconds as `Retry-After` says. 400, 413 and 422 refuse an
event: the command ends, or with --park goes on without its {stream}. Other answers end it.

kurrentdb:// gets a stream for each {stream}, with the same versions; an event counts once there,
by its id.

`{program} feed` shows how far it has come, and `{program} feed parked NAME` what it has left out.

Examples:
  {program} forward https://example.org/events
  {program} forward https://example.org/events --batch 100 --header 'Authorization: Bearer abc'
  {program} forward https://example.org/events --as warehouse --park
  {program} forward https://example.org/events --as warehouse --once --retry
  {program} forward 'kurrentdb://admin:changeit@example.org:2113?tls=true'")]
pub struct Forward<D: Domain> {
    /// Where they go: http://, https:// or kurrentdb://
    #[arg(value_name = "URL")]
    url: String,
    /// Only the events of these {streams}, or - for those of standard input
    #[arg(value_name = "ID", value_parser = streams::<D>)]
    ids: Vec<Asked<Id<D>>>,
    /// Only events of these types
    #[arg(long = "type", value_name = "TYPE", value_parser = kind::<D>())]
    types: Vec<String>,
    /// The name of its feed; one for each address and choice of events, unless it is given. What a choice leaves out counts as
    /// read: it never comes later under the same name
    #[arg(long = "as", value_name = "NAME", value_parser = name::<D>)]
    name: Option<String>,
    /// Up to so many events in one request
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    batch: Option<u16>,
    /// A header for each request, such as 'Authorization: Bearer abc'; several may be given
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// End once all events were taken; and if there is no answer after six attempts
    #[arg(long)]
    once: bool,
    /// Go on after an event that is refused or can't be read, without its {stream}; otherwise it ends the command
    #[arg(long)]
    park: bool,
    /// First send once more what was parked
    #[arg(long)]
    retry: bool,
    /// After how long without a sign of life another process may take over: seconds, or such as 500ms
    #[arg(long, value_name = "TIME", default_value = "3", value_parser = limit)]
    lease: Duration,
    #[arg(skip)]
    domain: PhantomData<D>,
}

/// There are no rows.
const SHAPE: Shape = Shape { number: 1, indexes: &[] };

/// How many events are read at once: so many may come again after a kill.
const BATCH: usize = 100;

impl<D: Domain> Forward<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        must_exist(store).await?;
        if !self.types.is_empty() && !self.url.starts_with("http") {
            let why = "--type is for http:// and https://; in KurrentDB, versions would be missing";
            return Err(Failure(USAGE, why.into()).into());
        }
        let headers = self.headers.iter().map(|text| header(text)).collect::<Result<Vec<_>>>()?;
        let ids = find_all(store, &self.ids).await?;
        let name = self.name(&ids);
        let options = self.options(&name);
        let mut courier = Courier {
            sink: Sink::at(&self.url, &headers, self.batch.map(usize::from))?,
            to: host(&self.url),
            feed: &name,
            goes_on: self.park,
            gives_up: self.once,
            retries: self.retry,
            ended: Box::pin(ended()),
            taken: 0,
        };
        let mut was_there = false;
        loop {
            let turn = turn::take(store, &name, SHAPE, &options, was_there);
            let Some(reader) = before_the_end(&mut courier.ended, turn).await? else { return Ok(()) };
            let mut reader = reader?.only(|entry| self.wants(&ids, entry));
            if !mem::replace(&mut was_there, true) {
                note(&format!("'{name}' forwards events; Ctrl-C ends it"));
            }
            match courier.forward(&mut reader).await {
                Err(error) if matches!(error.downcast_ref(), Some(StoreError::Fenced { .. })) => {
                    note(&format!("another process has taken over '{name}'"));
                }
                forwarded => {
                    drop(reader);
                    turn::give_back(store, &name, SHAPE, &options).await;
                    let taken = courier.taken;
                    note(&format!("{taken} event{} taken", if taken == 1 { " was" } else { "s were" }));
                    return forwarded;
                }
            }
        }
    }

    /// The name of the feed. It is derived from what would be missed if two of them had one position.
    fn name(&self, ids: &[Id<D>]) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let (scheme, rest) = self.url.split_once("://").unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
        let mut is_of = Sha256::new().chain_update(format!("{scheme}://{host}{path}"));
        let (mut types, mut ids) = (self.types.clone(), ids.to_vec());
        types.sort();
        types.dedup();
        ids.sort();
        ids.dedup();
        types.iter().for_each(|name| is_of.update(format!("\ntype {name}")));
        ids.iter().for_each(|id| is_of.update(format!("\nid {id}")));
        let hash = hex(is_of.finalize().iter().take(4));
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
        let host: String = host.chars().take(28).map(plain).collect();
        format!("to-{host}-{hash}")
    }

    fn options(&self, name: &str) -> Options {
        let batch = BATCH.max(self.batch.unwrap_or(1).into());
        Options { batch, ..turn::options(name, self.park, self.lease) }
    }

    fn wants(&self, ids: &[Id<D>], entry: &Entry<D>) -> bool {
        let is_of = ids.is_empty() || ids.contains(&entry.stream);
        let is_a = |types: &[String]| types.is_empty() || types.iter().any(|name| name == D::encode(&entry.event).0);
        is_of && is_a(&self.types)
    }
}

/// The host of an address; the rest may hold a password.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// A feed's name that is none of a read model.
fn name<D: Domain>(text: &str) -> Result<String, String> {
    check_name(text)?;
    let is_one = |name: &str| name == text || next_name(name) == text;
    match D::projections().iter().any(|projection| is_one(projection.name())) {
        true => Err("this is the name of a read model, or of the next one".into()),
        false => Ok(text.to_owned()),
    }
}

/// A header's name and value. They are not shown if they are wrong: they may be a password.
fn header(text: &str) -> Result<(String, String)> {
    let wrong = || Failure(USAGE, "a --header is NAME: VALUE, such as 'Authorization: Bearer abc'".into());
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
