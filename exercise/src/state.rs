//! What the exercise remembers of you between two commands: stages done, hints given, the clock. In `.exercise/`, which
//! git does not see; losing it loses nothing.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::course::Course;

/// The folder for state and for copies of what was overwritten.
pub const FOLDER: &str = ".exercise";

/// What is remembered.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Stages that were green, one after the other from the first, when the tests last ran.
    pub done: usize,
    /// How many hints were given for each stage.
    pub hints: BTreeMap<usize, usize>,
    /// When the clock runs out, in seconds since 1970.
    pub until: Option<u64>,
}

impl State {
    /// What was remembered; nothing, where that can't be read.
    pub fn load(course: &Course) -> Self {
        let text = fs::read_to_string(course.root.join(FOLDER).join("state.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Remembers it.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn save(&self, course: &Course) -> Result<()> {
        fs::create_dir_all(course.root.join(FOLDER)).with_context(|| format!("{FOLDER} can't be made"))?;
        course.write(&format!("{FOLDER}/state.json"), &serde_json::to_string(self)?)
    }

    /// The clock, if one runs: minutes and seconds that are left, or that it is over.
    pub fn clock(&self) -> Option<String> {
        let left = self.until?.checked_sub(now().as_secs());
        Some(left.map_or("time is up".into(), |left| format!("{:02}:{:02} left", left / 60, left % 60)))
    }
}

/// Time since 1970.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
