//! What a person sees while a store is at work: on a terminal, on standard error, and gone when the answer comes.
//! Where nobody watches, nothing is printed.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How long between two turns of the spinner.
const TICK: Duration = Duration::from_millis(100);

/// How far, how fast and how long still, for so many units of work.
pub fn bar(total: u64, unit: &str) -> ProgressBar {
    let template = format!("{{bar:30}} {{percent:>3}} %  {{human_pos}} {unit}  {{per_sec:.0}}  {{eta}} left");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}

/// That something goes on, where nobody knows how long: `⠙ the store goes through all the events, 3s`. Gone when dropped.
pub struct Waiting(ProgressBar);

impl Waiting {
    /// A line with these words.
    pub fn on(what: &'static str) -> Self {
        let bar = ProgressBar::no_length().with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
