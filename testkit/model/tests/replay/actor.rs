//! A writer of the model, as a real one behind a gate: each step of the model is a call, or what the gate does with a request.

use std::{collections::VecDeque, time::Duration};

use basket_domain::{Basket, BasketEvent, BasketId, EventSourced};
use basket_mongo::{Baskets, Commit, CommitId, EventStore, Expected, MongoStore, Outcome, StoreError};
use model::append::writer::{Fate, Phase, Step, Told};
use testkit::mongo::{REPLICA_SET, TestDatabase, add, created, saved, server};
use tokio::{task::JoinHandle, time::timeout};

use crate::gate::{Gate, Held, Mode};

/// How long to wait for what must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

type Appended = Result<Outcome, StoreError>;

/// A writer of the model, as a real one.
pub struct Actor {
    store: MongoStore<Baskets>,
    gate: Gate,
    id: BasketId,
    events: Vec<BasketEvent>,
    pub expected: Option<Expected>,
    /// All that it was known under.
    pub commits: Vec<CommitId>,
    running: Option<JoinHandle<Appended>>,
    held: Option<Held>,
    /// Whether what is held has arrived, and only its answer has not.
    has_arrived: bool,
    pub late: VecDeque<Held>,
    pub told: Option<Appended>,
    /// Whether it saves again under the same commit.
    is_settling: bool,
    /// Whether its store has no memory of lost answers.
    pub forgets: bool,
}

impl Actor {
    pub async fn new(db: &TestDatabase, base: &EventSourced<Basket>) -> Self {
        let target = server(REPLICA_SET).trim_start_matches("mongodb://").trim_end_matches('/').to_owned();
        let gate = Gate::before(target).await;
        let address = format!("mongodb://127.0.0.1:{}/{}?directConnection=true", gate.port, db.database.name());
        let store = MongoStore::at(&address).await.unwrap();
        // It has looked for its index, and will not again.
        saved(&store, created()).await;
        gate.switch.set(Mode::Hold);
        let mut root = base.clone();
        add(&mut root, "socks", 1);
        Self {
            store,
            gate,
            id: *base.id(),
            events: root.new_events().to_vec(),
            expected: None,
            commits: vec![CommitId::new()],
            running: None,
            held: None,
            has_arrived: false,
            late: VecDeque::new(),
            told: None,
            is_settling: false,
            forgets: false,
        }
    }

    /// Begins the append, if it has not begun.
    fn begin(&mut self) {
        let (Some(expected), None, None) = (self.expected, &self.running, &self.told) else { return };
        let (store, id, events, forgets) = (self.store.clone(), self.id, self.events.clone(), self.forgets);
        let switch = self.gate.switch.clone();
        let commit: Commit = (*self.commits.last().unwrap()).into();
        self.running = Some(tokio::spawn(async move {
            match store.append(&id, expected, &commit, &events).await {
                Err(StoreError::OutcomeUnknown { .. }) if forgets => {
                    switch.set(Mode::Hold);
                    store.append(&id, expected, &commit, &events).await
                }
                appended => appended,
            }
        }));
    }

    /// Waits until it sends, or has nothing more to send.
    async fn sends(&mut self) {
        self.begin();
        let (Some(running), None) = (&mut self.running, &self.held) else { return };
        let either = async {
            tokio::select! {
                held = self.gate.next() => Ok(held),
                told = running => Err(told.unwrap()),
            }
        };
        match timeout(PATIENCE, either).await.unwrap() {
            Ok(held) => (self.held, self.has_arrived) = (Some(held), false),
            Err(told) => (self.running, self.told) = (None, Some(told)),
        }
    }

    /// Waits for what its caller is told.
    async fn ends(&mut self) {
        if let Some(running) = self.running.take() {
            self.told = Some(timeout(PATIENCE, running).await.unwrap().unwrap());
        }
    }

    pub fn phase(&self) -> Phase {
        match &self.told {
            None => Phase::Waits,
            Some(Ok(_)) => Phase::Told(Told::Saved),
            Some(Err(StoreError::Conflict { .. })) => Phase::Told(Told::Conflict),
            Some(Err(StoreError::OutcomeUnknown { .. })) => Phase::Unknown,
            Some(Err(_)) => Phase::Told(Told::Failed),
        }
    }

    /// Its request arrives. It hears at once that its place is taken.
    pub async fn arrives(&mut self) {
        let Some(held) = &self.held else { return };
        self.has_arrived = true;
        if held.arrive().await {
            self.held.take().unwrap().answer();
            self.sends().await;
        }
    }

    /// All that it still waits for goes through.
    pub async fn finish(&mut self) {
        self.gate.switch.set(Mode::Pass);
        if let Some(held) = self.held.take() {
            if !self.has_arrived {
                held.arrive().await;
            }
            held.answer();
        }
        self.ends().await;
    }

    pub async fn step(&mut self, step: Step, then: Phase, is_safe: bool) {
        match step {
            Step::Get { found } if !self.is_settling => {
                let version = self.store.get(&self.id).await.unwrap().version();
                assert!(is_safe || version == u64::from(found), "the model has {found}, the store {version}");
                self.expected = Some(Expected::Loaded(version));
            }
            Step::Claim { version } if is_safe => self.expected = Some(Expected::Claimed(version.into())),
            Step::Claim { version } => self.expected = Some(Expected::Loaded(version.into())),
            Step::Write => self.sends().await,
            Step::Answer(Fate::Written) => {
                self.held.take().unwrap().answer();
                self.ends().await;
            }
            Step::Answer(Fate::Unknown) => {
                let held = self.held.take().unwrap();
                // The model sends less often than the code: where it is at its end, nothing more goes through.
                if then == Phase::Unknown || self.forgets {
                    self.gate.switch.set(Mode::Break);
                }
                self.gate.lose(&held);
                self.late.push_back(held);
                if then == Phase::Unknown {
                    self.ends().await;
                    self.gate.switch.set(Mode::Hold);
                }
            }
            Step::Answer(_) => {
                self.gate.switch.set(Mode::Refuse);
                self.held.take().unwrap().refuse();
                self.ends().await;
            }
            Step::Settle if is_safe => {
                let Some(Expected::Loaded(version)) = self.expected else { panic!("{:?}", self.expected) };
                (self.expected, self.told, self.is_settling) = (Some(Expected::Claimed(version)), None, true);
            }
            Step::Settle => {
                self.commits.push(CommitId::new());
                (self.expected, self.told) = (None, None);
            }
            _ => {}
        }
    }
}
