//! Events as they happen: from the beginning, from where a reader stopped, and for readers that hang up.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use bson::doc;
use serde_json::json;
use testkit::mongo::with_database;
use tokio::time::sleep;

use crate::{
    app::Settings,
    client::{Sent, Service, long_timeouts, with_server},
};

const SOCKS: &str = r#"{"product": "socks"}"#;

fn versions(events: &[Sent]) -> Vec<u64> {
    events.iter().map(|event| event.data["version"].as_u64().unwrap()).collect()
}

#[test]
fn the_events_of_a_basket_come_as_they_happen_and_go_on_after_the_last_one() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let (path, other) = (service.basket().await, service.basket().await);
        let (items, events) = (format!("{path}/items"), format!("{path}/events"));
        let mut live = service.follow(&events, &[], 3);
        live.has(1).await;
        service.post(&format!("{other}/items"), &[], SOCKS).await;
        service.post(&items, &[], SOCKS).await;
        service.ask("DELETE", &format!("{items}/socks"), &[], "").await;
        let (status, seen) = live.end().await;
        assert_eq!((status, versions(&seen)), (200, vec![1, 2, 3]));
        assert_eq!(
            seen.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(),
            ["BasketCreated", "ItemAdded", "ItemRemoved"]
        );
        assert_eq!(seen[1].data["data"], json!({ "product": "socks", "quantity": 1 }));
        assert_eq!(seen[2].id, "3");

        service.post(&items, &[], SOCKS).await;
        let (_, rest) = service.follow(&events, &[("last-event-id", "2")], 2).end().await;
        assert_eq!(versions(&rest), [3, 4]);
        for id in ["5", "-1", "x", "1:{}"] {
            let answer = service.ask("GET", &events, &[("last-event-id", id)], "").await;
            answer.is_problem(400, "bad-request");
        }
        service.stop().await;
    });
}

#[test]
fn a_basket_whose_newest_event_is_unreadable_has_its_events_all_the_same() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let path = service.basket().await;
        service.post(&format!("{path}/items"), &[], SOCKS).await;
        db.change(path.trim_start_matches("/baskets/").parse().unwrap(), 2, doc! { "data.qty": "two" }).await;
        for (last, kinds) in [("", &["BasketCreated", "unreadable"][..]), ("1", &["unreadable"])] {
            let events = service.follow(&format!("{path}/events"), &[("last-event-id", last)], kinds.len());
            let (status, seen) = events.end().await;
            assert_eq!(status, 200);
            assert_eq!(seen.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), kinds);
        }
        service.stop().await;
    });
}

#[test]
fn the_events_of_all_baskets_go_on_after_the_last_one_in_another_process() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let paths = [service.basket().await, service.basket().await];
        let mut live = service.follow("/events", &[], 3);
        live.has(2).await;
        service.post(&format!("{}/items", paths[0]), &[], SOCKS).await;
        let (_, seen) = live.end().await;
        assert_eq!(versions(&seen), [1, 1, 2]);
        // From each place where a reader may have stopped: among the stored events, and among the live ones.
        for path in &paths {
            service.post(&format!("{path}/items"), &[], SOCKS).await;
        }
        service.stop().await;
        let service = Service::of(db.store().await).await;
        for (many, last) in (2..=4).rev().zip(&seen) {
            let (_, rest) = service.follow("/events", &[("last-event-id", &last.id)], many).end().await;
            let before: Vec<_> = seen.iter().take(5 - many).map(Sent::place).collect();
            let mut all: HashSet<_> = rest.iter().map(Sent::place).collect();
            assert!(before.iter().all(|place| !all.contains(place)), "it goes on after {before:?}: {all:?}");
            all.extend(before);
            assert_eq!(all.len(), 5, "none is missed: {all:?}");
        }
        let forged = r#"1:{"token":{"_data":"8265"}}"#;
        for id in ["x", r#"1:{"row":{"$numberLong":"7"}}"#, forged, r#"1:{"token":{}}"#] {
            let answer = service.ask("GET", "/events", &[("last-event-id", id)], "").await;
            answer.is_problem(400, "bad-request");
        }
        service.stop().await;
    });
}

#[test]
fn a_reader_that_hangs_up_makes_room_for_the_next_one() {
    for is_of_all in [false, true] {
        with_database(async |db| {
            let settings = Settings { readers: 1, ..long_timeouts() };
            let service = Service::with(db.store().await, settings).await;
            let path = service.basket().await;
            let events = if is_of_all { "/events".into() } else { format!("{path}/events") };
            let mut reader = service.follow(&events, &[], 2);
            reader.has(1).await;
            let next = service.get(&events).await;
            next.is_problem(503, "not-yet");
            assert_eq!(next.header("retry-after"), "2");

            // It gets what it waits for, and hangs up.
            service.post(&format!("{path}/items"), &[], SOCKS).await;
            reader.end().await;
            let hung_up = Instant::now();
            while service.follow(&events, &[], 1).end().await.0 == 503 {
                assert!(hung_up.elapsed() < Duration::from_secs(30), "it was not noticed");
                sleep(Duration::from_millis(20)).await;
            }
            service.stop().await;
        });
    }
}

#[test]
fn a_position_that_mongodb_has_forgotten_is_gone() {
    with_server(async |server| {
        let service = Service::on(&server).await;
        let path = service.basket().await;
        let (_, seen) = service.follow("/events", &[], 1).end().await;
        let mut live = service.follow("/events", &[], 2);
        live.has(1).await;
        // ChangeStreamHistoryLost, as once the oplog has rolled over.
        let data = doc! { "failCommands": ["aggregate", "getMore"], "appName": "service", "errorCode": 286 };
        server.admin(doc! { "configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data }).await;
        let last = [("last-event-id", seen[0].id.as_str())];
        service.ask("GET", "/events", &last, "").await.is_problem(410, "history-lost");
        // A reader that is connected gets an event that says so.
        let (_, rest) = live.end().await;
        let ends: Vec<_> = rest.iter().map(|event| (event.kind.as_str(), event.id.is_empty())).collect();
        assert_eq!(ends, [("BasketCreated", false), ("history-lost", true)]);

        server.admin(doc! { "configureFailPoint": "failCommand", "mode": "off" }).await;
        assert_eq!(service.get(&path).await.status, 200);
        service.stop().await;
    });
}
