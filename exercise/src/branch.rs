//! `make from_scratch`: a real local branch out of the commit that is checked out, with the parts of all stages blanked.
//! It changes the working tree only by switching to the branch, at the very end, and overwrites no work. `prove` and
//! `record` make the branch in a clone.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    course::{Course, SOLUTIONS, key},
    state::State,
};

const BRANCH: &str = "from_scratch";
const SUBJECT: &str = "Start from scratch";

pub const MADE: &str =
    "you are on the branch from_scratch now; read README.md, and type `make watch` in a second window";

/// The author of the commits that this tool makes.
const AUTHOR: [&str; 6] = ["-c", "user.name=basket", "-c", "user.email=basket@localhost", "-c", "commit.gpgsign=false"];

/// Makes the branch and switches to it. With `fresh`, an existing branch is kept under a dated name.
pub fn make(course: &Course, fresh: bool) -> Result<()> {
    let root = &course.root;
    if course.root.join(SOLUTIONS).exists() {
        bail!(
            "you are on the branch {BRANCH} already: go on with `make watch`; to start again: git switch main && make from_scratch FRESH=1"
        );
    }
    if !git(root, &["status", "--porcelain"])?.is_empty() {
        bail!(
            "there are uncommitted changes, which a switch to {BRANCH} could lose; \
             keep them with `git stash --include-untracked` or a commit, then run the same command again"
        );
    }
    if git(root, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{BRANCH}")]).is_ok() {
        if fresh {
            let date = git(root, &["log", "-1", "--format=%cd", "--date=format:%Y%m%d-%H%M%S", BRANCH])?;
            let kept = format!("{BRANCH}-{date}");
            git(root, &["branch", "--move", BRANCH, &kept])
                .with_context(|| format!("the old branch can't be kept as {kept}"))?;
            println!("your old branch is kept as {kept}");
        } else {
            let is_untouched = git(root, &["log", "-1", "--format=%s", BRANCH])? == SUBJECT;
            let work = if is_untouched { "" } else { ", with work of yours on it" };
            bail!(
                "the branch {BRANCH} is there already{work}; go on with `git switch {BRANCH}`, \
                 or start again with `make from_scratch FRESH=1`, which keeps the old one under a dated name"
            );
        }
    }

    let folder = tempfile::tempdir()?;
    let tree = folder.path().join("tree");
    let tree_name = tree.to_str().context("the folder for temporary files has a name that is not UTF-8")?;
    git(root, &["worktree", "add", "--quiet", "-b", BRANCH, tree_name])?;
    let made = start(&tree);
    git(root, &["worktree", "remove", "--force", tree_name])?;
    if let Err(error) = made {
        git(root, &["branch", "--delete", "--force", BRANCH])?;
        return Err(error);
    }
    git(root, &["switch", "--quiet", BRANCH])?;
    // Stages done and hints given on another branch don't count here.
    State::default().save(course)
}

/// Blanks every part in the tree and commits the result.
fn start(tree: &Path) -> Result<()> {
    let course = Course::at(tree)?;
    course.write(SOLUTIONS, &serde_json::to_string_pretty(&course.bodies()?)?)?;
    blank_all(&course)?;
    let readme = format!("{}\n---\n\n{}", course.read("exercise/README.md")?.trim_end(), course.read("README.md")?);
    course.write("README.md", &readme)?;
    git(tree, &["add", "--all"])?;
    let body = "Made by `make from_scratch`: main, with the bodies of the functions that you write blanked.";
    git(tree, &["commit", "--quiet", "--no-verify", "--message", SUBJECT, "--message", body]).map(drop)
}

/// A clone of the repository in a folder, at a commit (HEAD if that is empty), ready for the exercise; `target/NAME` keeps its builds.
pub fn clone(course: &Course, commit: &str, folder: &Path, name: &str) -> Result<Course> {
    let clone = folder.join("basket");
    let path = clone.to_str().context("the folder for temporary files has a name that is not UTF-8")?;
    git(&course.root, &["clone", "--quiet", ".", path])?;
    if !commit.is_empty() {
        git(&clone, &["switch", "--quiet", "--detach", commit])?;
    }
    // A target folder of its own, kept for the next run. cargo names what it builds by the path within the workspace: in
    // a shared folder, it would take the build of a mistake in the clone for the build of main.
    let target = course.root.join("target").join(name);
    fs::create_dir_all(clone.join(".cargo"))?;
    fs::write(clone.join(".cargo/config.toml"), format!("[build]\ntarget-dir = {:?}\n", target.display().to_string()))?;
    fs::write(clone.join(".git/info/exclude"), "/.cargo\n")?;
    Course::at(&clone)
}

/// Blanks every part of every stage.
pub fn blank_all(course: &Course) -> Result<()> {
    course.parts().try_for_each(|part| course.put_code(part, &part.blank).with_context(|| key(part)))
}

/// What git prints.
pub fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(AUTHOR)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("git can't be started; install it")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
