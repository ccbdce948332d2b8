//! The figures, in `docs/performance.json`, and all that is made of them: the tables of `docs/performance.md` beside it, and the
//! charts in `docs/performance/`. One work can be measured again, and the other rows stay.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{
    bout::Measured,
    charts::{self, Line},
    curves::Curve,
    machine::Machine,
    peers::PEER_WORKS,
    tables,
    works::WORKS,
};

/// Figures of all that was measured, the newest of each.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// The works, by name.
    #[serde(default)]
    pub works: Rows,
    /// The works of the peers, by name.
    #[serde(default)]
    pub peers: Rows,
    /// The other shapes, by name.
    #[serde(default)]
    pub choices: Rows,
    /// The curves, by name.
    #[serde(default)]
    pub curves: BTreeMap<String, CurveRow>,
}

/// Works that were measured, by name.
pub type Rows = BTreeMap<String, Row>;

/// A work that was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// The day.
    pub date: String,
    /// Where.
    pub machine: Machine,
    /// What it has shown.
    pub measured: Measured,
}

/// A curve that was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CurveRow {
    /// The day.
    pub date: String,
    /// Where.
    pub machine: Machine,
    /// What it has shown.
    pub curve: Curve,
}

impl Report {
    /// The figures beside this file of text.
    pub fn read(text: &Path) -> Result<Self> {
        let path = text.with_extension("json");
        match fs::read_to_string(&path) {
            Ok(json) => serde_json::from_str(&json).with_context(|| format!("'{}' can't be read", path.display())),
            Err(_) => Ok(Self::default()),
        }
    }

    /// Writes the figures, the tables into the text, and the charts. The sentences around the tables stay as they are.
    pub fn write(&self, text: &Path) -> Result<()> {
        fs::write(text.with_extension("json"), serde_json::to_string_pretty(self)? + "\n")?;
        let mut words = fs::read_to_string(text).with_context(|| format!("'{}' can't be read", text.display()))?;
        let tables = [
            ("works", tables::works(self)),
            ("peers", tables::peers(self)),
            ("choices", tables::choices(self)),
            ("curves", tables::curves(self)),
        ];
        for (name, table) in tables {
            words = tables::replaced(&words, name, &table).with_context(|| format!("'{}'", text.display()))?;
        }
        fs::write(text, words)?;
        self.draw(&text.with_extension(""))
    }

    fn draw(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let works = WORKS.iter().filter_map(|work| {
            let ours = self.works.get(work.name)?.measured.sides.get(1)?;
            Some(Line { name: work.name.into(), ratio: ours.ratio, goal: work.goal })
        });
        let peers = PEER_WORKS.iter().flat_map(|work| {
            let sides = self.peers.get(work.name).map_or(&[][..], |row| row.measured.sides.as_slice());
            // Ours is 1 in all of them.
            sides.iter().skip(1).map(|side| {
                let name = format!("{}: {}", work.name, side.name);
                Line { name, ratio: side.ratio, goal: None }
            })
        });
        let (works, peers): (Vec<_>, Vec<_>) = (works.collect(), peers.collect());
        if !works.is_empty() {
            let axis = "times the floor's time; a black mark is the goal, red has missed it";
            charts::ratios(&folder.join("works.svg"), "basket beside the floor", axis, &works)?;
        }
        if !peers.is_empty() {
            charts::ratios(&folder.join("peers.svg"), "Others beside basket", "times basket's time", &peers)?;
        }
        for (name, row) in &self.curves {
            charts::curve(&folder.join(format!("{name}.svg")), &row.curve)?;
        }
        Ok(())
    }
}
