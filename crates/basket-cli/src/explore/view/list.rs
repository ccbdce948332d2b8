//! Draws the list of streams, and the line at the foot of both screens.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    style::{Color, Style},
    text::Line,
    widgets::{Paragraph, Wrap},
};

use super::paint::{BOLD, Palette, SELECTED, counted, fit, grouped, top};
use crate::{
    domain::{Domain, what},
    explore::model::Model,
    plain::{letters, padded, plain, width},
    summary::Summary,
    time,
};

/// From so many columns on, there is room for the last change.
const DATED: u16 = 61;
/// From so many columns on, there is room for rows and units.
const ROOMY: u16 = 78;
/// From so many columns on, there is room for how long ago a stream changed.
const WIDE: u16 = 110;
/// From so many columns on, there is room for more keys at the foot.
const FOOT: u16 = 64;

pub(super) fn draw<D: Domain>(frame: &mut Frame<'_>, area: Rect, model: &mut Model<D>, palette: Palette) {
    let stream = what::<D>();
    let [header, heads, body] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let list = &mut model.list;
    let count = match (list.count(), list.found_len()) {
        (None, _) => "reading…".into(),
        (Some(all), found) if found < all => format!("{} of {}", grouped(found), counted(all, stream)),
        (Some(all), _) => counted(all, stream),
    };
    let only = list.row.as_ref().map(|row| format!(" with '{row}'")).unwrap_or_default();
    let searched = match list.search.as_str() {
        "" => String::new(),
        text => format!(", '{text}' in the id"),
    };
    let words = plain(&format!(" {count}{only}{searched}")).into_owned();
    let room = usize::from(area.width).saturating_sub(1 + Line::raw(words.as_str()).width());
    let store = if room < 14 { String::new() } else { fit_left(&plain(&model.store), room - 2) };
    let between = room.saturating_sub(Line::raw(store.as_str()).width());
    frame.render_widget(Line::styled(format!("{words}{}{store}", " ".repeat(between)), BOLD), header);

    let rows = usize::from(body.height);
    model.page = rows.max(1);
    list.top = top(list.top, list.cursor, rows, list.found_len());
    if let (Some(all), 0) = (list.count(), list.found_len()) {
        let words = match (all == 0, &list.row) {
            (true, None) => format!("There is no {stream} here yet; the first one appears here when it is created."),
            (true, Some(row)) => format!("No {stream} holds '{row}'; Esc shows all of them."),
            (false, _) => format!("No id has '{}' in it; Esc shows all of them.", list.search),
        };
        let words = Paragraph::new(format!("\n{words}")).wrap(Wrap { trim: false });
        frame.render_widget(words, body.inner(Margin::new(2, 0)));
        return;
    }
    let heading =
        columns(&format!("  {stream}"), "versions", &format!("{}s", D::ROW), "units", "last change", area.width);
    frame.render_widget(Line::styled(heading, palette.quiet()), heads);
    let cursor = list.cursor;
    let lines = list.found().enumerate().skip(list.top).take(rows).map(|(at, row)| {
        let style = if row.unreadable > 0 { palette.tinted(Color::Red) } else { Style::new() };
        let text = fit(&line(row, at == cursor, area.width), area.width.into());
        Line::styled(text, if at == cursor { style.patch(SELECTED) } else { style })
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), body);
}

fn line<I: std::fmt::Display>(row: &Summary<I>, selected: bool, width: u16) -> String {
    let mark = if selected { '>' } else { ' ' };
    let changed = match row.changed {
        None => "-".into(),
        Some(changed) if width < WIDE => time::short(changed),
        Some(changed) => format!("{}  {}", time::short(changed), time::ago(changed)),
    };
    let warning = if row.unreadable > 0 { '!' } else { ' ' };
    let stream = plain(&format!("{mark}{warning}{}", row.id)).into_owned();
    let text = columns(&stream, &grouped(row.versions), &grouped(row.rows), &grouped(row.units), &changed, width);
    match row.unreadable {
        0 => text,
        unreadable => format!("{text}  {unreadable} unreadable"),
    }
}

fn columns(stream: &str, versions: &str, rows: &str, units: &str, changed: &str, width: u16) -> String {
    let stream = padded(stream, 26);
    match width {
        ..DATED => format!("{stream}  {versions:>8}"),
        DATED..ROOMY => format!("{stream}  {versions:>8}  {changed}"),
        _ => format!("{stream} {versions:>8} {rows:>8} {units:>8}  {changed}"),
    }
}

/// The end of a text that is too long.
fn fit_left(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (mut taken, mut letters) = (1, letters(text));
    let kept = letters.iter().rev().take_while(|letter| {
        taken += width(letter);
        taken <= columns
    });
    let left_out = letters.len() - kept.count();
    format!("…{}", letters.split_off(left_out).concat())
}

/// Draws the line at the foot: what is being typed, or some of the keys.
pub(super) fn foot<D: Domain>(frame: &mut Frame<'_>, area: Rect, model: &Model<D>, palette: Palette) {
    if let Some(open) = model.timeline.as_ref().filter(|open| open.is_typed) {
        return typed(frame, area, format!(" events have: {}", plain(&open.search)), None);
    }
    let prompt = model.list.prompt.as_ref().filter(|_| model.timeline.is_none());
    if let Some(prompt) = prompt {
        let label = if prompt.is_row { format!(" hold the {}: ", D::ROW) } else { " id has: ".into() };
        return typed(frame, area, format!("{label}{}", plain(&prompt.text)), prompt.wrong.as_deref());
    }
    let keys = match &model.timeline {
        Some(_) if area.width < FOOT => " ? all keys  q back",
        None if area.width < FOOT => " ? all keys  q leave",
        Some(_) => " ←→ time  Home End  m mark  d document  ? all keys  q back",
        None => " ↑↓ move  Enter open  / find  p {row}  ? all keys  q leave",
    };
    frame.render_widget(Line::styled(keys.replace("{row}", D::ROW), palette.quiet()), area);
}

/// What is being typed, with the cursor behind it, and what is wrong with it.
fn typed(frame: &mut Frame<'_>, area: Rect, typed: String, wrong: Option<&str>) {
    let end = u16::try_from(Line::raw(typed.as_str()).width()).unwrap_or(area.width);
    let words = wrong.map_or_else(|| typed.clone(), |wrong| format!("{typed}   ({wrong})"));
    frame.render_widget(Line::raw(words), area);
    frame.set_cursor_position((area.x + end.min(area.width.saturating_sub(1)), area.y));
}
