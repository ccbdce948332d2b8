//! Draws a stream: the slider, the timeline, the state at the cursor, and beside it the event, a diff or the document.

use basket_mongo::Entry;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    style::{Color, Style},
    text::Line,
    widgets::Paragraph,
};

use super::paint::{BOLD, Palette, SELECTED, counted, fit, grouped, pane, top};
use crate::{
    domain::{Change, Domain, Row, what},
    explore::{model::Model, timeline::Timeline},
    plain::{letters, plain, width as columns_of},
    time,
};

/// From so many columns on, the panes are beside the timeline; otherwise below it.
const WIDE: u16 = 110;
/// From so many columns on, the timeline has room for the times.
const DATED: u16 = 60;
/// From so many columns on, the timeline has room for the actors.
const ROOMY: u16 = 70;
/// How many lines the pane of a document needs.
const DOCUMENT: u16 = 12;

pub(super) fn draw<D: Domain>(frame: &mut Frame<'_>, area: Rect, model: &mut Model<D>, palette: Palette) {
    let Some(open) = &mut model.timeline else { return };
    let [header, slider, body] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    frame.render_widget(Line::styled(headline(open, area.width.into(), model.trouble.is_some()), BOLD), header);
    frame.render_widget(Line::raw(slide(open, area.width.into())), slider);

    let [events, panes] = match area.width >= WIDE {
        true => beside(body, 11, 9),
        false => {
            let least = if model.document.is_some() { DOCUMENT } else { 5 };
            let below = least.max(body.height * 9 / 20).min(body.height.saturating_sub(4));
            Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(body)
        }
    };
    model.page = timeline(frame, events, open, palette);

    let detail = match (&model.document, open.changes()) {
        (Some(document), _) => {
            let lines = document.lines.iter().map(|line| Line::raw(line.clone())).collect();
            // It stays until the next one is read, with its own version in the title.
            let title = match document.version {
                0 => "Document: reading…".into(),
                version => format!("Document of version {}", grouped(version)),
            };
            (title, lines)
        }
        (None, Some((from, to, changes))) => {
            (format!("Changes from version {} to {}", grouped(from), grouped(to)), changed::<D>(changes, palette))
        }
        (None, None) => {
            (format!("Event {}", grouped(open.cursor())), open.entry().map(details::<D>).unwrap_or_default())
        }
    };
    let [state, details] = match (area.width >= WIDE, model.document.is_some()) {
        (true, _) => Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(panes),
        (false, false) => beside(panes, 2, 3),
        (false, true) => [Rect::default(), panes],
    };
    let most = contents(frame, state, open, model.scroll).max(text(frame, details, detail, model.scroll));
    model.scroll = model.scroll.min(most);
}

/// Two areas beside each other, with these shares of the width.
fn beside(area: Rect, left: u16, right: u16) -> [Rect; 2] {
    Layout::horizontal([Constraint::Fill(left), Constraint::Fill(right)]).spacing(1).areas(area)
}

/// Draws an empty pane, and returns the area inside it.
fn framed(frame: &mut Frame<'_>, area: Rect, title: impl Into<String>) -> Rect {
    let block = pane(title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

fn headline<D: Domain>(open: &Timeline<D>, width: usize, trouble: bool) -> String {
    let (at, head) = (open.cursor(), open.head());
    let words = match open.awaited {
        Some(0) if !trouble => "reading…".into(),
        Some(all) => {
            let words = format!("{} of {}", grouped(head), grouped(all));
            if trouble { format!("only {words} could be read") } else { format!("reading: {words}") }
        }
        None if at == head => format!("version {}, the newest: live", grouped(at)),
        None => format!("the past: version {} of {}, {} behind", grouped(at), grouped(head), grouped(head - at)),
    };
    let whole = format!(" {}  {words}", plain(&open.id.to_string()));
    if columns_of(&whole) <= width { whole } else { format!(" {words}") }
}

/// ` 1 ├────◆───────●──────┤ 12 `: the mark and the cursor.
fn slide<D: Domain>(open: &Timeline<D>, width: usize) -> String {
    let head = open.head();
    let last = grouped(head);
    let room = width.saturating_sub(last.len() + 8);
    let place = |version: usize| (version.saturating_sub(1) * room.saturating_sub(1)) / head.saturating_sub(1).max(1);
    let (at, mark) = (place(open.cursor()), open.mark.map(place));
    let mut line = " 1 ├".to_owned();
    line.extend((0..room).map(|column| match column {
        _ if column == at && head > 0 => '●',
        _ if Some(column) == mark => '◆',
        _ => '─',
    }));
    line + "┤ " + &last
}

/// Draws the visible rows, and returns how many there is room for.
fn timeline<D: Domain>(frame: &mut Frame<'_>, area: Rect, open: &mut Timeline<D>, palette: Palette) -> usize {
    let title = match open.search.as_str() {
        "" => "Events".to_owned(),
        search => format!("{} with '{}'", counted(open.shown_len(), "event"), plain(search)),
    };
    let inner = framed(frame, area, title);
    let rows = usize::from(inner.height);
    open.top = top(open.top, open.row(), rows, open.shown_len());
    let digits = grouped(open.head()).len();
    let lines = open.shown_from(open.top).take(rows).map(|(entry, version)| {
        let (here, marked) = (version == open.cursor(), Some(version) == open.mark);
        let text = row::<D>(entry, here, marked, digits, inner.width);
        let style = if marked { palette.tinted(Color::Yellow) } else { Style::new() };
        Line::styled(fit(&text, inner.width.into()), if here { style.patch(SELECTED) } else { style })
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
    rows.max(1)
}

fn row<D: Domain>(entry: &Entry<D>, here: bool, marked: bool, digits: usize, width: u16) -> String {
    let (here, marked) = (if here { '>' } else { ' ' }, if marked { '◆' } else { ' ' });
    let version = grouped(entry.version);
    let actor = match width {
        ..ROOMY => String::new(),
        _ => fit(entry.meta.actor.as_deref().unwrap_or("-"), 10) + "  ",
    };
    let time = match width {
        ..DATED => String::new(),
        _ => time::short(entry.recorded_at) + "  ",
    };
    let mut row = format!("{here}{marked}{version:>digits$}  {time}{actor}{}", D::in_words(&entry.event));
    if let Some(reason) = entry.meta.reason.as_deref().and_then(|reason| reason.lines().next()) {
        row += &format!("  ({reason})");
    }
    row
}

/// Draws the state at the cursor, from the line `scroll` on; returns how far it can be scrolled.
fn contents<D: Domain>(frame: &mut Frame<'_>, area: Rect, open: &Timeline<D>, scroll: usize) -> usize {
    let (state, stream) = (open.state(), capital(what::<D>()));
    let (items, count, units) = (D::rows(state), D::count(state), D::units(state));
    let title = match open.cursor() == open.head() && open.awaited.is_none() {
        true => format!("{stream} now"),
        false => format!("{stream} at version {}", grouped(open.cursor())),
    };
    let inner = framed(frame, area, title);
    // The last line has the numbers of rows and units.
    let rows = usize::from(inner.height).saturating_sub(1);
    let most = count.saturating_sub(rows);
    let width = usize::from(inner.width);
    let shown = items.iter().skip(scroll.min(most)).take(rows).map(|Row { name, value }| {
        let value = plain(&format!(" = {value}")).into_owned();
        let room = width.saturating_sub(columns_of(&value) + 1);
        let name = fit(name, room);
        Line::raw(format!(" {}{value}", if name.contains('…') { &name } else { name.trim_end() }))
    });
    let mut lines: Vec<_> = shown.collect();
    lines.push(match count {
        0 => Line::raw(" it is empty"),
        _ => {
            let more = if count > rows { ", J K" } else { "" };
            Line::styled(format!(" {}, {}{more}", counted(count, D::ROW), counted(units, "unit")), BOLD)
        }
    });
    frame.render_widget(Paragraph::new(lines), inner);
    most
}

/// Draws lines under a title; returns how far they can be scrolled.
fn text(frame: &mut Frame<'_>, area: Rect, (title, lines): (String, Vec<Line<'_>>), scroll: usize) -> usize {
    let inner = framed(frame, area, title).inner(Margin::new(1, 0));
    let lines: Vec<_> = lines.iter().flat_map(|line| wrapped(line, inner.width.into())).collect();
    let most = lines.len().saturating_sub(inner.height.into());
    let shown = lines.into_iter().skip(scroll.min(most)).take(inner.height.into()).collect::<Vec<_>>();
    frame.render_widget(Paragraph::new(shown), inner);
    most
}

/// A line in rows of so many columns. It is not broken at blanks, since it may have none.
fn wrapped(line: &Line<'_>, columns: usize) -> Vec<Line<'static>> {
    let mut rows = vec![(String::new(), 0)];
    for letter in letters(&plain(&line.to_string())) {
        let width = columns_of(&letter);
        if rows.last().is_some_and(|(_, taken)| taken + width > columns.max(1)) {
            rows.push((String::new(), 0));
        }
        if let Some((row, taken)) = rows.last_mut() {
            row.push_str(&letter);
            *taken += width;
        }
    }
    let style = line.spans.first().map_or(line.style, |span| line.style.patch(span.style));
    rows.into_iter().map(|(row, _)| Line::styled(row, style)).collect()
}

fn changed<D: Domain>(changes: &[Change<D::Value>], palette: Palette) -> Vec<Line<'static>> {
    if changes.is_empty() {
        return vec![Line::raw("nothing differs")];
    }
    let none = D::Value::default();
    let lines = changes.iter().flat_map(|Change { name, before, after }| {
        let line = |sign, value: &D::Value, colour| {
            (*value != none).then(|| Line::styled(format!("{sign} {name} = {value}"), palette.tinted(colour)))
        };
        line('-', before, Color::Red).into_iter().chain(line('+', after, Color::Green))
    });
    lines.collect()
}

/// `Basket` for `basket`.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The event under the cursor, a line for each of its fields.
fn details<D: Domain>(entry: &Entry<D>) -> Vec<Line<'_>> {
    let meta = &entry.meta;
    let reason = meta.reason.iter().flat_map(|reason| reason.lines()).enumerate();
    let reason = reason.map(|(at, line)| (if at == 0 { "because" } else { "" }, line.to_owned()));
    let fields = meta.actor.clone().map(|actor| ("by", actor)).into_iter();
    let fields = fields.chain([("at", time::local(entry.recorded_at))]).chain(reason);
    let fields = fields.chain(meta.causation.clone().map(|causation| ("answers", causation)));
    let fields = fields.chain(meta.correlation.clone().map(|correlation| ("part of", correlation)));
    let fields = fields.chain(meta.request.clone().map(|request| ("request", request)));
    let fields = fields.chain([("commit", entry.commit.to_string())]);
    let lines = fields.map(|(name, value)| Line::raw(format!("{name:<8}{value}")));
    [Line::styled(D::in_words(&entry.event), BOLD)].into_iter().chain(lines).collect()
}
