//! Mistakes that are made in the sources on purpose, in a copy: the fault that should show each of them must. `breaks.toml` has them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::{laws::Law, report::Seen, row::Row};

/// A change of the sources.
#[derive(Debug, Clone, Deserialize)]
pub struct Break {
    /// What it is called.
    pub name: String,
    /// What is done, for the table.
    pub what: String,
    /// The file, from the root of the repository.
    pub file: PathBuf,
    /// A text that is there once.
    pub old: String,
    /// What comes into its place.
    pub new: String,
    /// The fault that shows it.
    pub fault: String,
    /// How many rounds of it.
    pub rounds: usize,
    /// The law that it breaks.
    pub law: Law,
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// All of them.
pub fn all() -> anyhow::Result<Vec<Break>> {
    #[derive(Deserialize)]
    struct Breaks {
        r#break: Vec<Break>,
    }
    Ok(toml::from_str::<Breaks>(include_str!("../breaks.toml"))?.r#break)
}

impl Break {
    /// The changed text of its file. Fails if the text to be changed is not there once.
    pub fn changed(&self) -> anyhow::Result<String> {
        let text = fs::read_to_string(root().join(&self.file)).with_context(|| self.file.display().to_string())?;
        let found = text.matches(&self.old).count();
        ensure!(found == 1, "{}: '{}' is {found} times in {}", self.name, self.old, self.file.display());
        Ok(text.replace(&self.old, &self.new))
    }

    /// Builds a copy with the change, in a folder that later ones use again, and tries the fault on it.
    pub fn show(&self, seed: u64) -> anyhow::Result<Seen> {
        let changed = self.changed()?;
        let folder = root().join("target/breaks");
        copy(&folder.join("copy"))?;
        fs::write(folder.join("copy").join(&self.file), changed)?;
        let mut build = Command::new("cargo");
        build.args(["build", "--quiet", "--package", "faults", "--package", "basket-cli", "--bins"]);
        build.current_dir(folder.join("copy")).env("CARGO_TARGET_DIR", folder.join("target"));
        ensure!(build.status()?.success(), "{}: the changed sources do not build", self.name);
        let mut run = Command::new(folder.join("target/debug/faults"));
        run.args(["run", &self.fault, "--rounds", &self.rounds.to_string(), "--seed", &seed.to_string(), "--json"]);
        let output = run.output()?;
        let printed = String::from_utf8(output.stdout)?;
        let json = printed.lines().last().unwrap_or_default();
        let row: Row = serde_json::from_str(json)
            .with_context(|| format!("{}: {json} {}", self.name, String::from_utf8_lossy(&output.stderr)))?;
        if let Some(why) = row.not_run {
            bail!("{}: {} was not run: {why}", self.name, self.fault);
        }
        let (times, mut others) = (row.count(self.law), row.broken);
        others.remove(&self.law);
        let (what, place) = (self.what.clone(), format!("`{}`", self.file.display()));
        Ok(Seen { what, place, by: self.fault.clone(), law: self.law, times, others })
    }
}

/// Copies what git knows, and what is new; files that did not change stay as old as they are, so that they are not built again.
fn copy(to: &Path) -> anyhow::Result<()> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "Cargo.*",
            "crates",
            "exercise",
            "testkit",
        ])
        .current_dir(root())
        .output()?;
    for name in String::from_utf8(listed.stdout)?.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root().join(name), to.join(name));
        let Ok(text) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|there| there == text) {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(to, text)?;
    }
    Ok(())
}
