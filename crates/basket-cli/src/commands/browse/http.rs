//! The routes: the page and what it asks for. What comes in becomes an [`Ask`], so nothing here knows a domain or a store.

use std::convert::Infallible;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::from_fn_with_state,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{broadcast, mpsc};

use super::{
    guard::{Guard, guarded},
    lines::{Ask, Fault, Question},
};

/// How many pieces of an answer may wait for the network.
const PIECES: usize = 4;

#[derive(Clone)]
struct Pages {
    about: Bytes,
    ask: mpsc::Sender<Question>,
    /// Weak, so that the reader's end is the end of every page's events.
    live: broadcast::WeakSender<String>,
}

/// All that is served.
pub(super) fn pages(
    about: String,
    ask: mpsc::Sender<Question>,
    live: broadcast::Sender<String>,
    guard: Guard,
) -> Router {
    let file = |kind: &'static str, text: &'static str| get(move || async move { ([(CONTENT_TYPE, kind)], text) });
    let script = |text| file("text/javascript; charset=utf-8", text);
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("page/index.html")))
        .route("/style.css", file("text/css; charset=utf-8", include_str!("page/style.css")))
        .route("/page.js", script(include_str!("page/page.js")))
        .route("/stream.js", script(include_str!("page/stream.js")))
        .route("/past.js", script(include_str!("page/past.js")))
        .route("/rows.js", script(include_str!("page/rows.js")))
        .route("/server.js", script(include_str!("page/server.js")))
        .route("/about", get(about_it))
        .route("/list", get(async |pages: State<Pages>| pages.answer(Ask::List(None)).await))
        .route("/list/{id}", get(async |pages: State<Pages>, Path(id)| pages.answer(Ask::Line(id)).await))
        .route("/having/{row}", get(async |pages: State<Pages>, Path(row)| pages.answer(Ask::List(Some(row))).await))
        .route("/events/{id}", get(async |pages: State<Pages>, Path(id)| pages.answer(Ask::Events(id, 0)).await))
        .route(
            "/events/{id}/{after}",
            get(async |pages: State<Pages>, Path((id, after))| pages.answer(Ask::Events(id, after)).await),
        )
        .route(
            "/document/{id}/{version}",
            get(async |pages: State<Pages>, Path((id, version))| pages.answer(Ask::Document(id, version)).await),
        )
        .route(
            "/correlation/{name}",
            get(async |pages: State<Pages>, Path(name)| pages.answer(Ask::Correlation(name)).await),
        )
        .route("/live", get(live_events))
        .fallback(async || (StatusCode::NOT_FOUND, "there is no such page"))
        .layer(from_fn_with_state(guard, guarded))
        .with_state(Pages { about: about.into(), ask, live: live.downgrade() })
}

async fn about_it(State(pages): State<Pages>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], pages.about)
}

/// Events as they happen; the end of the reader ends them.
async fn live_events(State(pages): State<Pages>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let live = pages.live.upgrade().map(|live| live.subscribe());
    let events = stream::unfold(live, async |live| {
        let mut live = live?;
        let line = match live.recv().await {
            Ok(line) => line,
            // The page reads again then.
            Err(broadcast::error::RecvError::Lagged(_)) => r#"{"watching":true}"#.into(),
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        Some((Ok(Event::default().data(line)), Some(live)))
    });
    // The browser hears at once that it is connected, and then asks for the rest.
    let hello = stream::once(async { Ok(Event::default().comment("connected")) });
    Sse::new(hello.chain(events)).keep_alive(KeepAlive::default())
}

impl Pages {
    async fn answer(&self, ask: Ask) -> Response {
        let ended = || (StatusCode::SERVICE_UNAVAILABLE, "the server has ended").into_response();
        let (out, mut pieces) = mpsc::channel(PIECES);
        if self.ask.send((ask, out)).await.is_err() {
            return ended();
        }
        match pieces.recv().await {
            Some(Ok(first)) => {
                let rest = stream::unfold(pieces, async |mut pieces| Some((pieces.recv().await?, pieces)));
                let body = stream::once(async { Ok(first) }).chain(rest);
                let body = body.map(|piece| piece.map_err(|Fault(_, why)| why));
                ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response()
            }
            Some(Err(Fault(status, why))) => (status, why).into_response(),
            None => ended(),
        }
    }
}
