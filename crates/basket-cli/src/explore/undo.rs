//! What the screens change: they undo something in the stream that is open. What would be appended is shown first, and done once
//! the user has said yes. `run` sends what [`model`](super::model) asks for, and brings the answers back.

use std::fmt;

use basket_mongo::{Command, Moment, Require, Undo as _, store::command::One};
use tokio::sync::mpsc;

use crate::{
    delivery::in_words,
    domain::{Domain, Id},
    program::LIMIT,
    signature::Signature,
    store::Store,
};

/// What is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// The effect of one event.
    Revert(u64),
    /// All that followed a version.
    Restore(u64),
}

/// The words of a reason.
impl fmt::Display for Back {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revert(version) => write!(formatter, "Revert version {version}"),
            Self::Restore(version) => write!(formatter, "Restore version {version}"),
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo<I> {
    /// The stream.
    pub id: I,
    /// What is undone in it.
    pub back: Back,
    /// The newest version when it was planned; none asks for the plan, and changes nothing.
    pub sure: Option<u64>,
}

/// The events that it would append, or that it has appended, in words.
#[derive(Debug)]
pub struct Undone {
    /// The newest version before these.
    pub head: u64,
    /// In the order in which they are appended.
    pub events: Vec<String>,
}

/// What became of it, or why nothing did.
pub type Answer<I> = (Undo<I>, Result<Undone, String>);

/// Answers one after the other, until the screen is closed.
pub(super) async fn serve<D: Domain>(
    store: &impl Store<D>,
    signature: &Signature,
    mut asked: mpsc::Receiver<Undo<Id<D>>>,
    answers: mpsc::Sender<Answer<Id<D>>>,
) {
    while let Some(undo) = asked.recv().await {
        let answer = answer(store, signature, &undo).await;
        answers.send((undo, answer)).await.ok();
    }
}

async fn answer<D: Domain>(store: &impl Store<D>, signature: &Signature, undo: &Undo<Id<D>>) -> Result<Undone, String> {
    let Undo { id, back, sure } = undo;
    let Some(head) = *sure else {
        let plan = match back {
            Back::Revert(version) => store.plan_revert(id, *version..=*version).await,
            Back::Restore(version) => store.plan_restore(id, Moment::Version(*version)).await,
        };
        let plan = plan.map_err(|error| error.to_string())?;
        return Ok(Undone { head: plan.head, events: in_words::<D>(&plan.events) });
    };
    let mut meta = signature.meta(store).await.map_err(|error| format!("{error:#}"))?;
    meta.reason = meta.reason.or_else(|| Some(back.to_string()));
    // What was shown is what is done: on another version, it is asked again.
    let command: Command<'_, _, One<'_, D::Aggregate>> =
        store.command(id).require(Require::Version(head)).deadline(LIMIT).meta(meta);
    let done = match back {
        Back::Revert(version) => command.revert(*version..=*version).await,
        Back::Restore(version) => command.restore(Moment::Version(*version)).await,
    };
    let done = done.map_err(|error| error.to_string())?;
    Ok(Undone { head, events: in_words::<D>(&done.events) })
}
