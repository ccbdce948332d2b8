//! Errors as a client gets them: `application/problem+json` (RFC 9457). A `type` is a thing that a client can act on. What the store or
//! its driver has said stays in the log: it names servers and documents.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use basket_domain::{BasketEvent, Refusal};
use basket_mongo::{CommandError, Require, StoreError};
use serde_json::{Map, Value, json};

/// Seconds after which a client may try again: a new primary takes about so long.
const RETRY_AFTER: u32 = 2;

/// What is said of each error that may pass.
const NO_ANSWER: &str = "the store does not answer now";

/// Why there is no other answer.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    /// The last part of its `type`.
    kind: &'static str,
    detail: String,
    retries: bool,
    /// Further members.
    more: Map<String, Value>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), retries: false, more: Map::new() }
    }

    /// The client may send the same again.
    fn later(self) -> Self {
        Self { retries: true, ..self }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    pub(super) fn no_page() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-page", "there is no such page")
    }

    pub(super) fn no_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "no-method", "this page has no such method")
    }

    pub(super) fn no_basket() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-basket", "there is no such basket")
    }

    pub(super) fn too_large(most: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", format!("a body has at most {most} bytes"))
    }

    pub(super) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "the body did not come in time")
    }

    pub(super) fn not_json() -> Self {
        let detail = "a body is JSON; say so with Content-Type: application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", detail)
    }

    /// The tag in `If-Match` is none that a basket ever has.
    pub(super) fn no_match() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "stale",
            "the basket is not as If-Match says; get it and decide again",
        )
    }

    /// `If-None-Match`, but for a `*` where a basket is created.
    pub(super) fn not_for_commands() -> Self {
        Self::bad_request(
            "a command takes no If-None-Match, but for a * on a create; say with If-Match which version it is meant for",
        )
    }

    pub(super) fn key_is_taken() -> Self {
        let detail = "this Idempotency-Key was used for another request; a new request takes a new key";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "key-taken", detail)
    }

    pub(super) fn not_yet(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-yet", detail).later()
    }

    pub(super) fn unsuitable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unsuitable", "the store can't keep events; its log says why")
    }

    /// A command that may have been carried out, by this request or by an earlier one with this key. With the key, it is safe to
    /// send it again.
    fn again(status: StatusCode, kind: &'static str, why: &str, key: &str) -> Self {
        let detail = format!("{why}; send it again with the same Idempotency-Key, so that it is done once");
        Self::new(status, kind, detail).later().with("idempotency_key", key)
    }

    /// The store has failed before it was known what came of a command, or after it: an earlier request with this key may have
    /// changed something.
    pub(super) fn in_command(error: StoreError, key: &str) -> Self {
        match Self::from(error) {
            Self { status, kind, retries: true, .. } => Self::again(status, kind, NO_ANSWER, key),
            problem => problem,
        }
    }

    /// What came of a command that was sent with this key.
    pub(super) fn of_command(error: CommandError<BasketEvent, Refusal>, key: &str) -> Self {
        match error {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Stale { required: Require::New, found, .. } => {
                let detail = "the basket is there already; get it, or create another one with a new Idempotency-Key";
                Self::new(StatusCode::PRECONDITION_FAILED, "stale", detail).with("version", found)
            }
            CommandError::Stale { found, .. } => Self::no_match().with("version", found),
            CommandError::Contended { .. } => {
                Self::again(StatusCode::CONFLICT, "contended", "other writers were faster each time", key)
            }
            CommandError::Store { error: error @ StoreError::OutcomeUnknown { .. }, .. } => {
                tracing::warn!(%error, "the outcome of a command is unknown");
                let why = "it is not known whether this was done";
                Self::again(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", why, key)
            }
            CommandError::Store { error, .. } => Self::in_command(error, key),
            // There may be more of them one day.
            other => {
                tracing::error!(error = %other, "a command has failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "this should not happen; the log says why")
            }
        }
    }
}

/// The domain has refused; the words are its own, and hold nothing but what the client has sent or may see.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, kind) = match refusal {
            Refusal::NeverCreated => return Self::no_basket(),
            Refusal::AlreadyCreated => (StatusCode::CONFLICT, "already-created"),
            // In another state of the basket, it could be done.
            Refusal::NotInBasket { .. } => (StatusCode::CONFLICT, "not-in-basket"),
            Refusal::TooMany { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "too-many"),
            _ => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
        };
        Self::new(status, kind, refusal.to_string())
    }
}

/// The store has failed. This says nothing of what was changed: see [`Problem::in_command`].
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::no_basket(),
            StoreError::HistoryLost { .. } => {
                let detail = "what happened after this Last-Event-ID is no longer known; begin again without one";
                Self::new(StatusCode::GONE, "history-lost", detail)
            }
            error if error.is_transient() => {
                tracing::warn!(%error, kind = error.kind(), "the store does not answer");
                let detail = format!("{NO_ANSWER}; send it again later");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).later()
            }
            error => {
                tracing::error!(%error, kind = error.kind(), "the store has failed");
                let detail = "the store can't do this, and to send it again would not help";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store", detail)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, kind, detail, retries, more } = self;
        let mut body = more;
        body.insert("type".into(), format!("tag:basket.example,2026:{kind}").into());
        body.insert("title".into(), status.canonical_reason().into());
        body.insert("status".into(), status.as_u16().into());
        body.insert("detail".into(), detail.into());
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(header::CONTENT_TYPE, kind)], json!(body).to_string()).into_response();
        if retries {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER.into());
        }
        response
    }
}
