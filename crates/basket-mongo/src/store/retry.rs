//! How often something is tried again, and how long to wait in between: the one policy of commands, undo and stores.

use std::time::Duration;

/// How often something is tried, and how long the pauses become.
///
/// A pause is a time at random below a bound, which is 4 milliseconds at first and doubles up to the longest, so that writers
/// that met once don't meet again ("full jitter", Marc Brooker, 2015).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// How often it is tried, from 1.
    pub attempts: u32,
    /// The bound of the longest pause.
    pub longest: Duration,
}

impl Retries {
    /// How often a command is decided before it gives up: enough for dozens of writers on one stream.
    pub const COMMAND: Self = Self { attempts: 64, longest: Duration::from_millis(128) };

    /// How often an append is sent before its outcome is called unknown. MongoDB's driver repeats each of them once by itself.
    pub const SEND: Self = Self { attempts: 4, longest: Duration::from_millis(128) };

    /// How long to wait after this attempt, from 1.
    pub fn pause(&self, attempt: u32) -> Duration {
        let bound = Duration::from_millis(2_u64 << attempt.min(32)).min(self.longest);
        Duration::from_micros(fastrand::u64(0..=u64::try_from(bound.as_micros()).unwrap_or(u64::MAX)))
    }
}
