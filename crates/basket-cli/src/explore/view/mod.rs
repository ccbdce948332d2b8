//! Draws a model: a header, the list or the timeline, and what keys there are. Only rows that can be seen are made, so that
//! a basket with a hundred thousand events is drawn as fast as one with ten. [`run`](super::run) calls it.
//!
//! It tells the model how many rows there are to scroll through, and changes nothing else in it.

mod basket;
mod list;

use std::env;

use anstream::{AutoStream, ColorChoice};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Borders, Paragraph, Wrap},
};

use crate::explore::model::Model;

/// The smallest terminal that there is room in.
const LEAST: (u16, u16) = (40, 10);

/// What is in colour, if anything is.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    colour: bool,
}

impl Palette {
    /// In colour or without.
    pub const fn new(colour: bool) -> Self {
        Self { colour }
    }

    /// As NO_COLOR and its like have it.
    pub fn of_environment() -> Self {
        let said = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::new(!said && AutoStream::choice(&std::io::stdout()) != ColorChoice::Never)
    }

    fn tinted(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    fn quiet(self) -> Style {
        if self.colour { Style::new().add_modifier(Modifier::DIM) } else { Style::new() }
    }
}

/// The row under the cursor, also where there is no colour.
const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

/// Draws what there is to see.
pub fn draw(frame: &mut Frame<'_>, model: &mut Model, palette: Palette) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(frame, area);
    }
    if let Some(line) = model.help {
        return help(frame, area, model, line);
    }
    let trouble = model.trouble.clone();
    let foot = match &trouble {
        Some(trouble) => 1 + Line::raw(trouble.as_str()).width().div_ceil(usize::from(area.width)).min(3),
        None => 1,
    };
    let foot = u16::try_from(foot).unwrap_or(1);
    let [body, foot] = Layout::vertical([Constraint::Fill(1), Constraint::Length(foot)]).areas(area);
    match model.basket.is_some() {
        true => basket::draw(frame, body, model, palette),
        false => list::draw(frame, body, model, palette),
    }
    let [said, keys] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(foot);
    if let Some(trouble) = trouble {
        let words = Paragraph::new(trouble).style(palette.tinted(Color::Red)).wrap(Wrap { trim: true });
        frame.render_widget(words, said);
    }
    list::foot(frame, keys, model, palette);
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let (width, height) = LEAST;
    let words = format!(
        "This window has {} columns and {} rows, and the baskets need {width} and {height}. Make it larger, or leave with q.",
        area.width, area.height
    );
    frame.render_widget(Paragraph::new(words).wrap(Wrap { trim: true }), area);
}

fn help(frame: &mut Frame<'_>, area: Rect, model: &mut Model, line: usize) {
    let bindings = model.bindings();
    let screen = if model.basket.is_some() { "a basket" } else { "the list" };
    let mut lines: Vec<_> = bindings.iter().map(|binding| key(binding.shown, binding.what)).collect();
    lines.push(key("Ctrl-C", "leave, from anywhere"));
    let rows = usize::from(area.height.saturating_sub(2));
    let line = line.min(lines.len().saturating_sub(rows));
    model.help = Some(line);
    let block = pane(format!("Keys on {screen}"));
    let [body, foot] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(area);
    let shown = lines.len().min(line + rows);
    let words = if shown < lines.len() { " ↓ for more; any other key goes back" } else { " any other key goes back" };
    frame.render_widget(Paragraph::new(lines.split_off(line)).block(block), body);
    frame.render_widget(Line::raw(words), foot);
}

fn key(shown: &'static str, what: &'static str) -> Line<'static> {
    Line::from(vec![Span::styled(format!(" {}", fit(shown, 10)), BOLD), Span::raw(what)])
}

/// A room with a line and its name above.
fn pane<'a>(title: impl Into<String>) -> Block<'a> {
    Block::new().borders(Borders::TOP).title(format!(" {} ", title.into()))
}

/// The text in just so many columns: filled up, or cut short.
fn fit(text: &str, columns: usize) -> String {
    let mut fitted = String::new();
    let mut left = columns;
    for letter in text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }) {
        let width = Span::raw(letter.to_string()).width();
        if width > left {
            while left == 0 {
                let Some(last) = fitted.pop() else { return fitted };
                left += Span::raw(last.to_string()).width();
            }
            fitted.push('…');
            left -= 1;
            break;
        }
        left -= width;
        fitted.push(letter);
    }
    fitted.extend(std::iter::repeat_n(' ', left));
    fitted
}

/// The first row on a screen with so many, so that the cursor can be seen.
fn top(before: usize, cursor: usize, rows: usize, count: usize) -> usize {
    let rows = rows.max(1);
    before.clamp((cursor + 1).saturating_sub(rows), cursor).min(count.saturating_sub(rows))
}

/// `1,234,567`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let letters = digits.chars().enumerate().flat_map(|(at, digit)| {
        let comma = at > 0 && (digits.len() - at).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    });
    letters.collect()
}

/// A number of things, in words.
fn counted(number: usize, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}
