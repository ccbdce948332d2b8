//! What both screens are drawn with: colours, panes, and texts that fit into so many columns. It knows no model.

use std::env;

use anstream::{AutoStream, ColorChoice};
use indicatif::HumanCount;
use ratatui::{
    style::{Color, Modifier, Style},
    widgets::{Block, Borders},
};

use crate::plain::{cut, padded, plain};

/// Whether colours are used.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    colour: bool,
}

impl Palette {
    /// With colours or without.
    pub const fn new(colour: bool) -> Self {
        Self { colour }
    }

    /// As NO_COLOR and similar variables say.
    pub(in crate::explore) fn of_environment() -> Self {
        let off = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::new(!off && AutoStream::choice(&std::io::stdout()) != ColorChoice::Never)
    }

    pub(super) fn tinted(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    pub(super) fn quiet(self) -> Style {
        if self.colour { Style::new().add_modifier(Modifier::DIM) } else { Style::new() }
    }
}

/// The row under the cursor, also without colours.
pub(super) const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);
pub(super) const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

/// A pane with a line and its title above.
pub(super) fn pane<'a>(title: impl Into<String>) -> Block<'a> {
    Block::new().borders(Borders::TOP).title(format!(" {} ", title.into()))
}

/// The text in exactly so many columns: filled with blanks, or cut.
pub(super) fn fit(text: &str, columns: usize) -> String {
    padded(&cut(&plain(text), columns), columns)
}

/// The first row on the screen, chosen so that the cursor is visible.
pub(super) fn top(before: usize, cursor: usize, rows: usize, count: usize) -> usize {
    let rows = rows.max(1);
    before.clamp((cursor + 1).saturating_sub(rows), cursor).min(count.saturating_sub(rows))
}

/// `1,234,567`.
pub(super) fn grouped(number: impl TryInto<u64>) -> String {
    HumanCount(number.try_into().unwrap_or(u64::MAX)).to_string()
}

/// `3 baskets`, `1 basket`.
pub(super) fn counted(number: impl TryInto<u64>, thing: &str) -> String {
    let number = grouped(number);
    format!("{number} {thing}{}", if number == "1" { "" } else { "s" })
}
