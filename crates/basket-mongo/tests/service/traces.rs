//! The trace of a request: into the events, into the answer, and into the log with the spans of the store.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use testkit::mongo::with_database;

use crate::{app::telemetry, client::Service};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What is logged, in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that is about traces is one test, since there is one log for the whole process.
#[test]
fn a_trace_goes_on_in_the_events_in_the_answer_and_in_the_log() {
    let log = Log::default();
    let out = log.clone();
    telemetry::log_to(move || out.clone());
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let path = service.basket().await;
        let items = format!("{path}/items");
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let added = service.post(&items, &[("traceparent", &parent)], r#"{"product": "socks"}"#).await;
        assert!(added.header("traceresponse").starts_with(&format!("00-{TRACE}-")), "{added:?}");

        let id = path.trim_start_matches("/baskets/").parse().unwrap();
        let stream = db.stream(id).await;
        let meta = stream[1].get_document("meta").unwrap();
        assert_eq!(meta.get_str("correlation").unwrap(), TRACE);
        let handed_on = meta.get_document("headers").unwrap().get_str("traceparent").unwrap();
        assert_eq!(handed_on, added.header("traceresponse"), "with the span of the service, and not of its client");
        assert!(handed_on.ends_with("-01") && !handed_on.contains("00f067aa0ba902b7"), "{handed_on}");
        let (_, seen) = service.follow(&format!("{path}/events"), &[("last-event-id", "1")], 1).end().await;
        assert_eq!(seen[0].data["correlation"], TRACE);

        // One that is invalid begins a new trace.
        let zeros = "0".repeat(32);
        for parent in ["x".into(), format!("00-{zeros}-00f067aa0ba902b7-01"), format!("ff-{TRACE}-00f067aa0ba902b7-01")]
        {
            let found = service.ask("GET", &path, &[("traceparent", &parent)], "").await;
            let new = &found.header("traceresponse")[3..35];
            assert!(new != TRACE && new != zeros, "{found:?}");
        }
        service.stop().await;
    });
    let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_ours = |line: &&Value| line["spans"][0]["trace_id"] == TRACE || line["span"]["trace_id"] == TRACE;
    let ours: Vec<_> = lines.iter().filter(is_ours).collect();
    let names: Vec<_> = ours.iter().filter_map(|line| line["span"]["otel.name"].as_str()).collect();
    assert_eq!(names, ["find baskets", "insert baskets", "add item", "POST /baskets/{id}/items"], "{ours:#?}");
    assert_eq!(ours.last().unwrap()["span"]["http.response.status_code"], 200);
}
