//! What `watch` shows of a verdict: the bar, the first failing test, what usually causes it, and where to write or to look.
//! `record` and `prove` call it, too, so that the slides and the proof have the same words as the learner's screen.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    course::{Course, Known, Part, Stage},
    learn::{BOLD, DIM, GREEN, PLAIN, RED},
    verdict::{Failure, Judged, Verdict},
};

/// A bar of the stages. `green` were tested since the last save, `unsure` were green before it and are not tested yet;
/// `before` says how many were green before it.
pub fn bar(all: usize, green: &BTreeSet<usize>, unsure: &BTreeSet<usize>, before: usize, clock: &str) -> String {
    let cell = |number| match number {
        number if green.contains(&number) => format!("{GREEN}███{PLAIN}"),
        number if unsure.contains(&number) => format!("{GREEN}▒▒▒{PLAIN}"),
        _ => format!("{DIM}░░░{PLAIN}"),
    };
    let cells: String = (1..=all).map(cell).collect();
    let before = if before > green.len() { format!(" ({before} before the last save)") } else { String::new() };
    format!("{cells} {} of {all} stages are green{before}{clock}\n\n", green.len())
}

/// The line about a stage that has just become green.
pub fn learnt(course: &Course, number: usize, columns: usize) -> String {
    let learnt = course.stage(number).map(|stage| stage.learnt.as_str()).unwrap_or_default();
    format!("{GREEN}✔ {}{PLAIN}\n\n", textwrap::fill(&format!("Stage {number} is green. {learnt}"), columns))
}

/// The result of stage `at`, and what to do next.
pub fn report(course: &Course, at: usize, judged: &Judged, columns: usize) -> String {
    let Ok(stage) = course.stage(at) else { return String::new() };
    let mut text = format!("{BOLD}Stage {at}. {}{PLAIN}\n{}\n\n", stage.name, textwrap::fill(&stage.task, columns));
    let mut wrong = None;
    match &judged.verdict {
        Verdict::Green | Verdict::NotRun(_) => {}
        Verdict::NotCompiled(words) => {
            text += &format!("{RED}It does not compile.{PLAIN}\n");
            let known = course.known.iter().find(|known| known.fits(words, None));
            text += &known.map(|known| advice(known, columns)).unwrap_or_default();
            let place = words.split_once("--> ").and_then(|(_, rest)| rest.lines().next());
            wrong = named(course, known).or_else(|| place.and_then(|place| course.part_at(place)));
            text += &format!("{words}\n");
        }
        Verdict::Red(failures) => {
            if let [first, more @ ..] = &failures[..] {
                let (known, part) = cause(course, first);
                wrong = part;
                text += &format!("{RED}{BOLD}✘ {}{PLAIN}\n", textwrap::fill(&sentence(&first.test), columns));
                text += &format!("{}\n", textwrap::fill(&first.message, columns));
                text += &known.map(|known| advice(known, columns)).unwrap_or_default();
                if !first.at.is_empty() {
                    text += &format!("{DIM}{}{PLAIN}\n", first.at);
                }
                if !more.is_empty() {
                    text += &format!("{DIM}and {} more of this stage{PLAIN}\n", more.len());
                }
            }
        }
    }
    if !judged.warnings.is_empty() {
        text += &format!("\n{}", judged.warnings);
    }
    text + &places(course, stage, wrong)
}

/// Where to write; where to look, if all is written or the failure is known to come from a certain function.
fn places(course: &Course, stage: &Stage, wrong: Option<&Part>) -> String {
    let blank: Vec<_> = stage.part.iter().filter(|part| course.is_blank(part)).collect();
    let (verb, parts) = match wrong {
        Some(part) if !course.is_blank(part) => ("Look ", vec![part]),
        _ if blank.is_empty() => ("Look ", stage.part.iter().collect()),
        _ => ("Write", blank),
    };
    let place = |part: &&Part| {
        let of = course.stages.iter().position(|stage| stage.part.contains(part)).map_or(0, |index| index + 1);
        let earlier = if stage.part.contains(part) { String::new() } else { format!(" (stage {of})") };
        format!("{} in {}{earlier}", part.item, part.file)
    };
    let places: Vec<_> = parts.iter().map(place).collect();
    format!("\n{verb} {}\nTest  {}\nSlide {} (make serve)\n", places.join("\n      "), stage.tests(), stage.slide)
}

/// What is known about a failure, and the function that it comes from, if that is clear.
fn cause<'c>(course: &'c Course, failure: &Failure) -> (Option<&'c Known>, Option<&'c Part>) {
    let panicked = course.part_at(&failure.at).filter(|_| !failure.message.starts_with("not yet implemented"));
    let words = format!("{}\n{}", sentence(&failure.test), failure.message);
    let known = course.known.iter().find(|known| known.fits(&words, panicked));
    (known, panicked.or_else(|| named(course, known)))
}

fn named<'c>(course: &'c Course, known: Option<&Known>) -> Option<&'c Part> {
    let item = known?.item.as_ref()?;
    course.parts().find(|part| part.item == *item)
}

impl Known {
    fn fits(&self, words: &str, panicked: Option<&Part>) -> bool {
        let in_one = |part: &Part| self.panics_in.contains(&part.item);
        self.shows.iter().all(|word| words.contains(word.as_str()))
            && (self.panics_in.is_empty() || panicked.is_some_and(in_one))
    }
}

fn advice(known: &Known, columns: usize) -> String {
    let options = textwrap::Options::new(columns).initial_indent("→ ").subsequent_indent("  ");
    format!("{BOLD}{}{PLAIN}\n", textwrap::fill(&known.says, options))
}

/// What to do where no MongoDB can be started.
pub fn without_mongo(course: &Course, why: &str, columns: usize) -> String {
    let of: Vec<usize> =
        (1..).zip(&course.stages).filter(|(_, of)| of.needs_mongo()).map(|(number, _)| number).collect();
    let (first, last) = (of.first().copied().unwrap_or_default(), of.last().copied().unwrap_or_default());
    let text = format!(
        "Stages {first} to {last} need a MongoDB, and none can be started here: {why}\n\
         Install Docker or a mongod, and start `make watch` again. Or go on without: the other stages need none. \
         `make solution` with STAGE={first} to STAGE={last} writes these; `cargo run --bin basket create socks` then runs \
         your own basket, and keeps its events in a file."
    );
    format!("{RED}{}{PLAIN}\n", textwrap::fill(&text, columns))
}

/// What comes after the last stage. `left` are those that could not be tested.
pub fn end(left: usize) -> String {
    let mut text = match left {
        0 => format!("{GREEN}{BOLD}All stages are green.{PLAIN} All of it runs on your code now:\n\n"),
        left => {
            format!("{GREEN}{BOLD}All that can be tested here is green,{PLAIN} and {left} stages were not tested.\n\n")
        }
    };
    for (command, what) in [
        ("make mongo", "start a MongoDB for it"),
        ("cargo run --bin basket create socks", "a first basket on your own code"),
        ("cargo run --bin basket explore", "move through the past of what you have created"),
        ("make", "all of basket's own tests, on your code"),
        ("make serve", "the talk: what you have written, and why it is so"),
    ] {
        writeln!(text, "  {command:<36} {DIM}{what}{PLAIN}").ok();
    }
    text + "\nAnd then an aggregate of your own: copy testkit/src/silo.rs, which has deciders, an applier and a codec.\n\
            `log`, `diff`, `what-if` and `explore` work on it, too: crates/basket-cli/examples/own_domain.rs.\n"
}

pub fn sentence(test: &str) -> String {
    test.replace('_', " ")
}
