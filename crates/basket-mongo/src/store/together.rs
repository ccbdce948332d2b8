//! Decisions across streams: one command appends to several streams, or to none of them, and counts on each being as it was
//! read; and one command counts on the answer to a [`Query`] being as it was read. Both are checked when they are written, in
//! one transaction: to look first and write then is a race that other stores have lost.

use std::{convert::Infallible, future::Future};

use basket_domain::EventSourced;
use bson::Document;
use tokio::time::sleep;

use super::{
    codec::Storable,
    command::{Command, Done, Handled, Loaded, Put, done_before},
    entry::{Commit, EntryOf, LogEntry},
    error::{CommandError, StoreError},
    event_store::{EventStore, Outcome},
    query::Query,
    until::Until,
};

/// What a commit does to one of its streams: appends these events after `version`, which the store has shown, or counts on the
/// stream being there still, if there are none.
#[derive(Debug)]
#[allow(missing_docs, reason = "described above")]
pub struct Part<'a, A: Storable> {
    pub id: &'a A::Id,
    pub version: u64,
    pub events: &'a [A::Event],
}

/// A place in the order of a store's appends, at which a query was answered; only the store knows what it says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Token(pub Document);

/// The answer to a query: what it has found, and the place up to which that is all.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "described above")]
pub struct Answer<A: Storable> {
    pub token: Token,
    pub entries: Vec<LogEntry<A::Id, A::Event>>,
}

/// A store that can append to several streams at once, and only as long as a query's answer stays what it was.
pub trait Together<A: Storable>: EventStore<A> {
    /// The events that a query asks for, those of a stream in order, and their token: both of one moment. A token of another
    /// moment, before or after, would let pass what it should stop.
    ///
    /// # Errors
    /// [`StoreError::NotGuarded`] if the query asks for a type that no append guards.
    fn ask(&self, query: &Query) -> impl Future<Output = Result<Answer<A>, StoreError>> + Send;

    /// Appends one commit to several streams, all of it or nothing; each of them may be there only once. The same commit again,
    /// after the same versions, appends nothing more.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if a stream is not at its version. [`StoreError::Outdated`] if an event that the query asks for
    /// was appended after the token, or, on MongoDB, another one with the same tag: an append may be refused in vain, but never
    /// let pass.
    fn append_together(
        &self,
        commit: &Commit,
        parts: &[Part<'_, A>],
        asked: &[(&Query, &Token)],
    ) -> impl Future<Output = Result<Outcome, StoreError>> + Send;

    /// A command to several streams, to be [run](Command::run): it appends to some of them, and counts on the others being as
    /// they were read. Each of them may be named only once.
    ///
    /// ```
    /// # use basket_domain::{Basket, BasketEvent, Refusal};
    /// # use basket_mongo::{store::together::Together, Baskets, MemoryStore};
    /// # async fn example(baskets: MemoryStore<Baskets>, a: basket_domain::BasketId, b: basket_domain::BasketId)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// let [into, from] = baskets.across([&a, &b]).run(|[into, from]| into.merge(from)).await?;
    /// assert_eq!(into.commit, from.commit);
    /// # Ok(())
    /// # }
    /// ```
    fn across<'a, const N: usize>(&'a self, ids: [&'a A::Id; N]) -> Command<'a, Self, Several<'a, A, N>> {
        Command::new(self, Several(ids))
    }
}

/// The streams of a command.
pub struct Several<'a, A: Storable, const N: usize>([&'a A::Id; N]);

/// The streams of a command, and the query that it is decided on.
pub struct Given<'a, A: Storable, const N: usize>([&'a A::Id; N], Query);

impl<'a, A: Storable, S: Together<A> + ?Sized, const N: usize> Command<'a, S, Several<'a, A, N>> {
    /// Decides also on the events that this query asks for: none is appended until this command is, or it decides again.
    pub fn given(self, query: Query) -> Command<'a, S, Given<'a, A, N>> {
        let Self { store, to: Several(ids), put } = self;
        Command { store, to: Given(ids, query), put }
    }

    /// As the `run` of a command to one stream; the decision is a list of events for each of the streams. What the caller
    /// requires is required of each.
    pub async fn run<R>(
        self,
        decide: impl Fn([&A; N]) -> Result<[Vec<A::Event>; N], R>,
    ) -> Handled<[Done<A>; N], A, R> {
        self.given(Query::default()).run(|states, _| decide(states)).await
    }
}

impl<A: Storable, S: Together<A> + ?Sized, const N: usize> Command<'_, S, Given<'_, A, N>> {
    /// As the `run` of a command to several streams; `decide` also gets the events that the query asks for, those of a stream
    /// in order.
    pub async fn run<R>(
        self,
        decide: impl Fn([&A; N], &[EntryOf<A>]) -> Result<[Vec<A::Event>; N], R>,
    ) -> Handled<[Done<A>; N], A, R> {
        let Self { store, to: Given(ids, query), put } = self;
        let store = Until::new(store, put.within);
        if let Some(twice) = (1..).zip(ids).find_map(|(next, id)| ids.iter().skip(next).find(|other| **other == id)) {
            return Err(put.failed(StoreError::other(store.name(), format!("one command names '{twice}' twice"))));
        }
        for attempt in 1..=put.retries.attempts {
            put.line_up(&store, &ids).await?;
            let answer = match query.is_empty() {
                true => None,
                false => Some(store.ask(&query).await.map_err(|error| put.failed(error))?),
            };
            let roots = match load(&put, &store, ids, attempt).await? {
                Ok(roots) => roots,
                Err(done) => return Ok(done),
            };
            let seen = answer.as_ref().map_or(&[][..], |answer| &answer.entries);
            let decided = decide(roots.each_ref().map(EventSourced::state), seen).map_err(CommandError::Refused)?;
            let parts: Vec<_> = (ids.iter().zip(&roots).zip(&decided))
                .map(|((id, root), events)| Part { id: *id, version: root.version(), events })
                .collect();
            let asked: Vec<_> = answer.iter().map(|answer| (&query, &answer.token)).collect();
            let appended = match decided.iter().all(Vec::is_empty) {
                true => Ok(Outcome::Unchanged),
                false => store.append_together(&put.commit, &parts, &asked).await,
            };
            match appended {
                Ok(Outcome::Before) => {}
                Ok(_) => {
                    let mut decided = decided.into_iter();
                    return Ok(roots.map(|mut root| {
                        let events = decided.next().unwrap_or_default();
                        let outcome = if events.is_empty() { Outcome::Unchanged } else { Outcome::Now };
                        let Ok(_) = root.decide(|_| Ok::<_, Infallible>(events));
                        put.done(outcome, root, attempt)
                    }));
                }
                Err(StoreError::Conflict { .. } | StoreError::Outdated { .. }) => {
                    sleep(put.retries.pause(attempt)).await;
                }
                Err(other) => return Err(put.failed(other)),
            }
        }
        let id = ids.first().map(ToString::to_string).unwrap_or_default();
        Err(CommandError::Contended { id, attempts: put.retries.attempts })
    }
}

/// The streams as they are; or what was done to them, if the command was carried out before.
async fn load<A: Storable, R, const N: usize>(
    put: &Put,
    store: &impl EventStore<A>,
    ids: [&A::Id; N],
    attempt: u32,
) -> Handled<Result<[EventSourced<A>; N], [Done<A>; N]>, A, R> {
    let (mut ready, mut done) = (Vec::with_capacity(N), Vec::with_capacity(N));
    for id in ids {
        match put.load(store, id, attempt).await? {
            Loaded::Ready(root) => ready.push(root),
            Loaded::Done(_) => break,
        }
    }
    if ready.len() == N {
        return Ok(Ok(array(ready)));
    }
    // It was carried out, in all the streams at once; those that were read before that are read again.
    for id in ids {
        done.push(match put.load(store, id, attempt).await? {
            Loaded::Ready(root) => done_before(Vec::new(), root, attempt),
            Loaded::Done(done) => done,
        });
    }
    Ok(Err(array(done)))
}

/// As many as there are streams. It can't panic: `load` has made one for each of the `N` ids, whatever a store returns.
fn array<T, const N: usize>(items: Vec<T>) -> [T; N] {
    items.try_into().unwrap_or_else(|_| unreachable!("one was made for each of the {N} streams"))
}
