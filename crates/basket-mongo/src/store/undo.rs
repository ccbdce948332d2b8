//! What if, and undo, for any aggregate that is [`Reversible`] in any store: the history is replayed without some of its
//! events, and new ones lead to the state that it would have. [`EventLog`] has the history.

use std::{fmt::Display, future::Future, ops::RangeInclusive, pin::pin};

use basket_domain::{CantRevert, Reversible, WhatIf};
use futures_util::TryStreamExt;

use super::{
    codec::{Codec, Event, Id},
    entry::{CommitId, Meta},
    error::StoreError,
    event_store::{Expected, MAX_ATTEMPTS, pause},
    log::{EventLog, Moment},
};

/// Why something was not undone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError<R> {
    /// The aggregate can't undo it; nothing changed.
    #[error(transparent)]
    CantRevert(CantRevert<R>),
    /// This `version` was undone before, and doing so twice would do too much. Only the newest undo of it can be reverted:
    /// the events `by`, which undid it, or undid its undoing.
    #[error("version {version} has been undone before; to go back on that, revert {}", versions(.by))]
    #[allow(missing_docs, reason = "described above")]
    AlreadyReverted { version: u64, by: RangeInclusive<u64> },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of planning or carrying out an undo.
type Planned<C> = Result<Plan<Event<C>>, UndoError<Refusal<C>>>;

/// What would undo something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan<E> {
    /// The version that it was decided on, which the events would follow.
    pub head: u64,
    /// The versions whose effect the events undo.
    pub undoes: RangeInclusive<u64>,
    /// The events; none if the effect is gone already.
    pub events: Vec<E>,
}

/// Undo, by new events: every [`EventLog`] of a [`Reversible`] aggregate has it.
///
/// The history stays, and so does what came later. The events are one commit, and their [`Meta::undoes`] says what they
/// undo. If another writer came first, it reads the new history and decides again.
pub trait Undo<C: Codec<Aggregate: Reversible<Refusal: Display + Send + Sync>>>: EventLog<C> {
    /// The history of a stream as it was, and as it would have been without the versions in these ranges. Fails with
    /// [`StoreError::NoSuchVersion`] if a range goes beyond the stream; otherwise as [`history`](EventLog::history).
    fn what_if(
        &self,
        id: &Id<C>,
        without: &[RangeInclusive<u64>],
    ) -> impl Future<Output = Result<WhatIf<C::Aggregate>, StoreError>> + Send {
        async move { Ok(replay(self, id, without).await?.0) }
    }

    /// What a [`revert`](Self::revert) would append, with the same errors.
    fn plan_revert(&self, id: &Id<C>, versions: RangeInclusive<u64>) -> impl Future<Output = Planned<C>> + Send {
        async move {
            let (what_if, undone) = replay(self, id, std::slice::from_ref(&versions)).await?;
            if let Some((version, by)) = undone {
                return Err(UndoError::AlreadyReverted { version, by });
            }
            let (head, events) = (what_if.version(), what_if.revert().map_err(UndoError::CantRevert)?);
            Ok(Plan { head, undoes: versions, events })
        }
    }

    /// Undoes the effect of some versions. Returns what was appended.
    ///
    /// # Errors
    /// [`CantRevert`] names the later event that stands in the way; [`UndoError::AlreadyReverted`];
    /// [`StoreError::Conflict`] after [`MAX_ATTEMPTS`].
    fn revert(&self, id: &Id<C>, versions: RangeInclusive<u64>) -> impl Future<Output = Planned<C>> + Send {
        async move { carry_out(self, id, || self.plan_revert(id, versions.clone())).await }
    }

    /// What a [`restore`](Self::restore) would append, with the same errors.
    fn plan_restore(&self, id: &Id<C>, moment: Moment) -> impl Future<Output = Planned<C>> + Send {
        async move {
            let target = self.past(id, moment).await?.root;
            let now = self.get(id).await?;
            let events = now.state().lead_to(target.state());
            let events = events.map_err(|refusal| UndoError::CantRevert(CantRevert::Refused(refusal)))?;
            Ok(Plan { head: now.version(), undoes: target.version() + 1..=now.version(), events })
        }
    }

    /// Brings an aggregate back to the state that it had at a moment. Returns what was appended.
    ///
    /// # Errors
    /// Those of [`past`](EventLog::past); [`CantRevert::Refused`]; [`StoreError::Conflict`] after [`MAX_ATTEMPTS`].
    fn restore(&self, id: &Id<C>, moment: Moment) -> impl Future<Output = Planned<C>> + Send {
        async move { carry_out(self, id, || self.plan_restore(id, moment)).await }
    }
}

impl<C: Codec<Aggregate: Reversible<Refusal: Display + Send + Sync>>, S: EventLog<C>> Undo<C> for S {}

/// Why a codec's aggregate refuses a command.
pub type Refusal<C> = <<C as Codec>::Aggregate as Reversible>::Refusal;

/// Appends what is planned; plans again if another writer came first.
async fn carry_out<C, P>(store: &impl EventLog<C>, id: &Id<C>, plan: impl Fn() -> P + Send) -> Planned<C>
where
    C: Codec<Aggregate: Reversible>,
    P: Future<Output = Planned<C>> + Send,
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

/// The first version that was undone before, and the newest events that did, or that undid these.
type Undone = Option<(u64, RangeInclusive<u64>)>;

async fn replay<C: Codec<Aggregate: Reversible<Refusal: Send + Sync>>>(
    store: &impl EventLog<C>,
    id: &Id<C>,
    without: &[RangeInclusive<u64>],
) -> Result<(WhatIf<C::Aggregate>, Undone), StoreError> {
    let mut history = pin!(store.history(id));
    let mut what_if = WhatIf::without(without.iter().cloned());
    let (mut undone, mut commit): (Undone, _) = (None, None);
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
        Some(asked) => Err(StoreError::no_such_version::<C>(id, *asked, head)),
        None => Ok((what_if, undone)),
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
