//! `make from_scratch`: a real local branch out of the commit that is checked out, with the parts of all stages blanked.
//! It touches the working tree only by switching to the branch, at the very end, and overwrites no work.

use std::{
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

/// What is said once it is made.
pub const MADE: &str =
    "you are on the branch from_scratch now; read README.md, and type `make watch` in a second window";

/// For a commit that is nobody's.
pub const NAME: [&str; 6] =
    ["-c", "user.name=basket", "-c", "user.email=basket@localhost", "-c", "commit.gpgsign=false"];

/// Makes the branch and switches to it. With `fresh`, a branch that is there already is kept under a dated name.
///
/// # Errors
/// There are uncommitted changes, or work on the branch; the message says the way out.
pub fn make(course: &Course, fresh: bool) -> Result<()> {
    let root = &course.root;
    if !git(root, &["status", "--porcelain"])?.is_empty() {
        bail!(
            "there are uncommitted changes, which a switch to {BRANCH} could lose; \
             keep them with `git stash --include-untracked` or a commit, then type the same again"
        );
    }
    if course.root.join(SOLUTIONS).exists() {
        bail!("you are on the exercise's branch already; to begin anew: git switch main && make from_scratch FRESH=1");
    }
    if git(root, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{BRANCH}")]).is_ok() {
        if fresh {
            let kept = format!(
                "{BRANCH}-{}",
                git(root, &["log", "-1", "--format=%cd", "--date=format:%Y%m%d-%H%M%S", BRANCH])?
            );
            git(root, &["branch", "--move", BRANCH, &kept])
                .with_context(|| format!("the old branch can't be kept as {kept}"))?;
            println!("your old branch is kept as {kept}");
        } else if git(root, &["log", "-1", "--format=%s", BRANCH])? == SUBJECT {
            bail!(
                "the branch {BRANCH} is there already; go on with `git switch {BRANCH}`, or anew with `make from_scratch FRESH=1`"
            );
        } else {
            bail!(
                "the branch {BRANCH} is there already, with work of yours on it; go on with `git switch {BRANCH}`, \
                 or anew with `make from_scratch FRESH=1`, which keeps the old one under a dated name"
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
    // What was done and hinted at on another branch is not done here.
    State::default().save(course)
}

/// Blanks every part in the tree and commits that.
fn start(tree: &Path) -> Result<()> {
    let course = Course::at(tree)?;
    course.write(SOLUTIONS, &serde_json::to_string_pretty(&course.bodies()?)?)?;
    blank_all(&course)?;
    let readme = format!("{}\n---\n\n{}", course.read("exercise/README.md")?.trim_end(), course.read("README.md")?);
    course.write("README.md", &readme)?;
    git(tree, &["add", "--all"])?;
    let body = "Made by `make from_scratch`: main, with the bodies of the functions that you write blanked.";
    git(tree, &[&NAME[..], &["commit", "--quiet", "--no-verify", "--message", SUBJECT, "--message", body]].concat())?;
    Ok(())
}

/// Blanks every part of every stage.
///
/// # Errors
/// A file can't be parsed, or has lost a function.
pub fn blank_all(course: &Course) -> Result<()> {
    for part in course.parts() {
        course.put(part, &course.blank(part)?).with_context(|| key(part))?;
    }
    Ok(())
}

/// What git prints.
///
/// # Errors
/// What git complains of.
pub fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("git can't be started; install it")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
