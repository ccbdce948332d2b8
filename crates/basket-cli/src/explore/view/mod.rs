//! Draws a model: a header, the list or the timeline, and the keys. It makes only rows that are visible, so that a stream
//! with a hundred thousand events is drawn as fast as one with ten. `run` calls it. In the model it sets only
//! the size of a page and the limits of scrolling.

mod list;
mod paint;
mod timeline;

pub use paint::Palette;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Style},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use self::paint::{BOLD, fit, pane};
use super::{model::Model, question::Question};
use crate::{
    domain::{Domain, what},
    plain::plain,
};

/// The smallest terminal that all fits into: columns and rows.
const LEAST: (u16, u16) = (40, 10);

pub fn draw<D: Domain>(frame: &mut Frame<'_>, model: &mut Model<D>, palette: Palette) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(frame, area);
    }
    if let Some(line) = model.help {
        return help(frame, area, model, line);
    }
    let (message, style) = message(model, palette);
    let lines = Line::raw(message.as_str()).width().div_ceil(usize::from(area.width)).min(3);
    let foot = Constraint::Length(u16::try_from(1 + lines).unwrap_or(1));
    let [body, foot] = Layout::vertical([Constraint::Fill(1), foot]).areas(area);
    match model.timeline.is_some() {
        true => timeline::draw(frame, body, model, palette),
        false => list::draw(frame, body, model, palette),
    }
    let [above, keys] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(foot);
    frame.render_widget(Paragraph::new(message).style(style).wrap(Wrap { trim: true }), above);
    list::foot(frame, keys, model, palette);
}

/// What is said above the keys: a question comes first.
fn message<D: Domain>(model: &Model<D>, palette: Palette) -> (String, Style) {
    let asked = model.question.as_ref().map(|Question { undo, plan }| match plan {
        None => format!("{}…", undo.back),
        Some(plan) => format!("{}: {}? y does it, any other key does not", undo.back, few(&plan.events)),
    });
    match (asked, &model.trouble, &model.said) {
        (Some(asked), _, _) => (plain(&asked).into_owned(), BOLD),
        (None, Some(trouble), _) => (plain(trouble).into_owned(), palette.tinted(Color::Red)),
        (None, None, said) => (plain(said.as_deref().unwrap_or_default()).into_owned(), Style::new()),
    }
}

/// The first ones, and how many more there are.
fn few(events: &[String]) -> String {
    const FEW: usize = 3;
    let more = events.len().saturating_sub(FEW);
    let shown = events.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let (width, height) = LEAST;
    let words = format!(
        "This window has {} columns and {} rows, and this needs {width} and {height}. Make it larger, or leave with q.",
        area.width, area.height
    );
    frame.render_widget(Paragraph::new(words).wrap(Wrap { trim: true }), area);
}

fn help<D: Domain>(frame: &mut Frame<'_>, area: Rect, model: &mut Model<D>, line: usize) {
    let bindings = model.bindings();
    let screen = if model.timeline.is_some() { format!("a {}", what::<D>()) } else { "the list".into() };
    let words = |what: &str| what.replace("{stream}", self::what::<D>()).replace("{row}", D::ROW);
    let mut lines: Vec<_> = bindings.iter().map(|binding| key(binding.shown, words(binding.what))).collect();
    lines.push(key("Ctrl-C", "leave, from anywhere".into()));
    if cfg!(unix) {
        lines.push(key("Ctrl-Z", "back to the shell; `fg` there comes back".into()));
    }
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

fn key(shown: &'static str, what: String) -> Line<'static> {
    Line::from(vec![Span::styled(format!(" {}", fit(shown, 10)), BOLD), Span::raw(what)])
}
