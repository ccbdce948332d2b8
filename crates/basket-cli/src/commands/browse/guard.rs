//! Who is answered. Any page in any browser can send a request to this machine, and any name can be made to lead to it: so the
//! name that was asked for must be ours, and so must the page that asks. From other machines, a token is needed, too.

use std::net::SocketAddr;

use anyhow::Result;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    exit::{Failure, STORE},
    plain::hex,
};

/// What every response has. Scripts and styles come from here alone, and nothing is kept.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Decides by the headers of a request.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    bound: SocketAddr,
    /// None where only this machine can ask.
    token: Option<String>,
}

impl Guard {
    pub(super) fn of(bound: SocketAddr) -> Result<Self> {
        let token = if bound.ip().is_loopback() { None } else { Some(random()?) };
        Ok(Self { bound, token })
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Why a request is not answered.
    fn refusal(&self, request: &Request) -> Option<(StatusCode, &'static str)> {
        let headers = request.headers();
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Some((StatusCode::METHOD_NOT_ALLOWED, "this only reads: GET and HEAD"));
        }
        let host = one(headers, &header::HOST).unwrap_or_default();
        if !self.is_ours(host) {
            return Some((StatusCode::FORBIDDEN, "ask for the address that `browse` has printed"));
        }
        let is_our_page = |origin: &HeaderValue| origin.as_bytes() == format!("http://{host}").as_bytes();
        if !headers.get_all(header::ORIGIN).iter().all(is_our_page) {
            return Some((StatusCode::FORBIDDEN, "no other page may ask"));
        }
        let Some(token) = &self.token else { return None };
        let shown = given(request).or_else(|| self.cookie(headers));
        let is_right = shown.is_some_and(|shown| is_same(shown.as_bytes(), token.as_bytes()));
        (!is_right).then_some((StatusCode::FORBIDDEN, "open the address that `browse` has printed, with its token"))
    }

    /// Whether a name leads here by right. Where others may ask, their name for this machine isn't known, but its port is.
    fn is_ours(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        let ours = match self.bound {
            SocketAddr::V4(bound) => bound.ip().to_string(),
            SocketAddr::V6(bound) => format!("[{}]", bound.ip()),
        };
        let is_named = if self.token.is_some() { !name.is_empty() } else { name == ours || name == "localhost" };
        is_named && port == Some(self.bound.port())
    }

    /// The token that the page got with the first request. Ports share their cookies, so its name has the port.
    fn cookie<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut cookies = cookies.flat_map(|cookies| cookies.split("; ")).filter_map(|cookie| cookie.split_once('='));
        cookies.find(|(name, _)| *name == self.cookie_name()).map(|(_, value)| value)
    }

    fn cookie_name(&self) -> String {
        format!("browse-{}", self.bound.port())
    }
}

/// Refuses what is not for us, and adds the headers to every response.
pub(super) async fn guarded(State(guard): State<Guard>, request: Request, next: Next) -> Response<Body> {
    let first = given(&request).is_some();
    let mut response = match guard.refusal(&request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    let is_refused = !response.status().is_success();
    let headers = response.headers_mut();
    headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if let (Some(token), true, false) = (&guard.token, first, is_refused) {
        let cookie = format!("{}={token}; Path=/; HttpOnly; SameSite=Strict", guard.cookie_name());
        headers.extend(HeaderValue::from_str(&cookie).map(|cookie| (header::SET_COOKIE, cookie)));
    }
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

/// The value of a header that came once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The token in the address.
fn given(request: &Request) -> Option<&str> {
    request.uri().query()?.split('&').find_map(|field| field.strip_prefix("token="))
}

/// Compares all bytes, wherever the first difference is: the time says nothing of the token.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differ) == 0
}

fn random() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|why| Failure(STORE, format!("there is no random token to be had: {why}")))?;
    Ok(hex(&bytes))
}
