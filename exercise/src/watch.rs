//! `make watch`: on every save, the first red test of the first unfinished stage, its message, and what to do next.
//! It draws plain lines on a cleared screen, so that it works over ssh, at 80 columns, and with NO_COLOR.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write, stdin, stdout},
    path::Path,
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use crossterm::{
    event::{self, Event, KeyCode, KeyEventKind, KeyModifiers},
    terminal,
};
use notify::{RecursiveMode, Watcher};

use crate::{
    course::Course,
    learn::{BOLD, DIM, GREEN, PLAIN, RED, columns, list, next_hint, sentence, solution_diff, wrapped},
    state::State,
    verdict::{self, Servers, Verdict},
};

/// What may be pressed.
pub const KEYS: &str = "h hint   s solution   l stages   q quit";

/// Watches until `q` or Ctrl-C; without a terminal to read keys from, until it is ended.
pub fn run(course: &Course) -> Result<()> {
    course.solutions()?;
    let (sender, saves) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| is_a_save(&event)) {
            sender.send(()).ok();
        }
    })?;
    watcher.watch(&course.root.join("crates"), RecursiveMode::Recursive).context("crates/ can't be watched")?;

    let keys = Keys::listen();
    let mut screen =
        Screen { course, servers: Servers::default(), state: State::load(course), at: 1, text: String::new() };
    let mut saved = true;
    loop {
        if saved && !screen.look(&saves, &keys)? {
            return Ok(());
        }
        match keys.next(WAIT)? {
            Some('q') => return Ok(()),
            Some(key) => screen.answer(key)?,
            None => {}
        }
        saved = saves.try_recv().is_ok();
    }
}

/// How long to wait for a key before looking for a save.
const WAIT: Duration = Duration::from_millis(50);

/// After this, a test that still runs is perhaps one that never ends.
const LONG: Duration = Duration::from_secs(20);

fn is_a_save(event: &notify::Event) -> bool {
    !event.kind.is_access() && event.paths.iter().any(|path| is_source(path))
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs" || extension == "toml")
}

/// Keys without Enter, where there is a terminal for that; it gets its old manners back at the end, whatever happens.
struct Keys {
    raw: bool,
}

impl Keys {
    fn listen() -> Self {
        Self { raw: stdin().is_terminal() && stdout().is_terminal() && terminal::enable_raw_mode().is_ok() }
    }

    /// The next key, waiting as long for it.
    fn next(&self, wait: Duration) -> Result<Option<char>> {
        if !self.raw {
            std::thread::sleep(wait);
            return Ok(None);
        }
        if !stdin().is_terminal() {
            // The window was closed; nobody is there any more.
            return Ok(Some('q'));
        }
        if !event::poll(wait)? {
            return Ok(None);
        }
        match event::read()? {
            Event::Key(key) if key.kind == KeyEventKind::Release => Ok(None),
            Event::Key(key) if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) => {
                Ok(Some('q'))
            }
            Event::Key(key) => Ok(key.code.as_char()),
            _ => Ok(None),
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if self.raw {
            terminal::disable_raw_mode().ok();
        }
    }
}

/// How a run ended.
enum Run {
    Told(Verdict),
    Saved,
    Quit,
}

struct Screen<'c> {
    course: &'c Course,
    servers: Servers,
    state: State,
    /// The stage that is not green, from 1; one more than there are when all are.
    at: usize,
    text: String,
}

impl Screen<'_> {
    /// Runs the tests and draws what came of them; `false` where somebody wants to leave.
    fn look(&mut self, saves: &Receiver<()>, keys: &Keys) -> Result<bool> {
        // Editors write a file in several steps.
        while saves.recv_timeout(Duration::from_millis(40)).is_ok() {}
        let start = Instant::now();
        self.draw(&format!("{}{DIM}looking at stage {} ...{PLAIN}\n", self.bar(), self.at))?;
        let last = self.course.stages.len();
        self.at = self.at.min(last);
        let verdict = loop {
            match self.run(self.at, saves, keys)? {
                Run::Told(Verdict::Green) if self.at < last => self.at += 1,
                Run::Told(verdict) => break verdict,
                Run::Saved => return self.look(saves, keys),
                Run::Quit => return Ok(false),
            }
        };
        self.at += usize::from(verdict == Verdict::Green);
        self.tell(&verdict, start)?;
        // What was done before must still be: where it is not, it may be the cause, and is shown in place of the news.
        let before = if matches!(verdict, Verdict::NotCompiled(_)) { 1..1 } else { 1..self.at.min(last) };
        for number in before {
            match self.run(number, saves, keys)? {
                Run::Told(Verdict::Green) => {}
                Run::Told(verdict) => {
                    self.at = number;
                    self.tell(&verdict, start)?;
                    break;
                }
                Run::Saved => return self.look(saves, keys),
                Run::Quit => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Runs one stage, until a save makes it old news or somebody leaves.
    fn run(&self, number: usize, saves: &Receiver<()>, keys: &Keys) -> Result<Run> {
        let (mut end, mut patient) = (None, true);
        let verdict = verdict::unless(self.course, self.course.stage(number)?, &self.servers, |time| {
            if saves.try_recv().is_ok() {
                end = Some(Run::Saved);
            } else if keys.next(Duration::ZERO)? == Some('q') {
                end = Some(Run::Quit);
            }
            if patient && time > LONG {
                patient = false;
                self.draw(&format!(
                    "{}looking at stage {number} for {} s: it is being built for the first time, or a test never ends.\n\
                     A save starts it again, q quits.\n",
                    self.bar(),
                    time.as_secs()
                ))?;
            }
            Ok(end.is_some())
        })?;
        Ok(verdict.map(Run::Told).or(end).unwrap_or(Run::Saved))
    }

    /// Remembers and draws what came of a run.
    fn tell(&mut self, verdict: &Verdict, start: Instant) -> Result<()> {
        self.state = State { done: self.at - 1, ..State::load(self.course) };
        self.state.save(self.course)?;
        self.text = self.bar() + &told(self.course, self.at, verdict, columns());
        writeln!(self.text, "\n{DIM}{:.1} s after the save   {KEYS}{PLAIN}", start.elapsed().as_secs_f32())?;
        self.draw(&self.text)
    }

    /// A bar of the stages done, and the clock.
    fn bar(&self) -> String {
        let clock = self.state.clock().map(|clock| format!("   {clock}")).unwrap_or_default();
        bar(self.course.stages.len(), self.at - 1, &clock)
    }

    fn answer(&mut self, key: char) -> Result<()> {
        let at = self.at.min(self.course.stages.len());
        self.state = State { done: self.at - 1, ..State::load(self.course) };
        let more = match key {
            'h' => next_hint(self.course, at, &mut self.state)?,
            's' => solution_diff(self.course, self.course.stage(at)?).unwrap_or_else(|error| format!("{error:#}\n")),
            'l' => list(self.course, self.at - 1),
            _ => return Ok(()),
        };
        self.state.save(self.course)?;
        self.draw(&format!("{}\n{more}", self.text))
    }

    /// Clears a terminal and writes; in raw mode a line needs its carriage return.
    fn draw(&self, text: &str) -> Result<()> {
        let clear = if stdout().is_terminal() { "\x1b[2J\x1b[H" } else { "" };
        let mut out = anstream::stdout().lock();
        write!(out, "{clear}{}", text.replace('\n', "\r\n"))?;
        Ok(out.flush()?)
    }
}

/// A bar of the stages done.
pub fn bar(all: usize, done: usize, clock: &str) -> String {
    let bar = format!("{GREEN}{}{DIM}{}", "█".repeat(done * 3), "░".repeat((all - done) * 3));
    format!("{bar}{PLAIN} {done} of {all} stages{clock}\n\n")
}

/// What came of a run of stage `at`, and what to do next; one more than there are when all are green.
pub fn told(course: &Course, at: usize, verdict: &Verdict, columns: usize) -> String {
    let mut text = String::new();
    let Ok(stage) = course.stage(at) else {
        text += &format!("{GREEN}{BOLD}All stages are green.{PLAIN} It is all your code now:\n\n");
        text += "  make mongo\n  cargo run --bin basket create socks\n  make\n";
        return text;
    };
    text += &format!("{BOLD}Stage {at}. {}{PLAIN}\n{}\n\n", stage.name, wrapped(&stage.task, columns));
    match verdict {
        Verdict::Green => {}
        Verdict::NotCompiled(words) => text += &format!("{RED}It does not compile.{PLAIN}\n{words}\n"),
        Verdict::Red(failures) => {
            if let Some(first) = failures.first() {
                text += &format!("{RED}{BOLD}✘ {}{PLAIN}\n", wrapped(&sentence(&first.test), columns));
                text += &format!("{}\n{DIM}{}{PLAIN}\n", wrapped(&first.message, columns), first.at);
            }
            if let [_, more @ ..] = &failures[..]
                && !more.is_empty()
            {
                text += &format!("{DIM}and {} more of this stage{PLAIN}\n", more.len());
            }
        }
    }
    let files: Vec<_> = stage.part.iter().map(|part| format!("{} in {}", part.item, part.file)).collect();
    let test = format!("crates/{}/tests/{}.rs", stage.package, stage.test);
    text += &format!("\nWrite {}\nTest  {test}\nSlide {} (make serve)\n", files.join("\n      "), stage.slide);
    text
}
