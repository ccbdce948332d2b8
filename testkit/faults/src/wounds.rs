//! Wounds that other stores have had, each rebuilt as a store around a store that only a test puts there: what judges the real
//! store must see each of them. So the sources of the store know nothing of it.

use std::time::Duration;

use basket_domain::EventSourced;
use basket_mongo::{
    Commit, CommitId, Entry, EventLog, EventStore, Expected, FeedState, Feeds, MongoStore, News, Outcome, Query, Scope,
    Since, StoreError, Tail, Together,
    store::{
        codec::{Event, Id},
        document::read_entry,
        event_store::Sought,
        feed::{Change, Claim, Claimed, Mark, Passed, Position, RowQuery, Rows, Shape, Totals, Which},
        tail::NewsOf,
        together::{Answer, Part, Token},
    },
};
use bson::{Bson, RawDocumentBuf};
use futures_util::{Stream, TryStreamExt, stream};
use testkit::mongo::{REPLICA_SET, server};
use tokio::time::sleep;

use crate::{
    clients::{Ask, Load, Store},
    faults::{Setting, client},
    laws::Law,
    list::{List, Lists},
    readers::Readable,
    row::Row,
    under_load::UnderLoad,
};

/// A mistake that other stores have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Wound {
    /// The streams of a commit are looked at, and then each is appended to by itself.
    CheckThenAct,
    /// The events that a decision depends on are read first, and then the place up to which they are all.
    TokenAfterEvents,
    /// A commit whose outcome is unknown is put again as a new one.
    RetriedAsNew,
    /// A reader follows the events by their ids, which are given before the commit.
    FeedById,
    /// The checkpoint of a reader is kept before what the events have led to.
    CheckpointFirst,
}

/// How a wound is made to hurt, and by which law that must be seen.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The mistake.
    pub wound: Wound,
    /// What is done.
    pub what: &'static str,
    /// What clients do meanwhile; none, where it takes a process that is killed.
    pub load: Option<Load>,
    /// What is broken.
    pub law: Law,
}

const LOAD: Load = Load { clients: 12, asks: &[], streams: 2, deadline: Duration::from_secs(10), seed: 7 };

/// How often a mistake is tried again that has not hurt: two clients must meet in the middle of it.
const CHANCES: u64 = 9;

/// All of them.
pub const CASES: [Case; 5] = [
    Case {
        wound: Wound::CheckThenAct,
        what: "the streams of a commit are looked at, and then each is appended to by itself",
        load: Some(Load { asks: &[Ask::Across], ..LOAD }),
        law: Law::StrictSerializable,
    },
    Case {
        wound: Wound::TokenAfterEvents,
        what: "the token of a query is read after its events",
        load: Some(Load { asks: &[Ask::Claim], streams: 8, ..LOAD }),
        law: Law::ClaimedOnce,
    },
    Case {
        wound: Wound::RetriedAsNew,
        what: "a commit whose outcome is unknown is put again as a new one",
        // So short that many a call gets no answer, and is carried out all the same.
        load: Some(Load { asks: &[Ask::Append], streams: 6, deadline: Duration::from_millis(4), ..LOAD }),
        law: Law::NothingTwice,
    },
    Case {
        wound: Wound::FeedById,
        what: "a reader follows the events by their ids, which are given before the commit",
        load: Some(Load { asks: &[Ask::Append, Ask::Across], streams: 100, ..LOAD }),
        law: Law::FeedOnce,
    },
    Case {
        wound: Wound::CheckpointFirst,
        what: "a checkpoint is kept before what the events have led to",
        load: None,
        law: Law::ModelIsFold,
    },
];

impl Case {
    /// What the harness sees: with the wound, or of a sound store under the same load.
    pub async fn show(&self, is_wounded: bool) -> anyhow::Result<Row> {
        for seed in LOAD.seed.. {
            let row = self.once(is_wounded, seed).await?;
            if !is_wounded || row.count(self.law) > 0 || seed == LOAD.seed + CHANCES {
                return Ok(row);
            }
        }
        anyhow::bail!("there are no more seeds")
    }

    async fn once(&self, is_wounded: bool, seed: u64) -> anyhow::Result<Row> {
        let Some(load) = self.load else {
            let wound = is_wounded.then_some(self.wound);
            return client::projecting(Setting { rounds: 8, seed, wound }).await;
        };
        let load = Load { seed, ..load };
        let name = format!("faults_{}", CommitId::new());
        let address = format!("{}{name}", server(REPLICA_SET));
        let store = MongoStore::<Lists>::at(&address).await?;
        let row = match is_wounded {
            true => under_load(Wounded::new(store.clone(), self.wound), load, &address).await,
            false => under_load(store.clone(), load, &address).await,
        };
        store.collection().client().database(&name).drop().await?;
        row
    }
}

async fn under_load(store: impl Store + Readable, load: Load, address: &str) -> anyhow::Result<Row> {
    let load = UnderLoad::start(&store, load);
    sleep(Duration::from_millis(1_500)).await;
    load.end(address, 1).await
}

/// A store that makes this mistake.
#[derive(Clone)]
pub struct Wounded<S> {
    store: S,
    wound: Wound,
}

impl<S> Wounded<S> {
    /// This store, but for the wound.
    pub fn new(store: S, wound: Wound) -> Self {
        Self { store, wound }
    }
}

impl<S: EventStore<List> + Together<List>> EventStore<List> for Wounded<S> {
    fn name(&self) -> &str {
        self.store.name()
    }

    async fn get(&self, id: &String) -> Result<EventSourced<List>, StoreError> {
        self.store.get(id).await
    }

    async fn append(
        &self,
        id: &String,
        expected: Expected,
        commit: &Commit,
        events: &[Event<Lists>],
    ) -> Result<Outcome, StoreError> {
        self.store.append(id, expected, commit, events).await
    }

    async fn seek(&self, id: &String, commit: &Commit) -> Result<Sought<List>, StoreError> {
        match self.wound {
            Wound::RetriedAsNew => self.store.seek(id, &Commit::default()).await,
            _ => self.store.seek(id, commit).await,
        }
    }

    async fn entries(&self, scope: Scope<String>, limit: usize) -> Result<Vec<Entry<Lists>>, StoreError> {
        self.store.entries(scope, limit).await
    }
}

impl<S: Together<List>> Together<List> for Wounded<S> {
    async fn ask(&self, query: &Query) -> Result<Answer<List>, StoreError> {
        let answer = self.store.ask(query).await?;
        match self.wound {
            Wound::TokenAfterEvents => Ok(Answer { token: self.store.ask(query).await?.token, ..answer }),
            _ => Ok(answer),
        }
    }

    async fn append_together(
        &self,
        commit: &Commit,
        parts: &[Part<'_, List>],
        asked: &[(&Query, &Token)],
    ) -> Result<Outcome, StoreError> {
        if self.wound != Wound::CheckThenAct {
            return self.store.append_together(commit, parts, asked).await;
        }
        for Part { id, version, .. } in parts {
            let found = match self.store.get(id).await {
                Ok(root) => root.version(),
                Err(StoreError::NotFound { .. }) => 0,
                Err(error) => return Err(error),
            };
            if found != *version {
                return Err(StoreError::Conflict { expected: *version, found });
            }
        }
        for Part { id, version, events } in parts.iter().filter(|part| !part.events.is_empty()) {
            self.store.append(id, Expected::Loaded(*version), commit, events).await?;
        }
        Ok(Outcome::Now)
    }
}

impl<S: Readable + Together<List>> EventLog<Lists> for Wounded<S> {
    fn documents(&self, scope: Scope<String>) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send {
        self.store.documents(scope)
    }

    fn ids(&self) -> impl Stream<Item = Result<String, StoreError>> + Send {
        self.store.ids()
    }
}

impl<S: Readable + Together<List>> Tail<Lists> for Wounded<S> {
    fn tail(&self, since: Since<Id<Lists>>) -> impl Stream<Item = Result<NewsOf<Lists>, StoreError>> + Send {
        match self.wound {
            Wound::FeedById => futures_util::future::Either::Left(by_id(&self.store)),
            _ => futures_util::future::Either::Right(self.store.tail(since)),
        }
    }
}

/// All events, in the order of their ids, looked at again and again.
fn by_id<S: Readable>(store: &S) -> impl Stream<Item = Result<NewsOf<Lists>, StoreError>> + Send {
    stream::try_unfold(CommitId::from_bytes([0; 12]), move |last| async move {
        sleep(Duration::from_millis(5)).await;
        let documents: Vec<_> = store.documents(Scope::All).try_collect().await?;
        let mut entries: Vec<_> = documents.iter().filter_map(|document| read_entry::<Lists>(document).ok()).collect();
        entries.retain(|entry| entry.document > last);
        entries.sort_by_key(|entry| entry.document);
        let last = entries.last().map_or(last, |entry| entry.document);
        Ok::<_, StoreError>(Some((stream::iter(entries.into_iter().map(|entry| Ok(News::Event(entry)))), last)))
    })
    .try_flatten()
}

impl<S: Readable + Together<List>> Feeds<Lists> for Wounded<S> {
    fn after(&self, position: Option<Position>) -> impl Stream<Item = Result<Passed<Lists>, StoreError>> + Send {
        self.store.after(position)
    }

    async fn claim(
        &self,
        feed: &str,
        holder: &str,
        shape: Shape,
        lease: Duration,
        by_force: bool,
    ) -> Result<Claimed, StoreError> {
        self.store.claim(feed, holder, shape, lease, by_force).await
    }

    async fn keep(&self, claim: &Claim, change: &Change) -> Result<(), StoreError> {
        if self.wound != Wound::CheckpointFirst || change.marks.is_empty() {
            return self.store.keep(claim, change).await;
        }
        let effect = Change { position: None, ..change.clone() };
        self.store.keep(claim, &Change { position: change.position.clone(), ..Change::default() }).await?;
        // As long as an effect outside of the store takes.
        sleep(Duration::from_millis(20)).await;
        self.store.keep(claim, &effect).await
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.store.release(claim).await
    }

    async fn marks(&self, rows: &Rows, keys: Vec<Bson>) -> Result<Vec<(Bson, Mark)>, StoreError> {
        self.store.marks(rows, keys).await
    }

    fn rows(&self, rows: Rows, query: RowQuery) -> impl Stream<Item = Result<(Bson, Mark), StoreError>> + Send {
        self.store.rows(rows, query)
    }

    async fn totals(&self, rows: &Rows, which: &Which) -> Result<Totals, StoreError> {
        self.store.totals(rows, which).await
    }

    async fn replace(&self, feed: &str, by: &Claim) -> Result<(), StoreError> {
        self.store.replace(feed, by).await
    }

    async fn forget(&self, feed: &str) -> Result<(), StoreError> {
        self.store.forget(feed).await
    }

    async fn feeds(&self) -> Result<Vec<FeedState>, StoreError> {
        self.store.feeds().await
    }
}
