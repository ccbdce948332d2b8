//! What the user sees while a store works: a bar on standard error, which is removed when the answer comes. Where standard
//! error is no terminal, nothing is printed.

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how much is done, how fast, and how long the rest takes.
pub(crate) fn bar(total: u64, unit: &str) -> ProgressBar {
    let template = format!("{{bar:30}} {{percent:>3}} %  {{human_pos}} {unit}  {{per_sec:.0}}  {{eta}} left");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}

/// Counts what was read, where the number of all is not known.
pub(crate) fn counter(unit: &str) -> ProgressBar {
    let template = format!("{{human_pos}} {unit} read  {{per_sec:.0}}");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::no_length().with_style(style)
}
