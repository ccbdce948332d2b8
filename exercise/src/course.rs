//! The course as data: `stages.toml` has what each stage blanks and tests, and its hints; `known.toml` says what usually
//! causes a failure, and `mistakes.toml` has the mistakes that prove it. The other modules read it; no part of the course
//! is written in code.

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
    /// What `known.toml` says about failures; the first that fits counts.
    #[serde(skip)]
    pub known: Vec<Known>,
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
    /// What was just learnt, in a line that is shown once it is green.
    pub learnt: String,
    /// The functions that are blanked, to be written.
    pub part: Vec<Part>,
    /// From a small hint to nearly the solution.
    pub hint: Vec<Hint>,
}

/// A function that learners write themselves.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Where it is, from the root.
    pub file: String,
    /// `Type::function`.
    pub item: String,
    /// Its body at the start.
    pub blank: String,
}

/// A failure whose cause is known, and what to say about it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Words in the failed test's name, its message or the compiler's; it must have all of them.
    #[serde(default)]
    pub shows: Vec<String>,
    /// If there are any: it panicked in one of these functions.
    #[serde(default)]
    pub panics_in: Vec<String>,
    pub says: String,
    /// The function to look at, if it is none of the failed stage.
    pub item: Option<String>,
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

    pub fn needs_mongo(&self) -> bool {
        self.package == "basket-mongo"
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
        let course: Self = toml::from_str(&text).context("exercise/stages.toml")?;
        let known = fs::read_to_string(root.join("exercise/known.toml")).context("exercise/known.toml")?;
        let mut known: BTreeMap<String, Vec<Known>> = toml::from_str(&known).context("exercise/known.toml")?;
        Ok(Self { root, known: known.remove("known").unwrap_or_default(), ..course })
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

    /// The part at a place that rustc or a panic names: `file:line:column`.
    pub fn part_at(&self, place: &str) -> Option<&Part> {
        let (file, position) = place.split_once(':')?;
        let line = position.split(':').next()?.parse().ok()?;
        let text = self.read(file).ok()?;
        let is_there = |part: &&Part| source::lines(&text, &part.item).is_ok_and(|lines| lines.contains(&line));
        self.parts().filter(|part| part.file == file).find(is_there)
    }

    /// Whether a part is as it was at the start.
    pub fn is_blank(&self, part: &Part) -> bool {
        let is_blank = |text: &str| {
            let (body, blank) = (source::body(text, &part.item)?, source::braced(text, &part.item, &part.blank)?);
            Ok::<_, anyhow::Error>(text.get(body) == Some(&blank))
        };
        self.read(&part.file).and_then(|text| is_blank(&text)).unwrap_or(false)
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
