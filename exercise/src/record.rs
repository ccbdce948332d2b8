//! The practice run: the exercise from the first stage to the seventh, typed by nobody, with what real tests say. It is
//! what the deck plays in place of a video. `make slides-record` writes it; `make prove` walks the same way and holds what it
//! has seen against what is kept. Nothing in it is written by hand, and nothing depends on the day or the machine.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{
    branch::{self, NAME, git},
    cast::{COLUMNS, Cast},
    course::{Course, Part, Solutions, key},
    learn::{DIM, GREEN, PLAIN, list},
    prove, source,
    verdict::{self, Servers, Verdict},
    watch,
};

/// Where it is kept.
const RECORDING: &str = "slides/public/practice.cast";
/// The encores are left to people.
pub const LAST: usize = 7;
const IT_RUNS: &str = "It runs";

/// Makes the recording anew, of what is in the working tree.
pub fn run(course: &Course) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let changes = git(&course.root, &[&NAME[..], &["stash", "create"]].concat())?;
    let clone = prove::clone(course, &changes, folder.path())?;
    branch::make(&clone, false)?;
    let (solutions, servers, mut tape) = (clone.solutions()?, Servers::default(), Tape::default());
    for solved in 0..=LAST {
        tape.solve(&clone, solved, &solutions)?;
        for number in solved.max(1)..=(solved + 1).min(LAST) {
            tape.hear(&clone, solved, number, &verdict::heard(&clone, clone.stage(number)?, &servers)?)?;
        }
        println!("{solved} of {LAST} stages");
    }
    tape.session(&clone, &servers)?;
    course.write(RECORDING, &tape.cast.text())?;
    println!("the practice run is in {RECORDING}");
    Ok(true)
}

/// What is recorded while somebody walks through the stages.
pub struct Tape {
    cast: Cast,
    /// Ids that were met: they are new every time, and get the same names every time.
    ids: Vec<String>,
}

impl Default for Tape {
    fn default() -> Self {
        Self { cast: Cast::new("From scratch, from stage 1 to 7"), ids: vec![] }
    }
}

impl Tape {
    /// Writes the solution of a stage into its files, and types it on the tape.
    pub fn solve(&mut self, course: &Course, number: usize, solutions: &Solutions) -> Result<()> {
        if number == 0 {
            return Ok(());
        }
        for part in &course.stage(number)?.part {
            let body = solutions.get(&key(part)).with_context(|| format!("there is no solution of {}", part.item))?;
            if number <= LAST {
                self.edit(course, part, body)?;
            }
            course.put(part, body)?;
        }
        Ok(())
    }

    /// Takes down what the tests of a stage said, where so many are solved: the news are of the one just solved, and of the
    /// next.
    pub fn hear(&mut self, course: &Course, solved: usize, number: usize, heard: &(Verdict, String)) -> Result<()> {
        let (verdict, out) = heard;
        match number {
            _ if number > LAST => {}
            _ if number == solved => self.green(course, number, out)?,
            _ if number == solved + 1 => self.red(course, number, verdict)?,
            _ => {}
        }
        Ok(())
    }

    /// What `make watch` shows of a stage that is to be written.
    fn red(&mut self, course: &Course, number: usize, verdict: &Verdict) -> Result<()> {
        self.cast.chapter(&chapter(course, number)?);
        if number == 1 {
            self.cast.screen("");
            self.command("make from_scratch");
            self.cast.show(&format!("{}\n", branch::MADE));
            self.cast.wait(1500);
            self.command("make watch");
        }
        let text = format!(
            "{}{}\n{DIM}{}{PLAIN}",
            watch::bar(course.stages.len(), number - 1, ""),
            watch::told(course, number, verdict, COLUMNS),
            watch::KEYS
        );
        let text = self.steady(&text);
        self.cast.screen(&text);
        self.cast.wait(6000);
        Ok(())
    }

    /// An editor, in which a function loses its blank and gets its body.
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
        self.cast.show(&format!("{}\n{DIM}{}{PLAIN}\n}}\n", head.join("\n"), blank.join("\n")));
        self.cast.wait(1500);
        self.cast.show(&format!("\x1b[{};1H", head.len() + 3));
        for _ in &blank {
            self.cast.show("\x1b[M"); // the line goes, the ones below it move up
            self.cast.wait(120);
        }
        for line in body {
            let code = line.trim_start();
            self.cast.show(&format!("\x1b[L{}", " ".repeat(line.len() - code.len())));
            self.cast.type_in(code);
            self.cast.show("\n");
            self.cast.wait(200);
        }
        self.cast.wait(1200);
        Ok(())
    }

    /// What the tests of a stage print that is solved, in the order in which its file has them; how long they took is cut
    /// off.
    fn green(&mut self, course: &Course, number: usize, out: &str) -> Result<()> {
        let stage = course.stage(number)?;
        let tests = course.read(&format!("crates/{}/tests/{}.rs", stage.package, stage.test))?;
        let mut lines: Vec<&str> = out.lines().filter_map(|line| line.strip_suffix(" ... ok")).collect();
        lines.sort_by_key(|line| tests.find(&format!("fn {}(", line.trim_start_matches("test "))));
        let result = out.lines().find_map(|line| line.strip_prefix("test result: ok. ")?.split("; finished").next());
        let result = result.with_context(|| format!("the tests of stage {number} do not end well:\n{out}"))?;

        self.cast.screen("");
        self.command(&format!("cargo test --package {} --test {}", stage.package, stage.test));
        self.cast.show(&format!("\nrunning {} tests\n", lines.len()));
        for line in lines {
            self.cast.wait(180);
            self.cast.show(&format!("{line} ... {GREEN}ok{PLAIN}\n"));
        }
        self.cast.show(&format!("\ntest result: {GREEN}ok{PLAIN}. {result}\n"));
        self.cast.wait(3000);
        Ok(())
    }

    /// `basket` itself, on the code that was typed and a real MongoDB.
    pub fn session(&mut self, course: &Course, servers: &Servers) -> Result<()> {
        self.cast.chapter(IT_RUNS);
        self.cast.screen("");
        self.command("make stages");
        self.cast.show(&list(course, LAST));
        self.cast.wait(4000);
        self.cast.show("\n");
        self.command("export BASKET_STORE=mongodb://127.0.0.1:27017/"); // it has another port, every time
        let (store, run) = (format!("{}practice", servers.mongo(course)?), "cargo run --quiet --bin basket");
        let created = self.basket(course, &store, run, "create socks")?;
        let id = created.split('\'').nth(1).with_context(|| format!("no id in: {created}"))?;
        self.basket(course, &store, run, &format!("add {id} rocks --quantity 2"))?;
        self.basket(course, &store, run, &format!("get {id}"))?;
        self.cast.wait(5000);
        self.cast.show("\n");
        Ok(())
    }

    /// Runs a command of `basket` and takes down what is typed and what it answers.
    fn basket(&mut self, course: &Course, store: &str, run: &str, what: &str) -> Result<String> {
        let command = format!("{run} {what}");
        let mut words = command.split(' ');
        let output = Command::new(words.next().unwrap_or_default())
            .args(words)
            .current_dir(&course.root)
            .env("BASKET_STORE", store)
            .output()
            .context("cargo can't be started")?;
        ensure!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let (typed, shown) = (self.steady(&command), self.steady(&out));
        self.command(&typed);
        self.cast.show(&shown);
        self.cast.wait(1500);
        Ok(out)
    }

    /// A prompt, and what is typed there.
    fn command(&mut self, command: &str) {
        self.cast.show(&format!("{DIM}${PLAIN} "));
        self.cast.wait(600);
        self.cast.type_in(command);
        self.cast.wait(400);
        self.cast.show("\n");
    }

    /// The text with names for its ids that are the same every time.
    fn steady(&mut self, text: &str) -> String {
        let is_id = |word: &&str| word.len() == 24 && word.bytes().all(|digit| digit.is_ascii_hexdigit());
        for id in text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(is_id) {
            if !self.ids.iter().any(|met| met == id) {
                self.ids.push(id.to_owned());
            }
        }
        let names = self.ids.iter().zip(0x34..);
        names.fold(text.to_owned(), |text, (id, number)| {
            text.replace(id, &format!("5ab69073421aa917e62b47{number:02x}"))
        })
    }

    /// That what is kept is what was seen now.
    ///
    /// # Errors
    /// It is not: the message names the chapter, its slide, and what mends it.
    pub fn hold_against_what_is_kept(&self, course: &Course) -> Result<()> {
        let (kept, seen) = (course.read(RECORDING).unwrap_or_default(), self.cast.text());
        if kept == seen {
            return Ok(());
        }
        let mut kept = kept.lines();
        let differs = Cast::chapters(&seen).find(|(_, line)| kept.next() != Some(line));
        let chapter = differs.map_or_else(|| IT_RUNS.to_owned(), |(chapter, _)| chapter);
        let slide =
            course.stages.iter().find(|stage| chapter.ends_with(&stage.name)).map_or("practice", |stage| &stage.slide);
        bail!(
            "{RECORDING} is not what the exercise does now; the first difference is in its chapter '{chapter}' (slide {slide}). \
             Record it anew: make slides-record"
        )
    }
}

fn chapter(course: &Course, number: usize) -> Result<String> {
    Ok(format!("Stage {number}. {}", course.stage(number)?.name))
}
