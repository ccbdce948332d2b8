//! The whole history put to the deciders and appliers of today: [`Rehearsal`] asks again for every event on the state before it, and
//! takes a digest of the states on the way, to be compared with that of another program. `rehearse` prints what it finds.

use std::collections::{BTreeMap, HashMap};

use basket_domain::Aggregate;
use basket_mongo::{Entry, Unreadable};
use bson::RawDocument;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use crate::plain::hex;
use crate::{
    domain::{Domain, Event, Id},
    walk::Walk,
};

/// How today's program differs from the one that has written the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What was decided would be refused now.
    Refused,
    /// Other events would be decided now.
    Other,
    /// The states of a stream are others than those that were recorded.
    State,
}

/// What differs in the same way.
#[derive(Debug)]
pub struct Found<D: Domain> {
    /// How many events; of [`Kind::State`], how many streams.
    pub number: u64,
    /// The one with the lowest version: it needs the shortest test.
    pub example: Entry<D>,
    /// Why it differs, in full.
    pub why: String,
    /// The events before it in its stream, where they are kept.
    pub history: Vec<Event<D>>,
}

/// The states of a stream up to a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<I> {
    pub id: I,
    pub version: u64,
    /// SHA-256, begun anew with each event: of the digest before, and of the rows in JSON. So no machine and no build is in it.
    pub digest: [u8; 32],
}

/// What is recorded of each stream: the version, and the digest in hexadecimal digits.
pub type Against = HashMap<String, (u64, String)>;

/// A pass over all events, in the order of [`Scope::All`](basket_mongo::Scope::All).
pub struct Rehearsal<D: Domain> {
    walk: Walk<D>,
    /// The stream whose events come now, if all of them could be read.
    open: Option<Recorded<Id<D>>>,
    history: Vec<Event<D>>,
    /// What to keep, at a price.
    histories: bool,
    digests: bool,
    against: Against,
    /// By kind, type of event, and reason without what is different in each.
    pub found: BTreeMap<(Kind, &'static str, String), Found<D>>,
    /// Events that the domain can't decide again.
    pub undecided: u64,
    /// Streams that were compared with what was recorded.
    pub compared: u64,
}

impl<D: Domain> Rehearsal<D> {
    /// With `histories`, an example has the events before it; `digests` are also taken to compare them with `against`.
    pub fn new(histories: bool, digests: bool, against: Against) -> Self {
        Self {
            walk: Walk::new(),
            open: None,
            history: Vec::new(),
            histories,
            digests: digests || !against.is_empty(),
            against,
            found: BTreeMap::new(),
            undecided: 0,
            compared: 0,
        }
    }

    /// Asks for the event of a document again. Returns the stream that has ended before it, if one has.
    pub fn take(&mut self, document: &RawDocument) -> Result<Option<Recorded<Id<D>>>, Unreadable> {
        let (entry, state) = match self.walk.step(document) {
            Ok(Some(step)) => step,
            Ok(None) => return Ok(None),
            Err(unreadable) => {
                self.open = None;
                return Err(unreadable);
            }
        };
        let is_next = self.open.as_ref().is_some_and(|open| open.id == entry.stream);
        let mut ended = None;
        if !is_next {
            let new = Recorded { id: entry.stream.clone(), version: 0, digest: [0; 32] };
            ended = self.open.replace(new);
            self.history.clear();
        }
        let kind = D::encode(&entry.event).0;
        let answer = match D::again(state, &entry.event) {
            None => {
                self.undecided += 1;
                None
            }
            Some(Err(refusal)) => Some((Kind::Refused, general(&refusal), refusal)),
            Some(Ok(events)) if events.iter().eq([&entry.event]) => None,
            Some(Ok(events)) => Some((Kind::Other, difference::<D>(&entry.event, &events), format!("{events:?}"))),
        };
        state.apply(&entry.event);
        let mut differs = None;
        if let Some(open) = self.open.as_mut() {
            open.version = entry.version;
            if self.digests {
                open.digest = next::<D>(&open.digest, state);
                let id = entry.stream.to_string();
                if let Some((_, digest)) = self.against.get(&id).filter(|(version, _)| *version == entry.version) {
                    self.compared += 1;
                    differs = (*digest != hex(&open.digest)).then_some((Kind::State, String::new(), String::new()));
                }
            }
        }
        for (of, why, full) in answer.into_iter().chain(differs) {
            let r#type = if of == Kind::State { "" } else { kind };
            let history = &self.history;
            let example = || (entry.clone(), full, history.clone());
            match self.found.entry((of, r#type, why)) {
                std::collections::btree_map::Entry::Vacant(new) => {
                    let (example, why, history) = example();
                    new.insert(Found { number: 1, example, why, history });
                }
                std::collections::btree_map::Entry::Occupied(mut found) => {
                    let found = found.get_mut();
                    found.number += 1;
                    if entry.version < found.example.version {
                        (found.example, found.why, found.history) = example();
                    }
                }
            }
        }
        if self.histories {
            self.history.push(entry.event);
        }
        Ok(ended)
    }

    /// The last stream, after all documents.
    pub fn end(&mut self) -> Option<Recorded<Id<D>>> {
        self.open.take()
    }

    /// How many documents there were.
    pub fn documents(&self) -> u64 {
        self.walk.documents()
    }

    /// How many streams they are of.
    pub fn streams(&self) -> u64 {
        self.walk.streams()
    }
}

fn next<D: Domain>(before: &[u8; 32], state: &D::Aggregate) -> [u8; 32] {
    let rows = D::rows(state);
    let rows: Vec<_> = rows.iter().map(|row| (&row.name, &row.value)).collect();
    // Only a value that JSON can't hold fails, and then `get` shows null as well.
    let rows = serde_json::to_vec(&rows).unwrap_or_default();
    Sha256::new().chain_update(before).chain_update(rows).finalize().into()
}

/// A reason without its texts in quotes and its numbers, so that one reason is one group.
fn general(why: &str) -> String {
    let (mut general, mut rest, mut before) = (String::new(), why, ' ');
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        let quoted = matches!(letter, '\'' | '"') && !before.is_alphanumeric();
        rest = match quoted.then(|| end_of_quote(after, letter)).flatten() {
            Some(end) => {
                general.extend([letter, '…', letter]);
                after.get(end + 1..).unwrap_or_default()
            }
            None => {
                match letter.is_ascii_digit() {
                    true if before.is_ascii_digit() => {}
                    true => general.push('N'),
                    false => general.push(letter),
                }
                after
            }
        };
        before = letter;
    }
    general
}

/// Where a quote ends: not at an apostrophe within a word.
fn end_of_quote(text: &str, quote: char) -> Option<usize> {
    let ends = |at: usize| !text.get(at + 1..).is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
    text.match_indices(quote).map(|(at, _)| at).find(|at| ends(*at))
}

/// How the events that would be decided differ from the one that was.
fn difference<D: Domain>(event: &Event<D>, decided: &[Event<D>]) -> String {
    let (kind, data) = D::encode(event);
    let kinds: Vec<_> = decided.iter().map(|event| D::encode(event).0).collect();
    match decided {
        [] => "nothing".to_owned(),
        [one] if kinds == [kind] => {
            let now = D::encode(one).1;
            let mut names: Vec<_> =
                data.keys().chain(now.keys()).filter(|name| data.get(name) != now.get(name)).collect();
            names.sort_unstable();
            names.dedup();
            let names: Vec<_> = names.iter().map(|name| format!("data.{name}")).collect();
            match names.is_empty() {
                true => format!("{kind} of another stream"),
                false => format!("{kind} with another {}", names.join(" and ")),
            }
        }
        _ => kinds.join(", "),
    }
}
