//! Inputs that nobody has written: whatever the bytes, what reads them must not panic, nor say a password, nor give back other
//! bytes than it took. [`targets`] has what is tried, [`corpus`] the inputs that it begins with, `mutations` what is done to them.
//!
//! What a target says of an input leads the search, in place of a compiler's coverage: an input that brings words which no other one
//! has brought is kept, and changed further. All follows from the seed, so a process that ends for want of stack comes there again.

pub mod corpus;
mod mutations;
pub mod targets;

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{faults::Setting, laws::Broken, laws::Law};
use targets::Target;

/// So many inputs are kept to be changed further; of more, one takes another's place.
const POOL: usize = 4_000;

/// After so many findings the search ends: they are most often one.
const ENOUGH: usize = 5;

/// What a target says of an input; an error says which promise was broken.
pub type Said = Result<String, String>;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// How many inputs were tried.
    pub rounds: usize,
    /// How many different things were said of them.
    pub said: usize,
    /// What broke a law: each with its input, in the form of the corpus.
    pub broken: Vec<Broken>,
}

/// Tries the corpus, and then inputs that are made of it, with `try_it`: that of the target, or one around it that measures.
pub fn search(target: &Target, setting: Setting, mut try_it: impl FnMut(&[u8]) -> Said) -> Found {
    let mut random = fastrand::Rng::with_seed(setting.seed);
    let mut pool = target.corpus();
    let (mut begins_with, mut known, mut found) = (pool.clone().into_iter(), HashSet::new(), Found::default());
    while found.rounds < setting.rounds && found.broken.len() < ENOUGH {
        let input = begins_with.next().unwrap_or_else(|| target.change(&pool, &mut random));
        found.rounds += 1;
        match catch_unwind(AssertUnwindSafe(|| try_it(&input))).unwrap_or_else(|panic| Err(message(&*panic))) {
            Ok(said) => {
                if known.insert(words(&said)) {
                    match pool.len() {
                        ..POOL => pool.push(input),
                        many => pool[random.usize(..many)] = input,
                    }
                }
            }
            Err(why) => {
                let how = format!("round {}: {why}; the input is\n{}", found.rounds, input.escape_ascii());
                found.broken.push(Broken { law: Law::AnyInput, how });
            }
        }
    }
    found.said = known.len();
    found
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panics: {}", text.unwrap_or("(no message)"))
}

/// What is said, without numbers and what is quoted: these are as many as there are inputs.
fn words(said: &str) -> u64 {
    let (mut hasher, mut quote) = (DefaultHasher::new(), None);
    for character in said.chars() {
        match (quote, character) {
            (Some(end), character) if character == end => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, character) if character.is_ascii_alphabetic() || character == '\n' => character.hash(&mut hasher),
            _ => {}
        }
    }
    hasher.finish()
}
