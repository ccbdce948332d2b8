//! The commands for learners: hints, solutions, the list of stages, the clock.
//! A learner's work is never overwritten without a copy, which the message names.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use similar::TextDiff;

use crate::{
    course::{self, Course, Part, Solutions, Stage, key},
    report::sentence,
    servers::Servers,
    source,
    state::{self, FOLDER, State},
    verdict::{self, Verdict},
};

pub const BOLD: &str = "\x1b[1m";
pub const GREEN: &str = "\x1b[32m";
pub const RED: &str = "\x1b[31m";
pub const DIM: &str = "\x1b[2m";
pub const PLAIN: &str = "\x1b[0m";

pub fn hint(course: &Course, stage: Option<usize>) -> Result<()> {
    course.solutions()?;
    let mut state = State::load(course);
    let number = stage.unwrap_or(state.at().min(course.stages.len()));
    anstream::print!("{}", next_hint(course, number, &mut state)?);
    state.save(course)
}

/// The text of the next hint; after the last one, the last one again.
pub fn next_hint(course: &Course, number: usize, state: &mut State) -> Result<String> {
    let stage = course.stage(number)?;
    let given = state.hints.entry(number).or_insert(0);
    *given = (*given + 1).min(stage.hint.len());
    let Some(hint) = stage.hint.get(given.saturating_sub(1)) else { bail!("stage {number} has no hints") };
    let mut text = format!("{BOLD}Hint {given} of {} for stage {number}{PLAIN}\n", stage.hint.len());
    text += &format!("{}\n", textwrap::fill(&hint.text, columns()));
    if let (Some(item), Some(code)) = (&hint.item, &hint.code) {
        text += &format!("\n{DIM}// in {item}{PLAIN}\n{code}");
    }
    if *given == stage.hint.len() {
        text += &format!("\nThat was the last one; the solution: make solution STAGE={number}\n");
    }
    Ok(text)
}

/// The solution of a stage, as a diff against the present files.
pub fn solution_diff(course: &Course, number: usize) -> Result<String> {
    let diff = diff(&replaced(course, course.stage(number)?, &course.solutions()?)?);
    Ok(if diff.is_empty() {
        "your files have the solution of this stage already\n".into()
    } else {
        diff + "\n`make solution STAGE=n` writes it into your files, and keeps a copy of them\n"
    })
}

/// The learner's answer of a stage beside main's.
pub fn compare(course: &Course, number: usize) -> Result<String> {
    let diff = diff(&replaced(course, course.stage(number)?, &course.solutions()?)?);
    let head = format!("{BOLD}Stage {number}: your answer (-) and main's (+){PLAIN}\n");
    Ok(head + if diff.is_empty() { "they are the same\n" } else { &diff })
}

fn diff(files: &[Replaced]) -> String {
    let mut diff = String::new();
    for (file, before, after) in files {
        let changes = TextDiff::from_lines(before, after);
        for line in changes.unified_diff().context_radius(2).header(file, file).to_string().lines() {
            let colour = match line.get(..1) {
                Some("+") => GREEN,
                Some("-") => RED,
                _ => DIM,
            };
            diff += &format!("{colour}{line}{PLAIN}\n");
        }
    }
    diff
}

/// File, text before, text after.
type Replaced = (String, String, String);

/// The files of a stage, with these bodies for its parts.
fn replaced(course: &Course, stage: &Stage, bodies: &Solutions) -> Result<Vec<Replaced>> {
    let mut files: Vec<Replaced> = Vec::new();
    for part in &stage.part {
        let body = course::solution(bodies, part)?;
        if files.last().is_none_or(|(file, ..)| *file != part.file) {
            let text = course.read(&part.file)?;
            files.push((part.file.clone(), text.clone(), text));
        }
        if let Some((file, _, after)) = files.last_mut() {
            *after = source::with_body(after, &part.item, body).with_context(|| {
                format!("the functions of this stage can't be found in {file}; fix that file first, `cargo check` shows what is wrong")
            })?;
        }
    }
    Ok(files)
}

/// Copies the files of a stage, then puts the solution into them.
pub fn solution(course: &Course, number: usize) -> Result<()> {
    replace(course, number, "solution", &course.solutions()?, "is solved")
}

/// Copies the files of a stage, then blanks its functions again.
pub fn reset(course: &Course, number: usize) -> Result<()> {
    let blank = |part: &Part| Ok((key(part), source::braced(&course.read(&part.file)?, &part.item, &part.blank)?));
    let blanks: Result<Solutions> = course.stage(number)?.part.iter().map(blank).collect();
    replace(course, number, "reset", &blanks?, "is as it was at the start")
}

fn replace(course: &Course, number: usize, what: &str, bodies: &Solutions, done: &str) -> Result<()> {
    let stage = course.stage(number)?;
    // All or none: the files are written only after every part was found.
    let changed: Vec<_> = replaced(course, stage, bodies)?.into_iter().filter(|(_, old, new)| old != new).collect();
    if changed.is_empty() {
        println!("stage {number} {done} already");
        return Ok(());
    }
    let folder = format!("{FOLDER}/before-{what}-{number}-{}", state::now().as_secs());
    for (file, before, after) in &changed {
        course.write(&format!("{folder}/{}", file.replace('/', "_")), before)?;
        course.write(file, after)?;
        println!("stage {number} {done} in {file}");
    }
    println!("your own version is kept in {folder}");
    Ok(())
}

/// Lists the stages, with the result of the last run of the tests.
pub fn stages(course: &Course) -> Result<()> {
    anstream::print!("{}", list(course, &State::load(course).green));
    if course.solutions().is_err() {
        println!("\nstart with `make from_scratch`");
    }
    Ok(())
}

/// The list of stages; these are green.
pub fn list(course: &Course, green: &BTreeSet<usize>) -> String {
    let next = (1..).find(|number| !green.contains(number));
    let lines = (1..).zip(&course.stages).map(|(number, stage)| {
        let (mark, colour) = match number {
            _ if green.contains(&number) => ("✔", GREEN),
            _ if next == Some(number) => ("→", BOLD),
            _ => (" ", DIM),
        };
        format!("{colour}{mark} {number}. {}{PLAIN}\n", stage.name)
    });
    lines.collect()
}

/// Runs the tests of all the stages; returns whether all are green.
pub fn check(course: &Course) -> Result<bool> {
    let (servers, mut green) = (Servers::default(), BTreeSet::new());
    for (number, stage) in (1..).zip(&course.stages) {
        let verdict = verdict::of(course, stage, &servers)?.verdict;
        let (colour, first) = match &verdict {
            Verdict::Green => (GREEN, String::new()),
            Verdict::Red(failures) => {
                (RED, failures.first().map(|failure| format!(": {}", sentence(&failure.test))).unwrap_or_default())
            }
            Verdict::NotCompiled(_) => (RED, ": see `make watch`".into()),
            Verdict::NotRun(why) => (RED, format!(": {why}")),
        };
        anstream::println!("{colour}{:<12}{PLAIN} {number}. {}{first}", verdict.word(), stage.name);
        if verdict == Verdict::Green {
            green.insert(number);
        }
    }
    println!("{} of {} stages are green", green.len(), course.stages.len());
    let are_all = green.len() == course.stages.len();
    State { green, ..State::load(course) }.save(course)?;
    Ok(are_all)
}

pub fn timer(course: &Course, minutes: u64) -> Result<()> {
    let mut state = State::load(course);
    state.until = Some(state::now().as_secs() + minutes * 60);
    state.save(course)?;
    println!("{minutes} minutes from now; `make watch` shows the time left");
    Ok(())
}

/// The width of the terminal; 80 columns without one.
pub fn columns() -> usize {
    crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns).clamp(40, 120))
}
