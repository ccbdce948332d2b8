//! Draws the list of baskets, and the line at the foot of both screens.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Color,
    text::Line,
    widgets::{Paragraph, Wrap},
};

use basket_mongo::Summary;

use super::{BOLD, Palette, SELECTED, counted, fit, grouped, top};
use crate::{explore::model::Model, time};

/// Narrower terminals have no room for what is in a basket.
const ROOMY: u16 = 78;
/// And only wider ones for how long ago it changed.
const WIDE: u16 = 110;
/// Narrower ones show only how to find the others of the keys.
const FOOT: u16 = 64;

/// Draws the list.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, palette: Palette) {
    let [header, heads, body] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let list = &mut model.list;
    let count = match (list.is_read(), list.found_len(), list.len()) {
        (false, ..) => "reading…".into(),
        (true, found, all) if found < all => format!("{} of {}", grouped(found), counted(all, "basket")),
        (true, _, all) => counted(all, "basket"),
    };
    let only = list.product.as_ref().map(|product| format!(" with '{product}'")).unwrap_or_default();
    let searched = match list.searched() {
        "" => String::new(),
        text => format!(", '{text}' in the id"),
    };
    let room = usize::from(area.width).saturating_sub(1);
    let told = format!(" {count}{only}{searched}");
    let store = room.saturating_sub(Line::raw(told.as_str()).width() + 2);
    let store = if store < 12 { String::new() } else { fit_left(&model.store, store) };
    let between = room.saturating_sub(Line::raw(told.as_str()).width() + Line::raw(store.as_str()).width());
    frame.render_widget(Line::styled(format!("{told}{}{store}", " ".repeat(between)), BOLD), header);

    let list = &mut model.list;
    let rows = usize::from(body.height);
    model.page = rows.max(1);
    list.top = top(list.top, list.cursor(), rows, list.found_len());
    if list.is_read() && list.found_len() == 0 {
        let words = match (list.is_empty(), &list.product) {
            (true, None) => {
                "There is no basket here yet; `basket create PRODUCT` makes one, and it appears here.".into()
            }
            (true, Some(product)) => format!("No basket holds '{product}'; Esc shows all of them."),
            (false, _) => format!("No id has '{}' in it; Esc shows all of them.", list.searched()),
        };
        let words = Paragraph::new(format!("\n{words}")).wrap(Wrap { trim: false });
        frame.render_widget(words, body.inner(ratatui::layout::Margin::new(2, 0)));
        return;
    }
    let heading = columns("  basket", "versions", "products", "units", "last change", area.width);
    frame.render_widget(Line::styled(heading, palette.quiet()), heads);
    let cursor = list.cursor();
    let lines = list.found().enumerate().skip(list.top).take(rows).map(|(at, row)| {
        let style = if row.unreadable > 0 { palette.tinted(Color::Red) } else { ratatui::style::Style::new() };
        let text = fit(&line(row, at == cursor, area.width), area.width.into());
        Line::styled(text, if at == cursor { style.patch(SELECTED) } else { style })
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), body);
}

fn line(row: &Summary, selected: bool, width: u16) -> String {
    let number = |number: u64| grouped(usize::try_from(number).unwrap_or(usize::MAX));
    let mark = if selected { '>' } else { ' ' };
    let changed = row.changed.map_or_else(
        || "-".into(),
        |changed| match width {
            ..WIDE => short(changed),
            _ => format!("{}  {}", short(changed), time::ago(changed)),
        },
    );
    let off = if row.unreadable > 0 { '!' } else { ' ' };
    let basket = format!("{mark}{off}{}", row.id);
    let text = columns(&basket, &number(row.versions), &number(row.products), &number(row.units), &changed, width);
    match row.unreadable {
        0 => text,
        unreadable => format!("{text}  {unreadable} unreadable"),
    }
}

fn columns(basket: &str, versions: &str, products: &str, units: &str, changed: &str, width: u16) -> String {
    match width {
        ..ROOMY => format!("{basket:<26}  {versions:>8}  {changed}"),
        _ => format!("{basket:<26}  {versions:>8}  {products:>8}  {units:>9}  {changed}"),
    }
}

/// A time of our zone, without the zone.
pub(super) fn short(time: bson::DateTime) -> String {
    let long = time::local(time);
    long.get(..19).unwrap_or(&long).to_owned()
}

/// The end of a text, where all of it has no room.
fn fit_left(text: &str, columns: usize) -> String {
    let length = text.chars().count();
    match length <= columns {
        true => text.to_owned(),
        false => std::iter::once('…').chain(text.chars().skip(length + 1 - columns)).collect(),
    }
}

/// Draws the line at the foot: what is being typed, or some of the keys.
pub(super) fn foot(frame: &mut Frame<'_>, area: Rect, model: &Model, palette: Palette) {
    let prompt = model.list.prompt.as_ref().filter(|_| model.basket.is_none());
    if let Some(prompt) = prompt {
        let label = if prompt.is_product { " hold the product: " } else { " id has: " };
        let typed = format!("{label}{}", prompt.text);
        let end = u16::try_from(Line::raw(typed.as_str()).width()).unwrap_or(area.width);
        let told = match &prompt.wrong {
            Some(wrong) => format!("{typed}   ({wrong})"),
            None => typed,
        };
        frame.render_widget(Line::raw(told), area);
        frame.set_cursor_position((area.x + end.min(area.width.saturating_sub(1)), area.y));
        return;
    }
    let keys = match &model.basket {
        Some(_) if area.width < FOOT => " ? all keys  q back",
        None if area.width < FOOT => " ? all keys  q leave",
        Some(_) => " ←→ time  Home End  m mark  d document  ? all keys  q back",
        None => " ↑↓ move  Enter open  / find  p product  ? all keys  q leave",
    };
    frame.render_widget(Line::styled(keys, palette.quiet()), area);
}
