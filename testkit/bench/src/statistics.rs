//! Medians, quartiles, and ratios by round. Nothing here knows what was measured.

use serde::{Deserialize, Serialize};

/// The middle of some figures, and the two quartiles: half of the figures lie between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// A quarter of the figures is below it.
    pub low: f64,
    /// Half of them is.
    pub median: f64,
    /// A quarter is above it.
    pub high: f64,
}

/// The spread of some figures, in any order; zeros if there are none.
pub fn spread(figures: &[f64]) -> Spread {
    Spread { low: quantile(figures, 0.25), median: quantile(figures, 0.5), high: quantile(figures, 0.75) }
}

/// The figure below which such a share of them lies; between two figures, it is as near to each as the share is.
pub fn quantile(figures: &[f64], share: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = sorted.len().saturating_sub(1) as f64 * share;
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or_default();
    at(place.floor()) + (at(place.ceil()) - at(place.floor())) * place.fract()
}

/// How many times the floor of its round each figure is. What slows a whole round down slows both, and so is not in the ratio.
pub fn ratios(side: &[f64], floor: &[f64]) -> Spread {
    let by_round: Vec<_> = side.iter().zip(floor).map(|(side, floor)| side / floor).collect();
    spread(&by_round)
}
