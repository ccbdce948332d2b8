//! Who listens: a subscriber that keeps the spans of this crate, and a recorder that keeps its numbers.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata as About, Recorder,
    SharedString, Unit,
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// A span, with its fields by name.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub parent: Option<usize>,
    pub fields: BTreeMap<&'static str, String>,
}

impl Seen {
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// The spans of this thread, in the order in which they were opened.
#[derive(Clone, Default)]
pub struct Spans(Arc<Mutex<(Vec<Seen>, Vec<usize>)>>);

impl Spans {
    pub fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().0.clone()
    }

    /// Those since the last call.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap().0)
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("basket_mongo")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let (spans, open) = &mut *self.0.lock().unwrap();
        let mut seen = Seen { parent: open.last().copied(), ..Seen::default() };
        span.record(&mut seen);
        spans.push(seen);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let spans = &mut self.0.lock().unwrap().0;
        values.record(&mut spans[span.into_u64() as usize - 1]);
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().1.push(span.into_u64() as usize - 1);
    }

    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().1.pop();
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
}

/// Every value that was recorded, by the metric's name and its labels: `event_store.appends collection=baskets outcome=now`.
#[derive(Clone, Default)]
pub struct Numbers {
    values: Arc<Mutex<BTreeMap<String, Vec<f64>>>>,
    pub described: Arc<Mutex<BTreeMap<String, Unit>>>,
}

impl Numbers {
    /// All of a metric's values; of a counter, its steps.
    pub fn of(&self, key: &str) -> Vec<f64> {
        self.values.lock().unwrap().get(key).cloned().unwrap_or_default()
    }

    pub fn sum(&self, key: &str) -> f64 {
        self.of(key).iter().sum()
    }

    pub fn keys(&self) -> Vec<String> {
        self.values.lock().unwrap().keys().cloned().collect()
    }

    fn metric(&self, key: &Key) -> Arc<Metric> {
        let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
        Arc::new(Metric { key: key.name().to_owned() + &labels.collect::<String>(), numbers: self.clone() })
    }

    fn describe(&self, key: KeyName, unit: Option<Unit>) {
        self.described.lock().unwrap().insert(key.as_str().to_owned(), unit.unwrap());
    }
}

struct Metric {
    key: String,
    numbers: Numbers,
}

impl Metric {
    fn push(&self, value: f64) {
        self.numbers.values.lock().unwrap().entry(self.key.clone()).or_default().push(value);
    }
}

impl CounterFn for Metric {
    fn increment(&self, value: u64) {
        self.push(value as f64);
    }

    fn absolute(&self, _: u64) {
        unimplemented!()
    }
}

impl GaugeFn for Metric {
    fn increment(&self, _: f64) {
        unimplemented!()
    }

    fn decrement(&self, _: f64) {
        unimplemented!()
    }

    fn set(&self, value: f64) {
        self.push(value);
    }
}

impl HistogramFn for Metric {
    fn record(&self, value: f64) {
        self.push(value);
    }
}

impl Recorder for Numbers {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(key, unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(key, unit);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(key, unit);
    }

    fn register_counter(&self, key: &Key, _: &About<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }

    fn register_gauge(&self, key: &Key, _: &About<'_>) -> Gauge {
        Gauge::from_arc(self.metric(key))
    }

    fn register_histogram(&self, key: &Key, _: &About<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key))
    }
}
