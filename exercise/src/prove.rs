//! `make prove`: makes the branch in a clone and solves it stage by stage, to prove that the exercise fits main.
//! Every stage is red before its solution and green after it, every hint compiles, and every mistake in `mistakes.toml`
//! makes a test of its stage fail, with a message that names the mistake.

use std::{collections::BTreeMap, fs, process::Command, time::Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::{
    branch::{self, git},
    course::{Course, Part, Solutions, Stage, solution},
    learn,
    record::{self, Recorder},
    state,
    verdict::{self, Servers, Verdict},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mistake {
    name: String,
    stage: usize,
    item: String,
    code: String,
    /// Words in the test's name or message that name the mistake; in the compiler's message, if it does not compile.
    says: String,
}

/// Runs the whole proof on HEAD; prints a table for each part of it.
pub fn run(course: &Course) -> Result<()> {
    let start = Instant::now();
    if !git(&course.root, &["status", "--porcelain"])?.is_empty() {
        println!("note: there are uncommitted changes; only the last commit is proved");
    }
    let folder = tempfile::tempdir()?;
    let proof = Proof { course: branch::clone(course, "", folder.path())?, servers: Servers::default() };
    proof.branch()?;
    proof.stages()?;
    proof.hints()?;
    proof.mistakes()?;
    proof.no_work_is_lost()?;
    println!("\nthe exercise fits the code ({} s)", start.elapsed().as_secs());
    Ok(())
}

struct Proof {
    course: Course,
    servers: Servers,
}

impl Proof {
    /// The branch is made, is a commit on top of main, and compiles.
    fn branch(&self) -> Result<()> {
        let root = &self.course.root;
        let before = git(root, &["rev-parse", "HEAD"])?;
        branch::make(&self.course, false)?;
        let (branch, parent) = (git(root, &["branch", "--show-current"])?, git(root, &["rev-parse", "HEAD^"])?);
        ensure!(branch == "from_scratch" && parent == before, "the branch is {branch}, on {parent}, not {before}");
        ensure!(git(root, &["status", "--porcelain"])?.is_empty(), "the branch is not clean");
        ensure!(branch::make(&self.course, true).is_err(), "from_scratch on from_scratch is not refused");
        let mut check = Command::new("cargo");
        check.args(["check", "--quiet", "--workspace", "--all-targets"]).current_dir(root).env("RUSTFLAGS", "");
        let output = check.output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the branch does not compile:\n{stderr}");
        let is_unused = |line: &&str| line.starts_with("warning: unused") || line.contains("never ");
        let warnings = stderr.lines().filter(is_unused).count();
        println!("the branch is made and compiles ({warnings} warnings name what is not used yet)");
        Ok(())
    }

    fn put(&self, stage: &Stage, solutions: &Solutions) -> Result<()> {
        stage.part.iter().try_for_each(|part| self.course.put(part, solution(solutions, part)?))
    }

    /// After each solution, its stage and all before it are green; all after it are red, and none because it does not
    /// compile. The recording that the slides play must show the same.
    fn stages(&self) -> Result<()> {
        let (solutions, mut recorder) = (self.course.solutions()?, Recorder::default());
        let all = self.course.stages.len();
        println!("\nsolved  {}", (1..=all).map(|number| format!("{number:<7}")).collect::<String>());
        for solved in 0..=all {
            recorder.solve(&self.course, solved, &solutions)?;
            let (mut row, mut wrong) = (format!("{solved:<7}"), Vec::new());
            for (number, stage) in (1..).zip(&self.course.stages) {
                let result = verdict::of(&self.course, stage, &self.servers)?;
                recorder.tests(&self.course, solved, number, &result)?;
                row += &format!(" {:<6}", result.0.word());
                match &result.0 {
                    Verdict::Green if number <= solved => {}
                    Verdict::Red(_) if number > solved => {}
                    other => wrong.push(format!("stage {number} is {}: {other:?}", other.word())),
                }
            }
            println!("{row}");
            ensure!(wrong.is_empty(), "with {solved} stages solved, {}", wrong.join("; "));
            if solved == record::LAST {
                recorder.session(&self.course, &self.servers)?;
            }
        }
        for part in self.course.parts() {
            let main = git(&self.course.root, &["show", &format!("HEAD^:{}", part.file)])? + "\n";
            ensure!(self.course.read(&part.file)? == main, "{} is not the same as on main, byte for byte", part.file);
        }
        println!("solved, every file is the same as on main, byte for byte");
        recorder.compare(&self.course)?;
        println!("the recording in the slides shows the same");
        Ok(())
    }

    /// Every hint's code compiles, with the stages before it solved.
    fn hints(&self) -> Result<()> {
        let (solutions, mut tried) = (self.course.solutions()?, 0);
        branch::blank_all(&self.course)?;
        for (number, stage) in (1..).zip(&self.course.stages) {
            for hint in &stage.hint {
                let (Some(item), Some(code)) = (&hint.item, &hint.code) else { continue };
                let part = part_of(stage, item).with_context(|| format!("a hint of stage {number}"))?;
                self.course.put_code(part, code)?;
                match verdict::of(&self.course, stage, &self.servers)?.0 {
                    Verdict::Red(_) => tried += 1,
                    other => bail!("stage {number} is {} with a hint's code in {item}: {other:?}", other.word()),
                }
            }
            ensure!(stage.hint.len() >= 3, "stage {number} has {} hints", stage.hint.len());
            self.put(stage, &solutions)?;
        }
        println!("\n{tried} hints with code compile, and none of them is the solution");
        Ok(())
    }

    /// Every mistake makes a test of its stage fail, with a message that names it.
    fn mistakes(&self) -> Result<()> {
        let tables: BTreeMap<String, Vec<Mistake>> = toml::from_str(&self.course.read("exercise/mistakes.toml")?)?;
        let mistakes = tables.get("mistake").context("mistakes.toml has no mistake")?;
        ensure!(mistakes.len() >= 20, "only {} mistakes", mistakes.len());
        let solutions = self.course.solutions()?;
        println!();
        let mut wrong = Vec::new();
        for Mistake { name, stage: number, item, code, says } in mistakes {
            let stage = self.course.stage(*number)?;
            let part = part_of(stage, item).with_context(|| format!("the mistake '{name}'"))?;
            self.course.put_code(part, code)?;
            let (verdict, _) = verdict::of(&self.course, stage, &self.servers)?;
            self.course.put(part, solution(&solutions, part)?)?;
            let message = match verdict {
                Verdict::Green => "NOTHING: all tests pass".into(),
                Verdict::NotCompiled(words) => words,
                Verdict::Red(failures) => {
                    failures.iter().map(|failure| format!("{}: {}\n", failure.test, failure.message)).collect()
                }
            };
            let line = message.lines().find(|line| line.contains(says.as_str()));
            println!("{number}  {name}\n   {}", line.or(message.lines().next()).unwrap_or_default().trim());
            if line.is_none() {
                wrong.push(format!("'{name}' of stage {number} does not say '{says}', but:\n{message}"));
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
        println!("\n{} mistakes are caught by a test that names them", mistakes.len());
        Ok(())
    }

    /// A learner's work is never overwritten without a copy, nor in part, nor by a new branch.
    fn no_work_is_lost(&self) -> Result<()> {
        let (course, stage) = (&self.course, self.course.stage(3)?);
        let part = stage.part.first().context("stage 3 has no part")?;
        course.put_code(part, "// my own thoughts\ntodo!()")?;
        learn::solution(course, 3)?;
        ensure!(!course.read(&part.file)?.contains("my own thoughts"), "the solution of stage 3 is not in place");
        let copies =
            fs::read_dir(course.root.join(state::FOLDER))?.filter_map(|entry| fs::read_dir(entry.ok()?.path()).ok());
        let mut kept = copies.flatten().filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
        ensure!(kept.any(|text| text.contains("my own thoughts")), "a solution has overwritten a text without a copy");

        let broken = course.read(&part.file)?.replace("todo!()", "") + "fn {";
        course.write(&part.file, &broken)?;
        let refused = learn::solution(course, 3).err().context("a solution went into a file that can't be parsed")?;
        ensure!(format!("{refused:#}").contains("cargo check"), "the message does not say what to do: {refused:#}");
        ensure!(course.read(&part.file)? == broken, "a refused solution has changed the file");

        git(&course.root, &["restore", "."])?;
        course.write(&part.file, &(course.read(&part.file)? + "// my own work\n"))?;
        git(&course.root, &["commit", "--quiet", "--all", "--message", "Mine"])?;
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
        println!("no work of a learner is lost");
        Ok(())
    }
}

fn part_of<'s>(stage: &'s Stage, item: &str) -> Result<&'s Part> {
    stage.part.iter().find(|part| part.item == item).with_context(|| format!("{item} is not a part of the stage"))
}
