//! A command, with all its attempts: a span around those of its calls, and how often it was decided.

use super::{
    super::{codec::Storable, command::Done, entry::CommitId, error::CommandError, event_store::Outcome},
    call::{failure_word, outcome_word},
};

/// What a command returns when it was carried out: what was done to one stream, or to several.
pub trait Tried {
    /// What was done; of several streams, to the one to which most was done.
    fn outcome(&self) -> Outcome;
    /// How often it was decided.
    fn attempts(&self) -> u32;
    /// The commit, if something was appended.
    fn commit(&self) -> Option<CommitId>;
}

impl<A: Storable> Tried for Done<A> {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn attempts(&self) -> u32 {
        self.attempts
    }

    fn commit(&self) -> Option<CommitId> {
        self.commit
    }
}

impl<A: Storable, const N: usize> Tried for [Done<A>; N] {
    fn outcome(&self) -> Outcome {
        let has = |outcome: &Outcome| self.iter().any(|done| done.outcome == *outcome);
        [Outcome::Now, Outcome::Before].into_iter().find(has).unwrap_or(Outcome::Unchanged)
    }

    fn attempts(&self) -> u32 {
        self.iter().map(|done| done.attempts).max().unwrap_or_default()
    }

    fn commit(&self) -> Option<CommitId> {
        self.iter().find_map(|done| done.commit)
    }
}

/// Runs a command under a name, which is that of a kind of command and never of a stream or a person: `add item`. The store can't
/// know it, so the caller says it.
///
/// # Errors
/// Those of the command, as they are.
pub async fn command<T: Tried, E, R>(
    name: &'static str,
    run: impl Future<Output = Result<T, CommandError<E, R>>>,
) -> Result<T, CommandError<E, R>> {
    let mut ended = Ended::new(name);
    #[cfg(feature = "tracing")]
    let run = tracing::Instrument::instrument(run, ended.span.clone());
    let done = run.await;
    ended.look(&done);
    done
}

/// What came of a command: until it has returned, that it was dropped.
struct Ended {
    name: &'static str,
    outcome: &'static str,
    attempts: Option<u32>,
    commit: Option<CommitId>,
    error: Option<&'static str>,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Ended {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            outcome: "cancelled",
            attempts: None,
            commit: None,
            error: Some("Cancelled"),
            #[cfg(feature = "tracing")]
            span: tracing::info_span!(
                "command",
                otel.name = name,
                otel.status_code = tracing::field::Empty,
                error.r#type = tracing::field::Empty,
                event_store.command = name,
                event_store.attempts = tracing::field::Empty,
                event_store.commit = tracing::field::Empty,
                event_store.outcome = tracing::field::Empty,
            ),
        }
    }

    fn look<T: Tried, E, R>(&mut self, done: &Result<T, CommandError<E, R>>) {
        (self.outcome, self.error) = match done {
            Ok(done) => (outcome_word(done.outcome()), None),
            // The domain has answered: nothing has failed.
            Err(CommandError::Refused(_)) => ("refused", None),
            Err(CommandError::Stale { .. }) => ("stale", None),
            Err(CommandError::Contended { .. }) => ("contended", Some("Contended")),
            Err(CommandError::Store { error, .. }) => (failure_word(error), Some(error.kind())),
        };
        self.attempts = match done {
            Ok(done) => Some(done.attempts()),
            Err(CommandError::Contended { attempts, .. }) => Some(*attempts),
            Err(_) => None,
        };
        self.commit = match done {
            Ok(done) => done.commit(),
            Err(error) => error.commit(),
        };
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        #[cfg(feature = "tracing")]
        {
            super::call::fail(&self.span, self.error);
            self.span.record("event_store.outcome", self.outcome);
            self.span.record("event_store.attempts", self.attempts);
            self.span.record("event_store.commit", self.commit.map(tracing::field::display));
        }
        #[cfg(feature = "metrics")]
        {
            metrics::counter!("event_store.commands", "command" => self.name, "outcome" => self.outcome).increment(1);
            if let Some(attempts) = self.attempts {
                metrics::histogram!("event_store.command.attempts", "command" => self.name).record(attempts);
            }
        }
    }
}
