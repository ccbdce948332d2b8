//! An HTTP server that events are sent to: it keeps what it gets, and answers as the test says.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc::{self, Receiver as Channel},
    },
    thread,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, header::RETRY_AFTER},
    response::IntoResponse,
    routing::post,
};
use futures_util::future::select;
use serde_json::Value;
use tokio::{net::TcpListener, runtime::Builder, sync::oneshot};

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait for what must not come.
const SILENCE: Duration = Duration::from_millis(400);

pub struct Receiver {
    /// Where it is.
    pub url: String,
    pub requests: Channel<Post>,
    /// It ends when this is dropped.
    _end: oneshot::Sender<()>,
}

/// What was sent.
#[derive(Debug, Clone)]
pub struct Post {
    pub headers: HeaderMap,
    pub body: Value,
    pub at: Instant,
    /// What it was answered with.
    pub status: u16,
}

/// What is answered: a status, after how many seconds to come again, and words.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub retry_after: Option<u32>,
    pub words: &'static str,
    pub after: Duration,
}

impl Reply {
    pub fn of(status: u16) -> Self {
        Self { status, ..Self::default() }
    }
}

impl Receiver {
    /// One that takes all.
    pub fn start() -> Self {
        Self::answering(|_, _| Reply::of(202))
    }

    /// One that answers each request by its number, from 0, and its body.
    pub fn answering(reply: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static) -> Self {
        let (sender, requests) = mpsc::channel();
        let count = Arc::new(AtomicUsize::new(0));
        let reply = Arc::new(reply);
        let take = async move |headers: HeaderMap, body: Bytes| {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let number = count.fetch_add(1, SeqCst);
            let Reply { status, retry_after, words, after } = reply(number, &body);
            sender.send(Post { headers, body, at: Instant::now(), status }).ok();
            tokio::time::sleep(after).await;
            let mut answer = (StatusCode::from_u16(status).unwrap(), words).into_response();
            answer.headers_mut().extend(retry_after.map(|seconds| (RETRY_AFTER, seconds.into())));
            answer
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let (end, ended) = oneshot::channel::<()>();
        let serve = async move {
            let listener = TcpListener::from_std(listener).unwrap();
            select(axum::serve(listener, Router::new().route("/events", post(take))).into_future(), ended).await;
        };
        // The test may stand in a runtime already.
        thread::spawn(|| Builder::new_current_thread().enable_all().build().unwrap().block_on(serve));
        Self { url, requests, _end: end }
    }

    #[track_caller]
    pub fn next(&self) -> Post {
        self.requests.recv_timeout(PATIENCE).unwrap()
    }

    #[track_caller]
    pub fn is_silent(&self) {
        let post = self.requests.recv_timeout(SILENCE);
        assert!(post.is_err(), "{post:?}");
    }

    /// All that has come until now.
    pub fn all(&self) -> Vec<Post> {
        self.requests.try_iter().collect()
    }
}

impl Post {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Its events, in their order.
    pub fn events(&self) -> Vec<Value> {
        self.body.as_array().cloned().unwrap_or_else(|| vec![self.body.clone()])
    }
}
