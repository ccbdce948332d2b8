//! The course as data: `stages.toml` has what each stage blanks and tests, and its hints; `mistakes.toml` has common
//! mistakes. The other modules read it; no part of the course is written in code.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::source;

/// A checkout of the repository, with its course.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// The repository's top folder.
    #[serde(skip)]
    pub root: PathBuf,
    #[serde(rename = "stage")]
    pub stages: Vec<Stage>,
}

/// One stage: something that learners can do after it, and not before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// A sentence.
    pub name: String,
    pub package: String,
    /// The test file in its `tests/`, without `.rs`.
    pub test: String,
    /// The slide that explains it.
    pub slide: String,
    /// What to do, in two or three lines.
    pub task: String,
    /// The functions that are blanked, to be written.
    pub part: Vec<Part>,
    /// From a small hint to nearly the solution.
    pub hint: Vec<Hint>,
}

/// A function that learners write themselves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Where it is, from the root.
    pub file: String,
    /// `Type::function`.
    pub item: String,
    /// Its body at the start.
    pub blank: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    pub text: String,
    /// The function that `code` goes into.
    pub item: Option<String>,
    /// A body that compiles, with a `todo!` in place of the last step.
    pub code: Option<String>,
}

/// The bodies on main, by [`key`].
pub type Solutions = BTreeMap<String, String>;

impl Stage {
    /// The file with its tests, from the root.
    pub fn tests(&self) -> String {
        format!("crates/{}/tests/{}.rs", self.package, self.test)
    }
}

/// Where the branch keeps the solutions.
pub const SOLUTIONS: &str = "exercise/solutions.json";

pub fn key(part: &Part) -> String {
    format!("{}#{}", part.file, part.item)
}

pub fn solution<'s>(solutions: &'s Solutions, part: &Part) -> Result<&'s str> {
    Ok(solutions.get(&key(part)).with_context(|| format!("there is no solution of {}", part.item))?)
}

impl Course {
    /// The course of the checkout that contains a folder.
    pub fn at(folder: &Path) -> Result<Self> {
        let root = folder.ancestors().find(|folder| folder.join("exercise/stages.toml").is_file());
        let root = root.context("this folder is not in the basket repository")?.to_owned();
        let text = fs::read_to_string(root.join("exercise/stages.toml")).context("exercise/stages.toml")?;
        let course = toml::from_str(&text).context("exercise/stages.toml")?;
        Ok(Self { root, ..course })
    }

    pub fn stage(&self, number: usize) -> Result<&Stage> {
        let last = self.stages.len();
        number.checked_sub(1).and_then(|index| self.stages.get(index)).with_context(|| {
            format!("there is no stage {number}; stages are numbered 1 to {last}, and `make stages` lists them")
        })
    }

    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.stages.iter().flat_map(|stage| &stage.part)
    }

    pub fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.root.join(file)).with_context(|| format!("{file} can't be read"))
    }

    /// Writes a file, in a folder that is made if it is missing.
    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.root.join(file);
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        folder.and_then(|()| fs::write(&path, text)).with_context(|| format!("{file} can't be written"))
    }

    /// Puts a body into a part.
    pub fn put(&self, part: &Part, body: &str) -> Result<()> {
        let text = source::with_body(&self.read(&part.file)?, &part.item, body).with_context(|| part.file.clone())?;
        self.write(&part.file, &text)
    }

    /// Puts lines of code into a part, as its body.
    pub fn put_code(&self, part: &Part, code: &str) -> Result<()> {
        let body = source::braced(&self.read(&part.file)?, &part.item, code).with_context(|| part.file.clone())?;
        self.put(part, &body)
    }

    /// The bodies that are in the checkout now.
    pub fn bodies(&self) -> Result<Solutions> {
        let body = |part: &Part| {
            let text = self.read(&part.file)?;
            let range = source::body(&text, &part.item).with_context(|| part.file.clone())?;
            Ok((key(part), text.get(range).unwrap_or_default().to_owned()))
        };
        self.parts().map(body).collect()
    }

    /// The solutions that are stored on the branch.
    pub fn solutions(&self) -> Result<Solutions> {
        if !self.root.join(SOLUTIONS).exists() {
            bail!(
                "the exercise is on a branch of its own: make it with `make from_scratch`, or go back to it with `git switch from_scratch`"
            );
        }
        serde_json::from_str(&self.read(SOLUTIONS)?).with_context(|| format!("{SOLUTIONS} can't be read"))
    }
}
