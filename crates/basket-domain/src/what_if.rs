//! What if, and undo: a history is replayed without some events, and new events undo their effect. No event is deleted.
//! An aggregate that wants this implements [`Reversible`]; stores fold its stream into a [`WhatIf`].
//! Banks do the same (another payment corrects a wrong one), and so does git (`git revert` is one more commit).

use std::ops::RangeInclusive;

use crate::Aggregate;

/// An aggregate whose past commands can be decided again, and whose commands can lead from one state to another.
///
/// Some things can't be undone: then [`lead_to`](Self::lead_to) refuses. See the `silo` example.
pub trait Reversible: Aggregate + Clone {
    /// Why a command is refused.
    type Refusal;

    /// Decides again, on this state, the command that `event` came from.
    ///
    /// # Errors
    /// The decider's refusal.
    fn decide_again(&self, event: &Self::Event) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Decides on the events that lead from this state to `target`; none if the two are equal.
    ///
    /// # Errors
    /// The refusal of the first command on the way.
    fn lead_to(&self, target: &Self) -> Result<Vec<Self::Event>, Self::Refusal>;
}

/// A history, folded into two states: as it was, and as it would have been without some of its events.
///
/// ```
/// # use std::num::NonZeroU32;
/// # use basket_domain::{Basket, BasketEvent::*, BasketId, Product, WhatIf};
/// # let basket_id: BasketId = "5ab69073421aa917e62b4734".parse().unwrap();
/// # let product = Product::new("socks").unwrap();
/// let mut what_if = WhatIf::<Basket>::without([2..=2]);
/// what_if.apply(&BasketCreated { basket_id });
/// what_if.apply(&ItemAdded { basket_id, product: product.clone(), qty: NonZeroU32::MIN });
/// what_if.apply(&ItemRemoved { basket_id, product });
/// let refused: Vec<_> = what_if.refused().iter().map(|(version, why)| format!("{version}: {why}")).collect();
/// assert_eq!(refused, ["3: 'socks' is not in the basket, so it can't be removed"]);
/// ```
#[derive(Debug, Clone)]
pub struct WhatIf<A: Reversible> {
    without: Vec<RangeInclusive<u64>>,
    version: u64,
    actual: A,
    alternative: A,
    refused: Vec<(u64, A::Refusal)>,
}

/// Why the effect of an event can't be undone. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CantRevert<R> {
    /// A later event depends on it: its command would have been refused.
    #[error("version {version} stands in the way: without what is to be undone, {refusal}")]
    InTheWay {
        /// The later event.
        version: u64,
        /// Why its command would have been refused.
        refusal: R,
    },
    /// No command undoes it.
    #[error("it can't be undone: {0}")]
    Refused(R),
}

impl<A: Reversible> WhatIf<A> {
    /// Nothing has been applied yet; the versions in `without` will be left out of the alternative.
    pub fn without(without: impl IntoIterator<Item = RangeInclusive<u64>>) -> Self {
        Self {
            without: without.into_iter().collect(),
            version: 0,
            actual: A::default(),
            alternative: A::default(),
            refused: Vec::new(),
        }
    }

    /// Applies the next event of the history. In the alternative, its command is decided again.
    pub fn apply(&mut self, event: &A::Event) {
        self.version += 1;
        if !self.without.iter().any(|range| range.contains(&self.version)) {
            match self.alternative.decide_again(event) {
                Ok(events) => events.iter().for_each(|event| self.alternative.apply(event)),
                // Today's rules refuse it in the actual history, too: the event has happened, so it is applied.
                Err(_) if self.actual.decide_again(event).is_err() => self.alternative.apply(event),
                Err(refusal) => self.refused.push((self.version, refusal)),
            }
        }
        self.actual.apply(event);
    }

    /// How many events were applied.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The state as it is.
    pub fn actual(&self) -> &A {
        &self.actual
    }

    /// The state as it would be.
    pub fn alternative(&self) -> &A {
        &self.alternative
    }

    /// Versions whose commands would have been refused, in order, and why; they are left out of the alternative.
    pub fn refused(&self) -> &[(u64, A::Refusal)] {
        &self.refused
    }

    /// The events that undo the effect of what was left out: they lead from the state as it is to the alternative.
    ///
    /// # Errors
    /// [`CantRevert::InTheWay`] names the first later event that depends on what was left out.
    pub fn revert(self) -> Result<Vec<A::Event>, CantRevert<A::Refusal>> {
        match self.refused.into_iter().next() {
            Some((version, refusal)) => Err(CantRevert::InTheWay { version, refusal }),
            None => self.actual.lead_to(&self.alternative).map_err(CantRevert::Refused),
        }
    }
}
