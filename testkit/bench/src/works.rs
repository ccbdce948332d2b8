//! What is measured, a work a line; each theme is a file of its own.

pub(crate) mod append;
pub(crate) mod command;
mod embedded;
mod feed;
mod fold;
mod live;
pub(crate) mod load;
mod passes;
mod program;

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::LocalBoxFuture;

use crate::{
    bout::{Measured, Side, bout},
    place::Place,
};

pub use program::{beside, ping};

/// A work that can be measured.
#[derive(Clone, Copy)]
pub struct Work {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What is done, for the table.
    pub what: &'static str,
    /// How many times the floor it may take.
    pub goal: Option<f64>,
    /// How many rounds `make bench` does.
    pub rounds: usize,
    pub(crate) ready: fn(Setting) -> LocalBoxFuture<'static, Result<Ready>>,
}

/// How works are measured.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The address of a replica set.
    pub server: String,
    /// How many rounds, in place of each work's own number.
    pub rounds: Option<usize>,
    /// How long the floor works in a round, at least.
    pub least: Duration,
    /// How many events the passes read.
    pub events: u64,
    /// The longest stream, so that a test is short.
    pub longest: u64,
}

/// A work whose sides are about to do it.
pub struct Ready {
    pub(crate) sides: Vec<Side>,
    per: u32,
    places: Vec<Place>,
}

impl Ready {
    /// These sides, the floor first.
    pub fn new(sides: Vec<Side>) -> Self {
        Self { sides, per: 1, places: Vec::new() }
    }

    /// A place that is dropped behind them.
    pub fn on(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// To do it once counts for so many works.
    pub fn per(self, per: u32) -> Self {
        Self { per, ..self }
    }

    /// Lets the sides do it, and drops what they leave.
    pub async fn measured(mut self, rounds: usize, least: Duration) -> Result<Measured> {
        let measured = bout(&mut self.sides, self.per, rounds, least).await;
        for place in &self.places {
            place.database.drop().await.context("a database of the bench can't be dropped")?;
        }
        measured
    }
}

impl Work {
    /// Measures it.
    pub async fn run(&self, setting: &Setting) -> Result<Measured> {
        let ready = (self.ready)(setting.clone()).await?;
        ready.measured(setting.rounds.unwrap_or(self.rounds), setting.least).await
    }
}

/// Those whose names are among these, or begin so; all of them if there are no names.
pub fn chosen<'a, T>(all: &'a [T], name: fn(&T) -> &str, names: &[String]) -> Result<Vec<&'a T>> {
    let is_asked = |of: &str, asked: &String| {
        of.strip_prefix(asked.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if let Some(unknown) = names.iter().find(|asked| !all.iter().any(|item| is_asked(name(item), asked))) {
        anyhow::bail!("there is nothing of the name '{unknown}'; `bench list` prints all names");
    }
    Ok(all.iter().filter(|item| names.is_empty() || names.iter().any(|asked| is_asked(name(item), asked))).collect())
}

macro_rules! list {
    ($($name:literal, $goal:expr, $rounds:literal, |$setting:ident| $ready:expr, $what:literal;)*) => {
        &[$($crate::works::Work { name: $name, what: $what, goal: $goal, rounds: $rounds, ready: |$setting| Box::pin($ready) }),*]
    };
}

pub(crate) use list as works;

/// All of them, in the order of the table.
pub const WORKS: &[Work] = works! {
    "append-1", Some(1.05), 60, |setting| append::one(setting, 1), "an event to a new stream; the driver inserts one document";
    "append-8", Some(1.05), 40, |setting| append::one(setting, 8), "the same by 8 writers at once: the time between two of them";
    "append-64", Some(1.05), 40, |setting| append::one(setting, 64), "the same by 64 writers at once";
    "append-of-2", Some(1.05), 60, |setting| append::several(setting, 2), "a commit of 2 events; the driver inserts two documents in a transaction";
    "append-of-10", Some(1.05), 60, |setting| append::several(setting, 10), "a commit of 10 events";
    "load-10", Some(1.10), 100, |setting| load::stream(setting, 10), "a stream of 10 events as a state; the driver's user reads four fields of each into a map";
    "load-1000", Some(1.20), 60, |setting| load::stream(setting, 1_000), "the same of 1,000 events";
    "load-100000", Some(1.20), 20, |setting| load::stream(setting, 100_000), "the same of 100,000 events";
    "handle-100", Some(1.05), 60, |setting| command::handle(setting, 100), "a command to a stream of 100 events; the driver finds them, and inserts one document";
    "contended-64", Some(1.11), 15, |setting| command::contended(setting, 64), "a command, of those that 64 writers put to one stream; the floor is one writer that puts all of them";
    "catch-up-subscription", Some(1.20), 20, |setting| feed::catch_up(setting, feed::Way::Subscription), "all streams from the beginning, as a subscription reads them; the driver's user reads four fields of each";
    "catch-up-log", Some(1.20), 20, |setting| feed::catch_up(setting, feed::Way::Log), "the same as the log of all streams";
    "catch-up-tail", Some(1.20), 20, |setting| feed::catch_up(setting, feed::Way::Tail), "the same as a tail from the beginning";
    "live-p50", Some(1.05), 15, |setting| live::latency(setting, 0.5), "from an append until a reader has the event: half of the times are shorter; the driver's user reads a change stream";
    "live-p99", Some(1.05), 15, |setting| live::latency(setting, 0.99), "the same: 99 of 100 times are shorter";
    "pass-list", None, 8, |setting| passes::reading(setting, &["list", "--replay"]), "`basket list` of all streams; the floor is the bytes alone";
    "pass-report", None, 8, |setting| passes::reading(setting, &["report", "removed", "--replay"]), "`basket report removed`";
    "pass-verify", None, 8, |setting| passes::reading(setting, &["verify"]), "`basket verify`";
    "pass-export", None, 8, |setting| passes::reading(setting, &["export"]), "`basket export`";
    "pass-import", None, 5, |setting| passes::import(setting), "`basket import` into a new collection; the driver inserts a thousand documents at a time";
    "program-file", Some(1.30), 40, |_setting| program::on_a_file(), "`basket get` on a file, the whole program; the floor is `basket --version`";
    "program-mongodb", Some(1.30), 40, |setting| program::on_mongodb(setting), "`basket get` on MongoDB; the floor is a program that connects, pings and ends";
    "embedded-append", Some(1.10), 60, |_setting| embedded::append(), "an event to a new stream in a file; the floor is SQLite by hand, with the same pragmas";
    "embedded-load-1000", Some(1.10), 60, |setting| embedded::load(setting, 1_000), "a stream of 1,000 events in a file as a state";
    "fold-replay", None, 60, |_setting| fold::replay(), "an event that is applied, in memory; the floor sums in a map";
    "fold-decode", None, 60, |_setting| fold::decode(), "a document that is read and applied, in memory; the floor reads four fields";
};
