//! An asciicast as an animated picture (SVG), light or dark as the reader's system is. Each screen is a frame of a strip, and
//! the strip is moved behind a window; a row that several screens have is drawn once. Where motion is unwanted, the last
//! screen stands still.

use std::{collections::BTreeSet, fmt::Write, ops::RangeInclusive};

use serde_json::Value;
use vt100::{Cell, Color, Parser, Screen};

/// The size of a letter's cell, in units of the picture.
const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 12.0;
/// Screens that are seen for less than this, in seconds, are left out: a letter of a word that is typed.
const SHORTEST: f64 = 0.12;

/// The colours of a terminal, 0 to 7, on light and on dark paper.
const COLORS: [(&str, &str); 8] = [
    ("#1c1917", "#e7e5e4"),
    ("#b3261e", "#ff9d8f"),
    ("#1a6b2f", "#7ee29a"),
    ("#7a5200", "#f0c674"),
    ("#1f4fb0", "#9cc1ff"),
    ("#7b2fa3", "#e0a8ff"),
    ("#00606b", "#7fdbe6"),
    ("#6b6560", "#a8a29e"),
];

struct Frame {
    /// From the start of the picture, in seconds.
    at: f64,
    rows: Vec<String>,
}

/// The picture of what an asciicast shows between two moments, in seconds. `title` is read out to those who can't see it.
pub fn animated(cast: &str, seconds: RangeInclusive<f64>, title: &str) -> String {
    let (frames, length, (rows, columns)) = frames(cast, &seconds);
    let height = f64::from(rows) * CELL.1 + 2.0 * MARGIN;
    let mut steps = String::new();
    for (number, frame) in frames.iter().enumerate() {
        let (percent, shift) = (100.0 * frame.at / length, -height * number as f64);
        writeln!(steps, "  {percent:.2}% {{ transform: translateY({shift}px) }}").unwrap();
    }
    let last = -height * (frames.len() - 1) as f64;
    let style = format!(
        "#strip {{ transform: translateY({last}px); animation: strip {length}s step-end infinite }}\n\
         @keyframes strip {{\n{steps}}}\n@media (prefers-reduced-motion) {{ #strip {{ animation: none }} }}\n"
    );
    picture(&frames, (rows, columns), title, &style)
}

/// The last screen of an asciicast, without the empty rows below it.
pub fn still(cast: &str, title: &str) -> String {
    let (mut frames, _, (_, columns)) = frames(cast, &(0.0..=f64::MAX));
    let mut last = frames.pop().unwrap();
    last.rows.truncate(last.rows.iter().rposition(|row| !row.is_empty()).map_or(0, |row| row + 1));
    let rows = last.rows.len().try_into().unwrap();
    picture(&[last], (rows, columns), title, "")
}

/// The screens that are seen, for how many seconds in all, and the size of the terminal.
fn frames(cast: &str, seconds: &RangeInclusive<f64>) -> (Vec<Frame>, f64, (u16, u16)) {
    let mut lines = cast.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let head = lines.next().unwrap();
    let [rows, columns] = ["height", "width"].map(|side| head[side].as_u64().unwrap().try_into().unwrap());
    let (mut parser, mut frames, mut length) = (Parser::new(rows, columns, 0), Vec::<Frame>::new(), 0.0);
    for event in lines.filter(|event| event[1] == "o") {
        let at = event[0].as_f64().unwrap();
        if at > *seconds.end() {
            break;
        }
        parser.process(event[2].as_str().unwrap().as_bytes());
        let rows = (0..rows).map(|row| drawn(parser.screen(), row)).collect();
        let at = (at - seconds.start()).max(0.0);
        length = at;
        match frames.last_mut() {
            Some(last) if last.rows == rows => {}
            Some(last) if at - last.at < SHORTEST => last.rows = rows,
            _ => frames.push(Frame { at, rows }),
        }
    }
    (frames, length, (rows, columns))
}

/// A row, with a run of text for each look.
fn drawn(screen: &Screen, row: u16) -> String {
    let (_, columns) = screen.size();
    let cells: Vec<_> = (0..columns).filter_map(|column| Some((column, screen.cell(row, column)?))).collect();
    let mut drawn = String::new();
    for run in cells.chunk_by(|(_, one), (_, next)| look(one) == look(next)) {
        let text: String =
            run.iter().map(|(_, cell)| if cell.has_contents() { cell.contents() } else { " " }).collect();
        let (class, paper) = look(run[0].1);
        let (x, width) = (f64::from(run[0].0) * CELL.0, run.len() as f64 * CELL.0);
        if let Some(paper) = paper {
            write!(drawn, r#"<rect x="{x:.1}" y="-13.5" width="{width:.1}" height="{}" class="{paper}"/>"#, CELL.1)
                .unwrap();
        }
        let blank = text.len() - text.trim_start_matches(' ').len();
        let shown = text.trim_matches(' ');
        if !shown.is_empty() {
            let (x, width) = (x + blank as f64 * CELL.0, shown.chars().count() as f64 * CELL.0);
            let shown = shown.replace('&', "&amp;").replace('<', "&lt;");
            write!(drawn, r#"<text x="{x:.1}" textLength="{width:.1}" class="{class}">{shown}</text>"#).unwrap();
        }
    }
    drawn.replace(r#" class="""#, "")
}

/// The classes of a cell's letter, and of its paper where it is not that of the picture.
fn look(cell: &Cell) -> (String, Option<String>) {
    let name = |color| match color {
        Color::Default => None,
        Color::Idx(index) => Some(format!("c{}", index % 8)),
        Color::Rgb(..) => panic!("basket uses the colours of the terminal"),
    };
    let (mut ink, mut paper) = (name(cell.fgcolor()), name(cell.bgcolor()));
    if cell.inverse() {
        (ink, paper) = (Some(paper.unwrap_or("paper".into())), Some(ink.unwrap_or("ink".into())));
    }
    let marks = [(cell.bold(), "bold"), (cell.dim(), "dim"), (cell.underline(), "line")];
    let classes = ink.into_iter().chain(marks.iter().filter(|(is, _)| *is).map(|(_, class)| (*class).to_owned()));
    (classes.collect::<Vec<_>>().join(" "), paper)
}

fn picture(frames: &[Frame], (rows, columns): (u16, u16), title: &str, style: &str) -> String {
    let (width, height) = (f64::from(columns) * CELL.0 + 2.0 * MARGIN, f64::from(rows) * CELL.1 + 2.0 * MARGIN);
    let distinct: BTreeSet<_> = frames.iter().flat_map(|frame| &frame.rows).filter(|row| !row.is_empty()).collect();
    let distinct: Vec<_> = distinct.into_iter().collect();
    let palette = |paper: &str, of: fn(&(&'static str, &'static str)) -> &'static str| {
        let colors = COLORS.iter().enumerate().map(|(at, pair)| format!(" --c{at}: {};", of(pair)));
        format!("svg {{ --paper: {paper}; --ink: {};{} }}", of(&COLORS[0]), colors.collect::<String>())
    };
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>{title}</title>
<style>
{light}
@media (prefers-color-scheme: dark) {{ {dark} }}
text {{ font: 14px ui-monospace, 'JetBrains Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre; fill: var(--ink) }}
.paper {{ fill: var(--paper) }} .ink {{ fill: var(--ink) }} .bold {{ font-weight: bold }} .dim {{ opacity: 0.65 }} .line {{ text-decoration: underline }}
{classes}
{style}</style>
<rect x="0.5" y="0.5" width="{edge_x}" height="{edge_y}" rx="8" class="paper" stroke="var(--c7)" stroke-opacity="0.4"/>
<defs>
"##,
        edge_x = width - 1.0,
        edge_y = height - 1.0,
        light = palette("#faf9f7", |pair| pair.0),
        dark = palette("#1c1917", |pair| pair.1),
        classes = (0..8).map(|at| format!(".c{at} {{ fill: var(--c{at}) }} ")).collect::<String>().trim_end(),
    );
    for (at, row) in distinct.iter().enumerate() {
        writeln!(svg, r#"<g id="r{at}">{row}</g>"#).unwrap();
    }
    svg += "</defs>\n<g id=\"strip\">\n";
    for (number, frame) in frames.iter().enumerate() {
        for (at, row) in frame.rows.iter().enumerate().filter(|(_, row)| !row.is_empty()) {
            let used = distinct.binary_search(&row).unwrap();
            let y = height * number as f64 + MARGIN + CELL.1 * at as f64 + 13.5;
            write!(svg, r##"<use href="#r{used}" x="{MARGIN}" y="{y}"/>"##).unwrap();
        }
        svg += "\n";
    }
    svg + "</g>\n</svg>\n"
}
