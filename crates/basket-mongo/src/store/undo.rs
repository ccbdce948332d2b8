//! What if, and undo, for any aggregate that is [`Reversible`] in any store: the history is replayed without some of its
//! events, and new ones lead to the state that it would have. [`EventLog`] has the history. Undo can be undone:
//! [`InEffect`] says what counts in the end.

use std::{convert::Infallible, fmt::Display, future::Future, ops::RangeInclusive};

use basket_domain::{CantRevert, Reversible, WhatIf};
use futures_util::TryStreamExt;
use tokio::time::sleep;

use super::{
    codec::{Codec, Event, Id, Storable},
    command::{Command, Done, Handled, Loaded, One},
    entry::{Entry, LogEntry},
    error::{CommandError, StoreError},
    event_store::{EventStore as _, Expected, Outcome},
    log::{EventLog, Moment},
    until::Until,
};

/// Why something was not undone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError<R> {
    /// The aggregate can't undo it; nothing changed.
    #[error(transparent)]
    CantRevert(CantRevert<R>),
    /// The effect of this `version` is gone already: the events `by` undid it, and they are in effect ([`InEffect`]). Where
    /// several versions are to be undone, this is the first such one; nothing changed.
    #[error("version {version} is not in effect, because {by} undid it; to go back on that, revert {by}", by = versions(.by))]
    #[allow(missing_docs, reason = "described above")]
    NotInEffect { version: u64, by: RangeInclusive<u64> },
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

/// What if, and what undo would do: every [`EventLog`] of a [`Reversible`] aggregate has it. A [command](Command::revert) does it.
pub trait Undo<C: Codec<Aggregate: Reversible<Refusal: Display + Send + Sync>>>: EventLog<C> {
    /// The history of a stream as it was, and as it would have been without the versions in these ranges: where one of them
    /// is an undo, what it undid is back. Only what is [in effect](InEffect::counts) is decided again. Fails with
    /// [`StoreError::NoSuchVersion`] if a range goes beyond the stream; otherwise as [`history`](EventLog::history).
    fn what_if(
        &self,
        id: &Id<C>,
        without: &[RangeInclusive<u64>],
    ) -> impl Future<Output = Result<WhatIf<C::Aggregate>, StoreError>> + Send {
        async move { Ok(replay::<C>(&history(self, id, without).await?, without)) }
    }

    /// What a [`revert`](Command::revert) would append, with the same errors.
    fn plan_revert(&self, id: &Id<C>, versions: RangeInclusive<u64>) -> impl Future<Output = Planned<C>> + Send {
        async move {
            let without = std::slice::from_ref(&versions);
            let history = history(self, id, without).await?;
            let now = InEffect::of(&history, &[]);
            if let Some((version, by)) = versions.clone().find_map(|version| Some((version, now.undone_by(version)?))) {
                return Err(UndoError::NotInEffect { version, by });
            }
            let what_if = replay::<C>(&history, without);
            let (head, events) = (what_if.version(), what_if.revert().map_err(UndoError::CantRevert)?);
            Ok(Plan { head, undoes: versions, events })
        }
    }

    /// What a [`restore`](Command::restore) would append, with the same errors.
    fn plan_restore(&self, id: &Id<C>, moment: Moment) -> impl Future<Output = Planned<C>> + Send {
        async move {
            let target = self.past(id, moment).await?.root;
            let now = self.get(id).await?;
            let events = now.state().lead_to(target.state());
            let events = events.map_err(|refusal| UndoError::CantRevert(CantRevert::Refused(refusal)))?;
            Ok(Plan { head: now.version(), undoes: target.version() + 1..=now.version(), events })
        }
    }
}

impl<C: Codec<Aggregate: Reversible<Refusal: Display + Send + Sync>>, S: EventLog<C>> Undo<C> for S {}

/// Why a codec's aggregate refuses a command.
pub type Refusal<C> = <<C as Codec>::Aggregate as Reversible>::Refusal;

/// Undo, by new events: the history stays, and so does what came later. The events are one commit, and their
/// [`Meta::undoes`](crate::Meta::undoes) says what they undo. If another writer came first, the new history is read and it is
/// decided again.
impl<A: Storable + Reversible<Refusal: Display + Send + Sync>, S: ?Sized> Command<'_, S, One<'_, A>> {
    /// Undoes the effect of some versions.
    ///
    /// # Errors
    /// Those of [`run`](Command::run); as a refusal, [`CantRevert`] names the later event that stands in the way, or
    /// [`UndoError::NotInEffect`].
    pub async fn revert<C>(self, versions: RangeInclusive<u64>) -> Handled<Done<A>, A, UndoError<A::Refusal>>
    where
        C: Codec<Aggregate = A>,
        S: EventLog<C> + Sync,
    {
        self.undo(Back::By(versions)).await
    }

    /// Brings the aggregate back to the state that it had at a moment.
    ///
    /// # Errors
    /// Those of [`run`](Command::run) and of [`past`](EventLog::past); as a refusal, [`CantRevert::Refused`].
    pub async fn restore<C>(self, moment: Moment) -> Handled<Done<A>, A, UndoError<A::Refusal>>
    where
        C: Codec<Aggregate = A>,
        S: EventLog<C> + Sync,
    {
        self.undo(Back::To(moment)).await
    }

    async fn undo<C>(self, back: Back) -> Handled<Done<A>, A, UndoError<A::Refusal>>
    where
        C: Codec<Aggregate = A>,
        S: EventLog<C> + Sync,
    {
        let Self { store, to: One(id), mut put } = self;
        let store = Until::new(store, put.within);
        for attempt in 1..=put.retries.attempts {
            let mut root = match put.load(&store, id, attempt).await? {
                Loaded::Ready(root) => root,
                Loaded::Done(done) => return Ok(done),
            };
            let plan = match &back {
                Back::By(versions) => store.plan_revert(id, versions.clone()).await,
                Back::To(moment) => store.plan_restore(id, *moment).await,
            };
            let Plan { head, undoes, events } = plan.map_err(|error| match error {
                UndoError::Store(error) => put.failed(error),
                refused => CommandError::Refused(refused),
            })?;
            put.commit.meta.undoes = Some(undoes);
            // What came in between was not looked at by `load`: then the append must meet it.
            let expected = Expected::Loaded(root.version().min(head));
            match store.append(id, expected, &put.commit, &events).await {
                Ok(Outcome::Before) => {}
                Ok(outcome) => {
                    let Ok(_) = root.decide(|_| Ok::<_, Infallible>(events));
                    return Ok(put.done(outcome, root, attempt));
                }
                Err(StoreError::Conflict { .. }) => sleep(put.retries.pause(attempt)).await,
                Err(other) => return Err(put.failed(other)),
            }
        }
        Err(CommandError::Contended { id: id.to_string(), attempts: put.retries.attempts })
    }
}

/// Which way back.
enum Back {
    By(RangeInclusive<u64>),
    To(Moment),
}

/// All the entries of a stream, which has all of these versions.
async fn history<C: Codec>(
    store: &impl EventLog<C>,
    id: &Id<C>,
    versions: &[RangeInclusive<u64>],
) -> Result<Vec<Entry<C>>, StoreError> {
    let history: Vec<_> = store.history(id).try_collect().await?;
    let head = history.len() as u64;
    match versions.iter().flat_map(|range| [range.start(), range.end()]).find(|at| !(1..=head).contains(*at)) {
        Some(asked) => Err(StoreError::no_such_version::<C>(id, *asked, head)),
        None => Ok(history),
    }
}

fn replay<C: Codec<Aggregate: Reversible>>(
    history: &[Entry<C>],
    without: &[RangeInclusive<u64>],
) -> WhatIf<C::Aggregate> {
    let then = InEffect::of(history, without);
    let counts = |entry: &Entry<C>| then.counts(entry.version);
    let runs = history.chunk_by(|one, next| counts(one) == counts(next));
    let mut what_if = WhatIf::without(runs.filter(|run| !run.iter().any(counts)).filter_map(range));
    history.iter().for_each(|entry| what_if.apply(&entry.event));
    what_if
}

/// Which events of one stream are in effect: those that no undo which is itself in effect names. So an undo that was undone
/// is as if it had never been. An undo of several events counts as one only as a whole: where some of these events are
/// undone, the others are events like any other.
#[derive(Debug, Clone, Default)]
pub struct InEffect {
    /// The undos that are in effect, newest first; in front, what else is left out.
    undos: Vec<Undoing>,
}

/// The versions of an undo, and the ones it undoes.
#[derive(Debug, Clone)]
struct Undoing {
    by: RangeInclusive<u64>,
    undoes: RangeInclusive<u64>,
}

impl InEffect {
    /// What is in effect at the end of a history, if these versions were undone next.
    pub fn of<I, E>(history: &[LogEntry<I, E>], without: &[RangeInclusive<u64>]) -> Self {
        let next = history.last().map_or(1, |entry| entry.version.saturating_add(1));
        let undos = without.iter().map(|undoes| Undoing { by: next..=next, undoes: undoes.clone() });
        let mut known = Self { undos: undos.collect() };
        // Only a later event can undo, so from the newest on each is known before the ones it names.
        for commit in
            history.chunk_by(|one, next| (one.commit, &one.meta.undoes) == (next.commit, &next.meta.undoes)).rev()
        {
            let undoes = commit.first().and_then(|entry| entry.meta.undoes.clone());
            if let (Some(undoes), Some(by)) = (undoes, range(commit))
                && commit.iter().all(|entry| known.undone_by(entry.version).is_none())
            {
                known.undos.push(Undoing { by, undoes });
            }
        }
        known
    }

    /// The events that undid this version, where it is not in effect: the newest ones, where several undid it.
    pub fn undone_by(&self, version: u64) -> Option<RangeInclusive<u64>> {
        let undid = |undo: &&Undoing| undo.undoes.contains(&version) && version < *undo.by.start();
        self.undos.iter().find(undid).map(|undo| undo.by.clone())
    }

    /// Whether this version is in effect and undoes nothing: these events alone lead to the state as it is.
    pub fn counts(&self, version: u64) -> bool {
        self.undone_by(version).is_none() && !self.undos.iter().any(|undo| undo.by.contains(&version))
    }
}

/// From the first to the last.
fn range<I, E>(entries: &[LogEntry<I, E>]) -> Option<RangeInclusive<u64>> {
    Some(entries.first()?.version..=entries.last()?.version)
}

/// As a person would type them.
fn versions(range: &RangeInclusive<u64>) -> String {
    let (first, last) = (range.start(), range.end());
    if first == last { first.to_string() } else { format!("{first}..{last}") }
}
