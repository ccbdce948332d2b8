//! What a person sees while a store is reckoning: on a terminal, on standard error, and gone when the answer comes.
//! Where nobody watches, nothing is printed.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// How long an answer may take before anything is said.
const PATIENCE: Duration = Duration::from_millis(100);

/// Says that something goes on, until it is dropped.
pub struct Waiting(ProgressBar);

impl Waiting {
    /// A line such as `⠙ the server reckons, 3 seconds`.
    pub fn on(what: &'static str) -> Self {
        if !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::no_length().with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(PATIENCE);
        Self(bar)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
