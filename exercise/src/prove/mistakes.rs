//! The mistakes that people make: each is made, and must be caught by a test of its stage.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError, mpsc::Sender},
    vec::IntoIter,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Proof;
use crate::{
    course::Course,
    report::{report, sentence},
    verdict::{self, Verdict},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mistake {
    name: String,
    stage: usize,
    item: String,
    code: String,
    /// Words of the file, and what they are replaced by.
    signature: Option<[String; 2]>,
    /// Words on the learner's screen that name the mistake.
    says: String,
}

/// The mistakes with these words in their names.
pub(super) fn mistakes(course: &Course, words: &str) -> Result<Vec<Mistake>> {
    let mut tables: BTreeMap<String, Vec<Mistake>> = toml::from_str(&course.read("exercise/mistakes.toml")?)?;
    let mut mistakes = tables.remove("mistake").context("mistakes.toml has no mistake")?;
    ensure!(mistakes.len() >= 20, "only {} mistakes", mistakes.len());
    mistakes.retain(|mistake| mistake.name.contains(words));
    ensure!(!mistakes.is_empty(), "no mistake has '{words}' in its name");
    Ok(mistakes)
}

/// What a learner sees who makes a mistake, and what is wrong with that.
pub(super) struct Tried {
    shown: String,
    wrong: Option<String>,
}

/// Prints each mistake that was tried, and refuses those that no test names.
pub(super) fn all_named(tried: impl IntoIterator<Item = Result<Tried>>) -> Result<()> {
    println!();
    let mut wrong = Vec::new();
    for tried in tried {
        let tried = tried?;
        println!("{}", tried.shown);
        wrong.extend(tried.wrong);
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    println!("\nmistakes are caught by a test, and named with the function that is wrong");
    Ok(())
}

impl Proof {
    /// Tries the mistakes that are left, on the solution, until the results are no longer received.
    pub(super) fn mistakes(&self, next: &Mutex<IntoIter<Mistake>>, tried: &Sender<Result<Tried>>) {
        let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some(mistake) = take() {
            if tried.send(self.mistake(&mistake)).is_err() {
                return;
            }
        }
    }

    /// A mistake makes a test of its stage fail; the learner's screen names it, and the function that is wrong.
    fn mistake(&self, Mistake { name, stage: number, item, code, signature, says }: &Mistake) -> Result<Tried> {
        let part = self.course.parts().find(|part| part.item == *item).with_context(|| format!("no {item}"))?;
        let before = self.course.read(&part.file)?;
        self.course.put_code(part, code)?;
        if let Some([old, new]) = signature {
            self.course.write(&part.file, &self.course.read(&part.file)?.replace(old, new))?;
        }
        let judged = verdict::of(&self.course, self.course.stage(*number)?, &self.servers)?;
        let screen = report(&self.course, *number, &judged, usize::from(u16::MAX));
        self.course.write(&part.file, &before)?;
        let line = screen.lines().find(|line| line.contains(says) || line.contains(&sentence(says)));
        let (_, places) = screen.rsplit_once("\nLook ").unwrap_or_default();
        let wrong = if judged.verdict == Verdict::Green || line.is_none() {
            Some(format!("'{name}' of stage {number} does not say '{says}', but:\n{screen}"))
        } else if !places.contains(item.as_str()) {
            Some(format!("'{name}' of stage {number} does not point to {item}, but:\n{screen}"))
        } else {
            None
        };
        Ok(Tried { shown: format!("{number}  {name}\n   {}", line.unwrap_or("NOTHING")), wrong })
    }
}
