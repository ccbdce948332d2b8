//! Events as they happen, as server-sent events: of one basket by the library's tail, of all by what comes after a position. A reader
//! that comes back with the id of the last one goes on after it. Nothing is missed; of all baskets, an event may come twice, so a
//! reader knows them by basket and version.
//!
//! While MongoDB is away, connected readers wait. After a broken connection, the `EventSource` of a browser connects again by
//! itself, but any answer other than 200 closes it for good, and a new one sends no id. So after a 503 a page must make a new
//! one, after the time in `Retry-After`, and begins again; a reader that sets `Last-Event-ID` by itself, with `fetch`, goes on. After
//! a 410, or the event `history-lost`, each reader must begin again, without an id.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use basket_domain::BasketEvent;
use basket_mongo::{
    Baskets, Entry, EventStore, News, Scope, Since, StoreError, Tail, Until,
    store::feed::{Feeds, Position, Shown},
};
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    App, PAUSE,
    asked::{InPath, one},
    baskets::parse_id,
    problem::Problem,
};

/// How often something is sent where nothing happens: proxies end connections that are silent, and so the service notices a client
/// that has gone without closing its connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How many events wait for a reader that is slow; the store is read no further then.
const WAITING: usize = 64;

type Sender = mpsc::Sender<Result<Event, StoreError>>;

/// `GET /baskets/{id}/events`. An event's id is its version.
pub(super) async fn of_one(
    State(app): State<App>,
    InPath(id): InPath<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, last) = (parse_id(&id)?, last_id(&headers)?);
    let last = last.map(|last| last.parse::<u64>().map_err(|_| no_such_id())).transpose()?.unwrap_or(0);
    let newest = Until::new(&app.store, app.settings.timeout).entries(Scope::NewestFirst(id), 1).await;
    match newest.map(|newest| newest.first().map(|newest| newest.version)) {
        Ok(None) => return Err(Problem::no_basket()),
        // It would wait for events that are far off, and leave out those before them.
        Ok(Some(newest)) if newest < last => return Err(no_such_id()),
        // An event that can't be read is there all the same.
        Ok(_) | Err(StoreError::Unreadable(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let store = app.store.clone();
    let events = Events::read(&app, async move |send| {
        let mut news = Box::pin(store.tail(Since::Version(id, last.saturating_add(1))));
        while let Some(news) = news.next().await {
            let event = match news {
                Ok(News::Event(entry)) => Ok(shown(&entry).id(entry.version.to_string())),
                Ok(News::Unreadable(_)) => Ok(unreadable()),
                // It waits until the store is back.
                Ok(News::Watching { .. } | News::Lost(_)) => continue,
                Err(error) => Err(error),
            };
            if send.send(event).await.is_err() {
                return;
            }
        }
    })?;
    Ok(events.answer(&app, None))
}

/// `GET /events`. An event's id is the position after it, which the library understands.
pub(super) async fn of_all(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let position = last_id(&headers)?.map(|last| last.parse::<Position>().map_err(|_| no_such_id())).transpose()?;
    let goes_on = position.is_some();
    let store = app.store.clone();
    let mut events = Events::read(&app, async move |send| {
        let (mut position, mut sent) = (position, None::<Instant>);
        let mut passed = Box::pin(store.after(position.clone()));
        while let Some(next) = passed.next().await {
            let event = match next {
                Ok(next) => {
                    let event = match next.shown {
                        Some(Shown::Event(entry)) => Some(shown(&entry)),
                        Some(Shown::Unreadable(..)) => Some(unreadable()),
                        // An id without an event: where nothing happens, MongoDB forgets an old position all the same.
                        None => sent.is_none_or(|sent| sent.elapsed() >= KEEP_ALIVE).then(Event::default),
                    };
                    let id = next.position.to_string();
                    position = Some(next.position);
                    let Some(event) = event else { continue };
                    Ok(event.id(id))
                }
                // It waits until the store is back. At the start, the client gets a 503.
                Err(error) if error.is_transient() && sent.is_some() => {
                    sleep(PAUSE).await;
                    passed = Box::pin(store.after(position.clone()));
                    continue;
                }
                Err(error) => Err(error),
            };
            sent = Some(Instant::now());
            if send.send(event).await.is_err() {
                return;
            }
        }
    })?;
    // Whether the position can be gone on from is known with the first answer of the store.
    match timeout(app.settings.timeout, events.receive.recv()).await {
        Ok(Some(Ok(first))) => Ok(events.answer(&app, Some(first))),
        // A text of the right form that the server does not take.
        Ok(Some(Err(StoreError::Other { .. }))) if goes_on => Err(no_such_id()),
        Ok(Some(Err(error))) => Err(error.into()),
        Ok(None) | Err(_) => Err(Problem::not_yet("the store does not answer now")),
    }
}

/// Events on their way from the store, read by a task that ends when this is dropped: a response must not borrow the store.
struct Events {
    receive: mpsc::Receiver<Result<Event, StoreError>>,
    _task: JoinSet<()>,
    _place: OwnedSemaphorePermit,
}

impl Events {
    /// Begins to read, if there are not too many readers already.
    fn read<F: Future<Output = ()> + Send + 'static>(
        app: &App,
        read: impl FnOnce(Sender) -> F,
    ) -> Result<Self, Problem> {
        let place = app.readers.clone().try_acquire_owned();
        let place = place.map_err(|_| Problem::not_yet("too many follow the events; come again later"))?;
        let (send, receive) = mpsc::channel(WAITING);
        let mut task = JoinSet::new();
        task.spawn(read(send));
        Ok(Self { receive, _task: task, _place: place })
    }

    /// The events until the store fails, the client hangs up, or the service ends.
    fn answer(self, app: &App, first: Option<Event>) -> Response {
        let rest = stream::unfold(Some(self), async |events| {
            let mut events = events?;
            match events.receive.recv().await? {
                Ok(event) => Some((event, Some(events))),
                Err(error) => {
                    tracing::warn!(%error, kind = error.kind(), "the events end");
                    // An empty id, so that a browser does not come again with the one that it has.
                    let lost = || Event::default().event("history-lost").id("").data("begin again");
                    matches!(error, StoreError::HistoryLost { .. }).then(|| (lost(), None))
                }
            }
        });
        // With the first bytes, a client knows that it is connected, though nothing has happened yet.
        let hello = Event::default().comment("connected");
        let events = stream::iter([Some(hello), first]).filter_map(async |event| event).chain(rest);
        let events = events.map(Ok::<_, Infallible>).take_until(app.stopping.clone().wait());
        Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
    }
}

fn last_id(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let last = one(headers, &HeaderName::from_static("last-event-id"))?;
    Ok(last.filter(|last| !last.is_empty()))
}

fn no_such_id() -> Problem {
    Problem::bad_request("this Last-Event-ID is none that an event has had here; begin without one")
}

/// An event for the outside, in the words of the bodies. Clients rely on it, so it is written here and is not the stored document.
fn shown(entry: &Entry<Baskets>) -> Event {
    let (kind, data) = match &entry.event {
        BasketEvent::BasketCreated { .. } => ("BasketCreated", json!({})),
        BasketEvent::ItemAdded { product, qty, .. } => {
            ("ItemAdded", json!({ "product": product.as_str(), "quantity": qty }))
        }
        BasketEvent::ItemRemoved { product, .. } => ("ItemRemoved", json!({ "product": product.as_str() })),
        BasketEvent::VoucherRedeemed { voucher, .. } => ("VoucherRedeemed", json!({ "voucher": voucher.as_str() })),
    };
    let data = json!({
        "basket": entry.stream.to_string(),
        "version": entry.version,
        "type": kind,
        "data": data,
        "recorded_at": entry.recorded_at.try_to_rfc3339_string().ok(),
        "commit": entry.commit.to_hex(),
        "correlation": entry.meta.correlation,
    });
    Event::default().event(kind).data(data.to_string())
}

/// In the place of an event that can't be read. What is wrong with it is for operators: `basket verify` names it.
fn unreadable() -> Event {
    Event::default().event("unreadable").data("an event can't be read")
}
