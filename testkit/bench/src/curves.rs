//! How figures change as something grows: a curve a line, each theme a file of its own.

mod collection;
mod crowds;
mod memory;
mod stream;

use anyhow::Result;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use crate::works::Setting;

pub use memory::peak;

/// A curve that is being measured.
type Growing = LocalBoxFuture<'static, Result<Vec<Point>>>;

/// A curve that can be measured.
#[derive(Clone, Copy)]
pub struct Growth {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What is measured, and for which sizes; the title of the chart.
    pub what: &'static str,
    /// What grows; what is measured; and what the floor is.
    pub words: [&'static str; 3],
    run: fn(Setting, Vec<u64>) -> Growing,
    sizes: &'static [u64],
    /// What `--long` adds.
    longer: &'static [u64],
}

/// What one size has shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The size.
    pub x: f64,
    /// What it has shown of the store.
    pub y: f64,
    /// And of the floor.
    pub floor: f64,
}

/// A curve that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The title of its chart.
    pub title: String,
    /// What grows.
    pub x: String,
    /// What is measured.
    pub y: String,
    /// What the floor is.
    pub floor: String,
    /// The points, by size.
    pub points: Vec<Point>,
}

impl Growth {
    /// Measures it, up to the longest stream of the setting.
    pub async fn run(&self, setting: &Setting, long: bool) -> Result<Curve> {
        let longer = if long { self.longer } else { &[] };
        let mut sizes: Vec<_> = self.sizes.iter().chain(longer).map(|size| setting.longest.min(*size)).collect();
        sizes.dedup();
        let points = (self.run)(setting.clone(), sizes).await?;
        let [x, y, floor] = self.words.map(str::to_owned);
        Ok(Curve { title: self.what.into(), x, y, floor, points })
    }
}

macro_rules! growths {
    ($($name:literal, $run:path, [$($size:literal)*], [$($longer:literal)*], $words:expr, $what:literal;)*) => {
        &[$(Growth {
            name: $name,
            what: $what,
            words: $words,
            run: |setting, sizes| Box::pin($run(setting, sizes)),
            sizes: &[$($size),*],
            longer: &[$($longer),*],
        }),*]
    };
}

/// All of them, in the order of the text.
pub const GROWTHS: &[Growth] = growths! {
    "collection-append", collection::append, [10_000 100_000 1_000_000], [10_000_000],
        ["events in the collection", "µs an append", "driver"], "Append of an event, as the collection grows (cache 0.25 GB)";
    "collection-load", collection::load, [10_000 100_000 1_000_000], [10_000_000],
        ["events in the collection", "µs a load", "driver"], "Load of 100 events, as the collection grows (cache 0.25 GB)";
    "collection-bytes", collection::bytes, [10_000 100_000 1_000_000], [10_000_000],
        ["events in the collection", "bytes an event", "the document, not compressed"], "Bytes on disk, indexes included, as the collection grows";
    "stream-load", stream::load, [1 10 100 1_000 10_000 100_000], [1_000_000],
        ["events in the stream", "ns an event", "driver"], "Load of a stream as it grows";
    "stream-memory", memory::load, [1_000 10_000 100_000], [1_000_000],
        ["events in the stream", "MB at most", "driver"], "Memory of a process that loads a stream";
    "writers", crowds::writers, [1 2 4 8 16 32 64 128 256], [],
        ["writers at once", "appends a second", "driver"], "Appends to new streams by many writers";
    "subscriptions", crowds::subscriptions, [1 2 5 10 20 50], [],
        ["subscriptions at once", "events a second of each", "cursors that keep a position"], "Catch-up of many subscriptions";
};
