//! Draws a basket: the slider, the timeline, the basket as it was, and beside it the event, a diff or the document.

use std::fmt::Write as _;

use basket_domain::Change;
use basket_mongo::{Baskets, Entry};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    style::{Color, Style},
    text::Line,
    widgets::Paragraph,
};

use super::{BOLD, Palette, SELECTED, counted, fit, grouped, list::short, pane, top};
use crate::{
    commands::log::in_words,
    explore::{Model, Timeline},
    time,
};

/// From so many columns on, there is room beside the timeline; otherwise below it.
const WIDE: u16 = 110;
/// With fewer, there is none for the actors in the timeline.
const NARROW: u16 = 70;
/// How many lines a document has that is as this program writes it, with its frame.
const DOCUMENT: u16 = 12;

/// Draws the basket.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, palette: Palette) {
    let Some(basket) = &mut model.basket else { return };
    let [header, slider, body] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    frame.render_widget(Line::styled(headline(basket, area.width.into(), model.trouble.is_some()), BOLD), header);
    frame.render_widget(Line::raw(slide(basket, area.width.into())), slider);

    let (left, right) = match area.width >= WIDE {
        true => {
            let [left, _, right] =
                Layout::horizontal([Constraint::Fill(11), Constraint::Length(1), Constraint::Fill(9)]).areas(body);
            (left, right)
        }
        false => {
            let least = if model.document.is_some() { DOCUMENT } else { 5 };
            let below = least.max(body.height * 9 / 20).min(body.height.saturating_sub(4));
            let [left, right] = Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(body);
            (left, right)
        }
    };
    model.page = timeline(frame, left, basket, palette);

    let detail = match (&model.document, basket.changes()) {
        (Some(document), _) => {
            let lines = document.lines.iter().map(|line| Line::raw(line.clone())).collect();
            // Until the next one is read, this one is still that of its own version.
            let version = usize::try_from(document.version).unwrap_or(usize::MAX);
            let title = match version {
                0 => "Document: reading…".into(),
                _ => format!("Document of version {}", grouped(version)),
            };
            (title, lines)
        }
        (None, Some((from, to, changes))) => {
            (format!("Changes from version {} to {}", grouped(from), grouped(to)), changed(changes, palette))
        }
        (None, None) => (format!("Event {}", grouped(basket.cursor())), basket.entry().map(told).unwrap_or_default()),
    };
    let beside = match (area.width >= WIDE, model.document.is_some()) {
        (true, _) => Some(Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(right)),
        (false, false) => {
            let [left, _, right] =
                Layout::horizontal([Constraint::Fill(2), Constraint::Length(1), Constraint::Fill(3)]).areas(right);
            Some([left, right])
        }
        (false, true) => None,
    };
    let [state, detail_area] = beside.unwrap_or([Rect::default(), right]);
    let most = contents(frame, state, basket, model.scroll).max(text(frame, detail_area, detail, model.scroll));
    model.scroll = model.scroll.min(most);
}

fn headline(basket: &Timeline, width: usize, trouble: bool) -> String {
    let (at, head) = (basket.cursor(), basket.head());
    let told = match basket.awaited {
        Some(0) if !trouble => "reading…".into(),
        Some(all) => {
            let told = format!("{} of {}", grouped(head), grouped(usize::try_from(all).unwrap_or(head)));
            if trouble { format!("only {told} could be read") } else { format!("reading: {told}") }
        }
        None if at == head => format!("version {}, the newest: live", grouped(at)),
        None => format!("the past: version {} of {}, {} behind", grouped(at), grouped(head), grouped(head - at)),
    };
    let whole = format!(" {}  {told}", basket.id());
    if whole.len() <= width { whole } else { format!(" {told}") }
}

/// ` 1 ├────◆───────●──────┤ 12 `: where in its life one looks, and where the mark is.
fn slide(basket: &Timeline, width: usize) -> String {
    let head = basket.head();
    let last = grouped(head);
    let room = width.saturating_sub(last.len() + 8);
    let place = |version: usize| (version.saturating_sub(1) * room.saturating_sub(1)) / head.saturating_sub(1).max(1);
    let (at, mark) = (place(basket.cursor()), basket.mark().map(place));
    let mut line = " 1 ├".to_owned();
    line.extend((0..room).map(|column| match column {
        _ if column == at && head > 0 => '●',
        _ if Some(column) == mark => '◆',
        _ => '─',
    }));
    line + "┤ " + &last
}

/// Draws the rows that can be seen, and returns how many those are.
fn timeline(frame: &mut Frame<'_>, area: Rect, basket: &mut Timeline, palette: Palette) -> usize {
    let block = pane("Events");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let rows = usize::from(inner.height);
    basket.top = top(basket.top, basket.cursor().saturating_sub(1), rows, basket.head());
    let digits = grouped(basket.head()).len();
    let lines = basket.entries().iter().skip(basket.top).take(rows).map(|entry| {
        let version = usize::try_from(entry.version).unwrap_or(usize::MAX);
        let (here, marked) = (version == basket.cursor(), Some(version) == basket.mark());
        let text = row(entry, here, marked, digits, inner.width);
        let style = if marked { palette.tinted(Color::Yellow) } else { Style::new() };
        Line::styled(fit(&text, inner.width.into()), if here { style.patch(SELECTED) } else { style })
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
    rows.max(1)
}

fn row(entry: &Entry<Baskets>, here: bool, marked: bool, digits: usize, width: u16) -> String {
    let (here, marked) = (if here { '>' } else { ' ' }, if marked { '◆' } else { ' ' });
    let version = grouped(usize::try_from(entry.version).unwrap_or(usize::MAX));
    let actor = match width {
        ..NARROW => String::new(),
        _ => fit(entry.meta.actor.as_deref().unwrap_or("-"), 10) + "  ",
    };
    let time = short(entry.recorded_at);
    let mut row = format!("{here}{marked}{version:>digits$}  {time}  {actor}{}", in_words(&entry.event));
    if let Some(reason) = entry.meta.reason.as_deref().and_then(|reason| reason.lines().next()) {
        // A String takes whatever is written to it.
        write!(row, "  ({reason})").ok();
    }
    row
}

/// Draws the basket as it was, from the line `scroll` on; returns how far it can be scrolled.
fn contents(frame: &mut Frame<'_>, area: Rect, basket: &Timeline, scroll: usize) -> usize {
    let items = basket.basket().items();
    let count = items.len();
    let units: u64 = basket.basket().items().map(|(_, quantity)| u64::from(quantity)).sum();
    let title = match basket.cursor() == basket.head() && basket.awaited.is_none() {
        true => "Basket now".into(),
        false => format!("Basket at version {}", grouped(basket.cursor())),
    };
    let block = pane(title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    // The last line says how much there is.
    let rows = usize::from(inner.height).saturating_sub(1);
    let most = count.saturating_sub(rows);
    let width = usize::from(inner.width);
    let mut lines: Vec<_> = items
        .skip(scroll.min(most))
        .take(rows)
        .map(|(product, quantity)| {
            let quantity = format!(" = {quantity}");
            let room = width.saturating_sub(quantity.len() + 1);
            let name = fit(product.as_str(), room);
            Line::raw(format!(" {}{quantity}", if name.contains('…') { &name } else { name.trim_end() }))
        })
        .collect();
    lines.push(match count {
        0 => Line::raw(" it is empty"),
        _ => {
            let units = usize::try_from(units).unwrap_or(usize::MAX);
            let more = if count > rows { ", J K" } else { "" };
            Line::styled(format!(" {}, {}{more}", counted(count, "product"), counted(units, "unit")), BOLD)
        }
    });
    frame.render_widget(Paragraph::new(lines), inner);
    most
}

/// Draws lines under a title; returns how far they can be scrolled.
fn text(frame: &mut Frame<'_>, area: Rect, (title, lines): (String, Vec<Line<'_>>), scroll: usize) -> usize {
    let block = pane(title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let inner = inner.inner(Margin::new(1, 0));
    let lines: Vec<_> = lines.iter().flat_map(|line| wrapped(line, inner.width.into())).collect();
    let most = lines.len().saturating_sub(inner.height.into());
    let shown = lines.into_iter().skip(scroll.min(most)).take(inner.height.into()).collect::<Vec<_>>();
    frame.render_widget(Paragraph::new(shown), inner);
    most
}

/// A line in rows of so many columns. What it holds may have no blanks to break it at.
fn wrapped(line: &Line<'_>, columns: usize) -> Vec<Line<'static>> {
    let mut rows = vec![(String::new(), 0)];
    for letter in line.to_string().chars() {
        let width = Line::raw(letter.to_string()).width();
        if rows.last().is_some_and(|(_, taken)| taken + width > columns.max(1)) {
            rows.push((String::new(), 0));
        }
        if let Some((row, taken)) = rows.last_mut() {
            row.push(letter);
            *taken += width;
        }
    }
    let style = line.spans.first().map_or(line.style, |span| line.style.patch(span.style));
    rows.into_iter().map(|(row, _)| Line::styled(row, style)).collect()
}

fn changed(changes: &[Change], palette: Palette) -> Vec<Line<'static>> {
    if changes.is_empty() {
        return vec![Line::raw("nothing differs")];
    }
    let lines = changes.iter().flat_map(|Change { product, before, after }| {
        let taken = (*before > 0).then(|| Line::styled(format!("- {product} = {before}"), palette.tinted(Color::Red)));
        let come = (*after > 0).then(|| Line::styled(format!("+ {product} = {after}"), palette.tinted(Color::Green)));
        taken.into_iter().chain(come)
    });
    lines.collect()
}

/// What is known of an event.
fn told(entry: &Entry<Baskets>) -> Vec<Line<'_>> {
    let meta = &entry.meta;
    let mut lines = vec![Line::styled(in_words(&entry.event), BOLD)];
    let mut say = |name: &str, value: &str| lines.push(Line::raw(format!("{name:<8}{value}")));
    if let Some(actor) = &meta.actor {
        say("by", actor);
    }
    say("at", &time::local(entry.recorded_at));
    for (at, line) in meta.reason.iter().flat_map(|reason| reason.lines()).enumerate() {
        say(if at == 0 { "because" } else { "" }, line);
    }
    if let Some(causation) = &meta.causation {
        say("answers", causation);
    }
    if let Some(correlation) = &meta.correlation {
        say("part of", correlation);
    }
    say("commit", &entry.commit.to_string());
    lines
}
