//! Which store is in force, and why: `--store`, `BASKET_STORE`, `.env` here or above, the embedded file; first found wins.
//! It opens nothing. What is found wins even if it does not work: MongoDB is never silently replaced by the file.

use std::{
    env,
    fmt::{self, Display},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use basket_mongo::StoreError;
use directories::ProjectDirs;

const VARIABLE: &str = "BASKET_STORE";

/// A store and the reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Where the events are.
    pub place: Place,
    /// What led there.
    pub reason: Reason,
}

/// Where events are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A MongoDB at this address, which may hold a password: never print it.
    Mongo(String),
    /// An embedded file.
    File(PathBuf),
}

/// Why a store is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The option `--store`.
    Option,
    /// The environment variable.
    Variable,
    /// A line in this file.
    DotEnv(PathBuf),
    /// Nothing else says where.
    Default,
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option => f.write_str("the option --store"),
            Self::Variable => write!(f, "the environment variable {VARIABLE}"),
            Self::DotEnv(file) => write!(f, "the line {VARIABLE} in {}", file.display()),
            Self::Default => write!(f, "default (no --store, no {VARIABLE}, no .env that names one)"),
        }
    }
}

/// Finds the store for this process.
///
/// # Errors
/// A value that is no store; a `.env` that can't be read; no folder to keep the default file in.
pub fn choose(option: Option<&str>) -> Result<Choice> {
    let here = env::current_dir().context("the working directory can't be found")?;
    if let Some(value) = option {
        let place = place(value, &here).with_context(|| Reason::Option.to_string())?;
        return Ok(Choice { place, reason: Reason::Option });
    }
    match env::var(VARIABLE) {
        Ok(value) => {
            let place = place(&value, &here).with_context(|| Reason::Variable.to_string())?;
            return Ok(Choice { place, reason: Reason::Variable });
        }
        Err(env::VarError::NotUnicode(_)) => bail!(address(format!("{VARIABLE} is not valid UTF-8"))),
        Err(env::VarError::NotPresent) => {}
    }
    for folder in here.ancestors() {
        let file = folder.join(".env");
        if let Some(value) = in_dot_env(&file)? {
            let place = place(&value, folder).with_context(|| Reason::DotEnv(file.clone()).to_string())?;
            return Ok(Choice { place, reason: Reason::DotEnv(file) });
        }
    }
    let home = ProjectDirs::from("", "", "basket")
        .context("there is no home folder to keep events in; name a file with --store")?;
    Ok(Choice { place: Place::File(home.data_dir().join("baskets.db")), reason: Reason::Default })
}

/// The place that a value names; a relative path starts at `folder`.
fn place(value: &str, folder: &Path) -> Result<Place, StoreError> {
    match value.split_once("://") {
        _ if value.trim().is_empty() => {
            Err(address("it is empty; name mongodb://..., mongodb+srv://... or a file, or unset it".into()))
        }
        Some(("mongodb" | "mongodb+srv", _)) => Ok(Place::Mongo(value.into())),
        Some((scheme, _)) => {
            Err(address(format!("'{scheme}://' is no store; use mongodb://..., mongodb+srv://... or a file")))
        }
        // A server that lost its mongodb:// must not become a file, and may hold a password.
        None if value.contains([':', '@']) && !value.starts_with(['/', '.']) => Err(address(
            "it looks like a server without mongodb:// before it; a file with such a name is written ./NAME".into(),
        )),
        None => Ok(Place::File(folder.join(value))),
    }
}

fn address(why: String) -> StoreError {
    StoreError::Address { why }
}

/// The value of our variable in a `.env`, if the file is there and has one. Lines of others may be as they like.
fn in_dot_env(file: &Path) -> Result<Option<String>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound || file.is_dir() => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} can't be read", file.display())),
    };
    let mine: String = text
        .trim_start_matches('\u{feff}')
        .lines()
        .filter(|line| is_ours(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut found = None;
    for line in dotenvy::from_read_iter(mine.as_bytes()) {
        // dotenvy quotes the line, which may hold a password.
        // Unless it is quoted, a $ would be taken for a variable and the address be another one without a word.
        let line = line.ok().filter(|_| !mine.contains('$') || mine.contains('\''));
        let (_, value) = line.with_context(|| {
            format!("the line {VARIABLE} in {} can't be parsed; put its value in single quotes", file.display())
        })?;
        found = Some(value);
    }
    Ok(found)
}

fn is_ours(line: &str) -> bool {
    let line = line.trim_start();
    let name = line.strip_prefix("export ").unwrap_or(line).trim_start();
    name.strip_prefix(VARIABLE).is_some_and(|rest| rest.trim_start().starts_with('='))
}
