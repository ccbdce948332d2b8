//! Reads the store for the screen that is open: in pieces, and then through its [`Tail`](basket_mongo::Tail).
//! `run` sends requests, [`model`](super::model) gets the answers. It writes nothing, and keeps nothing.

use std::{collections::BTreeSet, pin::pin, time::Duration};

use basket_domain::Aggregate;
use basket_mongo::{Entry, News, Scope, Since, StoreError};
use bson::{Bson, Document};
use futures_util::{StreamExt, TryStreamExt};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use crate::{
    domain::{Domain, Id},
    secrets::Secrets,
    store::Store,
    summary::{Query, Summary, summaries},
    time,
};

/// How long to collect changes before the list is drawn again, and to wait before a store is read again.
const PAUSE: Duration = Duration::from_secs(1);

/// How many events are sent to the screen at once.
const PIECE: usize = 500;

/// What a screen has to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<I> {
    /// The streams; where a row is named, only those whose state has it.
    List(Option<String>),
    /// A stream with all its events.
    Stream(I),
}

/// An answer, or a part of it, and what it is the answer to.
#[derive(Debug)]
pub struct Update<D: Domain> {
    pub of: Request<Id<D>>,
    pub answer: Answer<D>,
}

/// What was read.
#[derive(Debug)]
pub enum Answer<D: Domain> {
    /// All the streams that were asked for.
    List(Vec<Summary<Id<D>>>),
    /// Some of the streams have changed, others are not among those asked for any more.
    Changed {
        rows: Vec<Summary<Id<D>>>,
        gone: Vec<Id<D>>,
    },
    /// The events of the stream follow, from the first to `head`.
    Begins {
        head: u64,
    },
    Events(Vec<Entry<D>>),
    /// All events were sent; what follows is new.
    Complete,
    /// The store answers again, and no change of the list was missed.
    Same,
    Failed(StoreError),
}

/// A document that was asked for, and its lines.
pub(super) type DocumentUpdate<D> = ((Id<D>, u64), Result<Vec<String>, StoreError>);

/// Where answers go.
struct Out<'a, D: Domain>(&'a mpsc::Sender<Update<D>>, &'a Request<Id<D>>);

impl<D: Domain> Out<'_, D> {
    /// Where the screen was closed, the answer is lost: [`serve`] ends then.
    async fn send(&self, answer: Answer<D>) {
        self.0.send(Update { of: self.1.clone(), answer }).await.ok();
    }
}

/// Answers the newest request, until the screen is closed. A new request ends the answer to the one before.
pub(super) async fn serve<D: Domain>(
    store: &impl Store<D>,
    mut requests: watch::Receiver<Request<Id<D>>>,
    updates: mpsc::Sender<Update<D>>,
) {
    loop {
        let request = requests.borrow_and_update().clone();
        let out = Out(&updates, &request);
        tokio::select! {
            biased;
            changed = requests.changed() => if changed.is_err() { return },
            () = answer(store, &request, &out) => {}
        }
    }
}

/// Reads and follows what a request asks for. It never ends.
async fn answer<D: Domain>(store: &impl Store<D>, request: &Request<Id<D>>, out: &Out<'_, D>) {
    loop {
        let read = match request {
            Request::List(row) => follow_list(store, row.as_ref(), out).await,
            Request::Stream(id) => follow_stream(store, id, out).await,
        };
        if let Err(error) = read {
            // These stay until the user repairs something, and then there is a key to read again.
            let stays = matches!(error, StoreError::Unreadable(_) | StoreError::NotFound { .. });
            out.send(Answer::Failed(error)).await;
            if stays {
                std::future::pending::<()>().await;
            }
        }
        // The store may have other events then, for example after a restore of the database.
        sleep(PAUSE).await;
    }
}

/// Reads the documents that are asked for, until the screen is closed.
pub(super) async fn serve_documents<D: Domain>(
    store: &impl Store<D>,
    mut wanted: watch::Receiver<Option<(Id<D>, u64)>>,
    updates: mpsc::Sender<DocumentUpdate<D>>,
) {
    while wanted.changed().await.is_ok() {
        let of = wanted.borrow_and_update().clone();
        if let Some((id, version)) = of {
            let read = document(store, &id, version).await;
            if updates.send(((id, version), read)).await.is_err() {
                return;
            }
        }
    }
}

/// Reads all the streams, and each of them again in which something happens.
async fn follow_list<D: Domain>(
    store: &impl Store<D>,
    row: Option<&String>,
    out: &Out<'_, D>,
) -> Result<(), StoreError> {
    let query = Query { row: row.cloned(), ..Query::default() };
    // The tail begins before the list is read, so that no event is missed between the two.
    let mut tail = pin!(store.tail(Since::Now(None)).ready_chunks(PIECE));
    let mut read = false;
    while let Some(news) = tail.next().await {
        let (mut changed, mut again, mut failed) = (BTreeSet::new(), false, None);
        for news in news {
            match news {
                Ok(News::Event(entry)) => drop(changed.insert(entry.stream)),
                Ok(News::Watching { .. }) if read => out.send(Answer::Same).await,
                Ok(News::Watching { .. }) => {
                    out.send(Answer::List(summaries(store, Scope::All, &query, || {}).await?)).await;
                    read = true;
                }
                // It is counted in the line of its stream, if it names one.
                Ok(News::Unreadable(_)) => again = true,
                Ok(News::Lost(error)) => out.send(Answer::Failed(error)).await,
                Err(error) => failed = Some(error),
            }
        }
        if again {
            out.send(Answer::List(summaries(store, Scope::All, &query, || {}).await?)).await;
            changed.clear();
            sleep(PAUSE).await;
        }
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        for id in changed {
            let found = summaries(store, Scope::From(id.clone(), 1), &query, || {}).await?;
            if found.is_empty() {
                gone.push(id);
            }
            rows.extend(found);
        }
        if !(rows.is_empty() && gone.is_empty()) {
            out.send(Answer::Changed { rows, gone }).await;
            sleep(PAUSE).await;
        }
        if let Some(error) = failed {
            return Err(error);
        }
    }
    Ok(())
}

/// Reads a stream from its first event on, and then what is appended.
async fn follow_stream<D: Domain>(store: &impl Store<D>, id: &Id<D>, out: &Out<'_, D>) -> Result<(), StoreError> {
    out.send(Answer::Begins { head: head(store, id).await? }).await;
    let mut tail = pin!(store.tail(Since::Beginning(Some(id.clone()))).ready_chunks(PIECE));
    let (mut version, mut state) = (0, D::Aggregate::default());
    while let Some(news) = tail.next().await {
        // A key that can't be used is refused before the screen is opened.
        let (mut events, mut secrets) = (Vec::new(), Secrets::of(store).ok());
        for news in news {
            let answer = match news {
                Ok(News::Event(entry)) if entry.version == version + 1 && D::check(&state, &entry.event).is_ok() => {
                    state.apply(&entry.event);
                    version = entry.version;
                    let meta = match &mut secrets {
                        Some(secrets) => secrets.meta(entry.meta).await?,
                        None => entry.meta,
                    };
                    events.push(Entry::<D> { meta, ..entry });
                    continue;
                }
                Ok(News::Event(_)) => Err(why_it_does_not_follow(store, id).await),
                Ok(News::Unreadable(unreadable)) => Err(unreadable.into()),
                Ok(News::Watching { .. }) => Ok(Answer::Complete),
                Ok(News::Lost(error)) => Ok(Answer::Failed(error)),
                Err(error) => Err(error),
            };
            if !events.is_empty() {
                out.send(Answer::Events(std::mem::take(&mut events))).await;
            }
            out.send(answer?).await;
        }
        if !events.is_empty() {
            out.send(Answer::Events(events)).await;
        }
        // Lets the screen handle keys first.
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// The version of the newest event, which need not be readable: those before it are shown.
async fn head<D: Domain>(store: &impl Store<D>, id: &Id<D>) -> Result<u64, StoreError> {
    match pin!(store.log(Scope::NewestFirst(id.clone()))).try_next().await {
        Ok(Some(newest)) => Ok(newest.version),
        Ok(None) => Err(StoreError::not_found::<D>(store.name(), id)),
        Err(StoreError::Unreadable(newest)) => {
            Ok(newest.version.and_then(|version| version.try_into().ok()).unwrap_or(0))
        }
        Err(error) => Err(error),
    }
}

/// The error that a load of the stream ends with.
async fn why_it_does_not_follow<D: Domain>(store: &impl Store<D>, id: &Id<D>) -> StoreError {
    match store.get(id).await {
        Err(error) => error,
        Ok(_) => StoreError::other(store.name(), "its events were replaced by others; they are read again"),
    }
}

/// The lines of an event's document: JSON, a line for each field.
pub(crate) async fn document<D: Domain>(
    store: &impl Store<D>,
    id: &Id<D>,
    version: u64,
) -> Result<Vec<String>, StoreError> {
    let found = pin!(store.documents(Scope::From(id.clone(), version))).try_next().await?;
    let Some(raw) = found else { return Err(StoreError::no_such_version::<D>(id, version, version.saturating_sub(1))) };
    let fields = Document::try_from(raw.as_ref());
    let fields = fields.map_err(|error| StoreError::other(store.name(), error.to_string()))?;
    let fields = fields.into_iter().map(|(name, value)| format!("  {}: {}", json(&Bson::String(name)), json(&value)));
    let fields = fields.collect::<Vec<_>>().join(",\n");
    Ok(format!("{{\n{fields}\n}}").lines().map(str::to_owned).collect())
}

/// MongoDB's extended JSON, with readable dates.
fn json(value: &Bson) -> String {
    match value {
        Bson::DateTime(date) => format!(r#"{{"$date":"{}"}}"#, time::utc(*date)),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}
