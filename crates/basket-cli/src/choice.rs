//! Which store is used, and why: `--store`, `BASKET_STORE`, `.env` here or above, the embedded file; first found wins, even if it
//! does not work: the file never silently replaces a MongoDB. Choosing opens nothing. A program `loans` has `LOANS_STORE`.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use basket_mongo::StoreError;
use directories::ProjectDirs;

use crate::{args::no_hyphen, help::PROGRAM};

/// A variable of this program: `BASKET_STORE` names its store.
pub(crate) fn variable(what: &str) -> String {
    let name = PROGRAM.name().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    format!("{}_{what}", name.collect::<String>())
}

/// A store and the reason for it.
pub struct Choice {
    pub(crate) location: Location,
    /// What named it.
    pub(crate) reason: String,
}

/// Where events are kept.
pub enum Location {
    /// A MongoDB at this address, which may hold a password: never print it.
    #[cfg_attr(not(feature = "mongodb"), allow(dead_code, reason = "it is only refused then"))]
    Mongo(String),
    /// An embedded file.
    File(PathBuf),
}

/// Finds the store for this process. A file in the user's data folder is called as what it holds: `baskets.db`.
pub fn choose(option: Option<&str>, holds: &str) -> Result<Choice> {
    let variable = variable("STORE");
    let chosen = |value: &str, folder: Result<PathBuf>, reason: String| {
        let location = location(value, folder).with_context(|| reason.clone())?;
        Ok(Choice { location, reason })
    };
    if let Some(value) = option {
        return chosen(value, here(), "the option --store".into());
    }
    match env::var(&variable) {
        Ok(value) => return chosen(&value, here(), format!("the environment variable {variable}")),
        Err(env::VarError::NotUnicode(_)) => bail!(address(format!("{variable} is not valid UTF-8"))),
        Err(env::VarError::NotPresent) => {}
    }
    for folder in here()?.ancestors() {
        let file = folder.join(".env");
        if let Some(value) = in_dot_env(&file)? {
            return chosen(&value, Ok(folder.into()), format!("the line {variable} in {}", file.display()));
        }
    }
    let home = ProjectDirs::from("", "", PROGRAM.name())
        .context("there is no home folder to keep events in; name a file with --store")?;
    let reason = format!("default (no --store, no {variable}, no .env that names one)");
    Ok(Choice { location: Location::File(home.data_dir().join(format!("{holds}.db"))), reason })
}

/// The working directory, which may be gone: then only what needs it fails.
fn here() -> Result<PathBuf> {
    env::current_dir()
        .context("the working directory can't be read; go to another one, or name the store with its whole path")
}

/// The location that a value names; a relative path starts at `folder`.
fn location(value: &str, folder: Result<PathBuf>) -> Result<Location> {
    let wrong = |why: &str| Err(address(why.into()).into());
    if let Err(why) = no_hyphen(value) {
        return wrong(&format!("{why}; a file of that name is written ./-"));
    }
    match value.split_once("://") {
        _ if value.trim().is_empty() => {
            wrong("it is empty; name mongodb://..., mongodb+srv://... or a file, or unset it")
        }
        Some(("mongodb" | "mongodb+srv", _)) => Ok(Location::Mongo(value.into())),
        Some((scheme, _)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) => {
            wrong(&format!("'{scheme}://' is no store; use mongodb://..., mongodb+srv://... or a file"))
        }
        // A user and a password may stand there.
        Some(_) => wrong("what stands before :// in it is no store; use mongodb://..., mongodb+srv://... or a file"),
        // An address that lacks its mongodb:// must not become a file name; it may hold a password.
        None if value.contains([':', '@']) && !value.starts_with(['/', '.']) => {
            wrong("it looks like a server without mongodb:// before it; a file with such a name is written ./NAME")
        }
        None if Path::new(value).is_absolute() => Ok(Location::File(value.into())),
        None => Ok(Location::File(folder?.join(value))),
    }
}

fn address(why: String) -> StoreError {
    StoreError::Address { why }
}

/// The value of the variable in a `.env`, if the file is there and has one. Other lines need not be valid, nor text.
fn in_dot_env(file: &Path) -> Result<Option<String>> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound || file.is_dir() => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} can't be read", file.display())),
    };
    in_lines(&bytes, file)
}

/// The value of the variable in the bytes of such a file, which is only named.
pub fn in_lines(bytes: &[u8], file: &Path) -> Result<Option<String>> {
    let variable = variable("STORE");
    let wrong = || {
        format!("the line {variable} in {} can't be parsed; put its value in single quotes, as UTF-8", file.display())
    };
    let lines = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).split(|byte| *byte == b'\n');
    let ours: Vec<u8> = lines.filter(|line| is_ours(line, &variable)).flat_map(|line| [line, b"\n"].concat()).collect();
    let ours = String::from_utf8(ours).ok().with_context(wrong)?;
    let mut found = None;
    for line in dotenvy::from_read_iter(ours.as_bytes()) {
        // The error of dotenvy holds the line, and so a password: it is dropped.
        // In a value without quotes, dotenvy silently replaces a $ and what follows by a variable.
        let line = line.ok().filter(|_| !ours.contains('$') || ours.contains('\''));
        let (_, value) = line.with_context(wrong)?;
        found = Some(value);
    }
    Ok(found)
}

fn is_ours(line: &[u8], variable: &str) -> bool {
    let line = line.trim_ascii_start();
    let name = line.strip_prefix(b"export ").unwrap_or(line).trim_ascii_start();
    name.strip_prefix(variable.as_bytes()).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"="))
}
