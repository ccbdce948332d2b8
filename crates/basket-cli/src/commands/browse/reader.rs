//! Answers what pages ask, from the store, and tells them what is appended. It writes nothing and keeps nothing. A document
//! that can't be read is named in every answer in which it would be.

use std::{pin::pin, time::Duration};

use axum::http::StatusCode;
use basket_domain::Aggregate;
use basket_mongo::{Entry, News, Scope, Since, Unreadable, store::document::read_entry};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::{broadcast, mpsc},
    time::sleep,
};

use super::lines::{Ask, Fault, Lines, Question, Stop};
use crate::{
    commands::{
        list::{how_far, record},
        log::{EventJson, event_json},
    },
    domain::{Domain, Id, Row},
    explore::reader::document,
    listing::kept,
    output::{Fields, json},
    secrets::Secrets,
    store::Store,
    summary::{Query, summaries},
    time::Date,
};

/// So many questions are answered at the same time.
const AT_ONCE: usize = 8;

/// How long to wait before a store that has failed is followed again.
const PAUSE: Duration = Duration::from_secs(1);

/// Answers questions for as long as there is someone to ask.
pub(super) async fn serve<D: Domain>(store: &impl Store<D>, questions: mpsc::Receiver<Question>) {
    let questions = stream::unfold(questions, async |mut questions| Some((questions.recv().await?, questions)));
    let answer = async |(ask, out)| {
        let mut lines = Lines::to(out);
        let done = answer(store, ask, &mut lines).await;
        lines.end(done).await;
    };
    questions.for_each_concurrent(AT_ONCE, answer).await;
}

/// Tells every open page what is appended, until it is dropped.
pub(super) async fn follow<D: Domain>(store: &impl Store<D>, live: broadcast::Sender<String>) {
    let say = |name, value| drop(live.send(json(&Fields(vec![(name, value)])).to_string()));
    loop {
        let mut tail = pin!(store.tail(Since::Now(None)));
        while let Some(news) = tail.next().await {
            match news {
                Ok(News::Event(entry)) => match shown::<D>(store, entry).await {
                    Ok(event) => say("event", json(&event)),
                    Err(why) => say("lost", why.into()),
                },
                Ok(News::Unreadable(unreadable)) => say("unreadable", unreadable.to_string().into()),
                // Pages read again then: what is appended from here on comes by itself.
                Ok(News::Watching { .. }) => say("watching", true.into()),
                Ok(News::Lost(error)) | Err(error) => say("lost", error.to_string().into()),
            }
        }
        sleep(PAUSE).await;
    }
}

async fn shown<D: Domain>(store: &impl Store<D>, entry: Entry<D>) -> Result<EventLine, String> {
    let mut secrets = Secrets::of(store).map_err(|error| format!("{error:#}"))?;
    let shown = secrets.shown::<D>(entry).await.map_err(|error| error.to_string())?;
    Ok(EventLine { event: event_json::<D>(&shown), words: shown.words, changes: None, breaks: None })
}

async fn answer<D: Domain>(store: &impl Store<D>, ask: Ask, lines: &mut Lines) -> Result<(), Stop> {
    let id = |text: &str| D::parse_id(text).map_err(|why| Stop::Fault(Fault(StatusCode::BAD_REQUEST, why)));
    match ask {
        Ask::List(row) => list(store, row, lines).await,
        Ask::Line(text) => {
            let found = summaries(store, Scope::From(id(&text)?, 1), &Query::default(), || {}).await?;
            write_list::<D>(&found, lines).await
        }
        Ask::Events(text, after) => events(store, &id(&text)?, after, lines).await,
        Ask::Document(text, version) => {
            let document = document::<D>(store, &id(&text)?, version).await?.join("\n");
            lines.line(&Fields(vec![("document", document.into())])).await
        }
        Ask::Correlation(correlation) => correlated(store, &correlation, lines).await,
    }
}

/// The streams as `list` has them: from the read model where there is one.
async fn list<D: Domain>(store: &impl Store<D>, row: Option<String>, lines: &mut Lines) -> Result<(), Stop> {
    let row = row.as_deref().map(D::parse_row).transpose();
    let query = Query { row: row.map_err(|why| Stop::Fault(Fault(StatusCode::BAD_REQUEST, why)))?, ..Query::default() };
    let found = match kept::<D>(store, &query).await? {
        Some((state, found)) => {
            lines.line(&Fields(vec![("note", how_far(&state, Date::default()).into())])).await?;
            found
        }
        None => summaries(store, Scope::All, &query, || {}).await?,
    };
    write_list::<D>(&found, lines).await
}

async fn write_list<D: Domain>(found: &[crate::summary::Summary<Id<D>>], lines: &mut Lines) -> Result<(), Stop> {
    for line in found {
        lines.line(&record::<D>(line, "rows")).await?;
    }
    Ok(())
}

/// An event as `log` prints it, and what it did.
#[derive(Serialize)]
struct EventLine {
    #[serde(flatten)]
    event: EventJson,
    words: String,
    /// What it changed; none where the state before it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<Value>>,
    /// Why the state from here on is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    breaks: Option<String>,
}

/// A state and its rows, as long as each event follows on the one before it.
struct Fold<D: Domain> {
    version: u64,
    state: D::Aggregate,
    rows: Vec<Row<D::Value>>,
}

impl<D: Domain> Fold<D> {
    /// The event is applied to the state, or it does not follow on it.
    fn apply(&mut self, entry: &Entry<D>) -> Result<Vec<Step<D>>, String> {
        let next = self.version + 1;
        if entry.version != next {
            return Err(format!("version {next} should be here; `verify` names what is off"));
        }
        D::check(&self.state, &entry.event)?;
        self.state.apply(&entry.event);
        let after = D::rows(&self.state);
        let steps = steps::<D>(&self.rows, &after);
        (self.version, self.rows) = (next, after);
        Ok(steps)
    }
}

/// The events of a stream after a version, each with the rows that it changed.
async fn events<D: Domain>(store: &impl Store<D>, id: &Id<D>, after: u64, lines: &mut Lines) -> Result<(), Stop> {
    let (mut secrets, mut any) = (Secrets::of(store)?, false);
    let mut fold = Some(Fold::<D> { version: 0, state: D::Aggregate::default(), rows: Vec::new() });
    let mut documents = pin!(store.documents(Scope::From(id.clone(), 1)));
    while let Some(document) = documents.try_next().await? {
        any = true;
        let entry = match read_entry::<D>(&document) {
            Ok(entry) => entry,
            Err(unreadable) => {
                fold = None;
                if unreadable.version.is_none_or(|version| version > after.cast_signed()) {
                    lines.line(&named(&unreadable)).await?;
                }
                continue;
            }
        };
        let (steps, breaks) = match fold.as_mut().map(|fold| fold.apply(&entry)) {
            Some(Ok(steps)) => (Some(steps), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, None),
        };
        if breaks.is_some() {
            fold = None;
        }
        if entry.version > after {
            let changes = match steps {
                Some(steps) => Some(opened(steps, &mut secrets).await?),
                None => None,
            };
            let shown = secrets.shown::<D>(entry).await?;
            let event = event_json::<D>(&shown);
            lines.line(&EventLine { event, words: shown.words, changes, breaks }).await?;
        }
    }
    if any { Ok(()) } else { Err(basket_mongo::StoreError::not_found::<D>(store.name(), id).into()) }
}

fn named(unreadable: &Unreadable) -> Fields<'static> {
    Fields(vec![("unreadable", unreadable.to_string().into()), ("version", json(&unreadable.version))])
}

/// The events of all streams that belong together, in one pass.
async fn correlated<D: Domain>(store: &impl Store<D>, correlation: &str, lines: &mut Lines) -> Result<(), Stop> {
    let mut secrets = Secrets::of(store)?;
    let mut documents = pin!(store.documents(Scope::All));
    while let Some(document) = documents.try_next().await? {
        match read_entry::<D>(&document) {
            Ok(entry) if entry.meta.correlation.as_deref() == Some(correlation) => {
                let shown = secrets.shown::<D>(entry).await?;
                let event = event_json::<D>(&shown);
                lines.line(&EventLine { event, words: shown.words, changes: None, breaks: None }).await?;
            }
            Ok(_) => {}
            Err(unreadable) => lines.line(&named(&unreadable)).await?,
        }
    }
    Ok(())
}

/// A row to take out, and to put in again at its place; none where it is gone.
struct Step<D: Domain> {
    name: String,
    before: D::Value,
    after: D::Value,
    at: Option<usize>,
}

/// What leads from some rows to others, in the order of their places: whatever is between the rows that are the same at both ends.
fn steps<D: Domain>(before: &[Row<D::Value>], after: &[Row<D::Value>]) -> Vec<Step<D>> {
    let start = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    let (before, after) = (before.get(start..).unwrap_or_default(), after.get(start..).unwrap_or_default());
    let same = before.iter().rev().zip(after.iter().rev()).take_while(|(one, other)| one == other).count();
    let before = before.get(..before.len() - same).unwrap_or_default();
    let after = after.get(..after.len() - same).unwrap_or_default();
    let value = |rows: &[Row<D::Value>], name: &str| crate::domain::value_of::<D>(rows, name);
    let is_gone = |row: &&Row<D::Value>| !after.iter().any(|kept| kept.name == row.name);
    let gone = before.iter().filter(is_gone).map(|row| (row, None));
    let there = after.iter().enumerate().map(|(at, row)| (row, Some(start + at)));
    let step = |(row, at): (&Row<D::Value>, _)| Step {
        name: row.name.clone(),
        before: value(before, &row.name),
        after: value(after, &row.name),
        at,
    };
    gone.chain(there).map(step).collect()
}

async fn opened<D: Domain, K: basket_mongo::Keys>(
    steps: Vec<Step<D>>,
    secrets: &mut Secrets<'_, K>,
) -> Result<Vec<Value>, Stop> {
    let mut opened = Vec::with_capacity(steps.len());
    for Step { name, before, after, at } in steps {
        let mut fields = vec![(D::ROW, json(&name)), ("before", json(&before)), ("after", json(&after))];
        for (_, value) in &mut fields {
            *value = secrets.value(value.take()).await?;
        }
        fields.push(("at", json(&at)));
        opened.push(json(&Fields(fields)));
    }
    Ok(opened)
}
