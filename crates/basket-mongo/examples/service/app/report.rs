//! A read model: of each product, how many were added to baskets, and how many were taken out again. It is a fold of the domain's own
//! report. Any number of processes may keep it: one does, and another takes over when that one is gone.

use std::convert::Infallible;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use basket_domain::{Aggregate, Report};
use basket_mongo::{
    Baskets, Entry, Feeds, MongoStore, Poison, Projection, StoreError, Subscription, Until,
    store::{
        feed::{Shape, Totals, Which},
        projection::project,
        subscription::Options,
    },
};
use bson::{Bson, Document, doc};
use serde_json::json;
use tokio::time::sleep;

use super::{App, PAUSE, Stopping, problem::Problem};

/// The name of its feed. `basket project` keeps one called `removed`, whose rows are others.
const FEED: &str = "service-removed";

/// What became of each product.
struct Removed;

impl Projection<Baskets> for Removed {
    fn name(&self) -> &'static str {
        FEED
    }

    fn shape(&self) -> Shape {
        Shape { number: 1, indexes: &[] }
    }

    fn fold(&self, stream: &[Entry<Baskets>]) -> Document {
        let mut report = Report::default();
        stream.iter().for_each(|entry| report.apply(&entry.event));
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let products = report.products().map(|(product, turnover)| {
            let (baskets, added, removed) =
                (number(turnover.baskets), number(turnover.added), number(turnover.removed));
            Bson::from(doc! { "product": product.as_str(), "baskets": baskets, "added": added, "removed": removed })
        });
        doc! { "products": products.collect::<Vec<_>>() }
    }

    fn totals(&self, row: &Document) -> Totals {
        let products = row.get_array("products").into_iter().flatten().filter_map(Bson::as_document);
        let numbers = |product: &Document| {
            ["baskets", "added", "removed"].map(|name| (name.to_owned(), product.get_i64(name).unwrap_or_default()))
        };
        products
            .filter_map(|product| Some((product.get_str("product").ok()?.into(), numbers(product).into())))
            .collect()
    }
}

/// Keeps it until the end, and then lets another process have it at once. The store is not observed: the renewals of the lease, one a
/// second, would fill the log.
pub(super) async fn keep(store: MongoStore<Baskets>, stopping: Stopping) {
    loop {
        match read(&store, &stopping).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, kind = error.kind(), "the read model is not kept now"),
        }
        tokio::select! {
            () = stopping.clone().wait() => return,
            () = sleep(PAUSE) => {}
        }
    }
}

async fn read(store: &MongoStore<Baskets>, stopping: &Stopping) -> Result<(), StoreError> {
    // One document that can't be read must not hold up the others.
    let options = Options { poison: Poison::Park, ..Options::default() };
    let mut subscription = tokio::select! {
        () = stopping.clone().wait() => return Ok(()),
        opened = Subscription::open(store, FEED, Removed.shape(), options) => opened?,
    };
    tokio::select! {
        () = stopping.clone().wait() => {}
        Err(error) = follow(&mut subscription) => return Err(error),
    }
    subscription.close().await
}

async fn follow(subscription: &mut Subscription<'_, Baskets, MongoStore<Baskets>>) -> Result<Infallible, StoreError> {
    loop {
        project(subscription, &Removed).await?;
    }
}

/// `GET /report/removed`, and how far behind the events it is.
pub(super) async fn removed(State(app): State<App>) -> Result<Response, Problem> {
    let store = Until::new(&app.store, app.settings.timeout);
    let state = store.feed(FEED).await?.ok_or_else(|| Problem::not_yet("the report is not there yet"))?;
    // While a deploy is under way, or until the report is built again, its numbers may mean something else.
    if state.shape != Removed.shape().number {
        return Err(Problem::not_yet("the report is that of another version of the service"));
    }
    let totals = store.totals(&state.rows, &Which::All).await?;
    let products = totals.iter().map(|(product, numbers)| {
        let number = |name| numbers.get(name).copied().unwrap_or_default();
        json!({
            "product": product, "baskets": number("baskets"), "added": number("added"), "removed": number("removed"),
        })
    });
    let as_of = state.as_of.and_then(|time| time.try_to_rfc3339_string().ok());
    let body = json!({
        "products": products.collect::<Vec<_>>(), "behind": state.behind, "left_out": state.parked, "as_of": as_of,
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response())
}
