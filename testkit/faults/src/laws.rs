//! The laws: what a history and the events that were kept must be to each other, whatever was killed in between.
//!
//! What is checked is data and not the store's word for it, after Kyle Kingsbury's and Peter Alvaro's "Elle: Inferring Isolation
//! Anomalies from Experimental Observations" (2020), whose histories of lists these are.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{
    cycles,
    history::{Call, Moment, Seen, Told},
    kept::Kept,
    list::claim_of,
};

/// A law that a history can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Law {
    /// What was acknowledged is there.
    NothingLost,
    /// No value is there twice.
    NothingTwice,
    /// What was said to be refused is not there, and nothing that nobody wrote.
    NothingUnasked,
    /// The versions of a stream are 1, 2, 3, ...
    Gapless,
    /// All of a commit is there or nothing of it, under one id.
    Whole,
    /// A stream that was shown is one that was there: the beginning of what it is now.
    ShownWasThere,
    /// What only one may claim is claimed once.
    ClaimedOnce,
    /// A client sees what it has written and what it has seen before.
    OwnWrites,
    /// A conflict is only said where another one came first, or had the place and has not ended.
    TrueConflict,
    /// The commands could have been carried out one after the other, in an order that contradicts no clock on the wall.
    StrictSerializable,
    /// A reader of all events sees each of them once, in order.
    FeedOnce,
    /// A read model is the fold of the events.
    ModelIsFold,
    /// A call ends in time, and does what it was asked for if nothing is in its way any more.
    Served,
    /// No input makes a reader panic, say a password, or give back other bytes.
    AnyInput,
    /// What an older program has written is read as it was, and gone on with.
    OldIsRead,
    /// Nothing waits for ever, and memory does not grow with what is read.
    Bounded,
}

/// A law was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub law: Law,
    /// Where, for a person.
    pub how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.law, self.how)
    }
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) stream: &'a str,
    /// From 0.
    pub(crate) index: usize,
    pub(crate) commit: &'a str,
}

/// All that breaks a law, in this order: first what is wrong with the data, then what was said of it.
pub fn check(calls: &[Call], kept: &Kept) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut say = |law, how: String| broken.push(Broken { law, how });

    let mut places = HashMap::<&str, Vec<Place<'_>>>::new();
    for (stream, events) in &kept.0 {
        for (index, event) in events.iter().enumerate() {
            places.entry(&event.value).or_default().push(Place { stream, index, commit: &event.commit });
            if event.version != as_version(index) {
                say(Law::Gapless, format!("'{stream}' has version {} at place {}", event.version, index + 1));
            }
        }
    }
    let asked: HashSet<&str> = calls.iter().flat_map(|call| &call.wrote).map(|(_, value)| value.as_str()).collect();
    for (value, found) in &places {
        if found.len() > 1 {
            say(Law::NothingTwice, format!("'{value}' is there {} times: {found:?}", found.len()));
        }
        if !asked.contains(value) {
            say(Law::NothingUnasked, format!("nobody wrote '{value}'"));
        }
    }
    for call in calls.iter().filter(|call| !call.wrote.is_empty()) {
        let found: Vec<_> = (call.wrote.iter())
            .filter_map(|(stream, value)| places.get(value.as_str())?.iter().find(|place| place.stream == stream))
            .collect();
        let (all, commits) = (found.len() == call.wrote.len(), found.iter().map(|place| place.commit));
        if !found.is_empty() && (!all || commits.collect::<HashSet<_>>().len() > 1) {
            say(Law::Whole, format!("of {:?}, this is there: {found:?}", call.wrote));
        }
        match &call.told {
            Told::Kept(_) if !all => {
                say(Law::NothingLost, format!("{call:?} was acknowledged, and this is left: {found:?}"))
            }
            Told::NotKept(_) | Told::Conflict { .. } if !found.is_empty() => {
                say(Law::NothingUnasked, format!("{call:?} is there, though it was refused"));
            }
            _ => {}
        }
    }
    let mut claims = HashMap::<&str, usize>::new();
    places.keys().filter_map(|value| claim_of(value)).for_each(|claim| *claims.entry(claim).or_default() += 1);
    for (claim, claimed) in claims.into_iter().filter(|(_, claimed)| *claimed > 1) {
        say(Law::ClaimedOnce, format!("'{claim}' was claimed {claimed} times"));
    }
    broken.extend(shown_was_there(calls, kept));
    broken.extend(own_writes(calls, &places));
    broken.extend(true_conflicts(calls, kept));
    broken.extend(cycles::check(calls, kept, &places));
    broken
}

fn as_version(index: usize) -> i64 {
    i64::try_from(index).map_or(i64::MAX, |index| index.saturating_add(1))
}

/// What a call has seen of streams.
pub(crate) fn seen(call: &Call) -> &[Seen] {
    match &call.told {
        Told::Kept(seen) => seen,
        Told::Shown(seen) => std::slice::from_ref(seen),
        Told::Conflict { .. } | Told::NotKept(_) | Told::Unknown => &[],
    }
}

fn shown_was_there(calls: &[Call], kept: &Kept) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (call, seen) in calls.iter().flat_map(|call| seen(call).iter().map(move |seen| (call, seen))) {
        let there = seen
            .length
            .checked_sub(1)
            .map(|last| kept.0.get(&seen.stream).and_then(|events| events.get(last)).map(|event| event.value.clone()));
        // None: nothing was shown, and nothing is always a beginning.
        if there.is_some_and(|value| value.is_none() || value != seen.last) {
            let how = format!("client {} has seen {seen:?}, which '{}' was never", call.client, seen.stream);
            broken.push(Broken { law: Law::ShownWasThere, how });
        }
    }
    broken
}

fn own_writes(calls: &[Call], places: &HashMap<&str, Vec<Place<'_>>>) -> Vec<Broken> {
    let (mut broken, mut known) = (Vec::new(), BTreeMap::<(usize, &str), usize>::new());
    // In the order of the answers: what was settled later was not known before.
    let mut calls: Vec<_> = calls.iter().collect();
    calls.sort_by_key(|call| call.ended);
    for call in calls {
        for seen in seen(call) {
            let least = known.entry((call.client, &seen.stream)).or_default();
            if seen.length < *least {
                let how = format!(
                    "client {} has seen {} events of '{}' at {} after it knew of {least}",
                    call.client, seen.length, seen.stream, call.begun
                );
                broken.push(Broken { law: Law::OwnWrites, how });
            }
            *least = seen.length.max(*least);
        }
        if matches!(call.told, Told::Kept(_)) {
            for (stream, value) in &call.wrote {
                let place = places.get(value.as_str()).and_then(|places| places.first());
                let least = known.entry((call.client, stream)).or_default();
                *least = place.map_or(0, |place| place.index + 1).max(*least);
            }
        }
    }
    broken
}

fn true_conflicts(calls: &[Call], kept: &Kept) -> Vec<Broken> {
    let begun: HashMap<&str, Moment> =
        calls.iter().flat_map(|call| call.wrote.iter().map(|(_, value)| (value.as_str(), call.begun))).collect();
    let mut broken = Vec::new();
    for call in calls {
        let Told::Conflict { expected, found } = call.told else { continue };
        // That of a call of one stream; what stands at the version that it wanted came from a call that had begun before.
        let [(stream, _), ..] = call.wrote.as_slice() else { continue };
        let events = kept.0.get(stream).map(Vec::as_slice).unwrap_or_default();
        let first = usize::try_from(expected).ok().and_then(|expected| events.get(expected));
        let was_first =
            first.and_then(|event| begun.get(event.value.as_str())).is_some_and(|begun| Some(*begun) < call.ended);
        // Or of one that was under way, or given up: its transaction holds the place until it ends.
        let is_under_way = |other: &&Call| {
            let is_open = other.ended.is_none_or(|ended| ended > call.begun) && Some(other.begun) < call.ended;
            is_open && other.client != call.client && other.wrote.iter().any(|(to, _)| to == stream)
        };
        let is_held = calls.iter().any(|other| is_under_way(&other)) && found == expected + 1;
        if !is_held && (!was_first || found <= expected || found > events.len() as u64) {
            let how = format!("{call:?} met no other writer at version {}", expected + 1);
            broken.push(Broken { law: Law::TrueConflict, how });
        }
    }
    broken
}
