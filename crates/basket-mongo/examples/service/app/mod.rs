//! The service: its routes, what its handlers share, and its start and end. Each room is one concern:
//!
//! - [`asked`]: a command as it comes in: its body, its conditions, its key and its trace
//! - [`baskets`]: the commands, and a basket as it is now; [`problem`]: each error as one that a client can act on
//! - [`events`]: what happens, as server-sent events; [`report`]: a read model, and the task that keeps it
//! - [`health`]: probes of the program that starts and stops it; [`telemetry`]: spans, and the trace of a request
//! - [`signals`]: when to end

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
    time::{Instant, timeout_at},
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
    pub timeout: Duration,
    /// How long the answer to a probe may take: less than the time after which the prober gives up.
    pub probe: Duration,
    /// How many may follow events at once: each holds a connection to MongoDB, of which the driver has 100.
    pub readers: usize,
    /// How long the requests that are under way are waited for at the end. Below the 30 seconds after which Kubernetes kills.
    pub shutdown_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self { timeout: secs(5), probe: secs(2), readers: 50, shutdown_timeout: secs(10) }
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
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Waits until it is. A service that is gone has ended, too.
    async fn wait(mut self) {
        self.0.wait_for(|is_stopping| *is_stopping).await.map(drop).ok();
    }
}

/// Serves, and keeps the read model, until `stop`. Then it takes no more connections, ends those that only wait for events, and waits
/// for what is under way, but no longer than the settings say. Fails if a request was cut off.
pub async fn serve(
    listener: TcpListener,
    store: Store,
    settings: Settings,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let kept = store.store().clone();
    serve_beside(listener, store, settings, stop, |stopping| report::keep(kept, stopping)).await
}

/// The same with another task in the place of the read model. If that task panics, or ends before `stop`, the service ends with an
/// error, so that it is started again.
pub async fn serve_beside<T: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    store: Store,
    settings: Settings,
    stop: impl Future<Output = ()>,
    task: impl FnOnce(Stopping) -> T,
) -> io::Result<()> {
    let (stop_all, stopping) = watch::channel(false);
    let stopping = Stopping(stopping);
    let readers = Arc::new(Semaphore::new(settings.readers));
    let shutdown_timeout = settings.shutdown_timeout;
    let mut task = tokio::spawn(task(stopping.clone()));
    let router = router(App { store, settings, readers, stopping: stopping.clone() });
    // An event is small, and must not wait for the next one.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    let server = axum::serve(listener, router).with_graceful_shutdown(stopping.wait());
    let mut server = tokio::spawn(server.into_future());
    let reason = tokio::select! {
        () = stop => Ok(()),
        ended = &mut server => {
            task.abort();
            return ended?;
        }
        ended = &mut task => {
            let why = ended.map_or_else(io::Error::from, |()| io::Error::other("its task has ended"));
            tracing::error!(error = %why, "the read model is no longer kept");
            Err(why)
        }
    };
    tracing::info!("ending: no more connections are taken");
    stop_all.send_replace(true);
    let end = Instant::now() + shutdown_timeout;
    let answered = timeout_at(end, &mut server).await;
    // One that has ended must not be awaited a second time.
    if reason.is_ok() && timeout_at(end, &mut task).await.is_err() {
        task.abort();
    }
    match answered {
        Ok(ended) => reason.and(ended?),
        Err(late) => {
            server.abort();
            tracing::warn!("not all requests have ended in time; the others are cut off");
            reason.and(Err(late.into()))
        }
    }
}

fn router(app: App) -> Router {
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
