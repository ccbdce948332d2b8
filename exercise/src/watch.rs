//! `make watch`: on every save, tests the stage that the learner is at, then all that were green, and shows the first
//! failing test, its message, and what to do. It keeps listening meanwhile: to keys, and to the next save.
//! It prints plain lines on a cleared screen, so that it works over ssh, at 80 columns, and with NO_COLOR.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{IsTerminal, Write, stdout},
    path::PathBuf,
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use notify::{RecursiveMode, Watcher};

use crate::{
    course::{Course, Stage},
    keys::Keys,
    learn::{DIM, PLAIN, columns, compare, list, next_hint, solution_diff},
    report::{bar, end, learnt, report, without_mongo},
    servers::Servers,
    state::State,
    verdict::{Judged, Run, Verdict},
    warm::Warm,
};

/// The keys, as the last line shows them.
pub const KEYS: &str = "h hint   s solution   m main's   l stages   q quit";

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

    let servers = Servers::default();
    servers.start_in_background(course)?;
    let (keys, state) = (Keys::listen(), State::load(course));
    let mut screen =
        Screen { course, servers, keys, round: Round::new(course, &state), state, no_mongo: None, text: String::new() };
    let mut warm = Warm::new(course);
    screen.draw("")?;
    loop {
        if saved(&saves) {
            warm.stop();
            screen.round = Round::new(course, &screen.state);
            screen.text.clear();
            screen.draw("")?;
        }
        if screen.round.is_over() {
            warm.go_on();
        } else {
            screen.step()?;
        }
        if let (None, Some(Err(why))) = (&screen.no_mongo, screen.servers.ready()) {
            screen.no_mongo = Some(why);
            screen.text = screen.report();
            screen.draw("")?;
        }
        match screen.keys.next(WAIT)? {
            Some('q') => return Ok(()),
            Some(key) => screen.press(key)?,
            None => {}
        }
    }
}

/// How long to wait for a key before looking at all else.
const WAIT: Duration = Duration::from_millis(20);

/// Whether a file was saved. Editors write one in several steps, so this waits for the last one.
fn saved(saves: &Receiver<()>) -> bool {
    let saved = saves.try_recv().is_ok();
    while saved && saves.recv_timeout(Duration::from_millis(40)).is_ok() {}
    saved
}

fn is_a_save(event: &notify::Event) -> bool {
    let is_source = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "rs" || ending == "toml");
    !event.kind.is_access() && event.paths.iter().any(is_source)
}

/// What is tested after a save, and what came of it.
struct Round<'c> {
    course: &'c Course,
    /// The stages that were green before.
    before: BTreeSet<usize>,
    /// Those to be tested next.
    next: VecDeque<usize>,
    judged: BTreeMap<usize, Judged>,
    run: Option<(usize, Run<'c>)>,
    start: Instant,
    /// When the report that is shown was known.
    after: Duration,
    /// The line about what is tested, as it was printed last.
    status: String,
}

impl<'c> Round<'c> {
    /// First the stage that the learner is at; then all that were green: the cause of its failure may be an earlier one,
    /// and nothing is called green that was tested before the save only.
    fn new(course: &'c Course, state: &State) -> Self {
        let before = state.green.clone();
        let next = [state.at()].into_iter().filter(|at| *at <= course.stages.len()).chain(before.clone()).collect();
        let (judged, start) = (BTreeMap::new(), Instant::now());
        Self { course, before, next, judged, run: None, start, after: Duration::ZERO, status: String::new() }
    }

    fn is_over(&self) -> bool {
        self.next.is_empty() && self.run.is_none()
    }

    /// The stages that are green, by the files as they are.
    fn green(&self) -> BTreeSet<usize> {
        self.judged.iter().filter(|(_, judged)| judged.verdict == Verdict::Green).map(|(number, _)| *number).collect()
    }

    /// The first stage that is not green.
    fn failed(&self) -> Option<(usize, &Judged)> {
        let is_red = |judged: &Judged| matches!(judged.verdict, Verdict::Red(_) | Verdict::NotCompiled(_));
        self.judged.iter().find(|(_, judged)| is_red(judged)).map(|(number, judged)| (*number, judged))
    }

    fn take(&mut self, number: usize, judged: Judged) {
        let (is_green, last) = (judged.verdict == Verdict::Green, self.course.stages.len());
        match judged.verdict {
            // Whatever comes next would not compile, either.
            Verdict::NotCompiled(_) => self.next.clear(),
            // The learner goes on at once; the stages that were green are tested after that.
            Verdict::Green | Verdict::NotRun(_) => {
                let is_new = |stage: &usize| !self.judged.contains_key(stage) && !self.next.contains(stage);
                let goes_on = self.failed().is_none() && (!is_green || !self.before.contains(&number));
                if let Some(stage) = (number + 1..=last).find(is_new).filter(|_| goes_on) {
                    self.next.push_front(stage);
                }
            }
            Verdict::Red(_) => {}
        }
        self.judged.insert(number, judged);
    }
}

struct Screen<'c> {
    course: &'c Course,
    servers: Servers,
    keys: Keys,
    round: Round<'c>,
    state: State,
    /// Why there can be no MongoDB, once that is known.
    no_mongo: Option<String>,
    /// The report that is shown; a key may show more below it.
    text: String,
}

impl Screen<'_> {
    /// Starts the next tests, or looks whether those that run have ended.
    fn step(&mut self) -> Result<()> {
        let Some((number, run)) = &mut self.round.run else {
            let Some(number) = self.round.next.pop_front() else { return Ok(()) };
            return self.start(number);
        };
        let number = *number;
        let Some(judged) = run.poll()? else {
            let doing = run.doing();
            return self.status(&format!("testing stage {number}: {doing}"));
        };
        self.round.run = None;
        self.take(number, judged)
    }

    fn start(&mut self, number: usize) -> Result<()> {
        let stage = self.round.course.stage(number)?;
        match self.servers.ready().filter(|_| stage.needs_mongo()) {
            None if stage.needs_mongo() => {
                self.round.next.push_front(number);
                self.status(&format!("testing stage {number}: a MongoDB is being started"))
            }
            Some(Err(why)) => {
                self.take(number, Judged { verdict: Verdict::NotRun(why), warnings: String::new(), out: String::new() })
            }
            _ => {
                self.round.run = Some((number, Run::start(self.round.course, stage, &self.servers)?));
                Ok(())
            }
        }
    }

    /// Remembers a verdict, and shows it if it is news.
    fn take(&mut self, number: usize, judged: Judged) -> Result<()> {
        self.state = State { green: std::mem::take(&mut self.state.green), ..State::load(self.course) };
        match judged.verdict {
            Verdict::Green => self.state.green.insert(number),
            Verdict::Red(_) | Verdict::NotRun(_) => self.state.green.remove(&number),
            Verdict::NotCompiled(_) => false,
        };
        self.state.save(self.course)?;
        let failed = |round: &Round<'_>| round.failed().map(|(number, _)| number);
        let shown = failed(&self.round);
        self.round.take(number, judged);
        if shown.is_none() || shown != failed(&self.round) {
            self.round.after = self.round.start.elapsed();
        }
        self.text = self.report();
        self.draw("")
    }

    /// What the round has found out so far.
    fn report(&self) -> String {
        let (round, columns) = (&self.round, columns());
        let (green, last) = (round.green(), self.course.stages.len());
        let mut text: String =
            green.difference(&round.before).map(|number| learnt(self.course, *number, columns)).collect();
        match round.failed() {
            Some((number, judged)) => text += &report(self.course, number, judged, columns),
            None if !round.is_over() => {}
            None => text += &end(last - green.len()),
        }
        // Long before it is needed, and at the end.
        let earlier = round.failed().map_or(last, |(number, _)| number - 1);
        let is_past = round.failed().is_some() && self.course.stages.iter().take(earlier).any(Stage::needs_mongo);
        if let (Some(why), false) = (&self.no_mongo, is_past) {
            text += &format!("\n{}", without_mongo(self.course, why, columns));
        }
        if round.failed().is_some() || round.is_over() {
            text += &format!("\n{DIM}{:.1} s after the save   {KEYS}{PLAIN}\n", round.after.as_secs_f32());
        }
        text
    }

    fn bar(&self) -> String {
        let (round, clock) = (&self.round, self.state.clock().map(|clock| format!("   {clock}")).unwrap_or_default());
        let unsure = round.before.iter().copied().filter(|number| !round.judged.contains_key(number)).collect();
        bar(self.course.stages.len(), &round.green(), &unsure, round.before.len(), &clock)
    }

    /// Shows at the end of the screen what is going on, and for how long.
    fn status(&mut self, doing: &str) -> Result<()> {
        let is_terminal = stdout().is_terminal();
        let seconds = self.round.start.elapsed().as_secs();
        let status = if is_terminal { format!("{doing}, {seconds} s") } else { doing.to_owned() };
        if status != self.round.status {
            let (back, end) = if is_terminal { ("\r\x1b[K", "") } else { ("", "\n") };
            let shown: String = status.chars().take(columns().saturating_sub(1)).collect();
            let mut out = anstream::stdout().lock();
            write!(out, "{back}{DIM}{shown}{PLAIN}{end}")?;
            out.flush()?;
            self.round.status = status;
        }
        Ok(())
    }

    fn press(&mut self, key: char) -> Result<()> {
        self.state = State { green: std::mem::take(&mut self.state.green), ..State::load(self.course) };
        let at = self.round.failed().map_or(self.state.at(), |(number, _)| number);
        let (solved, at) = (self.state.green.range(..at).next_back().copied(), at.min(self.course.stages.len()));
        let more = match key {
            'h' => next_hint(self.course, at, &mut self.state)?,
            's' => solution_diff(self.course, at).unwrap_or_else(|error| format!("{error:#}\n")),
            'm' => solved.map_or("this shows your answer beside main's, once a stage is green\n".into(), |number| {
                compare(self.course, number).unwrap_or_else(|error| format!("{error:#}\n"))
            }),
            'l' => list(self.course, &self.state.green),
            _ => return Ok(()),
        };
        self.state.save(self.course)?;
        self.draw(&format!("\n{more}"))
    }

    /// Clears the terminal and writes; in raw mode a new line needs a carriage return.
    fn draw(&mut self, more: &str) -> Result<()> {
        let clear = if stdout().is_terminal() { "\x1b[2J\x1b[H" } else { "" };
        let text = format!("{clear}{}{}{more}\n", self.bar(), self.text).replace('\n', "\r\n");
        self.round.status.clear();
        let mut out = anstream::stdout().lock();
        write!(out, "{text}")?;
        Ok(out.flush()?)
    }
}
