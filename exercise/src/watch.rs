//! `make watch`: on every save, shows the first failing test of the first unfinished stage, its message, and what to do.
//! It prints plain lines on a cleared screen, so that it works over ssh, at 80 columns, and with NO_COLOR.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write, stdin, stdout},
    path::PathBuf,
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use crossterm::{
    event::{self, KeyCode, KeyModifiers},
    terminal,
};
use notify::{RecursiveMode, Watcher};

use crate::{
    course::Course,
    learn::{BOLD, DIM, GREEN, PLAIN, RED, columns, list, next_hint, sentence, solution_diff},
    state::State,
    verdict::{self, Servers, Verdict},
};

/// The keys, as the last line shows them.
pub const KEYS: &str = "h hint   s solution   l stages   q quit";

/// Watches until `q` or Ctrl-C; without a terminal to read keys from, until it is killed.
pub fn run(course: &Course) -> Result<()> {
    course.solutions()?;
    let (sender, saves) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| is_a_save(&event)) {
            sender.send(()).ok();
        }
    })?;
    watcher.watch(&course.root.join("crates"), RecursiveMode::Recursive).context("crates/ can't be watched")?;

    let (servers, state, text) = (Servers::default(), State::load(course), String::new());
    let mut screen =
        Screen { course, servers, saves, keys: Keys::listen(), state, at: 1, text, saved: true, quit: false };
    while !screen.quit {
        if std::mem::take(&mut screen.saved) {
            screen.refresh()?;
            continue;
        }
        match screen.keys.next(WAIT)? {
            Some('q') => screen.quit = true,
            Some(key) => screen.press(key)?,
            None => {}
        }
        screen.saved = screen.saves.try_recv().is_ok();
    }
    Ok(())
}

/// How long to wait for a key before checking for a save.
const WAIT: Duration = Duration::from_millis(50);

/// A test that still runs after this time may never end.
const LONG: Duration = Duration::from_secs(20);

fn is_a_save(event: &notify::Event) -> bool {
    let is_source = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "rs" || ending == "toml");
    !event.kind.is_access() && event.paths.iter().any(is_source)
}

/// Reads keys without Enter, if there is a terminal. The terminal's mode is restored at the end, also after an error.
struct Keys {
    raw: bool,
}

impl Keys {
    fn listen() -> Self {
        Self { raw: stdin().is_terminal() && stdout().is_terminal() && terminal::enable_raw_mode().is_ok() }
    }

    /// The next key; waits at most this long for one.
    fn next(&self, wait: Duration) -> Result<Option<char>> {
        if !self.raw {
            std::thread::sleep(wait);
            return Ok(None);
        }
        if !stdin().is_terminal() {
            // The window was closed.
            return Ok(Some('q'));
        }
        if !event::poll(wait)? {
            return Ok(None);
        }
        let Some(key) = event::read()?.as_key_press_event() else { return Ok(None) };
        let is_ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        Ok(if is_ctrl_c { Some('q') } else { key.code.as_char() })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if self.raw {
            terminal::disable_raw_mode().ok();
        }
    }
}

struct Screen<'c> {
    course: &'c Course,
    servers: Servers,
    saves: Receiver<()>,
    keys: Keys,
    state: State,
    /// The first stage that is not green, from 1; one more than there are stages if all are green.
    at: usize,
    text: String,
    /// A file was saved, so the tests must run again.
    saved: bool,
    quit: bool,
}

impl Screen<'_> {
    /// Runs the tests and draws the result.
    fn refresh(&mut self) -> Result<()> {
        // Editors write a file in several steps.
        while self.saves.recv_timeout(Duration::from_millis(40)).is_ok() {}
        let start = Instant::now();
        self.draw(&format!("{}{DIM}testing stage {} ...{PLAIN}\n", self.bar(), self.at))?;
        let last = self.course.stages.len();
        self.at = self.at.min(last);
        let verdict = loop {
            match self.run(self.at)? {
                Some(Verdict::Green) if self.at < last => self.at += 1,
                Some(verdict) => break verdict,
                None => return Ok(()),
            }
        };
        self.at += usize::from(verdict == Verdict::Green);
        self.show(&verdict, start)?;
        // Earlier stages must still be green. One that is not may be the cause of the failure, so it is shown instead.
        let before = if matches!(verdict, Verdict::NotCompiled(_)) { 1..1 } else { 1..self.at.min(last) };
        for number in before {
            match self.run(number)? {
                Some(Verdict::Green) => {}
                Some(verdict) => {
                    self.at = number;
                    return self.show(&verdict, start);
                }
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Runs the tests of one stage; there is no verdict if a file is saved or the user quits meanwhile.
    fn run(&mut self, number: usize) -> Result<Option<Verdict>> {
        let (mut saved, mut quit, mut noted) = (false, false, false);
        let verdict = verdict::with_stop(self.course, self.course.stage(number)?, &self.servers, |time| {
            saved = self.saves.try_recv().is_ok();
            quit = !saved && self.keys.next(Duration::ZERO)? == Some('q');
            if !noted && time > LONG {
                noted = true;
                self.draw(&format!(
                    "{}stage {number} has been tested for {} s: the first build takes long, or a test never ends.\n\
                     Save a file to start again, q to quit.\n",
                    self.bar(),
                    time.as_secs()
                ))?;
            }
            Ok(saved || quit)
        })?;
        (self.saved, self.quit) = (saved, quit);
        Ok(verdict)
    }

    fn show(&mut self, verdict: &Verdict, start: Instant) -> Result<()> {
        self.state = State { done: self.at - 1, ..State::load(self.course) };
        self.state.save(self.course)?;
        self.text = self.bar() + &report(self.course, self.at, verdict, columns());
        writeln!(self.text, "\n{DIM}{:.1} s after the save   {KEYS}{PLAIN}", start.elapsed().as_secs_f32())?;
        self.draw(&self.text)
    }

    /// A bar of the stages done, and the clock.
    fn bar(&self) -> String {
        let clock = self.state.clock().map(|clock| format!("   {clock}")).unwrap_or_default();
        bar(self.course.stages.len(), self.at - 1, &clock)
    }

    fn press(&mut self, key: char) -> Result<()> {
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

    /// Clears the terminal and writes; in raw mode a new line needs a carriage return.
    fn draw(&self, text: &str) -> Result<()> {
        let clear = if stdout().is_terminal() { "\x1b[2J\x1b[H" } else { "" };
        let mut out = anstream::stdout().lock();
        write!(out, "{clear}{}", text.replace('\n', "\r\n"))?;
        Ok(out.flush()?)
    }
}

pub fn bar(all: usize, done: usize, clock: &str) -> String {
    let bar = format!("{GREEN}{}{DIM}{}", "█".repeat(done * 3), "░".repeat((all - done) * 3));
    format!("{bar}{PLAIN} {done} of {all} stages{clock}\n\n")
}

/// The result of stage `at`, and what to do next. If all are green, `at` is one more than there are stages.
pub fn report(course: &Course, at: usize, verdict: &Verdict, columns: usize) -> String {
    let mut text = String::new();
    let Ok(stage) = course.stage(at) else {
        text += &format!("{GREEN}{BOLD}All stages are green.{PLAIN} All of it runs on your code now:\n\n");
        text += "  make mongo\n  cargo run --bin basket create socks\n  make\n";
        return text;
    };
    text += &format!("{BOLD}Stage {at}. {}{PLAIN}\n{}\n\n", stage.name, textwrap::fill(&stage.task, columns));
    match verdict {
        Verdict::Green => {}
        Verdict::NotCompiled(words) => text += &format!("{RED}It does not compile.{PLAIN}\n{words}\n"),
        Verdict::Red(failures) => {
            if let [first, more @ ..] = &failures[..] {
                text += &format!("{RED}{BOLD}✘ {}{PLAIN}\n", textwrap::fill(&sentence(&first.test), columns));
                text += &format!("{}\n{DIM}{}{PLAIN}\n", textwrap::fill(&first.message, columns), first.at);
                if !more.is_empty() {
                    text += &format!("{DIM}and {} more of this stage{PLAIN}\n", more.len());
                }
            }
        }
    }
    let files: Vec<_> = stage.part.iter().map(|part| format!("{} in {}", part.item, part.file)).collect();
    let (files, test, slide) = (files.join("\n      "), stage.tests(), &stage.slide);
    text + &format!("\nWrite {files}\nTest  {test}\nSlide {slide} (make serve)\n")
}
