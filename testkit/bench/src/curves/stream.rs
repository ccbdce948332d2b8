//! Loads of one stream as it grows.

use anyhow::Result;

use super::Point;
use crate::{
    bout::Measured,
    place::Place,
    works::{Ready, Setting, load},
};

/// How many rounds each size is measured in.
pub(super) const ROUNDS: usize = 15;

/// Nanoseconds an event.
pub async fn load(setting: Setting, sizes: Vec<u64>) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    for length in sizes {
        let place = Place::new(&setting.server).await?;
        let id = place.stream(length).await?;
        let sides = load::sides(&place, vec![id]).await?;
        let measured = Ready::new(sides).on(place).measured(setting.rounds.unwrap_or(ROUNDS), setting.least).await?;
        points.push(point(length, &measured, |nanos| nanos / length as f64));
    }
    Ok(points)
}

/// The point of a size, whose figures are made of the times that the floor and the store took.
pub(super) fn point(size: u64, measured: &Measured, figure: impl Fn(f64) -> f64) -> Point {
    let nanos = |place: usize| measured.sides.get(place).map_or(0.0, |side| figure(side.nanos.median));
    Point { x: size as f64, y: nanos(1), floor: nanos(0) }
}
