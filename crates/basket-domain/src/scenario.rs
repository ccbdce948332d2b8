//! Given / when / then: tests of an aggregate that read aloud. For `tests/`, yours and ours; nothing else calls it.
//! *Given* what has happened, *when* a command comes, *then* these events, or this refusal.

use std::fmt::Debug;

use crate::Aggregate;

/// A history, folded into the state that the command will meet.
#[derive(Debug)]
pub struct Given<A>(A);

/// What a decider answered.
#[derive(Debug)]
pub struct Decided<E, R>(Result<Vec<E>, R>);

/// Starts a scenario from what has happened, oldest first; `[]` for nothing.
///
/// ```
/// # use basket_domain::{Basket, BasketEvent, BasketId, Refusal, scenario::given};
/// # let basket_id = BasketId::from_bytes([7; 12]);
/// given::<Basket>([])
///     .when(|basket| basket.create(basket_id))
///     .then([BasketEvent::BasketCreated { basket_id }]);
///
/// given::<Basket>([BasketEvent::BasketCreated { basket_id }])
///     .when(|basket| basket.create(basket_id))
///     .then_refused(Refusal::AlreadyCreated);
/// ```
pub fn given<A: Aggregate>(history: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let mut state = A::default();
    history.into_iter().for_each(|event| state.apply(&event));
    Given(state)
}

impl<A: Aggregate> Given<A> {
    /// Puts a command to the state.
    pub fn when<R>(&self, command: impl FnOnce(&A) -> Result<Vec<A::Event>, R>) -> Decided<A::Event, R> {
        Decided(command(&self.0))
    }

    /// The state that the history folds into, for questions that are put to a view method.
    pub fn state(&self) -> &A {
        &self.0
    }
}

impl<E: Debug + PartialEq, R: Debug + PartialEq> Decided<E, R> {
    /// The command raised these events, and no others.
    ///
    /// # Panics
    /// Where it did not: that is the test's failure, with both lists in words.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = E>) {
        self.compare(&Ok(expected.into_iter().collect()));
    }

    /// The command was refused for this reason, and raised nothing.
    ///
    /// # Panics
    /// Where it was not: that is the test's failure, with both answers in words.
    #[track_caller]
    pub fn then_refused(self, expected: R) {
        self.compare(&Err(expected));
    }

    #[track_caller]
    fn compare(&self, expected: &Result<Vec<E>, R>) {
        assert!(
            self.0 == *expected,
            "the command should have {}\nbut it has {}",
            in_words(expected),
            in_words(&self.0)
        );
    }
}

fn in_words<E: Debug, R: Debug>(decided: &Result<Vec<E>, R>) -> String {
    match decided {
        Err(refusal) => format!("been refused: {refusal:?}"),
        Ok(events) if events.is_empty() => "raised no event".to_owned(),
        Ok(events) => events.iter().fold("raised".to_owned(), |text, event| format!("{text}\n  - {event:?}")),
    }
}
