//! Read models: what is kept of the events so that a question to all streams is answered at once. A [`Projection`] is a plain
//! fold: of one stream into a row, and of all rows into totals. So it can be asked of any moment, by replay, and be built again.

use std::{collections::HashMap, convert::Infallible, pin::pin};

use bson::Document;
use futures_util::{StreamExt, TryStreamExt};

use super::{
    batch::Batch,
    codec::{Codec, Id, id_of_key, key_bytes, what},
    entry::Entry,
    error::StoreError,
    feed::{FeedState, Feeds, RowQuery, Shape, Totals, Which},
    log::Scope,
    subscription::{Options, Subscription},
};

/// A read model, as a function of the events.
///
/// ```no_run
/// # use basket_mongo::{Baskets, Entry, Feeds, MongoStore, Projection};
/// # use basket_mongo::store::{feed::{RowQuery, Shape}, projection::{keep, rows}};
/// # use bson::{Document, doc};
/// /// How much has happened to each basket.
/// struct Busy;
///
/// impl Projection<Baskets> for Busy {
///     fn name(&self) -> &'static str { "busy" }
///     fn shape(&self) -> Shape { Shape { number: 1, indexes: &["events"] } }
///     fn fold(&self, stream: &[Entry<Baskets>]) -> Document { doc! { "events": stream.len() as i64 } }
/// }
///
/// # async fn example(store: MongoStore<Baskets>) -> Result<(), Box<dyn std::error::Error>> {
/// let service = store.clone();
/// tokio::spawn(async move { keep(&service, &Busy, Default::default()).await });
///
/// let query = RowQuery { sort: Some("events"), descending: true, limit: Some(10), ..RowQuery::default() };
/// let busiest = rows(&store, &Busy, query).await?;
/// # Ok(())
/// # }
/// ```
pub trait Projection<C: Codec>: Send + Sync {
    /// The name of its feed.
    fn name(&self) -> &'static str;

    /// What its rows look like.
    fn shape(&self) -> Shape;

    /// The row of a stream: a fold of all its events, oldest first. Numbers and texts, and lists of them: the embedded store
    /// keeps it as JSON.
    fn fold(&self, stream: &[Entry<C>]) -> Document;

    /// What a row adds to the totals.
    fn totals(&self, row: &Document) -> Totals {
        let _ = row;
        Totals::new()
    }
}

/// Keeps a read model, for as long as it is polled: takes in what happens as soon as it happens. It may be dropped at any moment.
/// Where another process keeps it, or has taken over, this one waits for its turn.
///
/// # Errors
/// Those of [`Subscription::open`] and [`project`], but for [`StoreError::Fenced`].
pub async fn keep<C: Codec + 'static, S: Feeds<C> + Sync>(
    store: &S,
    projection: &dyn Projection<C>,
    options: Options,
) -> Result<Infallible, StoreError> {
    loop {
        let mut reader = Subscription::open(store, projection.name(), projection.shape(), options.clone()).await?;
        let error = loop {
            if let Err(error) = project(&mut reader, projection).await {
                break error;
            }
        };
        if !matches!(error, StoreError::Fenced { .. }) {
            return Err(error);
        }
    }
}

/// The rows of a read model that a query asks for, each with the id of its stream; none before it was kept for the first time.
/// [`Feeds::wait_for`] waits until an event is in it.
///
/// # Errors
/// [`StoreError::OtherShape`] if its rows are of another [`Shape`]; and those of the store.
pub async fn rows<C: Codec + 'static, S: Feeds<C> + Sync>(
    store: &S,
    projection: &dyn Projection<C>,
    query: RowQuery,
) -> Result<Vec<(Id<C>, Document)>, StoreError> {
    let Some(state) = store.feed(projection.name()).await? else { return Ok(Vec::new()) };
    let (found, expected) = (state.shape, projection.shape().number);
    if found != expected {
        let (store, feed) = (store.name().to_owned(), state.rows.feed);
        return Err(StoreError::OtherShape { store, feed, found, expected });
    }
    let mut marks = pin!(store.rows(state.rows, query));
    let mut rows = Vec::new();
    while let Some((key, mark)) = marks.try_next().await? {
        let Some(row) = mark.row else { continue };
        let id = id_of_key::<C>(&key)
            .ok_or_else(|| StoreError::other(store.name(), format!("{key} is the key of no {}", what::<C>())))?;
        rows.push((id, row));
    }
    Ok(rows)
}

/// Takes one batch into a read model; returns how many events that were, and whether there are no more now.
///
/// Only streams that something has happened to are read, each as a whole: a row is never changed, but folded again. So a row that
/// is kept twice is right, and one event that changes what others mean, such as an undo, is like any other.
///
/// # Errors
/// Those of [`Subscription::next`] and [`Subscription::keep`]. Where the store does not answer it waits for it.
pub async fn project<C: Codec + 'static, S: Feeds<C> + Sync>(
    subscription: &mut Subscription<'_, C, S>,
    projection: &dyn Projection<C>,
) -> Result<(u64, bool), StoreError> {
    let batch = subscription.next().await?;
    let is_last = batch.is_last;
    match fold(subscription, projection, batch).await {
        Err(error) if error.is_transient() => {
            subscription.wait_and_read_again().await;
            Ok((0, false))
        }
        folded => folded.map(|events| (events, is_last)),
    }
}

/// Takes the parked streams once more into a read model, and then all that is left to read; returns how many events that were.
///
/// # Errors
/// Those of [`Subscription::retry_parked`] and [`project`].
pub async fn retry<C: Codec + 'static, S: Feeds<C> + Sync>(
    subscription: &mut Subscription<'_, C, S>,
    projection: &dyn Projection<C>,
) -> Result<u64, StoreError> {
    let batch = subscription.retry_parked().await?;
    let mut events = fold(subscription, projection, batch).await?;
    loop {
        let (more, is_last) = project(subscription, projection).await?;
        events += more;
        if is_last {
            return Ok(events);
        }
    }
}

async fn fold<C: Codec + 'static, S: Feeds<C> + Sync>(
    subscription: &mut Subscription<'_, C, S>,
    projection: &dyn Projection<C>,
    mut batch: Batch<C>,
) -> Result<u64, StoreError> {
    let mut totals = Totals::new();
    let mut new = HashMap::<String, Vec<Entry<C>>>::new();
    for entry in std::mem::take(&mut batch.entries) {
        new.entry(entry.stream.to_string()).or_default().push(entry);
    }
    for (id, before) in batch.streams() {
        let mut stream = new.remove(&id.to_string()).unwrap_or_default();
        subscription.stay().await?;
        if before.version > 0 {
            stream = match whole(subscription, &id).await {
                Ok(stream) => stream,
                Err(StoreError::Unreadable(unreadable)) => {
                    subscription.park(&mut batch, &id, unreadable)?;
                    continue;
                }
                Err(error) => return Err(error),
            };
        }
        let Some(version) = stream.last().map(|last| last.version) else { continue };
        let row = projection.fold(&stream);
        add(&mut totals, projection.totals(&row), 1);
        if let Some(before) = &before.row {
            add(&mut totals, projection.totals(before), -1);
        }
        batch.set_row(&id, version, row);
    }
    let events = batch.events();
    subscription.try_keep(batch, totals).await.map(|is_kept| if is_kept { events } else { 0 })
}

/// All events of a stream.
async fn whole<C: Codec + 'static, S: Feeds<C> + Sync>(
    subscription: &mut Subscription<'_, C, S>,
    id: &Id<C>,
) -> Result<Vec<Entry<C>>, StoreError> {
    let store = subscription.store();
    let (mut log, mut stream) = (pin!(store.log(Scope::From(id.clone(), 1))), Vec::new());
    while let Some(entry) = log.try_next().await? {
        stream.push(entry);
        if stream.len() % 1_000 == 0 {
            subscription.stay().await?;
        }
    }
    Ok(stream)
}

/// Adds numbers to others, or takes them away.
fn add(totals: &mut Totals, numbers: Totals, sign: i64) {
    for (key, numbers) in numbers {
        let total = totals.entry(key).or_default();
        for (name, number) in numbers {
            *total.entry(name).or_default() += sign * number;
        }
    }
}

/// How many rows are compared at once.
const ROWS: usize = 1_000;
/// How many rows that differ are named.
const NAMED: usize = 100;

/// What a rebuild has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// Rows that were compared: both read models had them at one version.
    pub compared: u64,
    /// The streams whose rows differ, by id, the first hundred of them.
    pub rows: Vec<String>,
    /// How many rows differ.
    pub differ: u64,
    /// The keys of the totals that differ; none are compared unless both had read the same events.
    pub totals: Vec<String>,
}

/// The name of the feed that builds the next read model.
pub fn next_name(name: &str) -> String {
    format!("{name}-next")
}

/// Builds a read model again beside the one that is there, from the first event on, until it has read all; then compares the
/// two. `read` is called with the number of events after each batch. [`Feeds::replace`] puts it into the other's place.
///
/// # Errors
/// Those of a subscription.
pub async fn rebuild<'a, C: Codec + 'static, S: Feeds<C> + Sync>(
    store: &'a S,
    projection: &dyn Projection<C>,
    options: Options,
    mut read: impl FnMut(u64) + Send,
) -> Result<(Subscription<'a, C, S>, Differences), StoreError> {
    let next = next_name(projection.name());
    store.forget(&next).await?;
    let mut subscription = Subscription::open(store, &next, projection.shape(), options).await?;
    loop {
        let (events, is_last) = project(&mut subscription, projection).await?;
        read(events);
        if is_last {
            break;
        }
    }
    let found = match (store.feed(projection.name()).await?, store.feed(&next).await?) {
        (Some(old), Some(new)) => compare(store, &old, &new).await?,
        _ => Differences::default(),
    };
    Ok((subscription, found))
}

/// Compares the rows of a new read model with those of an old one, batch by batch.
async fn compare<C: Codec + 'static, S: Feeds<C> + Sync>(
    store: &S,
    old: &FeedState,
    new: &FeedState,
) -> Result<Differences, StoreError> {
    let mut found = Differences::default();
    let mut is_same = old.events == new.events;
    let mut rows = pin!(store.rows(new.rows.clone(), RowQuery::default()).try_chunks(ROWS));
    while let Some(rows) = rows.next().await {
        let rows = rows.map_err(|error| error.1)?;
        let before = store.marks(&old.rows, rows.iter().map(|(key, _)| key.clone()).collect()).await?;
        let before: HashMap<_, _> = before.into_iter().map(|(key, mark)| (key_bytes(&key), mark)).collect();
        for (key, mark) in rows {
            match before.get(&key_bytes(&key)) {
                Some(before) if before.version == mark.version => {
                    found.compared += 1;
                    if before.row != mark.row {
                        found.differ += 1;
                        if found.rows.len() < NAMED {
                            let id = id_of_key::<C>(&key);
                            found.rows.push(id.map_or_else(|| key.to_string(), |id| id.to_string()));
                        }
                    }
                }
                _ => is_same = false,
            }
        }
    }
    if is_same {
        let (before, after) =
            (store.totals(&old.rows, &Which::All).await?, store.totals(&new.rows, &Which::All).await?);
        let keys = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key));
        found.totals = keys.cloned().collect();
        found.totals.sort();
        found.totals.dedup();
    }
    Ok(found)
}
