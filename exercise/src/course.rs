//! The course as data: `stages.toml` says what each stage blanks, tests and hints at; `mistakes.toml` what people get
//! wrong. The other rooms read it; nothing of the course is written in code.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::source;

/// A checkout of the repository, with its course.
pub struct Course {
    /// The repository's top folder.
    pub root: PathBuf,
    /// The stages, in order.
    pub stages: Vec<Stage>,
}

/// One stage: something that people can't do before, and can do after.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// A sentence.
    pub name: String,
    /// The crate to build.
    pub package: String,
    /// The test file in its `tests/`, without `.rs`.
    pub test: String,
    /// The slide that explains it.
    pub slide: String,
    /// What to do, in two or three lines.
    pub task: String,
    /// What is blanked, and to be written.
    pub part: Vec<Part>,
    /// From a nudge to nearly all.
    pub hint: Vec<Hint>,
}

/// A function that people write themselves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Where it is, from the root.
    pub file: String,
    /// `Type::function`.
    pub item: String,
    /// What stands in it at the start.
    pub blank: String,
}

/// One hint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// For people.
    pub text: String,
    /// The function that `code` goes into.
    pub item: Option<String>,
    /// A body that compiles, with a `todo!` where the last thought is missing.
    pub code: Option<String>,
}

/// The bodies that people are to find: by [`key`], as main has them.
pub type Solutions = BTreeMap<String, String>;

/// Where the branch keeps the solutions.
pub const SOLUTIONS: &str = "exercise/solutions.json";

/// Names a part.
pub fn key(part: &Part) -> String {
    format!("{}#{}", part.file, part.item)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stages {
    stage: Vec<Stage>,
}

impl Course {
    /// The course of the checkout that a folder is in.
    ///
    /// # Errors
    /// The folder is in no checkout of this repository, or its course can't be read.
    pub fn at(folder: &Path) -> Result<Self> {
        let root = folder.ancestors().find(|folder| folder.join("exercise/stages.toml").is_file());
        let root = root.context("this is no folder of the basket repository")?.to_owned();
        let text = fs::read_to_string(root.join("exercise/stages.toml")).context("exercise/stages.toml")?;
        let Stages { stage } = toml::from_str(&text).context("exercise/stages.toml")?;
        Ok(Self { root, stages: stage })
    }

    /// A stage by its number, from 1.
    ///
    /// # Errors
    /// There is none of this number.
    pub fn stage(&self, number: usize) -> Result<&Stage> {
        let last = self.stages.len();
        number.checked_sub(1).and_then(|index| self.stages.get(index)).with_context(|| {
            format!("there is no stage {number}; stages are numbered 1 to {last}, and `make stages` lists them")
        })
    }

    /// Every part of every stage.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.stages.iter().flat_map(|stage| &stage.part)
    }

    /// Reads a file of the checkout.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.root.join(file)).with_context(|| format!("{file} can't be read"))
    }

    /// Writes a file of the checkout.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        fs::write(self.root.join(file), text).with_context(|| format!("{file} can't be written"))
    }

    /// Puts a body into a part.
    ///
    /// # Errors
    /// The file can't be parsed, or has lost the function.
    pub fn put(&self, part: &Part, body: &str) -> Result<()> {
        let text = source::with_body(&self.read(&part.file)?, &part.item, body).with_context(|| part.file.clone())?;
        self.write(&part.file, &text)
    }

    /// The bodies that are in the checkout now.
    ///
    /// # Errors
    /// A file can't be parsed, or has lost a function.
    pub fn bodies(&self) -> Result<Solutions> {
        let mut bodies = Solutions::new();
        for part in self.parts() {
            let text = self.read(&part.file)?;
            let range = source::body(&text, &part.item).with_context(|| part.file.clone())?;
            bodies.insert(key(part), text.get(range).unwrap_or_default().to_owned());
        }
        Ok(bodies)
    }

    /// The body with which a part starts.
    ///
    /// # Errors
    /// The file can't be parsed, or has lost the function.
    pub fn blank(&self, part: &Part) -> Result<String> {
        source::braced(&self.read(&part.file)?, &part.item, &part.blank).with_context(|| part.file.clone())
    }

    /// The solutions that the branch carries.
    ///
    /// # Errors
    /// This is not the branch.
    pub fn solutions(&self) -> Result<Solutions> {
        if !self.root.join(SOLUTIONS).exists() {
            bail!(
                "the exercise is on a branch of its own: make it with `make from_scratch`, or go back to it with `git switch from_scratch`"
            );
        }
        serde_json::from_str(&self.read(SOLUTIONS)?).with_context(|| format!("{SOLUTIONS} can't be read"))
    }
}
