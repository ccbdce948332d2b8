//! Clients that use a store while something breaks: they append to one stream and to two, save what they have loaded, and read;
//! and write down what they ask for and what they are told. In the end each settles what it was not told.

use std::{fmt, time::Duration};

use basket_domain::EventSourced;
use basket_mongo::{
    CommandError, Commit, CommitId, EventStore, Expected, Outcome, Query, StoreError, Together, store::command::Done,
};
use tokio::time::sleep;

use crate::{
    history::{Record, Seen, Told},
    list::{List, ListEvent, claim_of},
};

/// How long a call may take in most of the faults.
pub const DEADLINE: Duration = Duration::from_secs(3);

/// What clients do.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// How many there are.
    pub clients: usize,
    /// What each of them does, one of these at random.
    pub asks: &'static [Ask],
    /// How many streams there are at a time.
    pub streams: u64,
    /// How long a call may take before its outcome is called unknown.
    pub deadline: Duration,
    /// What all that they choose at random follows from.
    pub seed: u64,
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// A command to one stream.
    Append,
    /// A command to two streams, which appends to one of them or to both.
    Across,
    /// A `get`, and an append of several events after the version that it has shown.
    Save,
    /// A command that claims what nobody has claimed yet, as a query says.
    Claim,
    /// A `get`.
    Read,
}

/// A store that clients can use.
pub trait Store: Together<List> + EventStore<List> + Clone + Send + Sync + 'static {}
impl<S: Together<List> + EventStore<List> + Clone + Send + Sync + 'static> Store for S {}

/// One client.
pub struct Client<'a, S> {
    store: S,
    record: &'a Record,
    number: usize,
    /// How many values it has made.
    made: u64,
    random: fastrand::Rng,
    load: Load,
    /// What it was not told.
    open: Vec<Open>,
}

/// A call whose outcome is unknown.
struct Open {
    call: usize,
    commit: CommitId,
    on: On,
    wrote: Vec<(String, String)>,
}

/// What a call was about: the streams of a command, or what a save was to follow on.
enum On {
    Streams(Vec<String>),
    Seen(Seen),
}

/// After so many values, a client goes on in other streams, so that none becomes long.
const AN_EPOCH: u64 = 120;

impl<'a, S: Store> Client<'a, S> {
    /// The client with this number.
    pub fn new(store: S, record: &'a Record, number: usize, load: Load) -> Self {
        let random = fastrand::Rng::with_seed(load.seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
        Self { store, record, number, made: 0, random, load, open: Vec::new() }
    }

    /// Asks for one thing after the other, as long as `goes_on` says so.
    pub async fn run(&mut self, goes_on: impl Fn() -> bool) {
        while goes_on() {
            let ask = self.random.choice(self.load.asks).copied().unwrap_or(Ask::Append);
            if !self.ask(ask).await {
                // As a client would: a store that gives no answer is not asked in a loop.
                sleep(Duration::from_millis(self.random.u64(5..40))).await;
            }
        }
    }

    /// Asks for one thing; returns whether the store has answered.
    async fn ask(&mut self, ask: Ask) -> bool {
        let stream = self.stream();
        match ask {
            Ask::Append => {
                let wrote = vec![(stream.clone(), self.value())];
                self.command(vec![stream], wrote).await
            }
            Ask::Across => {
                let other = loop {
                    let other = self.stream();
                    if other != stream || self.load.streams == 1 {
                        break other;
                    }
                };
                let mut wrote = vec![(stream.clone(), self.value())];
                if self.random.bool() {
                    wrote.push((other.clone(), self.value()));
                }
                self.command(vec![stream, other], wrote).await
            }
            Ask::Claim => {
                let claim = format!("{}@{}", self.value(), self.made);
                self.command(vec![stream.clone()], vec![(stream, claim)]).await
            }
            Ask::Save => self.save(stream).await,
            Ask::Read => self.read(stream).await.is_some(),
        }
    }

    fn stream(&mut self) -> String {
        format!("list-{}.{}", self.made / AN_EPOCH, self.random.u64(0..self.load.streams))
    }

    fn value(&mut self) -> String {
        self.made += 1;
        format!("{}.{}", self.number, self.made)
    }

    async fn command(&mut self, streams: Vec<String>, wrote: Vec<(String, String)>) -> bool {
        let call = self.record.begin(self.number, &wrote);
        let (told, commit) = self.put(&streams, &wrote, None).await;
        self.note(call, told, commit.map(|commit| Open { call, commit, on: On::Streams(streams), wrote }))
    }

    async fn save(&mut self, stream: String) -> bool {
        let Some(seen) = self.read(stream.clone()).await else { return false };
        let wrote: Vec<_> = (0..self.random.usize(1..4)).map(|_| (stream.clone(), self.value())).collect();
        let call = self.record.begin(self.number, &wrote);
        let commit = CommitId::new();
        let told = self.append(&wrote, &seen, commit).await;
        self.note(call, told, Some(Open { call, commit, on: On::Seen(seen), wrote }))
    }

    async fn append(&self, wrote: &[(String, String)], seen: &Seen, commit: CommitId) -> Told {
        let (expected, commit) = (Expected::Loaded(seen.length as u64), Commit::from(commit));
        let events = events(&seen.stream, wrote);
        let appended = self.store.append(&seen.stream, expected, &commit, &events);
        match tokio::time::timeout(self.load.deadline, appended).await {
            Ok(Ok(_)) => Told::Kept(vec![seen.clone()]),
            Ok(Err(StoreError::Conflict { expected, found })) => Told::Conflict { expected, found },
            Ok(Err(StoreError::OutcomeUnknown { .. })) | Err(_) => Told::Unknown,
            Ok(Err(error)) => Told::NotKept(error.to_string()),
        }
    }

    /// Reads a stream; returns what it is, if the store has answered.
    async fn read(&self, stream: String) -> Option<Seen> {
        let call = self.record.begin(self.number, &[]);
        let read = tokio::time::timeout(self.load.deadline, self.store.get(&stream)).await;
        let (told, seen) = match read {
            Ok(Ok(root)) => (Told::Shown(shown(&root)), Some(shown(&root))),
            Ok(Err(StoreError::NotFound { .. })) => {
                let nothing = Seen { stream, length: 0, last: None };
                (Told::Shown(nothing.clone()), Some(nothing))
            }
            Ok(Err(error)) => (Told::NotKept(error.to_string()), None),
            Err(_) => (Told::Unknown, None),
        };
        self.record.end(call, told);
        seen
    }

    fn note(&mut self, call: usize, told: Told, open: Option<Open>) -> bool {
        let answered = matches!(told, Told::Kept(_) | Told::Conflict { .. });
        if told == Told::Unknown {
            self.open.extend(open);
        }
        self.record.end(call, told);
        answered
    }

    /// Puts a command that appends these values; or one that was put before, to settle it. If its outcome is unknown, its commit says
    /// by what it can be settled.
    async fn put(
        &self,
        streams: &[String],
        wrote: &[(String, String)],
        settled: Option<CommitId>,
    ) -> (Told, Option<CommitId>) {
        // Who settles has time.
        let within = if settled.is_some() { DEADLINE } else { self.load.deadline };
        let done = match streams {
            [one] if let Some(claim) = wrote.iter().find_map(|(_, value)| claim_of(value)) => {
                let mut command = self.store.across([one]).given(Query::tagged([claim])).deadline(within);
                if let Some(commit) = settled {
                    command = command.settle(commit);
                }
                let decide = |[list]: [&List; 1], others: &[_]| match others {
                    [] => Ok([list.append(&of(one, wrote))]),
                    _ => Err(fmt::Error),
                };
                command.run(decide).await.map(Vec::from)
            }
            [one] => {
                let mut command = self.store.command(one).deadline(within);
                if let Some(commit) = settled {
                    command = command.settle(commit);
                }
                command.run(|list| Ok::<_, fmt::Error>(list.append(&of(one, wrote)))).await.map(|done| vec![done])
            }
            [one, other] => {
                let mut command = self.store.across([one, other]).deadline(within);
                if let Some(commit) = settled {
                    command = command.settle(commit);
                }
                let decide =
                    |[a, b]: [&List; 2]| Ok::<_, fmt::Error>([a.append(&of(one, wrote)), b.append(&of(other, wrote))]);
                command.run(decide).await.map(Vec::from)
            }
            _ => return (Told::NotKept("a command is to one stream or to two".into()), None),
        };
        match done {
            // What an attempt was decided on that has come through without an answer, nobody knows.
            Ok(done) if done.iter().any(|done| done.outcome == Outcome::Before) => (Told::Kept(Vec::new()), None),
            Ok(done) => (Told::Kept(done.iter().map(decided_on).collect()), None),
            Err(CommandError::Store { error: StoreError::OutcomeUnknown { .. }, commit }) => {
                (Told::Unknown, Some(commit))
            }
            Err(error) => (Told::NotKept(error.to_string()), None),
        }
    }

    /// Puts again what the client was not told the outcome of, until it is told.
    pub async fn settle(&mut self) {
        for open in std::mem::take(&mut self.open) {
            for _ in 0..60 {
                let told = match &open.on {
                    On::Streams(streams) => self.put(streams, &open.wrote, Some(open.commit)).await.0,
                    On::Seen(seen) => self.append(&open.wrote, seen, open.commit).await,
                };
                let is_settled = matches!(told, Told::Kept(_) | Told::Conflict { .. });
                // What it was decided on was seen long before.
                let told = if let Told::Kept(_) = told { Told::Kept(Vec::new()) } else { told };
                // What was called unknown once may have been written, whatever is said of a later attempt.
                self.record.end(open.call, if is_settled { told } else { Told::Unknown });
                if is_settled {
                    break;
                }
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// The list that a command was decided on.
pub(crate) fn decided_on(done: &Done<List>) -> Seen {
    let length = done.root.state().0.len().saturating_sub(done.events.len());
    let last = length.checked_sub(1).and_then(|last| done.root.state().0.get(last)).cloned();
    Seen { stream: done.root.id().clone(), length, last }
}

fn shown(root: &EventSourced<List>) -> Seen {
    let values = &root.state().0;
    Seen { stream: root.id().clone(), length: values.len(), last: values.last().cloned() }
}

fn of(stream: &String, wrote: &[(String, String)]) -> Vec<String> {
    wrote.iter().filter(|(to, _)| to == stream).map(|(_, value)| value.clone()).collect()
}

fn events(stream: &String, wrote: &[(String, String)]) -> Vec<ListEvent> {
    List::default().append(&of(stream, wrote))
}
