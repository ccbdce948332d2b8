//! What the exercise remembers between two commands: stages done, hints given, the clock. It is in `.exercise/`, which
//! git ignores, and can be deleted without harm.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::course::Course;

/// The folder for state and for copies of what was overwritten.
pub const FOLDER: &str = ".exercise";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The stages that were green when they were last tested.
    pub green: BTreeSet<usize>,
    /// How many hints were given for each stage.
    pub hints: BTreeMap<usize, usize>,
    /// When the clock runs out, in seconds since 1970.
    pub until: Option<u64>,
}

impl State {
    /// The stored state; empty, if that can't be read.
    pub fn load(course: &Course) -> Self {
        let text = fs::read_to_string(course.root.join(FOLDER).join("state.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub fn save(&self, course: &Course) -> Result<()> {
        course.write(&format!("{FOLDER}/state.json"), &serde_json::to_string(self)?)
    }

    /// The first stage that is not green; one more than there are stages, if all are.
    pub fn at(&self) -> usize {
        (1..).find(|number| !self.green.contains(number)).unwrap_or_default()
    }

    /// The clock, if one runs: minutes and seconds left, or that the time is up.
    pub fn clock(&self) -> Option<String> {
        let left = self.until?.checked_sub(now().as_secs());
        Some(left.map_or("time is up".into(), |left| format!("{:02}:{:02} left", left / 60, left % 60)))
    }
}

pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
