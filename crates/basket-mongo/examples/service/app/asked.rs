//! A command as it comes in: its body, the versions that it is meant for, the key that names the request, and its trace. All of it is
//! from outside, so what can't be read is a [`Problem`] that says why.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, HeaderName, Method, StatusCode, header, request::Parts},
};
use basket_mongo::{Meta, Require};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::{App, problem::Problem, telemetry::Trace};

/// The most bytes of a body; a layer in `router` enforces it.
pub(super) const MOST: usize = 16 * 1024;

/// The most characters of a key.
const KEY: usize = 128;

/// What a client asks for.
pub(super) struct Asked<B> {
    pub(super) body: B,
    require: Option<Require>,
    /// Names the request. A client that sends none gets one, so that it can send again what has an unknown outcome.
    pub(super) key: String,
    beside: Beside,
    correlation: String,
}

/// What is stored beside the events, in the headers of their [`Meta`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Beside {
    /// A hash of the method, the path and the body. It tells another request with the same key from this one.
    fingerprint: String,
    /// A program that reacts to the event continues this trace.
    traceparent: String,
}

/// What the path names. axum's own [`Path`] answers a path that is not UTF-8 with a plain text.
pub(super) struct InPath<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, app).await;
        path.map(|Path(path)| Self(path)).map_err(|_| Problem::bad_request("the path is not UTF-8"))
    }
}

impl<B> Asked<B> {
    /// What is stored beside the events. A service with users sets the actor here.
    pub(super) fn meta(&self) -> Result<Meta, Problem> {
        let (request, correlation) = (Some(self.key.clone()), Some(self.correlation.clone()));
        let mut meta = Meta { request, correlation, ..Meta::default() };
        match meta.set_headers(&self.beside) {
            Ok(()) => Ok(meta),
            Err(why) => Err(Problem::bad_request(format!("the headers can't be kept: {why}"))),
        }
    }

    /// What a new basket must be. It has no version that could match.
    pub(super) fn of_new(&self) -> Result<Require, Problem> {
        match self.require {
            None | Some(Require::New) => Ok(Require::New),
            Some(Require::Version(_) | Require::Existing) => Err(Problem::no_match()),
        }
    }

    /// What a basket that is there must be.
    pub(super) fn of_existing(&self) -> Result<Option<Require>, Problem> {
        match self.require {
            Some(Require::New) => Err(Problem::not_for_commands()),
            require => Ok(require),
        }
    }

    /// Whether what was stored with this key is this request.
    pub(super) fn is_that_of(&self, stored: &Meta) -> bool {
        stored.headers::<Beside>().is_ok_and(|stored| stored.fingerprint == self.beside.fingerprint)
    }
}

impl<B: DeserializeOwned + Default> FromRequest<App> for Asked<B> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let headers = request.headers().clone();
        let trace = request.extensions().get::<Trace>().cloned();
        let body = body_of(request, app.settings.timeout).await?;
        let parsed = match body.is_empty() {
            true => B::default(),
            false if !is_json(&headers) => return Err(Problem::not_json()),
            // serde takes a list for an object, too.
            false if !body.trim_ascii_start().starts_with(b"{") => {
                return Err(Problem::bad_request("a body is an object"));
            }
            false => serde_json::from_slice(&body).map_err(|why| Problem::bad_request(why.to_string()))?,
        };
        let key = key(&headers)?.unwrap_or_else(|| format!("{:032x}", fastrand::u128(..)));
        let (correlation, traceparent) = trace.map(|trace| (trace.id.clone(), trace.parent())).unwrap_or_default();
        let beside = Beside { fingerprint: fingerprint(&method, &path, &body), traceparent };
        Ok(Self { body: parsed, require: require(&headers)?, key, beside, correlation })
    }
}

async fn body_of(request: Request, longest: Duration) -> Result<Bytes, Problem> {
    // A client that sends a byte a minute would hold the request, and the end of the service.
    let body = timeout(longest, Bytes::from_request(request, &())).await.map_err(|_| Problem::too_slow())?;
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(MOST),
        _ => Problem::bad_request("the body has broken off"),
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn fingerprint(method: &Method, path: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    // Neither a method nor a path has a line break.
    hash.update(format!("{method}\n{path}\n"));
    hash.update(body);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key: a text in quotes, as the draft of the header says, or without them, as most clients send it.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = one(headers, &HeaderName::from_static("idempotency-key"))? else { return Ok(None) };
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    let is_plain = key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    match is_plain && (1..=KEY).contains(&key.len()) {
        true => Ok(Some(key.to_owned())),
        false => Err(Problem::bad_request(format!("an Idempotency-Key has 1 to {KEY} visible characters"))),
    }
}

/// The value of a header that comes at most once.
pub(super) fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| std::str::from_utf8(value.as_bytes())), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(Problem::bad_request(format!("{name} comes once, and is a text"))),
    }
}

/// What the conditions want of the basket: `If-Match` a version, or that it is there; `If-None-Match: *` that it is not. Of several
/// versions, only the newest can be right: a client that has it has seen that the basket came as far, and it never goes back.
fn require(headers: &HeaderMap) -> Result<Option<Require>, Problem> {
    match (tags(headers, &header::IF_MATCH)?, tags(headers, &header::IF_NONE_MATCH)?) {
        (None, None) => Ok(None),
        (None, Some(Tags::Any)) => Ok(Some(Require::New)),
        (_, Some(_)) => Err(Problem::not_for_commands()),
        (Some(Tags::Any), None) => Ok(Some(Require::Existing)),
        (Some(Tags::These(tags)), None) => {
            let newest = tags.iter().filter(|tag| !tag.is_weak).filter_map(|tag| tag.version).max();
            newest.map(|version| Some(Require::Version(version))).ok_or_else(Problem::no_match)
        }
    }
}

/// Whether the client has this version already: `If-None-Match`.
pub(super) fn is_known(headers: &HeaderMap, version: u64) -> Result<bool, Problem> {
    Ok(match tags(headers, &header::IF_NONE_MATCH)? {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::These(tags)) => tags.iter().any(|tag| tag.version == Some(version)),
    })
}

enum Tags {
    Any,
    These(Vec<Tag>),
}

struct Tag {
    is_weak: bool,
    /// None if no basket has such a tag.
    version: Option<u64>,
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Problem> {
    let broken = || Problem::bad_request(format!("{name} is * or a list of tags in quotes, such as \"3\""));
    let (mut tags, mut is_there) = (Vec::new(), false);
    for value in headers.get_all(name) {
        is_there = true;
        let mut rest = value.to_str().map_err(|_| broken())?.trim();
        if rest == "*" {
            return Ok(Some(Tags::Any));
        }
        loop {
            // The elements of a list may be empty.
            rest = rest.trim_start_matches([',', ' ', '\t']);
            if rest.is_empty() {
                break;
            }
            let (is_weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
            let quoted = quoted.strip_prefix('"').ok_or_else(broken)?;
            let (tag, after) = quoted.split_once('"').ok_or_else(broken)?;
            let version = tag.parse().ok().filter(|version: &u64| version.to_string() == tag && *version > 0);
            tags.push(Tag { is_weak, version });
            rest = after.trim_start();
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(broken());
            }
        }
    }
    Ok(is_there.then_some(Tags::These(tags)))
}
