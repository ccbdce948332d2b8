//! A bar on standard error for work that takes a while: how far, how fast, how long still. Only a terminal shows it.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar for so many units of work.
pub fn bar(total: u64, unit: &str) -> ProgressBar {
    let template = format!("{{bar:30}} {{percent:>3}} %  {{human_pos}} {unit}  {{per_sec:.0}}  {{eta}} left");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}
