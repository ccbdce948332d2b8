//! What a request leaves for operators: a span around all that it does, with the spans of the store's calls in it, and its trace,
//! which the events carry on as their correlation.
//!
//! Spans are printed with each line of the log, as JSON. To send them to a collector by OTLP, add the crates
//! `tracing-opentelemetry`, `opentelemetry_sdk` and `opentelemetry-otlp` (with what they need some thirty crates, so they are not
//! here), and in [`log_to`] the layer
//! `.with(tracing_opentelemetry::layer().with_tracer(provider.tracer("basket-service")))`; `otel.name` and `otel.kind` are what it
//! reads. In [`traced`], `span.set_parent(…)` with the remote context then takes the place of [`Trace::new`].

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument, field::Empty};
use tracing_subscriber::{
    filter::LevelFilter,
    fmt::{MakeWriter, format::FmtSpan, layer},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The trace of a request, as <https://www.w3.org/TR/trace-context/> has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    /// What all that comes of one request shares.
    pub(super) id: String,
    /// The span of this service.
    span: String,
    flags: String,
}

impl Trace {
    /// That of the header `traceparent`; a new one if there is none, or one that is invalid.
    fn new(headers: &HeaderMap) -> Self {
        let (id, flags) = headers.get("traceparent").and_then(parent).unwrap_or_else(|| {
            let id = fastrand::u128(1..);
            (format!("{id:032x}"), "00".into())
        });
        Self { id, span: format!("{:016x}", fastrand::u64(1..)), flags }
    }

    /// What is passed on to a program that continues the trace.
    pub(super) fn parent(&self) -> String {
        let Self { id, span, flags } = self;
        format!("00-{id}-{span}-{flags}")
    }
}

/// The trace and the flags of a `traceparent`: `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
fn parent(header: &HeaderValue) -> Option<(String, String)> {
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |text: &str, length| is_hex(text, length) && text.bytes().any(|digit| digit != b'0');
    let mut parts = header.to_str().ok()?.split('-');
    let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // Later versions may have more parts.
    let is_version = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let is_valid = is_version && is_id(id, 32) && is_id(span, 16) && is_hex(flags, 2);
    is_valid.then(|| (id.to_owned(), flags.to_owned()))
}

/// Prints a line for each span when it ends, and for what happens in it, with all the spans around it.
pub fn log_to(out: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) {
    let lines = layer().json().with_span_events(FmtSpan::CLOSE).with_writer(out);
    tracing_subscriber::registry().with(LevelFilter::INFO).with(lines).init();
}

/// A span for each request. No header and no id is in it but those of the trace: they may be personal.
pub(super) async fn traced(mut request: Request, next: Next) -> Response {
    let trace = Trace::new(request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{} {route}", request.method()),
        otel.kind = "server",
        trace_id = trace.id,
        span_id = trace.span,
        http.request.method = %request.method(),
        http.route = route,
        http.response.status_code = Empty,
    );
    // The client gets the trace, too, also one that began here: with it, operators find the request.
    let answer = HeaderValue::from_str(&trace.parent());
    request.extensions_mut().insert(trace);
    let answered = async {
        let mut response = next.run(request).await;
        tracing::Span::current().record("http.response.status_code", response.status().as_u16());
        response.headers_mut().extend(answer.map(|value| (HeaderName::from_static("traceresponse"), value)));
        response
    };
    answered.instrument(span).await
}
