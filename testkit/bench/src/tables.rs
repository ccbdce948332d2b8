//! The tables of `docs/performance.md`, and how figures are written for a person.

use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::{Context, Result};

use crate::{
    bout::{Figure, Measured},
    choices::CHOICES,
    peers::PEER_WORKS,
    report::{Report, Row, Rows},
    statistics::Spread,
    works::WORKS,
};

/// The works, each with the goal that it keeps or misses; nothing where none was measured.
pub fn works(report: &Report) -> String {
    if report.works.is_empty() {
        return String::new();
    }
    let mut table = String::from(
        "| work | what is done once | floor | basket | ratio | goal | noise | others |\n|---|---|--:|--:|--:|--:|--:|---|\n",
    );
    for work in WORKS {
        let Some(Measured { noise, sides, .. }) = report.works.get(work.name).map(|row| &row.measured) else {
            continue;
        };
        let [floor, ours, others @ ..] = sides.as_slice() else { continue };
        let others: Vec<_> = others.iter().map(|side| format!("{} {}", side.name, times(side.ratio.median))).collect();
        let goal = match work.goal {
            None => "–".to_owned(),
            Some(goal) if ours.ratio.median <= goal => format!("{goal:.2}"),
            Some(goal) => format!("**{goal:.2}, missed**"),
        };
        let cells = [duration(floor.nanos.median), duration(ours.nanos.median), range(ours.ratio), goal, range(*noise)];
        table += &format!("| `{}` | {} | {} | {} |\n", work.name, work.what, cells.join(" | "), others.join(", "));
    }
    table + &places(report.works.values())
}

/// The peers, each work with all that have done it, ours first; nothing where none was measured.
pub fn peers(report: &Report) -> String {
    let header = "| work | store | time | times ours | what it gives less |\n|---|---|--:|--:|---|\n";
    let works = PEER_WORKS.iter().map(|work| (work.name, work.what));
    sides(header, works, &report.peers, |side| match side.less.as_str() {
        "" => " – |".into(),
        less => format!(" {less} |"),
    })
}

/// The other shapes, each work with all of them; nothing where none was measured.
pub fn choices(report: &Report) -> String {
    let works = CHOICES.iter().map(|work| (work.name, work.what));
    sides("| work | shape | time | ratio |\n|---|---|--:|--:|\n", works, &report.choices, |_| String::new())
}

/// A line for each side of each work, with a cell more where there is one.
fn sides<'a>(
    header: &str,
    works: impl Iterator<Item = (&'a str, &'a str)>,
    rows: &Rows,
    more: impl Fn(&Figure) -> String,
) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = header.to_owned();
    for (work, what) in works {
        let Some(row) = rows.get(work) else { continue };
        for (place, side) in row.measured.sides.iter().enumerate() {
            let name = if place == 0 { format!("`{work}`: {what}") } else { String::new() };
            let (time, ratio) = (duration(side.nanos.median), range(side.ratio));
            table += &format!("| {name} | {} | {time} | {ratio} |{}\n", side.name, more(side));
        }
    }
    table + &places(rows.values())
}

/// The curves, each with its chart and its figures.
pub fn curves(report: &Report) -> String {
    let mut text = String::new();
    for (name, row) in &report.curves {
        let curve = &row.curve;
        _ = writeln!(text, "![{}](performance/{name}.svg)\n", curve.title);
        _ = writeln!(text, "| {} | {}: {} | basket | ratio |\n|--:|--:|--:|--:|", curve.x, curve.y, curve.floor);
        for point in &curve.points {
            let (x, y, floor) = (plain(point.x), plain(point.y), plain(point.floor));
            _ = writeln!(text, "| {x} | {floor} | {y} | {} |", times(point.y / point.floor));
        }
        _ = writeln!(text, "\nMeasured {} on {}.\n", row.date, row.machine);
    }
    text
}

/// Where these rows were measured, in a sentence below their table.
fn places<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let places: BTreeSet<_> = rows.map(|row| format!("{} on {}", row.date, row.machine)).collect();
    format!("\nMeasured {}.\n", places.into_iter().collect::<Vec<_>>().join("; "))
}

/// The text with another table between the marks of this name.
pub fn replaced(text: &str, name: &str, table: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- {name} end -->\n"));
    let (before, rest) = text.split_once(&begin).with_context(|| format!("it has no '{}'", begin.trim()))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("it has no '{}'", end.trim()))?;
    Ok(format!("{before}{begin}{table}{end}{after}"))
}

/// Nanoseconds in the unit that a person reads best.
pub fn duration(nanos: f64) -> String {
    let (number, unit) = match nanos {
        ..1e3 => (nanos, "ns"),
        ..1e6 => (nanos / 1e3, "µs"),
        ..1e9 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    let places = if number < 10.0 { 2 } else { usize::from(number < 100.0) };
    format!("{number:.places$} {unit}")
}

/// A ratio, in three digits or so.
pub fn times(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.1}") }
}

/// A ratio, with its quartiles.
pub fn range(Spread { low, median, high }: Spread) -> String {
    format!("{} ({}–{})", times(median), times(low), times(high))
}

/// A figure of a curve, with a comma between its thousands.
pub fn plain(figure: f64) -> String {
    let places = usize::from(figure < 10.0 && figure.fract() > 0.05);
    let digits = format!("{figure:.places$}");
    let whole = digits.split('.').next().unwrap_or_default().len();
    let comma = |at: usize| at > 0 && at < whole && (whole - at).is_multiple_of(3);
    digits.chars().enumerate().flat_map(|(at, digit)| comma(at).then_some(',').into_iter().chain([digit])).collect()
}
