//! What the store has: read for the screen that is open, in pieces, and then looked at again once a second, which works
//! on every store. [`run`](super::run) asks, [`model`](super::model) hears. Nothing is written, and nothing is kept here.

use std::{pin::pin, time::Duration};

use basket_domain::{Aggregate, Basket, BasketId, Product};
use basket_mongo::{Baskets, Codec, Entry, EventLog, ListQuery, Scope, StoreError, Summary};
use bson::{Bson, Document, oid::ObjectId};
use futures_util::TryStreamExt;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};

use crate::{store::Store, time};

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_secs(1);

/// How many events go to the screen at once.
const PIECE: usize = 500;

/// What a screen shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The baskets; only those that hold a product, where one is named.
    List(Option<Product>),
    /// A basket with all its events.
    Basket(BasketId),
}

/// Something to hear.
#[derive(Debug)]
pub struct News {
    /// What it is the answer to.
    pub of: Request,
    /// The answer, or a part of it.
    pub told: Told,
}

/// What there is to hear.
#[derive(Debug)]
pub enum Told {
    /// The baskets, all of them.
    Baskets(Vec<Summary>),
    /// The events of the basket follow, from the first on; there are so many now.
    Begins {
        /// The version of the newest.
        head: u64,
    },
    /// The next events.
    Events(Vec<Entry<Baskets>>),
    /// These were all; what follows is new.
    Complete,
    /// Nothing is new, and the store is well.
    Same,
    /// The store could not do it.
    Failed(StoreError),
}

/// A document that is wanted, and what was read.
pub type DocumentNews = ((BasketId, u64), Result<Vec<String>, StoreError>);

/// Where news goes. Nobody hears it any more: [`Gone`].
struct Out<'a>(&'a mpsc::Sender<News>, &'a Request);

struct Gone;

impl Out<'_> {
    async fn tell(&self, told: Told) -> Result<(), Gone> {
        self.0.send(News { of: self.1.clone(), told }).await.map_err(|_| Gone)
    }
}

/// Answers the newest request, until nobody asks any more. A request that comes in takes the place of the one before.
pub async fn serve(store: &Store, mut requests: watch::Receiver<Request>, news: mpsc::Sender<News>) {
    loop {
        let request = requests.borrow_and_update().clone();
        let answer = async {
            let out = Out(&news, &request);
            match &request {
                Request::List(product) => watch_list(store, product.as_ref(), &out).await,
                Request::Basket(id) => watch_basket(store, id, &out).await,
            }
        };
        tokio::select! {
            biased;
            changed = requests.changed() => if changed.is_err() { return },
            Err(Gone) = answer => return,
        }
    }
}

/// Reads the documents that are asked for, until nobody asks any more.
pub async fn serve_documents(
    store: &Store,
    mut wanted: watch::Receiver<Option<(BasketId, u64)>>,
    news: mpsc::Sender<DocumentNews>,
) {
    while wanted.changed().await.is_ok() {
        let of = *wanted.borrow_and_update();
        if let Some((id, version)) = of {
            let read = document(store, id, version).await;
            if news.send(((id, version), read)).await.is_err() {
                return;
            }
        }
    }
}

async fn watch_list(store: &Store, product: Option<&Product>, out: &Out<'_>) -> Result<(), Gone> {
    let query = ListQuery { product: product.cloned(), ..ListQuery::default() };
    loop {
        let start = Instant::now();
        // Events are only ever added, so their number tells whether there is something new.
        let read = async { Ok((store.count().await?, store.list(&query).try_collect().await?)) };
        let mut count = None;
        out.tell(match read.await {
            Ok((events, rows)) => {
                count = Some(events);
                Told::Baskets(rows)
            }
            Err(error) => Told::Failed(error),
        })
        .await?;
        // A list that takes long to read isn't read all the time.
        let pause = PAUSE.max(start.elapsed() * 5);
        loop {
            sleep(pause).await;
            match store.count().await {
                Ok(now) if Some(now) == count => out.tell(Told::Same).await?,
                Ok(_) => break,
                Err(error) => out.tell(Told::Failed(error)).await?,
            }
        }
    }
}

/// How far a basket was read.
struct Tip {
    version: u64,
    document: Option<ObjectId>,
    state: Basket,
}

async fn watch_basket(store: &Store, id: &BasketId, out: &Out<'_>) -> Result<(), Gone> {
    loop {
        match read_basket(store, id, out).await? {
            // It would be the same in a second; whoever has mended it says so with a key.
            Err(error) => {
                out.tell(Told::Failed(error)).await?;
                std::future::pending::<()>().await;
            }
            Ok(mut tip) => {
                out.tell(Told::Complete).await?;
                loop {
                    sleep(PAUSE).await;
                    match newer(store, id, &mut tip).await {
                        Ok(Some(entries)) if entries.is_empty() => out.tell(Told::Same).await?,
                        Ok(Some(entries)) => out.tell(Told::Events(entries)).await?,
                        // The past is another one now, as after a database was restored.
                        Ok(None) => break,
                        Err(error) => out.tell(Told::Failed(error)).await?,
                    }
                }
            }
        }
    }
}

async fn read_basket(store: &Store, id: &BasketId, out: &Out<'_>) -> Result<Result<Tip, StoreError>, Gone> {
    let newest = async { pin!(store.log(Scope::NewestFirst(*id))).try_next().await };
    match newest.await {
        Ok(Some(newest)) => out.tell(Told::Begins { head: newest.version }).await?,
        Ok(None) => return Ok(Err(store.not_found(id))),
        // The events before it can be read.
        Err(StoreError::Unreadable(newest)) => {
            let head = newest.version.and_then(|version| version.try_into().ok()).unwrap_or(0);
            out.tell(Told::Begins { head }).await?;
        }
        Err(error) => return Ok(Err(error)),
    }
    let mut history = pin!(store.history(id));
    let (mut tip, mut piece) = (Tip { version: 0, document: None, state: Basket::default() }, Vec::new());
    loop {
        let end = match history.try_next().await {
            Ok(Some(entry)) => {
                tip.follow(&entry);
                piece.push(entry);
                None
            }
            Ok(None) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        };
        if end.is_some() || piece.len() == PIECE {
            out.tell(Told::Events(std::mem::take(&mut piece))).await?;
            // Keys come first.
            tokio::task::yield_now().await;
        }
        if let Some(end) = end {
            return Ok(end.map(|()| tip));
        }
    }
}

/// The events after the tip; none where they don't follow on it.
async fn newer(store: &Store, id: &BasketId, tip: &mut Tip) -> Result<Option<Vec<Entry<Baskets>>>, StoreError> {
    let mut entries = pin!(store.log(Scope::From(*id, tip.version)));
    let last = entries.try_next().await?;
    if last.map(|entry| (entry.version, Some(entry.document))) != Some((tip.version, tip.document)) {
        return Ok(None);
    }
    let mut newer = Vec::new();
    loop {
        let entry = match entries.try_next().await {
            Ok(Some(entry)) => entry,
            // What was read before it is told now, and the error with the next look.
            Ok(None) => break,
            Err(_) if !newer.is_empty() => break,
            Err(error) => return Err(error),
        };
        if entry.version != tip.version + 1 || Baskets::check(&tip.state, &entry.event).is_err() {
            return Ok(None);
        }
        tip.follow(&entry);
        newer.push(entry);
    }
    Ok(Some(newer))
}

impl Tip {
    fn follow(&mut self, entry: &Entry<Baskets>) {
        self.state.apply(&entry.event);
        (self.version, self.document) = (entry.version, Some(entry.document));
    }
}

/// The lines of an event's document: JSON, a line for each field.
async fn document(store: &Store, id: BasketId, version: u64) -> Result<Vec<String>, StoreError> {
    let found = pin!(store.documents(Scope::From(id, version))).try_next().await?;
    let unreadable = |why: String| StoreError::Other { store: store.name(), why };
    let Some(raw) = found else { return Err(store.no_such_version(&id, version, version.saturating_sub(1))) };
    let fields = Document::try_from(raw.as_ref()).map_err(|error| unreadable(error.to_string()))?;
    let mut lines = vec!["{".to_owned()];
    let count = fields.len();
    for (at, (name, value)) in fields.into_iter().enumerate() {
        let comma = if at + 1 < count { "," } else { "" };
        lines.push(format!("  {}: {}{comma}", json(&Bson::String(name)), json(&value)));
    }
    lines.push("}".into());
    Ok(lines)
}

/// MongoDB's extended JSON, with dates that people can read.
fn json(value: &Bson) -> String {
    match value {
        Bson::DateTime(date) => format!(r#"{{"$date":"{}"}}"#, time::utc(*date)),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}
