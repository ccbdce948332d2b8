//! The practice run: the exercise from stage 1 to stage 7, typed by this program, with the output of the real tests. The
//! slides play it instead of a video. `make slides-record` writes it; `make prove` makes it again and compares the two.
//! No part of it is written by hand, and none depends on the day or the machine.

use std::{collections::BTreeSet, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    branch::{self, git},
    cast::{COLUMNS, Cast},
    course::{Course, Part, Solutions, solution},
    learn::{DIM, GREEN, PLAIN, list},
    prove, report,
    servers::Servers,
    source,
    verdict::{self, Judged},
    watch,
};

const RECORDING: &str = "slides/public/practice.cast";
/// The last stage of the recording; the encores are not in it.
pub const LAST: usize = 7;

/// Records what is in the working tree.
pub fn run(course: &Course) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let changes = git(&course.root, &["stash", "create"])?;
    let clone = branch::clone(course, &changes, folder.path(), prove::FIRST)?;
    branch::make(&clone, false)?;
    let (solutions, servers, mut recorder) = (clone.solutions()?, Servers::default(), Recorder::default());
    for solved in 0..=LAST {
        recorder.solve(&clone, solved, &solutions)?;
        for number in solved.max(1)..=(solved + 1).min(LAST) {
            let result = verdict::of(&clone, clone.stage(number)?, &servers)?;
            recorder.tests(&clone, solved, number, &result)?;
        }
        println!("{solved} of {LAST} stages");
    }
    recorder.session(&clone, &servers)?;
    course.write(RECORDING, &recorder.cast.text())?;
    println!("the practice run is in {RECORDING}");
    Ok(())
}

/// Records the stages while they are solved.
pub struct Recorder {
    cast: Cast,
    /// Ids found so far. They are new in each run, so each is replaced by an id that is the same in each run.
    ids: Vec<String>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { cast: Cast::new("From scratch, from stage 1 to 7"), ids: vec![] }
    }
}

impl Recorder {
    /// Writes the solution of a stage into its files, and records how it is typed.
    pub fn solve(&mut self, course: &Course, number: usize, solutions: &Solutions) -> Result<()> {
        if number == 0 {
            return Ok(());
        }
        for part in &course.stage(number)?.part {
            let body = solution(solutions, part)?;
            if number <= LAST {
                self.edit(course, part, body)?;
            }
            course.put(part, body)?;
        }
        Ok(())
    }

    /// Records the tests of the stage that was just solved, and of the next one.
    pub fn tests(&mut self, course: &Course, solved: usize, number: usize, judged: &Judged) -> Result<()> {
        match number {
            _ if number > LAST => Ok(()),
            _ if number == solved => self.green(course, number, &judged.out),
            _ if number == solved + 1 => self.red(course, number, judged),
            _ => Ok(()),
        }
    }

    /// What `make watch` shows before a stage is written.
    fn red(&mut self, course: &Course, number: usize, judged: &Judged) -> Result<()> {
        self.cast.chapter(&format!("Stage {number}. {}", course.stage(number)?.name));
        if number == 1 {
            self.cast.screen("");
            self.command("make from_scratch");
            self.cast.show_for(1500, &format!("{}\n", branch::MADE));
            self.command("make watch");
        }
        let green = (1..number).collect();
        let bar = report::bar(course.stages.len(), &green, &BTreeSet::new(), green.len(), "");
        let report = report::report(course, number, judged, COLUMNS);
        let text = self.with_fixed_ids(&format!("{bar}{report}\n{DIM}{}{PLAIN}", watch::KEYS));
        self.cast.screen(&text);
        self.cast.wait(6000);
        Ok(())
    }

    /// An editor, in which the blank of a function is replaced by its body.
    fn edit(&mut self, course: &Course, part: &Part, body: &str) -> Result<()> {
        let text = course.read(&part.file)?;
        let range = source::body(&text, &part.item).with_context(|| part.file.clone())?;
        let before = text.get(..range.start).unwrap_or_default();
        let start = before.rfind("fn ").and_then(|at| before.get(..at)?.rfind('\n')).map_or(0, |at| at + 1);
        let indent = before.get(start..).unwrap_or_default().chars().take_while(|letter| *letter == ' ').count();
        let lines = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.get(indent..).unwrap_or(line.trim_start()).to_owned()).collect()
        };
        let head = lines(text.get(start..=range.start).unwrap_or_default());
        let inside = |body: &str| lines(body.trim_start_matches(['{', '\n']).trim_end_matches('}').trim_end());
        let (blank, body) = (inside(text.get(range).unwrap_or_default()), inside(body));

        self.cast.screen(&format!("\x1b[7m {} {PLAIN}\n\n", part.file));
        self.cast.show_for(1500, &format!("{}\n{DIM}{}{PLAIN}\n}}\n", head.join("\n"), blank.join("\n")));
        self.cast.show(&format!("\x1b[{};1H", head.len() + 3));
        for _ in &blank {
            self.cast.show_for(120, "\x1b[M"); // delete the line; the lines below it move up
        }
        for line in body {
            let code = line.trim_start();
            self.cast.show(&format!("\x1b[L{}", " ".repeat(line.len() - code.len())));
            self.cast.type_in(code);
            self.cast.show_for(200, "\n");
        }
        self.cast.wait(1200);
        Ok(())
    }

    /// What the tests of a solved stage print, in the order of the file, without the time that they took.
    fn green(&mut self, course: &Course, number: usize, out: &str) -> Result<()> {
        let stage = course.stage(number)?;
        let tests = course.read(&stage.tests())?;
        let mut lines: Vec<&str> = out.lines().filter_map(|line| line.strip_suffix(" ... ok")).collect();
        lines.sort_by_key(|line| tests.find(&format!("fn {}(", line.trim_start_matches("test "))));
        let result = out.lines().find_map(|line| line.strip_prefix("test result: ok. ")?.split("; finished").next());
        let result = result.with_context(|| format!("the tests of stage {number} do not pass:\n{out}"))?;

        self.cast.screen("");
        self.command(&format!("cargo test --package {} --test {}", stage.package, stage.test));
        self.cast.show(&format!("\nrunning {} tests\n", lines.len()));
        for line in lines {
            self.cast.wait(180);
            self.cast.show(&format!("{line} ... {GREEN}ok{PLAIN}\n"));
        }
        self.cast.show_for(3000, &format!("\ntest result: {GREEN}ok{PLAIN}. {result}\n"));
        Ok(())
    }

    /// `basket` itself, on the code that was typed and a real MongoDB.
    pub fn session(&mut self, course: &Course, servers: &Servers) -> Result<()> {
        self.cast.chapter("It runs");
        self.cast.screen("");
        self.command("make stages");
        self.cast.show_for(4000, &list(course, &(1..=LAST).collect()));
        self.cast.show("\n");
        self.command("export BASKET_STORE=mongodb://127.0.0.1:27017/"); // the real port differs in each run
        let store = format!("{}practice", servers.mongo(course)?);
        let created = self.basket(course, &store, "create socks")?;
        let id = created.split('\'').nth(1).with_context(|| format!("no id in: {created}"))?;
        self.basket(course, &store, &format!("add {id} rocks --quantity 2"))?;
        self.basket(course, &store, &format!("get {id}"))?;
        self.cast.wait(5000);
        self.cast.show("\n");
        Ok(())
    }

    /// Runs a command of `basket` and records the command and its output.
    fn basket(&mut self, course: &Course, store: &str, what: &str) -> Result<String> {
        let command = format!("cargo run --quiet --bin basket {what}");
        let mut cargo = Command::new("cargo");
        cargo.args(command.split(' ').skip(1)).current_dir(&course.root).env("BASKET_STORE", store);
        let output = cargo.output().context("cargo can't be started")?;
        ensure!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let (typed, shown) = (self.with_fixed_ids(&command), self.with_fixed_ids(&out));
        self.command(&typed);
        self.cast.show_for(1500, &shown);
        Ok(out)
    }

    /// A prompt, and what is typed there.
    fn command(&mut self, command: &str) {
        self.cast.show_for(600, &format!("{DIM}${PLAIN} "));
        self.cast.type_in(command);
        self.cast.wait(400);
        self.cast.show("\n");
    }

    /// The text with ids that are the same in each run.
    fn with_fixed_ids(&mut self, text: &str) -> String {
        let is_id = |word: &&str| word.len() == 24 && word.bytes().all(|digit| digit.is_ascii_hexdigit());
        for id in text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(is_id) {
            if !self.ids.iter().any(|known| known == id) {
                self.ids.push(id.to_owned());
            }
        }
        let replaced = self.ids.iter().zip(0x34..);
        replaced.fold(text.to_owned(), |text, (id, number)| {
            text.replace(id, &format!("5ab69073421aa917e62b47{number:02x}"))
        })
    }

    pub fn compare(&self, course: &Course) -> Result<()> {
        let (stored, new) = (course.read(RECORDING).unwrap_or_default(), self.cast.text());
        if stored == new {
            return Ok(());
        }
        let same = new.lines().zip(stored.lines()).take_while(|(new, stored)| new == stored).count();
        let chapter = Cast::chapter_at(&new, same);
        let slide =
            course.stages.iter().find(|stage| chapter.ends_with(&stage.name)).map_or("practice", |stage| &stage.slide);
        bail!(
            "{RECORDING} is not what the exercise does now; the first difference is in its chapter '{chapter}' (slide {slide}). \
             Record it again: make slides-record"
        )
    }
}
