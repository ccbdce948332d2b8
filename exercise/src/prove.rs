//! `make prove`: makes the branch in a clone and solves it stage by stage, to prove that the exercise fits main.
//! Every stage is red before its solution and green after it, every hint compiles, and every mistake in `mistakes.toml`
//! makes a test of its stage fail, with a message that names the mistake.

mod mistakes;

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};

use self::mistakes::{all_named, mistakes};
use crate::{
    branch::{self, git},
    course::{Course, Part, Solutions, Stage, solution},
    learn,
    record::{self, Recorder},
    servers::Servers,
    state,
    verdict::{self, Verdict},
};

/// Where the two clones keep what they build.
pub const FIRST: &str = "prove";
const SECOND: &str = "prove-mistakes";

/// Runs the whole proof on HEAD, or only the mistakes with these words in their names; prints a table for each part of it.
pub fn run(course: &Course, only: Option<&str>) -> Result<()> {
    let start = Instant::now();
    if !git(&course.root, &["status", "--porcelain"])?.is_empty() {
        println!("note: there are uncommitted changes; only the last commit is proved");
    }
    let folder = tempfile::tempdir()?;
    let at = |name| -> Result<_> {
        Ok(Proof { course: branch::clone(course, "", &folder.path().join(name), name)?, servers: Servers::default() })
    };
    let first = at(FIRST)?;
    let next = Mutex::new(mistakes(course, only.unwrap_or_default())?.into_iter());
    if only.is_none() {
        first.branch()?;
    }
    // What takes the time is one crate that is compiled, by one processor: so two clones are at work.
    first.build()?;
    lend_builds(course)?;
    let second = at(SECOND)?;
    thread::scope(|scope| {
        let (send, tried) = mpsc::channel();
        let (next, first, also) = (&next, &first, send.clone());
        scope.spawn(move || second.mistakes(next, &also));
        if only.is_none() {
            first.stages()?;
            first.hints()?;
        }
        scope.spawn(move || first.mistakes(next, &send));
        all_named(tried)
    })?;
    if only.is_none() {
        first.no_work_is_lost()?;
        println!("\nthe exercise fits the code ({} s)", start.elapsed().as_secs());
    }
    Ok(())
}

/// Gives the second clone what the first one has built, unless it has builds of its own: the driver takes minutes. The crates of the
/// workspace are built again, as they are in another folder.
fn lend_builds(course: &Course) -> Result<()> {
    let [from, to, copy] = [FIRST, SECOND, "prove-copy"].map(|name| course.root.join("target").join(name));
    if to.exists() {
        return Ok(());
    }
    // One that was broken off is nothing to build on.
    fs::remove_dir_all(&copy).ok();
    let copied = Command::new("cp").arg("-a").arg(&from).arg(&copy).status().context("cp can't be started")?;
    ensure!(copied.success(), "{} can't be copied to {}", from.display(), copy.display());
    Ok(fs::rename(copy, to)?)
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
        self.course.write("README.md", "changed")?;
        self.refused(true, "you are on the branch from_scratch already")?;
        git(root, &["restore", "."])?;
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

    /// Builds the tests of all stages, as many at a time as there are processors: a verdict builds only its own. What does not compile,
    /// the verdicts say.
    fn build(&self) -> Result<()> {
        let mut packages = BTreeMap::<&str, Vec<_>>::new();
        for stage in &self.course.stages {
            packages.entry(&stage.package).or_default().extend(["--test", &stage.test]);
        }
        for (package, tests) in packages {
            let mut cargo = Command::new("cargo");
            cargo.args(["test", "--no-run", "--package", package]).args(tests).current_dir(&self.course.root);
            cargo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        }
        Ok(())
    }

    /// After each solution, its stage and all before it are green; all after it are red, and none because it does not
    /// compile. The recording that the slides play must show the same.
    fn stages(&self) -> Result<()> {
        let (solutions, mut recorder) = (self.course.solutions()?, Recorder::default());
        let all = self.course.stages.len();
        println!("\nsolved  {}", (1..=all).map(|number| format!("{number:<7}")).collect::<String>());
        for solved in 0..=all {
            recorder.solve(&self.course, solved, &solutions)?;
            self.build()?;
            let (mut row, mut wrong) = (format!("{solved:<7}"), Vec::new());
            for (number, stage) in (1..).zip(&self.course.stages) {
                let judged = verdict::of(&self.course, stage, &self.servers)?;
                recorder.tests(&self.course, solved, number, &judged)?;
                row += &format!(" {:<6}", judged.verdict.word());
                match &judged.verdict {
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
                match verdict::of(&self.course, stage, &self.servers)?.verdict {
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

    /// A learner's work is never overwritten without a copy, nor in part, nor by a new branch.
    fn no_work_is_lost(&self) -> Result<()> {
        let (course, stage) = (&self.course, self.course.stage(3)?);
        let part = stage.part.first().context("stage 3 has no part")?;
        course.put_code(part, "// my own thoughts\ntodo!()")?;
        ensure!(learn::compare(course, 3)?.contains("-        // my own thoughts"), "no answer beside main's");
        learn::solution(course, 3)?;
        ensure!(!course.read(&part.file)?.contains("my own thoughts"), "the solution of stage 3 is not in place");
        ensure!(learn::compare(course, 3)?.contains("they are the same"), "the solution is not main's");
        self.kept("my own thoughts")?;
        course.put_code(part, "// my second thoughts\ntodo!()")?;
        learn::reset(course, 3)?;
        ensure!(course.is_blank(part), "stage 3 is not as it was at the start");
        self.kept("my second thoughts")?;

        let broken = course.read(&part.file)?.replace("todo!()", "") + "fn {";
        course.write(&part.file, &broken)?;
        let refused = learn::solution(course, 3).err().context("a solution went into a file that can't be parsed")?;
        ensure!(format!("{refused:#}").contains("cargo check"), "the message does not say what to do: {refused:#}");
        ensure!(course.read(&part.file)? == broken, "a refused solution has changed the file");

        git(&course.root, &["restore", "."])?;
        course.write(&part.file, &(course.read(&part.file)? + "// my own work\n"))?;
        git(&course.root, &["commit", "--quiet", "--all", "--message", "Mine"])?;
        git(&course.root, &["switch", "--quiet", "-"])?;
        self.refused(false, "with work of yours on it")?;
        course.write("README.md", "changed")?;
        self.refused(true, "there are uncommitted changes")?;
        git(&course.root, &["restore", "."])?;
        branch::make(course, true)?;
        let kept = git(&course.root, &["log", "--branches=from_scratch-*", "-1", "--format=%s"])?;
        ensure!(kept == "Mine", "the old branch is not kept: {kept}");
        println!("no work of a learner is lost");
        Ok(())
    }

    /// There is a copy of a text with these words.
    fn kept(&self, words: &str) -> Result<()> {
        let folders = fs::read_dir(self.course.root.join(state::FOLDER))?;
        let files = folders.filter_map(|entry| fs::read_dir(entry.ok()?.path()).ok()).flatten();
        let mut texts = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
        ensure!(texts.any(|text| text.contains(words)), "there is no copy of '{words}'");
        Ok(())
    }

    /// The branch is not made, for this reason.
    fn refused(&self, fresh: bool, why: &str) -> Result<()> {
        match branch::make(&self.course, fresh) {
            Err(error) if error.to_string().contains(why) => Ok(()),
            other => bail!("from_scratch does not say '{why}' but {other:?}"),
        }
    }
}

fn part_of<'s>(stage: &'s Stage, item: &str) -> Result<&'s Part> {
    stage.part.iter().find(|part| part.item == item).with_context(|| format!("{item} is not a part of the stage"))
}
