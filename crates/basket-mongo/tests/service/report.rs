//! The read model, live, and kept by one process after the other.

use std::time::{Duration, Instant};

use basket_mongo::{Feeds, store::feed::Shape};
use serde_json::{Value, json};
use testkit::mongo::with_database;
use tokio::time::sleep;

use crate::client::Service;

/// Asks until the report has these products: it follows the events, and is not there at once.
async fn becomes(service: &Service, products: Value) {
    let begin = Instant::now();
    loop {
        let report = service.get("/report/removed").await;
        if report.status == 200 && report.body["products"] == products && report.body["behind"] == 0 {
            assert_eq!(report.body["left_out"], 0);
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{report:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn the_report_follows_the_events_and_another_process_takes_it_over() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let path = service.basket().await;
        let items = format!("{path}/items");
        for product in ["socks", "clocks"] {
            service.post(&items, &[], &json!({ "product": product, "quantity": 3 }).to_string()).await;
        }
        let product = |product, removed| json!({ "product": product, "baskets": 1, "added": 3, "removed": removed });
        becomes(&service, json!([product("clocks", 0), product("socks", 0)])).await;
        service.ask("DELETE", &format!("{items}/clocks"), &[], "").await;
        becomes(&service, json!([product("clocks", 3), product("socks", 0)])).await;

        // The second waits for the first; once that one has ended, it goes on.
        let second = Service::of(db.store().await).await;
        service.stop().await;
        second.ask("DELETE", &format!("{items}/socks"), &[], "").await;
        becomes(&second, json!([product("clocks", 3), product("socks", 3)])).await;
        second.stop().await;
        // The next process need not wait until a lease is over.
        let feed = db.store().await.feed("service-removed").await.unwrap().unwrap();
        assert_eq!(feed.holder, None);
    });
}

#[test]
fn a_report_of_another_shape_is_not_shown() {
    with_database(async |db| {
        let shape = Shape { number: 2, indexes: &[] };
        db.store().await.claim("service-removed", "a newer program", shape, Duration::ZERO, false).await.unwrap();
        let service = Service::of(db.store().await).await;
        service.get("/report/removed").await.is_problem(503, "not-yet");
        service.stop().await;
    });
}
