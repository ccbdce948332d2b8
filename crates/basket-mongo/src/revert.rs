//! What if, and undo, for any aggregate that is [`Reversible`] in any store: the history is replayed without some of its
//! events, and new ones lead to where the aggregate would be. `basket what-if` and `basket revert` call it.

use std::{fmt::Display, future::Future, ops::RangeInclusive, pin::pin};

use basket_domain::{CantRevert, Reversible, WhatIf};
use futures_util::TryStreamExt;

use crate::{
    Codec, CommitId, EventLog, Expected, Meta, StoreError,
    codec::{Event, Id},
    event_store::{MAX_ATTEMPTS, pause},
};

/// Why [`Revert::revert`] did not append.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevertError<R> {
    /// The aggregate can't undo it; nothing changed.
    #[error(transparent)]
    CantRevert(CantRevert<R>),
    /// An earlier revert has undone it; doing so twice would do too much.
    #[error("version {version} was undone already, by version {by}; to bring it back, revert version {by}")]
    AlreadyReverted {
        /// What was to be undone.
        version: u64,
        /// The event that undid it.
        by: u64,
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
    /// The events; none, where the effect is gone already.
    pub events: Vec<E>,
}

/// Undo, by new events: every [`EventLog`] of a [`Reversible`] aggregate has it.
pub trait Revert<C: Codec<Aggregate: Reversible<Refusal: Display + Send + Sync>>>: EventLog<C> {
    /// The history of a stream as it was, and as it would have been without the versions in these ranges.
    ///
    /// # Errors
    /// [`StoreError::NoSuchVersion`] where a range goes beyond the stream; otherwise as a `get`.
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
            let Replay { what_if, undone } = replay(self, id, &[versions]).await?;
            let head = what_if.version();
            match undone {
                Some((version, by)) => Err(RevertError::AlreadyReverted { version, by }),
                None => Ok(Plan { head, events: what_if.revert().map_err(RevertError::CantRevert)? }),
            }
        }
    }

    /// Undoes the effect of some versions by new events, as one commit; the history stays, and what came later stays in
    /// force. Where another writer came first, it looks at the new history and decides afresh.
    ///
    /// The events' [causation](Meta::causation) says what they undo, as `ID/FIRST..LAST`. Returns the events.
    ///
    /// # Errors
    /// [`CantRevert`] names the later event that stands in the way; [`StoreError::Conflict`] after [`MAX_ATTEMPTS`].
    fn revert(
        &self,
        id: &Id<C>,
        versions: RangeInclusive<u64>,
    ) -> impl Future<Output = Result<Vec<Event<C>>, RevertError<Refusal<C>>>> + Send {
        async move {
            let causation = Some(format!("{id}/{}..{}", versions.start(), versions.end()));
            let signed = self.signed(Meta { causation, ..self.meta().clone() });
            for attempt in 1.. {
                let Plan { head, events } = signed.plan_revert(id, versions.clone()).await?;
                match signed.append(id, Expected::Loaded(head), CommitId::new(), &events).await {
                    Err(StoreError::Conflict { .. }) if attempt < MAX_ATTEMPTS => {
                        tokio::time::sleep(pause(attempt)).await;
                    }
                    outcome => return outcome.map(|()| events).map_err(Into::into),
                }
            }
            Ok(Vec::new())
        }
    }
}

impl<C: Codec<Aggregate: Reversible<Refusal: Display + Send + Sync>>, S: EventLog<C>> Revert<C> for S {}

/// Why a codec's aggregate refuses a command.
pub type Refusal<C> = <<C as Codec>::Aggregate as Reversible>::Refusal;

struct Replay<A: Reversible> {
    what_if: WhatIf<A>,
    /// The first version that was undone by an earlier revert, and the event that did.
    undone: Option<(u64, u64)>,
}

async fn replay<C: Codec<Aggregate: Reversible<Refusal: Send + Sync>>>(
    store: &impl EventLog<C>,
    id: &Id<C>,
    without: &[RangeInclusive<u64>],
) -> Result<Replay<C::Aggregate>, StoreError> {
    let mut history = pin!(store.history(id));
    let (mut what_if, mut undone) = (WhatIf::without(without.iter().cloned()), None);
    while let Some(entry) = history.try_next().await? {
        let (first, last) = entry.meta.undoes(id).unwrap_or((1, 0));
        let met =
            without.iter().map(|range| first.max(*range.start())..=last.min(*range.end())).find(|met| !met.is_empty());
        undone = undone.or(met.map(|met| (*met.start(), entry.version)));
        what_if.apply(&entry.event);
    }
    let head = what_if.version();
    match without.iter().flat_map(|range| [range.start(), range.end()]).find(|at| !(1..=head).contains(*at)) {
        Some(asked) => Err(store.no_such_version(id, *asked, head)),
        None => Ok(Replay { what_if, undone }),
    }
}
