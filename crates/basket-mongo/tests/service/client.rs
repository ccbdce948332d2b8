//! A service of one test, on a free port, and a client of it that knows HTTP and nothing of the service's code.

use std::{
    collections::HashSet,
    io::{self, BufRead, BufReader},
    time::{Duration, Instant},
};

use basket_mongo::{Baskets, MongoStore};
use serde_json::Value;
use testkit::own_server::OwnServer;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::{JoinHandle, spawn_blocking},
};
use ureq::{
    Agent, Body,
    http::{Request, Response},
};

use crate::app::{Settings, serve};

/// How long anything may take that is not about time, on a machine that is busy.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Settings under which a slow machine changes no answer.
pub fn long_timeouts() -> Settings {
    let secs = Duration::from_secs;
    Settings { timeout: secs(60), probe: secs(60), shutdown_timeout: secs(60), ..Settings::default() }
}

/// Runs a test with a server of its own.
pub fn with_server(test: impl AsyncFnOnce(OwnServer)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { test(OwnServer::start().await).await });
}

pub struct Service {
    pub url: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Service {
    pub async fn of(store: MongoStore<Baskets>) -> Self {
        Self::with(store, long_timeouts()).await
    }

    /// One on a server of its own, which knows it as `service`.
    pub async fn on(server: &OwnServer) -> Self {
        Self::of(MongoStore::builder(server.address()).app_name("service").open().await.unwrap()).await
    }

    pub async fn with(store: MongoStore<Baskets>, settings: Settings) -> Self {
        let (stop, stopped) = oneshot::channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(serve(listener, store.observed(), settings, async { drop(stopped.await) }));
        Self { url, stop, serving }
    }

    /// Stops it, and waits until it has ended without an error; returns how long that took.
    pub async fn stop(self) -> Duration {
        let (ended, took) = self.end().await;
        ended.unwrap();
        took
    }

    /// Stops it, and waits until it has ended; returns what `serve` has, and how long that took.
    pub async fn end(self) -> (io::Result<()>, Duration) {
        let begin = Instant::now();
        self.stop.send(()).unwrap();
        (self.serving.await.unwrap(), begin.elapsed())
    }

    /// The address without its scheme.
    pub fn host(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.ask("POST", path, headers, body).await
    }

    /// Sends a request whose body, if there is one, is JSON.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        send(self.request(method, path, headers), body.to_owned()).await
    }

    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> ureq::http::request::Builder {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    }

    /// Creates an empty basket, and returns its path.
    pub async fn basket(&self) -> String {
        let created = self.post("/baskets", &[], "").await;
        assert_eq!(created.status, 201, "{created:?}");
        created.header("location").to_owned()
    }

    /// Follows events, in a thread, until so many different ones have come or the service ends it; then hangs up.
    pub fn follow(&self, path: &str, headers: &[(&str, &str)], many: usize) -> Reader {
        let request = self.request("GET", path, headers).body(()).unwrap();
        let (send, news) = mpsc::unbounded_channel();
        let end = spawn_blocking(move || {
            let mut response = agent().run(request).unwrap();
            let status = response.status().as_u16();
            if status != 200 {
                return (status, Vec::new());
            }
            let lines = BufReader::new(response.body_mut().as_reader()).lines();
            (status, sent(lines.map(Result::unwrap), many, &send))
        });
        Reader { news, end }
    }
}

/// A client that follows events.
pub struct Reader {
    news: mpsc::UnboundedReceiver<()>,
    end: JoinHandle<(u16, Vec<Sent>)>,
}

impl Reader {
    /// Waits until so many more events have come.
    pub async fn has(&mut self, many: usize) {
        for _ in 0..many {
            self.news.recv().await.unwrap();
        }
    }

    /// The status, and all that has come.
    pub async fn end(self) -> (u16, Vec<Sent>) {
        self.end.await.unwrap()
    }
}

/// An event as it was sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sent {
    pub id: String,
    pub kind: String,
    pub data: Value,
}

impl Sent {
    /// Which event it is, though it may be sent twice.
    pub fn place(&self) -> (String, u64) {
        (self.data["basket"].to_string(), self.data["version"].as_u64().unwrap_or(0))
    }
}

fn sent(lines: impl Iterator<Item = String>, many: usize, news: &mpsc::UnboundedSender<()>) -> Vec<Sent> {
    let (mut all, mut one, mut id) = (Vec::new(), Sent::default(), String::new());
    for line in lines {
        match line.split_once(':').map(|(field, value)| (field, value.trim_start())) {
            Some(("id", value)) => value.clone_into(&mut id),
            Some(("event", value)) => value.clone_into(&mut one.kind),
            Some(("data", value)) => one.data = serde_json::from_str(value).unwrap_or_else(|_| value.into()),
            None if line.is_empty() && !one.kind.is_empty() => {
                all.push(Sent { id: id.clone(), ..std::mem::take(&mut one) });
                news.send(()).ok();
                let different: HashSet<_> = all.iter().map(Sent::place).collect();
                if different.len() == many {
                    break;
                }
            }
            _ => {}
        }
    }
    all
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// It is a problem of this kind, by RFC 9457, and says nothing of what is inside.
    #[track_caller]
    pub fn is_problem(&self, status: u16, kind: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert_eq!(self.body["type"], format!("tag:basket.example,2026:{kind}"), "{self:?}");
        assert!(self.body["title"].is_string() && self.body["detail"].is_string(), "{self:?}");
        for inside in ["mongodb", "127.0.0.1", "basket_", "Kind:", "baskets'"] {
            assert!(!self.body.to_string().contains(inside), "{inside}: {self:?}");
        }
    }
}

fn agent() -> Agent {
    let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT)).proxy(None);
    Agent::new_with_config(config.build())
}

pub async fn send(request: ureq::http::request::Builder, body: String) -> Answer {
    let answer = move || {
        let response = match body.is_empty() {
            true => agent().run(request.body(()).unwrap()),
            false => {
                let has_type = request.headers_ref().unwrap().contains_key("content-type");
                let request = if has_type { request } else { request.header("content-type", "application/json") };
                agent().run(request.body(body).unwrap())
            }
        };
        read(response.unwrap())
    };
    spawn_blocking(answer).await.unwrap()
}

fn read(mut response: Response<Body>) -> Answer {
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let text = response.body_mut().read_to_string().unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
    Answer { status: response.status().as_u16(), headers, body }
}
