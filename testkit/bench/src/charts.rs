//! The charts in `docs/performance/`: ratios on one axis, and how figures change as something grows. All axes are logarithmic, so
//! that twice as much is as far everywhere.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{curves::Curve, statistics::Spread, tables::times};

const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
const MISSED: RGBColor = RGBColor(0xc8, 0x32, 0x32);
const FLOOR: RGBColor = RGBColor(0x70, 0x70, 0x70);

/// Ratios that have a line in the grid.
const TICKS: [f64; 14] = [0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1_000.0];

/// A line of a chart of ratios.
pub struct Line {
    /// What stands before it.
    pub name: String,
    /// The ratio.
    pub ratio: Spread,
    /// What the ratio may be at most.
    pub goal: Option<f64>,
}

/// Draws ratios, a line each, with their quartiles and goals.
pub fn ratios(file: &Path, title: &str, axis: &str, lines: &[Line]) -> Result<()> {
    let all = lines.iter().flat_map(|line| [line.ratio.low, line.ratio.high, line.goal.unwrap_or(1.0)]);
    let (least, most) = all.fold((0.9_f64, 1.5_f64), |(least, most), ratio| (least.min(ratio), most.max(ratio)));
    let (least, most) = (least * 0.95, most * 1.2);
    let ticks = TICKS.into_iter().filter(|tick| (least..most).contains(tick)).collect();
    let root = SVGBackend::new(file, (900, 110 + 24 * lines.len() as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(250)
        .build_cartesian_2d((least..most).log_scale().with_key_points(ticks), (0..lines.len()).into_segmented())?;
    let name = |place: &SegmentValue<usize>| match place {
        SegmentValue::CenterOf(place) => {
            lines.iter().rev().nth(*place).map_or_else(String::new, |line| line.name.clone())
        }
        _ => String::new(),
    };
    (chart.configure_mesh().x_desc(axis).x_label_formatter(&|ratio| times(*ratio)).y_labels(lines.len()))
        .y_label_formatter(&name)
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .draw()?;
    let end = |place| if place == 0 { SegmentValue::Exact(0) } else { SegmentValue::Exact(lines.len()) };
    chart.draw_series([PathElement::new([(1.0, end(0)), (1.0, end(1))], FLOOR.stroke_width(1))])?;
    for (place, line) in lines.iter().rev().enumerate() {
        let (middle, Spread { low, median, high }) = (SegmentValue::CenterOf(place), line.ratio);
        let color = if line.goal.is_some_and(|goal| median > goal) { MISSED } else { OURS };
        chart
            .draw_series([PathElement::new([(low, middle.clone()), (high, middle.clone())], color.stroke_width(3))])?;
        chart.draw_series([Circle::new((median, middle.clone()), 5, color.filled())])?;
        let label = ("sans-serif", 12).into_font().color(&color).pos(Pos::new(HPos::Left, VPos::Center));
        chart.draw_series([EmptyElement::at((high.max(line.goal.unwrap_or(high)), middle.clone()))
            + Text::new(times(median), (8, 0), label)])?;
        if let Some(goal) = line.goal {
            let mark = PathElement::new([(0, -9), (0, 9)], BLACK.stroke_width(2));
            chart.draw_series([EmptyElement::at((goal, middle)) + mark])?;
        }
    }
    Ok(root.present()?)
}

/// Draws a curve of ours, and that of the floor.
pub fn curve(file: &Path, curve: &Curve) -> Result<()> {
    let figures = curve.points.iter().flat_map(|point| [point.y, point.floor]).filter(|figure| *figure > 0.0);
    let (least, most) =
        figures.fold((f64::MAX, 0.0_f64), |(least, most), figure| (least.min(figure), most.max(figure)));
    let ends = curve.points.first().zip(curve.points.last());
    let (first, last) = ends.ok_or_else(|| anyhow!("a curve needs a point"))?;
    let root = SVGBackend::new(file, (760, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(&curve.title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(70)
        .build_cartesian_2d(
            (first.x * 0.8..last.x * 1.6)
                .log_scale()
                .with_key_points(curve.points.iter().map(|point| point.x).collect()),
            (least / 2.0..most * 2.5).log_scale(),
        )?;
    (chart.configure_mesh().x_desc(&curve.x).y_desc(&curve.y))
        .x_label_formatter(&|figure| short(*figure))
        .y_label_formatter(&|figure| short(*figure))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.1))
        .draw()?;
    let ours = curve.points.iter().map(|point| (point.x, point.y, point.y >= point.floor)).collect::<Vec<_>>();
    let floor = curve.points.iter().map(|point| (point.x, point.floor, point.y < point.floor)).collect();
    for (name, points, color) in [(curve.floor.as_str(), floor, FLOOR), ("basket", ours, OURS)] {
        let line = points.iter().map(|(x, y, _)| (*x, *y));
        let series = chart.draw_series(LineSeries::new(line, color.stroke_width(2)))?;
        series.label(name).legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)));
        // The figure of the higher one stands above it, and that of the other below.
        chart.draw_series(points.iter().map(|(x, y, is_higher)| {
            let (side, away) = if *is_higher { (VPos::Bottom, -7) } else { (VPos::Top, 7) };
            let font = ("sans-serif", 11).into_font().color(&color).pos(Pos::new(HPos::Center, side));
            EmptyElement::at((*x, *y)) + Circle::new((0, 0), 3, color.filled()) + Text::new(short(*y), (0, away), font)
        }))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    Ok(root.present()?)
}

/// A figure in three digits or so: `1.2k`, `34M`.
fn short(figure: f64) -> String {
    let (number, unit) = match figure {
        ..1e3 => (figure, ""),
        ..1e6 => (figure / 1e3, "k"),
        _ => (figure / 1e6, "M"),
    };
    let places = usize::from(number < 10.0 && number.fract() > 0.05);
    format!("{number:.places$}{unit}")
}
