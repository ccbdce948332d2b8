//! Ways through the model of the append that take a fail-over: on a set of three, whose primary is killed while the others have
//! not copied its last write.
//!
//! A store refuses to acknowledge less than the majority, and to read less. So without majority acknowledgement the same document
//! is inserted by the driver alone, with `w: 1`; without majority reads, the version is that of a local read.

use std::time::Duration;

use basket_domain::{Basket, EventSourced};
use basket_mongo::{
    Baskets, Codec, Commit, CommitId, EventStore, Expected, MongoStore, Outcome, StoreError,
    store::document::new_events,
};
use bson::{DateTime, Document, doc};
use futures_util::TryStreamExt;
use model::{
    append::{
        Action, Append, Event, State,
        writer::{Phase, Step, Told, Writer},
    },
    safeguards::Safeguard,
    story::counter_example,
};
use mongodb::{
    Collection,
    options::{CollectionOptions, ReadConcern, WriteConcern},
};
use stateright::Model;
use testkit::{
    mongo::{add, created, saved},
    own_set::OwnSet,
};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{actor::PATIENCE, appends::law_holds};

struct Actor {
    store: MongoStore<Baskets>,
    commit: CommitId,
    version: u64,
    running: Option<JoinHandle<Result<Outcome, StoreError>>>,
    phase: Phase,
}

/// A set of three, a stream, and writers.
struct Stage {
    set: OwnSet,
    base: EventSourced<Basket>,
    /// The collection as the primary alone has it, and confirms it.
    local: Collection<Document>,
    actors: Vec<Actor>,
    lacks: Option<Safeguard>,
}

impl Stage {
    async fn new(model: &Append, is_safe: bool) -> Option<Self> {
        let set = OwnSet::start(false).await?;
        let mut actors = Vec::new();
        for _ in 0..model.writers {
            let store = MongoStore::at(&set.address()).await.unwrap();
            saved(&store, created()).await;
            let phase = Phase::Loads;
            actors.push(Actor { store, commit: CommitId::new(), version: 0, running: None, phase });
        }
        let base = saved(&actors[0].store, created()).await;
        let options =
            CollectionOptions::builder().read_concern(ReadConcern::local()).write_concern(WriteConcern::nodes(1));
        let database = actors[0].store.collection().client().database("basket_db");
        let local = database.collection_with_options("baskets", options.build());
        // All of them have all of this, and the two others will have nothing more.
        let note = doc! { "appendOplogNote": 1, "data": { "model": "begin" }, "writeConcern": { "w": 3 } };
        set.members[0].admin(note).await;
        let stage = Self { set, base, local, actors, lacks: model.without.filter(|_| !is_safe) };
        stage.copying("alwaysOn").await;
        Some(stage)
    }

    /// Whether the two others stop to copy what the primary writes.
    async fn copying(&self, stops: &str) {
        for member in &self.set.members[1..] {
            let stop = doc! { "configureFailPoint": "stopReplProducer", "mode": stops };
            member.direct().await.run_command(stop).await.unwrap();
        }
    }

    /// Events of the stream after the first, as the primary has them.
    async fn stream(&self) -> Vec<Document> {
        let filter = doc! { "basket_id": Baskets::key(self.base.id()), "version": { "$gt": 1 } };
        let found = self.local.find(filter).sort(doc! { "version": 1 }).await;
        found.unwrap().try_collect().await.unwrap()
    }

    async fn get(&mut self, who: usize) -> u64 {
        let version = match self.lacks {
            Some(Safeguard::MajorityReads) => self.stream().await.len() as u64 + 1,
            _ => self.actors[who].store.get(self.base.id()).await.unwrap().version(),
        };
        self.actors[who].version = version;
        version
    }

    /// Its request arrives: it is there, or has come back.
    async fn arrive(&mut self, who: usize) {
        let mut root = self.base.clone();
        add(&mut root, "socks", 1);
        let (id, events) = (*root.id(), root.new_events().to_vec());
        let Actor { store, commit, version, running, phase } = &mut self.actors[who];
        let (commit, version) = (*commit, *version);
        if self.lacks == Some(Safeguard::MajorityWrites) {
            for event in new_events::<Baskets>(version, &Commit::from(commit), DateTime::now(), &events) {
                self.local.insert_one(event.document::<Baskets>(&id)).await.unwrap();
            }
            return;
        }
        let store = store.clone();
        *phase = Phase::Waits;
        let append = async move { store.append(&id, Expected::Loaded(version), &commit.into(), &events).await };
        *running = Some(tokio::spawn(append));
        let is_ours = |event: &Document| event.get_object_id("commit").ok() == Some(commit);
        for _ in 0..1_000 {
            let has_come_back = self.actors[who].running.as_ref().is_none_or(JoinHandle::is_finished);
            if has_come_back || self.stream().await.iter().any(is_ours) {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("it has neither arrived nor come back");
    }

    /// The primary is killed; one of the others takes over.
    async fn fail_over(&mut self) {
        if self.lacks.is_some() {
            // In the story they do nothing more.
            self.actors.iter_mut().filter_map(|actor| actor.running.take()).for_each(|running| running.abort());
        }
        self.set.members[0].kill("KILL");
        self.copying("off").await;
        for _ in 0..1_000 {
            for member in &self.set.members[1..] {
                if member.is_primary().await {
                    return;
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("none takes over");
    }

    async fn finish(&mut self) {
        for actor in &mut self.actors {
            let Some(running) = actor.running.take() else { continue };
            actor.phase = match timeout(PATIENCE, running).await.unwrap().unwrap() {
                Ok(_) => Phase::Told(Told::Saved),
                Err(StoreError::Conflict { .. }) => Phase::Told(Told::Conflict),
                Err(StoreError::OutcomeUnknown { .. }) => Phase::Unknown,
                Err(_) => Phase::Told(Told::Failed),
            };
        }
    }

    async fn as_state(&self, model: &Append) -> State {
        let mut state = model.init_states().remove(0);
        for event in self.stream().await {
            let is_of = |actor: &Actor| event.get_object_id("commit").ok() == Some(actor.commit);
            let who = self.actors.iter().position(is_of).unwrap();
            state.history.push(Event { version: event.get_i64("version").unwrap() as u8, commit: who as u8 });
        }
        state.majority = state.history.len() as u8;
        for (writer, actor) in state.writers.iter_mut().zip(&self.actors) {
            *writer = Writer { phase: actor.phase, expected: actor.version as u8, ..Writer::default() };
        }
        state
    }
}

/// Walks a way through the model, and returns what is there in the end; `None` where no set can be started.
async fn walk(model: &Append, actions: &[Action], is_safe: bool) -> Option<State> {
    let mut stage = Stage::new(model, is_safe).await?;
    for action in actions {
        match *action {
            Action::Writer(who, Step::Get { found }) => {
                let version = stage.get(who.into()).await;
                assert!(is_safe || version == u64::from(found), "the model has {found}, the store {version}");
            }
            Action::Writer(who, Step::Answer(_)) if is_safe => {
                sleep(Duration::from_millis(300)).await;
                let running = stage.actors[usize::from(who)].running.as_ref();
                assert!(running.is_some_and(|running| !running.is_finished()), "no answer before the majority has it");
            }
            Action::Writer(who, Step::Answer(_)) => stage.actors[usize::from(who)].phase = Phase::Told(Told::Saved),
            Action::Arrive(who) => stage.arrive(who.into()).await,
            Action::FailOver(_) => stage.fail_over().await,
            _ => {}
        }
    }
    if is_safe {
        stage.finish().await;
    }
    Some(stage.as_state(model).await)
}

fn replay(safeguard: Safeguard) {
    let model = Append::without(safeguard);
    let way = counter_example(&model).unwrap();
    let actions: Vec<_> = way.iter().filter_map(|(_, action)| *action).collect();
    let last = way.last().unwrap().0.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(broken) = walk(&model, &actions, false).await else { return };
        assert_eq!(broken.history, last.history, "the stream is as the story says");
        assert!(!law_holds(&model, &broken), "{broken:?}");

        let state = walk(&model, &actions, true).await.unwrap();
        assert!(law_holds(&Append { law: None, ..model.clone() }, &state), "{state:?}");
        let told: Vec<_> = state.writers.iter().map(|writer| writer.phase).collect();
        println!("{safeguard:?}: {:?}, told {told:?}", state.history);
    });
}

#[test]
fn without_majority_acknowledgement_what_was_acknowledged_is_lost() {
    replay(Safeguard::MajorityWrites);
}

#[test]
fn without_majority_reads_a_stream_has_a_gap() {
    replay(Safeguard::MajorityReads);
}
