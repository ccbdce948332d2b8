//! What if, and undo, for any aggregate that is [`Reversible`] in any store: the history is replayed without some of its
//! events, and new ones lead to where the aggregate would be. `basket what-if`, `revert` and `restore` call it.

use std::{fmt::Display, future::Future, ops::RangeInclusive, pin::pin};

use basket_domain::{CantRevert, Reversible, WhatIf};
use futures_util::TryStreamExt;

use crate::{
    Codec, CommitId, EventLog, Expected, Meta, Moment, StoreError,
    codec::{Event, Id},
    event_store::{MAX_ATTEMPTS, pause},
};

/// Why something was not undone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevertError<R> {
    /// The aggregate can't undo it; nothing changed.
    #[error(transparent)]
    CantRevert(CantRevert<R>),
    /// It was undone before, and doing so twice would do too much. What was undone last, of it or of its undoing, is what
    /// can be gone back on.
    #[error("version {version} has been undone before; to go back on that, revert {}", versions(.by))]
    AlreadyReverted {
        /// What was to be undone.
        version: u64,
        /// The newest events that undid it, or undid its undoing.
        by: RangeInclusive<u64>,
    },
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What would undo something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan<E> {
    /// The version that it was decided on, which the events would follow.
    pub head: u64,
    /// The versions whose effect the events undo.
    pub undoes: RangeInclusive<u64>,
    /// The events; none, where the effect is gone already.
    pub events: Vec<E>,
}

/// Undo, by new events: every [`EventLog`] of a [`Reversible`] aggregate has it.
///
/// The history stays, and what came later stays in force. The events are one commit, and [`Meta::undoes`] says of them
/// what they undo. Where another writer came first, it looks at the new history and decides afresh.
pub trait Revert<C: Codec<Aggregate: Reversible<Refusal: Display + Send + Sync>>>: EventLog<C> {
    /// The history of a stream as it was, and as it would have been without the versions in these ranges.
    ///
    /// # Errors
    /// [`StoreError::NoSuchVersion`] where a range goes beyond the stream; otherwise as [`history`](EventLog::history).
    fn what_if(
        &self,
        id: &Id<C>,
        without: &[RangeInclusive<u64>],
    ) -> impl Future<Output = Result<WhatIf<C::Aggregate>, StoreError>> + Send {
        async move { Ok(replay(self, id, without).await?.what_if) }
    }

    /// What a [`revert`](Self::revert) would append.
    ///
    /// # Errors
    /// As [`revert`](Self::revert).
    fn plan_revert(
        &self,
        id: &Id<C>,
        versions: RangeInclusive<u64>,
    ) -> impl Future<Output = Result<Plan<Event<C>>, RevertError<Refusal<C>>>> + Send {
        async move {
            let Replay { what_if, undone } = replay(self, id, std::slice::from_ref(&versions)).await?;
            let head = what_if.version();
            match undone {
                Some((version, by)) => Err(RevertError::AlreadyReverted { version, by }),
                None => {
                    let events = what_if.revert().map_err(RevertError::CantRevert)?;
                    Ok(Plan { head, undoes: versions, events })
                }
            }
        }
    }

    /// Undoes the effect of some versions. Returns what was appended.
    ///
    /// # Errors
    /// [`CantRevert`] names the later event that stands in the way; [`RevertError::AlreadyReverted`];
    /// [`StoreError::Conflict`] after [`MAX_ATTEMPTS`].
    fn revert(
        &self,
        id: &Id<C>,
        versions: RangeInclusive<u64>,
    ) -> impl Future<Output = Result<Plan<Event<C>>, RevertError<Refusal<C>>>> + Send {
        async move { carry_out(self, id, || self.plan_revert(id, versions.clone())).await }
    }

    /// What a [`restore`](Self::restore) would append.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    fn plan_restore(
        &self,
        id: &Id<C>,
        moment: Moment,
    ) -> impl Future<Output = Result<Plan<Event<C>>, RevertError<Refusal<C>>>> + Send {
        async move {
            let target = self.past(id, moment).await?.root;
            let now = self.get(id).await?;
            let events = now.state().lead_to(target.state());
            let events = events.map_err(|refusal| RevertError::CantRevert(CantRevert::Refused(refusal)))?;
            Ok(Plan { head: now.version(), undoes: target.version() + 1..=now.version(), events })
        }
    }

    /// Brings an aggregate back to the state that it had at a moment. Returns what was appended.
    ///
    /// # Errors
    /// Those of [`past`](EventLog::past); [`CantRevert::Refused`]; [`StoreError::Conflict`] after [`MAX_ATTEMPTS`].
    fn restore(
        &self,
        id: &Id<C>,
        moment: Moment,
    ) -> impl Future<Output = Result<Plan<Event<C>>, RevertError<Refusal<C>>>> + Send {
        async move { carry_out(self, id, || self.plan_restore(id, moment)).await }
    }
}

impl<C: Codec<Aggregate: Reversible<Refusal: Display + Send + Sync>>, S: EventLog<C>> Revert<C> for S {}

/// Why a codec's aggregate refuses a command.
pub type Refusal<C> = <<C as Codec>::Aggregate as Reversible>::Refusal;

/// Appends what is planned; where another writer came first, what is planned then.
async fn carry_out<C, P>(
    store: &impl EventLog<C>,
    id: &Id<C>,
    plan: impl Fn() -> P + Send,
) -> Result<Plan<Event<C>>, RevertError<Refusal<C>>>
where
    C: Codec<Aggregate: Reversible>,
    P: Future<Output = Result<Plan<Event<C>>, RevertError<Refusal<C>>>> + Send,
{
    let mut attempt = 1;
    loop {
        let plan = plan().await?;
        let signed = store.signed(Meta { undoes: Some(plan.undoes.clone()), ..store.meta().clone() });
        match signed.append(id, Expected::Loaded(plan.head), CommitId::new(), &plan.events).await {
            Err(StoreError::Conflict { .. }) if attempt < MAX_ATTEMPTS => tokio::time::sleep(pause(attempt)).await,
            outcome => return outcome.map(|()| plan).map_err(Into::into),
        }
        attempt += 1;
    }
}

struct Replay<A: Reversible> {
    what_if: WhatIf<A>,
    /// The first version that was undone before, and the newest events that did, or that undid these.
    undone: Option<(u64, RangeInclusive<u64>)>,
}

async fn replay<C: Codec<Aggregate: Reversible<Refusal: Send + Sync>>>(
    store: &impl EventLog<C>,
    id: &Id<C>,
    without: &[RangeInclusive<u64>],
) -> Result<Replay<C::Aggregate>, StoreError> {
    let mut history = pin!(store.history(id));
    let mut what_if = WhatIf::without(without.iter().cloned());
    let mut undone: Option<(u64, RangeInclusive<u64>)> = None;
    let mut commit = None;
    while let Some(entry) = history.try_next().await? {
        let version = entry.version;
        if let Some(undoes) = &entry.meta.undoes {
            let first = without.iter().filter_map(|range| meet(range, undoes)).min();
            undone = match (undone, first) {
                // One commit may undo by several events, which are named together.
                (Some((first, by)), _) if commit == Some(entry.commit) && *by.end() + 1 == version => {
                    Some((first, *by.start()..=version))
                }
                (Some((first, by)), None) if meet(&by, undoes).is_some() => Some((first, version..=version)),
                (undone, None) => undone,
                (undone, Some(met)) => Some((undone.map_or(met, |(first, _)| first), version..=version)),
            };
        }
        commit = Some(entry.commit);
        what_if.apply(&entry.event);
    }
    let head = what_if.version();
    match without.iter().flat_map(|range| [range.start(), range.end()]).find(|at| !(1..=head).contains(*at)) {
        Some(asked) => Err(store.no_such_version(id, *asked, head)),
        None => Ok(Replay { what_if, undone }),
    }
}

/// The first version that two ranges have in common.
fn meet(one: &RangeInclusive<u64>, other: &RangeInclusive<u64>) -> Option<u64> {
    let first = *one.start().max(other.start());
    (first <= *one.end().min(other.end())).then_some(first)
}

/// As a person would type them.
fn versions(range: &RangeInclusive<u64>) -> String {
    let (first, last) = (range.start(), range.end());
    if first == last { first.to_string() } else { format!("{first}..{last}") }
}
