//! Requests that come again with the same key: those that were carried out are answered as the first time.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use basket_mongo::MongoStore;
use bson::doc;
use serde_json::json;
use testkit::{mongo::with_database, proxy::proxied};
use tokio::time::sleep;

use crate::{
    app::Settings,
    client::{Answer, Service, long_timeouts, send, with_server},
};

const KEY: &str = "idempotency-key";
const SOCKS: &str = r#"{"product": "socks"}"#;

/// An answer without what is of this one request alone.
fn essence(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    answer.headers.retain(|(name, _)| !["date", "traceresponse"].contains(&name.as_str()));
    answer
}

#[test]
fn the_same_request_again_is_answered_as_the_first_time_and_appends_nothing() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let create = async || {
            service
                .post(
                    "/baskets",
                    &[(KEY, "6f1ed002-ab5d-4ce1-a2f7-3e3c1a5bd18e")],
                    r#"{"items": [{"product": "rocks"}]}"#,
                )
                .await
        };
        let created = create().await;
        assert_eq!(created.status, 201);
        let path = created.header("location");
        let items = format!("{path}/items");
        let commands = [("POST", items.clone(), SOCKS), ("DELETE", format!("{items}/rocks"), "")];
        let headers =
            |version: u64| [(KEY, format!("key {version}").replace(' ', "-")), ("if-match", format!("\"{version}\""))];
        let mut first = vec![];
        for ((method, path, body), version) in commands.iter().zip(2..) {
            let headers = headers(version);
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            let answer = service.ask(method, path, &headers, body).await;
            assert_eq!((answer.status, &answer.body["version"]), (200, &json!(version + 1)), "{answer:?}");
            first.push(answer);
        }
        // Much has happened since; another process answers, too.
        let other = Service::of(db.store().await).await;
        assert_eq!(essence(&create().await), essence(&created));
        for (((method, path, body), version), first) in commands.iter().zip(2..).zip(&first) {
            let headers = headers(version);
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            assert_eq!(essence(&other.ask(method, path, &headers, body).await), essence(first));
        }
        // In quotes it is the same key.
        let quoted = service
            .post(
                "/baskets",
                &[(KEY, "\"6f1ed002-ab5d-4ce1-a2f7-3e3c1a5bd18e\"")],
                r#"{"items": [{"product": "rocks"}]}"#,
            )
            .await;
        assert_eq!(essence(&quoted), essence(&created));
        assert_eq!(service.get(path).await.body["version"], 4, "nothing was appended");
        service.stop().await;
        other.stop().await;
    });
}

#[test]
fn the_same_request_from_many_at_once_is_carried_out_once() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let requests: Vec<_> = (0..6)
            .map(|_| {
                tokio::spawn(send(
                    service.request("POST", "/baskets", &[(KEY, "once")]),
                    r#"{"items":[{"product":"socks"}]}"#.into(),
                ))
            })
            .collect();
        let mut answers = Vec::new();
        for request in requests {
            answers.push(essence(&request.await.unwrap()));
        }
        assert_eq!((answers[0].status, answers[0].header("etag")), (201, "\"2\""), "{:?}", answers[0]);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(service.get(answers[0].header("location")).await.body["version"], 2);
        service.stop().await;
    });
}

#[test]
fn another_request_with_the_same_key_is_refused() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let created = service.post("/baskets", &[(KEY, "one")], "").await;
        let path = created.header("location");
        let items = format!("{path}/items");
        assert_eq!(service.post(&items, &[(KEY, "two")], SOCKS).await.status, 200);

        service.post("/baskets", &[(KEY, "one")], r#"{"items": []}"#).await.is_problem(422, "key-taken");
        service.post(&items, &[(KEY, "two")], r#"{"product": "rocks"}"#).await.is_problem(422, "key-taken");
        service.ask("DELETE", &format!("{items}/socks"), &[(KEY, "two")], "").await.is_problem(422, "key-taken");
        assert_eq!(service.get(path).await.body["version"], 2, "nothing was appended");

        let long = "k".repeat(129);
        for key in ["", "\"\"", "two words", &long] {
            service.post(&items, &[(KEY, key)], SOCKS).await.is_problem(400, "bad-request");
        }
        service.post(&items, &[(KEY, "three"), (KEY, "four")], SOCKS).await.is_problem(400, "bad-request");
        service.stop().await;
    });
}

#[test]
fn what_has_an_unknown_outcome_is_sent_again_with_the_key_that_the_answer_has() {
    with_database(async |db| {
        for key in [None, Some("my-key")] {
            let proxied = proxied(&db, "insert").await;
            let service = Service::of(proxied.store.clone()).await;
            let path = service.basket().await;
            // The server keeps the event, and its answers are lost.
            proxied.swallow.store(u32::MAX, SeqCst);
            let headers: Vec<_> = key.map(|key| (KEY, key)).into_iter().collect();
            let unknown = service.post(&format!("{path}/items"), &headers, SOCKS).await;
            unknown.is_problem(503, "outcome-unknown");
            assert_eq!(unknown.header("retry-after"), "2");
            assert!(unknown.body["detail"].as_str().unwrap().contains("again with the same Idempotency-Key"));
            let named = unknown.body["idempotency_key"].as_str().unwrap();
            assert!(key.is_none_or(|key| key == named), "{unknown:?}");

            proxied.swallow.store(0, SeqCst);
            let again = service.post(&format!("{path}/items"), &[(KEY, named)], SOCKS).await;
            assert_eq!((again.status, &again.body["version"]), (200, &json!(2)), "{again:?}");
            assert_eq!(again.body["items"], json!([{ "product": "socks", "quantity": 1 }]));
            service.stop().await;
        }
    });
}

#[test]
fn a_repeated_request_whose_answer_can_not_be_read_is_sent_again_with_its_key() {
    with_server(async |server| {
        let store = MongoStore::builder(server.address()).app_name("service").open().await.unwrap();
        let settings = Settings { timeout: Duration::from_secs(2), ..long_timeouts() };
        let service = Service::with(store, settings).await;
        let items = format!("{}/items", service.basket().await);
        let add = async || service.post(&items, &[(KEY, "two")], SOCKS).await;
        let first = add().await;
        assert_eq!(first.status, 200);
        // The read model has read all, so that the next reads are those of the request.
        while service.get("/report/removed").await.body["behind"] != 0 {
            sleep(Duration::from_millis(20)).await;
        }
        // The first read finds the events of the first request; those after it, of the basket as it was then, get no answer.
        let data = doc! {
            "failCommands": ["find"], "appName": "service", "namespace": "basket_db.baskets", "closeConnection": true,
        };
        server.admin(doc! { "configureFailPoint": "failCommand", "mode": { "skip": 1 }, "data": data }).await;
        let again = add().await;
        again.is_problem(503, "unavailable");
        let detail = again.body["detail"].as_str().unwrap();
        assert!(detail.contains("again with the same Idempotency-Key") && !detail.contains("nothing"), "{detail}");
        assert_eq!(again.body["idempotency_key"], "two");

        server.admin(doc! { "configureFailPoint": "failCommand", "mode": "off" }).await;
        assert_eq!(essence(&add().await), essence(&first));
        service.stop().await;
    });
}

#[test]
fn a_basket_that_another_program_has_created_is_not_created_again() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let path = service.post("/baskets", &[(KEY, "one")], "").await.header("location").to_owned();
        db.events().update_many(doc! {}, doc! { "$unset": { "meta.request": 1 } }).await.unwrap();
        let there = service.post("/baskets", &[(KEY, "one")], "").await;
        there.is_problem(412, "stale");
        assert!(!there.body["detail"].as_str().unwrap().contains("If-Match"), "none was sent: {there:?}");
        assert_eq!(service.get(&path).await.body["version"], 1);
        service.stop().await;
    });
}
