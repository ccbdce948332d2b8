//! Two readers that go on while something breaks: a tail, which must see each event once and in order, and a read model, which must
//! be the fold of the events in the end.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use basket_mongo::{
    Entry, Feeds, News, Projection, Since, StoreError, Subscription, Tail,
    store::{
        feed::{RowQuery, Shape},
        projection::project,
        subscription::Options,
    },
};
use bson::{Document, doc};
use futures_util::TryStreamExt;
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    kept::Kept,
    laws::{Broken, Law},
    list::Lists,
};

/// How long a reader may stand still before it is taken to have read all that it will.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is left of it.
struct Patience {
    read: u64,
    since: Instant,
}

impl Patience {
    fn new() -> Self {
        Self { read: 0, since: Instant::now() }
    }

    /// Whether to wait longer for a reader that has read so much.
    fn has_more(&mut self, read: u64) -> bool {
        if read != self.read {
            *self = Self { read, since: Instant::now() };
        }
        self.since.elapsed() < PATIENCE
    }
}

/// A read model of lists: the values of each, in order.
pub struct Copies;

impl Projection<Lists> for Copies {
    fn name(&self) -> &'static str {
        "copies"
    }

    fn shape(&self) -> Shape {
        Shape { number: 1, indexes: &[] }
    }

    fn fold(&self, stream: &[Entry<Lists>]) -> Document {
        let values: Vec<_> = stream.iter().map(|entry| value(entry).to_owned()).collect();
        doc! { "id": stream.first().map(|entry| entry.stream.clone()), "values": values }
    }
}

fn value(entry: &Entry<Lists>) -> &str {
    let crate::list::ListEvent::Appended { value } = &entry.event;
    value
}

/// What a tail has seen: a stream and a version for each event, in its order.
type Passed = Arc<Mutex<Vec<(String, u64)>>>;

/// A store that can be read as it goes on.
pub trait Readable: Feeds<Lists> + Tail<Lists> + Clone + Send + Sync + 'static {}
impl<S: Feeds<Lists> + Tail<Lists> + Clone + Send + Sync + 'static> Readable for S {}

/// The two readers of one store.
pub struct Readers<S> {
    store: S,
    passed: Passed,
    tail: JoinHandle<Result<(), StoreError>>,
    model: JoinHandle<Result<(), StoreError>>,
}

impl<S: Readable> Readers<S> {
    /// Begins to read, from the first event on.
    pub fn start(store: &S) -> Self {
        let passed = Passed::default();
        let tail = tokio::spawn(follow(store.clone(), Arc::clone(&passed)));
        let model = tokio::spawn(keep_up(store.clone()));
        Self { store: store.clone(), passed, tail, model }
    }

    /// Waits until both have read all there is, and says what is wrong with it.
    pub async fn end(self, kept: &Kept) -> anyhow::Result<Vec<Broken>> {
        let seen = || self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut patience = Patience::new();
        while seen().len() < kept.events() && !self.tail.is_finished() && patience.has_more(seen().len() as u64) {
            sleep(Duration::from_millis(50)).await;
        }
        let mut patience = Patience::new();
        while !self.model.is_finished() {
            let feed = self.store.feed("copies").await?;
            let (behind, events) = feed.map_or((1, 0), |feed| (feed.behind, feed.events));
            if behind == 0 && events == kept.events() as u64 || !patience.has_more(events) {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        let mut broken = Vec::new();
        for (law, reader) in [(Law::FeedOnce, self.tail), (Law::ModelIsFold, self.model)] {
            if reader.is_finished() {
                broken.push(Broken { law, how: format!("its reader has ended: {:?}", reader.await) });
            } else {
                reader.abort();
            }
        }
        broken.extend(once_in_order(&seen(), kept));
        broken.extend(is_fold(&self.store, kept).await?);
        Ok(broken)
    }
}

async fn follow<S: Readable>(store: S, passed: Passed) -> Result<(), StoreError> {
    let mut news = pin!(store.tail(Since::Beginning(None)));
    while let Some(news) = news.try_next().await? {
        match news {
            News::Event(entry) => {
                passed.lock().unwrap_or_else(PoisonError::into_inner).push((entry.stream, entry.version));
            }
            News::Unreadable(unreadable) => return Err(unreadable.into()),
            News::Watching { .. } | News::Lost(_) => {}
        }
    }
    Ok(())
}

/// Keeps the read model, until something is wrong that no waiting mends.
pub(crate) async fn keep_up<S: Readable>(store: S) -> Result<(), StoreError> {
    let mut reader = loop {
        match Subscription::open(&store, Copies.name(), Copies.shape(), options()).await {
            Err(error) if error.is_transient() => sleep(Duration::from_millis(50)).await,
            opened => break opened?,
        }
    };
    loop {
        match project(&mut reader, &Copies).await {
            // Another process has taken over while this one could not write; it waits for its turn again.
            Err(StoreError::Fenced { .. }) => {
                reader = Subscription::open(&store, Copies.name(), Copies.shape(), options()).await?
            }
            projected => drop(projected?),
        }
    }
}

/// Reads all that is left into the read model.
pub(crate) async fn catch_up<S: Readable>(store: &S) -> Result<(), StoreError> {
    let mut reader = Subscription::open(store, Copies.name(), Copies.shape(), options()).await?;
    while !project(&mut reader, &Copies).await?.1 {}
    Ok(())
}

/// A lease as short as its processes live; batches so small that a kill falls between them.
fn options() -> Options {
    Options { lease: Duration::from_millis(300), batch: 50, ..Options::default() }
}

fn once_in_order(passed: &[(String, u64)], kept: &Kept) -> Vec<Broken> {
    let (mut broken, mut next) = (Vec::new(), HashMap::<&str, u64>::new());
    let mut say = |how: String| broken.push(Broken { law: Law::FeedOnce, how });
    for (stream, version) in passed {
        let next = next.entry(stream).or_insert(1);
        if version != next {
            say(format!("a tail has seen version {version} of '{stream}' where {next} was to come"));
        }
        *next = version + 1;
    }
    for (stream, events) in &kept.0 {
        let seen = next.get(stream.as_str()).map_or(0, |next| next - 1);
        if seen != events.len() as u64 {
            say(format!("a tail has seen {seen} of {} events of '{stream}'", events.len()));
        }
    }
    broken
}

/// What the read model has that is not the fold of the events.
pub(crate) async fn is_fold<S: Readable>(store: &S, kept: &Kept) -> anyhow::Result<Vec<Broken>> {
    let mut broken = Vec::new();
    let Some(feed) = store.feed("copies").await? else {
        return Ok(vec![Broken { law: Law::ModelIsFold, how: "there is no read model".into() }]);
    };
    let rows: Vec<_> = store.rows(feed.rows, RowQuery::default()).try_collect().await?;
    let mut rows: HashMap<_, _> = rows
        .into_iter()
        .filter_map(|(key, mark)| Some((key.as_str()?.to_owned(), mark.row.unwrap_or_default())))
        .collect();
    for (stream, events) in &kept.0 {
        let values: Vec<_> = events.iter().map(|event| event.value.clone()).collect();
        let fold = doc! { "id": stream, "values": values };
        let row = rows.remove(stream);
        if row.as_ref() != Some(&fold) {
            let length = |row: &Document| row.get_array("values").map_or(0, Vec::len);
            let found = row.as_ref().map(length);
            let how = format!("the row of '{stream}' has {found:?} values and its stream {}", events.len());
            broken.push(Broken { law: Law::ModelIsFold, how });
        }
    }
    broken.extend(rows.into_keys().map(|stream| {
        let how = format!("there is a row of '{stream}', which was never kept");
        Broken { law: Law::ModelIsFold, how }
    }));
    Ok(broken)
}
