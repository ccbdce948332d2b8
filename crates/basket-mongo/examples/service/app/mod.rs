//! The service: its routes, what its handlers share, and its start and end. Each room is one concern:
//!
//! - [`asked`]: a command as it comes in: its body, its conditions, its key and its trace
//! - [`baskets`]: the commands, and a basket as it is now; [`problem`]: each error as one that a client can act on
//! - [`events`]: what happens, as server-sent events; [`report`]: a read model, and who keeps it
//! - [`health`]: for who starts and stops it; [`telemetry`]: spans, and the trace of a request; [`signals`]: when to end

mod asked;
mod baskets;
mod events;
mod health;
mod problem;
mod report;
pub mod signals;
pub mod telemetry;

use std::{future::IntoFuture, io, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn,
    routing::{delete, get, post},
    serve::ListenerExt,
};
use basket_mongo::{Baskets, MongoStore, Observed};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};

use self::problem::Problem;

/// How long to wait before a store that has failed is read again.
const PAUSE: Duration = Duration::from_secs(1);

/// A store whose calls are spans.
pub type Store = Observed<MongoStore<Baskets>>;

/// What is different in a test.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a call of the store may take, and the body of a request.
    pub patience: Duration,
    /// How long the answer to a probe may take: less than the time after which the prober gives up.
    pub probe: Duration,
    /// How many may follow events at once: each holds a connection to MongoDB, of which the driver has 100.
    pub readers: usize,
    /// How long the requests that are under way are waited for at the end. Below the 30 seconds after which Kubernetes kills.
    pub last_words: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self { patience: secs(5), probe: secs(2), readers: 50, last_words: secs(10) }
    }
}

/// What the handlers share.
#[derive(Clone)]
struct App {
    store: Store,
    settings: Settings,
    readers: Arc<Semaphore>,
    stopping: Stopping,
}

/// Whether the service is about to end.
#[derive(Debug, Clone)]
struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Waits until it is. A service that is gone has ended, too.
    async fn wait(mut self) {
        self.0.wait_for(|is_stopping| *is_stopping).await.map(drop).ok();
    }
}

/// Serves until `stop`. Then it takes no more connections, ends those that only wait for events, and waits for what is under way,
/// but no longer than the settings say.
pub async fn serve(
    listener: TcpListener,
    store: Store,
    settings: Settings,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (stop_all, stopping) = watch::channel(false);
    let stopping = Stopping(stopping);
    let readers = Arc::new(Semaphore::new(settings.readers));
    let last_words = settings.last_words;
    let mut projecting = tokio::spawn(report::keep(store.store().clone(), stopping.clone()));
    let pages = pages(App { store, settings, readers, stopping: stopping.clone() });
    // An event is small, and must not wait for the next one.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    let server = axum::serve(listener, pages).with_graceful_shutdown(stopping.wait());
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        () = stop => {}
        ended = &mut server => {
            projecting.abort();
            return ended?;
        }
    }
    tracing::info!("ending: no more connections are taken");
    stop_all.send_replace(true);
    let ending = async {
        let ended = (&mut server).await;
        (&mut projecting).await.ok();
        ended?
    };
    let ended = timeout(last_words, ending).await;
    if ended.is_err() {
        tracing::warn!("not all requests ended in time; the others are cut off");
        server.abort();
        projecting.abort();
    }
    ended.unwrap_or(Ok(()))
}

fn pages(app: App) -> Router {
    Router::new()
        .route("/baskets", post(baskets::create))
        .route("/baskets/{id}", get(baskets::show))
        .route("/baskets/{id}/items", post(baskets::add))
        .route("/baskets/{id}/items/{product}", delete(baskets::remove))
        .route("/baskets/{id}/events", get(events::of_one))
        .route("/events", get(events::of_all))
        .route("/report/removed", get(report::removed))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .fallback(async || Problem::no_page())
        .method_not_allowed_fallback(async || Problem::no_method())
        .layer(DefaultBodyLimit::max(asked::MOST))
        .layer(from_fn(telemetry::traced))
        .with_state(app)
}
