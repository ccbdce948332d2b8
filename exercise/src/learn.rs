//! The commands for learners: hints, solutions, the list of stages, the clock.
//! A learner's work is never overwritten without a copy, which the message names.

use anyhow::{Context, Result, bail};
use similar::TextDiff;

use crate::{
    course::{self, Course, Stage},
    source,
    state::{self, FOLDER, State},
    verdict::{self, Servers, Verdict},
};

pub const BOLD: &str = "\x1b[1m";
pub const GREEN: &str = "\x1b[32m";
pub const RED: &str = "\x1b[31m";
pub const DIM: &str = "\x1b[2m";
pub const PLAIN: &str = "\x1b[0m";

pub fn hint(course: &Course, stage: Option<usize>) -> Result<()> {
    course.solutions()?;
    let mut state = State::load(course);
    let number = stage.unwrap_or((state.done + 1).min(course.stages.len()));
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
pub fn solution_diff(course: &Course, stage: &Stage) -> Result<String> {
    let mut diff = String::new();
    for (file, before, after) in solved(course, stage)? {
        let changes = TextDiff::from_lines(&before, &after);
        for line in changes.unified_diff().context_radius(2).header(&file, &file).to_string().lines() {
            let colour = match line.get(..1) {
                Some("+") => GREEN,
                Some("-") => RED,
                _ => DIM,
            };
            diff += &format!("{colour}{line}{PLAIN}\n");
        }
    }
    Ok(if diff.is_empty() {
        "your files have the solution of this stage already\n".into()
    } else {
        diff + "\n`make solution STAGE=n` writes it into your files, and keeps a copy of them\n"
    })
}

/// File, text before, text after: for each file of a stage.
fn solved(course: &Course, stage: &Stage) -> Result<Vec<(String, String, String)>> {
    let solutions = course.solutions()?;
    let mut files: Vec<(String, String, String)> = Vec::new();
    for part in &stage.part {
        let body = course::solution(&solutions, part)?;
        if files.last().is_none_or(|(file, ..)| *file != part.file) {
            let text = course.read(&part.file)?;
            files.push((part.file.clone(), text.clone(), text));
        }
        if let Some((file, _, after)) = files.last_mut() {
            *after = source::with_body(after, &part.item, body).with_context(|| {
                format!("the solution can't be put into {file}; fix that file first, `cargo check` shows what is wrong")
            })?;
        }
    }
    Ok(files)
}

/// Copies the files of a stage, then puts the solution into them.
pub fn solution(course: &Course, number: usize) -> Result<()> {
    let stage = course.stage(number)?;
    // All or none: the files are written only after every part was found.
    let changed: Vec<_> = solved(course, stage)?.into_iter().filter(|(_, before, after)| before != after).collect();
    if changed.is_empty() {
        println!("your files have the solution of stage {number} already");
        return Ok(());
    }
    let folder = format!("{FOLDER}/before-solution-{number}-{}", state::now().as_secs());
    for (file, before, after) in &changed {
        course.write(&format!("{folder}/{}", file.replace('/', "_")), before)?;
        course.write(file, after)?;
        println!("stage {number} is solved in {file}");
    }
    println!("your own version is kept in {folder}");
    Ok(())
}

/// Lists the stages, with the result of the last run of the tests.
pub fn stages(course: &Course) -> Result<()> {
    anstream::print!("{}", list(course, State::load(course).done));
    if course.solutions().is_err() {
        println!("\nstart with `make from_scratch`");
    }
    Ok(())
}

/// The list of stages; the first `done` are done.
pub fn list(course: &Course, done: usize) -> String {
    let lines = (1..).zip(&course.stages).map(|(number, stage)| {
        let (mark, colour) = match number {
            _ if number <= done => ("✔", GREEN),
            _ if number == done + 1 => ("→", BOLD),
            _ => (" ", DIM),
        };
        format!("{colour}{mark} {number}. {}{PLAIN}\n", stage.name)
    });
    lines.collect()
}

/// Runs the tests of all the stages; returns whether all are green.
pub fn check(course: &Course) -> Result<bool> {
    let (servers, mut done, mut green) = (Servers::default(), 0, 0);
    for (number, stage) in (1..).zip(&course.stages) {
        let (verdict, _) = verdict::of(course, stage, &servers)?;
        let (colour, first) = match &verdict {
            Verdict::Green => (GREEN, String::new()),
            Verdict::Red(failures) => {
                (RED, failures.first().map(|failure| format!(": {}", sentence(&failure.test))).unwrap_or_default())
            }
            Verdict::NotCompiled(_) => (RED, ": see `make watch`".into()),
        };
        anstream::println!("{colour}{:<12}{PLAIN} {number}. {}{first}", verdict.word(), stage.name);
        if verdict == Verdict::Green {
            green += 1;
            done += usize::from(done + 1 == number);
        }
    }
    let mut state = State::load(course);
    state.done = done;
    state.save(course)?;
    println!("{green} of {} stages are green", course.stages.len());
    Ok(green == course.stages.len())
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

pub fn sentence(test: &str) -> String {
    test.replace('_', " ")
}
