//! `make prove`: makes the branch in a clone and walks through it, to prove that main and the exercise are one.
//! Every stage is red before its solution and green after it, every hint compiles, and every mistake in `mistakes.toml`
//! turns a test of its own stage red that names it.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::{
    branch::{self, git},
    course::{Course, Part, Solutions, Stage, key},
    learn,
    record::{self, Tape},
    state,
    verdict::{self, Servers, Verdict},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mistakes {
    mistake: Vec<Mistake>,
}

/// Something that people get wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mistake {
    name: String,
    stage: usize,
    item: String,
    code: String,
    /// Words of the test or the message (or, for what can't be written at all, of the compiler) that name the mistake.
    says: String,
}

/// Runs the whole proof on what HEAD has; prints a table of each part of it.
pub fn run(course: &Course) -> Result<bool> {
    let start = Instant::now();
    if !git(&course.root, &["status", "--porcelain"])?.is_empty() {
        println!("note: there are uncommitted changes, and the proof is about the last commit");
    }
    let folder = tempfile::tempdir()?;
    let proof = Proof { course: clone(course, "", folder.path())?, servers: Servers::default() };
    proof.branch()?;
    proof.stages()?;
    proof.hints()?;
    proof.mistakes()?;
    proof.nothing_is_lost()?;
    println!("\nthe exercise has not drifted ({} s)", start.elapsed().as_secs());
    Ok(true)
}

/// A clone of the repository in a folder, at a commit of it (HEAD where that is empty), ready to be walked through.
///
/// # Errors
/// What git complains of.
pub fn clone(course: &Course, commit: &str, folder: &Path) -> Result<Course> {
    let clone = folder.join("basket");
    let name = clone.to_str().context("the folder for temporary files has a name that is not UTF-8")?;
    git(&course.root, &["clone", "--quiet", ".", name])?;
    if !commit.is_empty() {
        git(&clone, &["switch", "--quiet", "--detach", commit])?;
    }
    // A target folder of its own, kept for the next time: cargo names what it builds by the path within the workspace, so
    // in a shared one it would take a mistake of the clone for what is built of main.
    let target = course.root.join("target/prove");
    fs::create_dir_all(clone.join(".cargo"))?;
    fs::write(clone.join(".cargo/config.toml"), format!("[build]\ntarget-dir = {:?}\n", target.display().to_string()))?;
    fs::write(clone.join(".git/info/exclude"), "/.cargo\n")?;
    Course::at(&clone)
}

struct Proof {
    course: Course,
    servers: Servers,
}

impl Proof {
    /// The branch is made, is a commit on top of main, and compiles.
    fn branch(&self) -> Result<()> {
        let before = git(&self.course.root, &["rev-parse", "HEAD"])?;
        branch::make(&self.course, false)?;
        let (branch, parent) =
            (git(&self.course.root, &["branch", "--show-current"])?, git(&self.course.root, &["rev-parse", "HEAD^"])?);
        ensure!(
            branch == "from_scratch" && parent == before,
            "the branch is {branch}, on {parent} in place of {before}"
        );
        ensure!(git(&self.course.root, &["status", "--porcelain"])?.is_empty(), "the branch is not clean");
        ensure!(branch::make(&self.course, true).is_err(), "from_scratch on from_scratch is not refused");
        let status = std::process::Command::new("cargo")
            .args(["check", "--quiet", "--workspace", "--all-targets"])
            .current_dir(&self.course.root)
            .env("RUSTFLAGS", "")
            .output()?;
        ensure!(status.status.success(), "the branch does not compile:\n{}", String::from_utf8_lossy(&status.stderr));
        let told = String::from_utf8_lossy(&status.stderr);
        let warnings =
            told.lines().filter(|line| line.starts_with("warning: unused") || line.contains("never ")).count();
        println!("the branch is made and compiles ({warnings} warnings name what is not used yet)");
        Ok(())
    }

    fn put(&self, stage: &Stage, solutions: &Solutions) -> Result<()> {
        for part in &stage.part {
            self.course.put(part, solution(solutions, part)?)?;
        }
        Ok(())
    }

    /// After each solution: its stage and all before are green, all behind are red, none for want of compiling. And the
    /// recording of it that the slides play shows just that.
    fn stages(&self) -> Result<()> {
        let (solutions, mut tape) = (self.course.solutions()?, Tape::default());
        let all = self.course.stages.len();
        println!("\nsolved  {}", (1..=all).map(|number| format!("{number:<7}")).collect::<String>());
        for solved in 0..=all {
            tape.solve(&self.course, solved, &solutions)?;
            let mut row = format!("{solved:<7}");
            let mut wrong = Vec::new();
            for (number, stage) in (1..).zip(&self.course.stages) {
                let heard = verdict::heard(&self.course, stage, &self.servers)?;
                tape.hear(&self.course, solved, number, &heard)?;
                row += &format!(" {:<6}", heard.0.word());
                match &heard.0 {
                    Verdict::Green if number <= solved => {}
                    Verdict::Red(_) if number > solved => {}
                    other => wrong.push(format!("stage {number} is {}: {other:?}", other.word())),
                }
            }
            println!("{row}");
            ensure!(wrong.is_empty(), "with {solved} stages solved, {}", wrong.join("; "));
            if solved == record::LAST {
                tape.session(&self.course, &self.servers)?;
            }
        }
        for part in self.course.parts() {
            let main = git(&self.course.root, &["show", &format!("HEAD^:{}", part.file)])? + "\n";
            ensure!(self.course.read(&part.file)? == main, "{} is not what main has, byte for byte", part.file);
        }
        println!("solved, every file is main's, byte for byte");
        tape.hold_against_what_is_kept(&self.course)?;
        println!("the recording in the slides shows just that");
        Ok(())
    }

    /// Every hint's code compiles in its place, with the stages before it solved.
    fn hints(&self) -> Result<()> {
        let (solutions, mut tried) = (self.course.solutions()?, 0);
        branch::blank_all(&self.course)?;
        for (number, stage) in (1..).zip(&self.course.stages) {
            for hint in &stage.hint {
                let (Some(item), Some(code)) = (&hint.item, &hint.code) else { continue };
                let part = part_of(stage, item).with_context(|| format!("a hint of stage {number}"))?;
                self.course.put(part, &crate::source::braced(&self.course.read(&part.file)?, item, code)?)?;
                match verdict::of(&self.course, stage, &self.servers)? {
                    Verdict::Red(_) => tried += 1,
                    other => bail!("stage {number} is {} with a hint's code in {item}: {other:?}", other.word()),
                }
            }
            ensure!(stage.hint.len() >= 3, "stage {number} has {} hints", stage.hint.len());
            self.put(stage, &solutions)?;
        }
        println!("\n{tried} hints with code compile, and none of them gives the solution away");
        Ok(())
    }

    /// Every mistake turns its own stage red, in words that name it.
    fn mistakes(&self) -> Result<()> {
        let Mistakes { mistake } = toml::from_str(&self.course.read("exercise/mistakes.toml")?)?;
        ensure!(mistake.len() >= 20, "only {} mistakes", mistake.len());
        let solutions = self.course.solutions()?;
        println!();
        let mut wrong = Vec::new();
        for Mistake { name, stage: number, item, code, says } in &mistake {
            let stage = self.course.stage(*number)?;
            let part = part_of(stage, item).with_context(|| format!("the mistake '{name}'"))?;
            self.course.put(part, &crate::source::braced(&self.course.read(&part.file)?, item, code)?)?;
            let verdict = verdict::of(&self.course, stage, &self.servers)?;
            self.course.put(part, solution(&solutions, part)?)?;
            let told = match verdict {
                Verdict::Green => "NOTHING: all tests pass".into(),
                Verdict::NotCompiled(words) => words,
                Verdict::Red(failures) => failures
                    .iter()
                    .map(|failure| format!("{}: {}", failure.test, failure.message))
                    .collect::<Vec<_>>()
                    .join("\n"),
            };
            let line = told.lines().find(|line| line.contains(says.as_str()));
            println!("{number}  {name}\n   {}", line.or(told.lines().next()).unwrap_or_default().trim());
            if line.is_none() {
                wrong.push(format!("'{name}' of stage {number} does not say '{says}', but:\n{told}"));
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
        println!("\n{} mistakes are caught by a test that names them", mistake.len());
        Ok(())
    }

    /// What people wrote is never overwritten without a copy, nor by halves, nor by a new branch.
    fn nothing_is_lost(&self) -> Result<()> {
        let (course, stage) = (&self.course, self.course.stage(3)?);
        let part = stage.part.first().context("stage 3 has no part")?;
        let theirs = crate::source::braced(&course.read(&part.file)?, &part.item, "// my own thoughts\ntodo!()")?;
        course.put(part, &theirs)?;
        learn::solution(course, 3)?;
        ensure!(!course.read(&part.file)?.contains("my own thoughts"), "the solution of stage 3 is not in place");
        let copies =
            fs::read_dir(course.root.join(state::FOLDER))?.filter_map(|entry| fs::read_dir(entry.ok()?.path()).ok());
        let kept = copies.flatten().filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
        ensure!(kept.into_iter().any(|text| text.contains("my own thoughts")), "a solution took a text without a copy");

        let broken = course.read(&part.file)?.replace("todo!()", "") + "fn {";
        course.write(&part.file, &broken)?;
        let refused = learn::solution(course, 3).err().context("a solution went into a file that can't be parsed")?;
        ensure!(format!("{refused:#}").contains("cargo check"), "no way out in: {refused:#}");
        ensure!(course.read(&part.file)? == broken, "a refused solution has changed the file");

        let work = "// work of theirs\n";
        git(&course.root, &["restore", "."])?;
        course.write(&part.file, &(course.read(&part.file)? + work))?;
        let me =
            ["-c", "user.name=me", "-c", "user.email=me@localhost", "commit", "--quiet", "--all", "--message", "Mine"];
        git(&course.root, &me)?;
        git(&course.root, &["switch", "--quiet", "-"])?;
        let says = |fresh, words: &str| match branch::make(course, fresh) {
            Err(error) if error.to_string().contains(words) => Ok(()),
            other => bail!("from_scratch does not say '{words}' but {other:?}"),
        };
        says(false, "with work of yours on it")?;
        course.write("README.md", "changed")?;
        says(true, "there are uncommitted changes")?;
        git(&course.root, &["restore", "."])?;
        branch::make(course, true)?;
        let kept = git(&course.root, &["log", "--branches=from_scratch-*", "-1", "--format=%s"])?;
        ensure!(kept == "Mine", "the old branch is not kept: {kept}");
        println!("nothing of theirs is lost");
        Ok(())
    }
}

fn part_of<'s>(stage: &'s Stage, item: &str) -> Result<&'s Part> {
    stage.part.iter().find(|part| part.item == item).with_context(|| format!("{item} is no part of the stage"))
}

fn solution<'s>(solutions: &'s Solutions, part: &Part) -> Result<&'s str> {
    Ok(solutions.get(&key(part)).with_context(|| format!("there is no solution of {}", part.item))?)
}
