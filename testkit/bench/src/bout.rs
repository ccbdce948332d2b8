//! A bout: several sides do the same work in turns, so that what disturbs the machine disturbs all of them. The first side is
//! the *floor*. It is measured twice in each round: how far it is from itself is the noise, and no ratio is finer than that.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::{FutureExt, LocalBoxFuture};
use serde::{Deserialize, Serialize};

use crate::statistics::{Spread, ratios, spread};

/// One way to do a work.
pub struct Side {
    /// What it is called in the tables.
    pub name: String,
    /// What it gives less than the others.
    pub less: String,
    run: Box<dyn FnMut(u32) -> LocalBoxFuture<'static, Result<Duration>>>,
}

impl Side {
    /// A side that does the work so many times, and returns how long that took; what it prepares before is not counted.
    pub fn new<F>(name: impl Into<String>, mut run: impl FnMut(u32) -> F + 'static) -> Self
    where
        F: Future<Output = Result<Duration>> + 'static,
    {
        Self { name: name.into(), less: String::new(), run: Box::new(move |times| run(times).boxed_local()) }
    }

    /// The same, of which is known what it gives less.
    pub fn giving_less(self, less: String) -> Self {
        Self { less, ..self }
    }
}

/// Does it so many times, one after the other, and returns how long that took.
pub async fn timed<T>(times: u32, mut work: impl AsyncFnMut() -> Result<T>) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..times {
        std::hint::black_box(work().await?);
    }
    Ok(start.elapsed())
}

/// What one side has shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The side.
    pub name: String,
    /// What it gives less.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub less: String,
    /// How long the work took it once, in nanoseconds.
    pub nanos: Spread,
    /// How many times the floor of the same round that is.
    pub ratio: Spread,
}

/// What a bout has shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How many rounds there were.
    pub rounds: usize,
    /// How often each side did the work in one of them.
    pub times: u32,
    /// The floor against itself.
    pub noise: Spread,
    /// The sides, the floor first.
    pub sides: Vec<Figure>,
}

/// Lets the sides do their work in turns. Each does it as often in a round as takes the floor `least`; and `per` is how many
/// works it counts for to do it once.
pub async fn bout(sides: &mut [Side], per: u32, rounds: usize, least: Duration) -> Result<Measured> {
    let mut once = Duration::ZERO;
    for (place, side) in sides.iter_mut().enumerate() {
        // The first time, connections are made and pages are read.
        (side.run)(1).await.with_context(|| side.name.clone())?;
        if place == 0 {
            once = (side.run)(1).await?;
        }
    }
    let times = least.as_nanos().div_ceil(once.as_nanos().max(1)).clamp(1, 100_000) as u32;
    let mut samples = vec![Vec::new(); sides.len() + 1];
    for round in 0..rounds {
        let mut order: Vec<_> = (0..=sides.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for place in order {
            // The place behind the last side is the floor once more.
            let side = sides.get_mut(place % samples.len().saturating_sub(1)).context("a bout needs a side")?;
            let took = (side.run)(times).await.with_context(|| side.name.clone())?;
            if let Some(samples) = samples.get_mut(place) {
                samples.push(took.as_nanos() as f64 / f64::from(times) / f64::from(per));
            }
        }
    }
    let again = samples.pop().unwrap_or_default();
    let floor = samples.first().cloned().unwrap_or_default();
    let figure = |(side, samples): (&Side, &Vec<f64>)| Figure {
        name: side.name.clone(),
        less: side.less.clone(),
        nanos: spread(samples),
        ratio: ratios(samples, &floor),
    };
    let figures = sides.iter().zip(&samples).map(figure).collect();
    Ok(Measured { rounds, times, noise: ratios(&again, &floor), sides: figures })
}
