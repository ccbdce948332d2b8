//! MongoDB is away or is not fit, and the service ends: in good order, and in time.

use std::{
    future::pending,
    io::{Read, Write},
    net::TcpStream,
    process::{Command, id},
    time::{Duration, Instant},
};

use basket_mongo::store::codec::stored_number;
use bson::doc;
use testkit::{mongo::with_database, own_server::OwnServer};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

use crate::{
    app::{Settings, serve_beside, signals},
    client::{Service, long_timeouts, send, with_server},
};

const SOCKS: &str = r#"{"product": "socks"}"#;

/// Makes each insert of the service take three seconds; returns how often that was done before.
async fn slow_inserts(server: &OwnServer) -> i64 {
    let data = doc! { "failCommands": ["insert"], "appName": "service", "blockConnection": true, "blockTimeMS": 3_000 };
    let set = doc! { "configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data };
    server.admin(set).await.get("count").and_then(stored_number).unwrap()
}

#[test]
fn a_service_is_ready_where_its_collection_can_keep_events() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        for page in ["/health", "/ready"] {
            assert_eq!(service.get(page).await.status, 200, "before the first event");
        }
        service.basket().await;
        assert_eq!(service.get("/ready").await.status, 200);
        let deletes = doc! { "key": { "recorded_at": 1 }, "name": "old", "expireAfterSeconds": 3_600 };
        db.database.run_command(doc! { "createIndexes": "baskets", "indexes": [deletes] }).await.unwrap();
        service.get("/ready").await.is_problem(503, "unsuitable");
        assert_eq!(service.get("/health").await.status, 200);
        service.stop().await;
    });
}

#[test]
fn while_mongodb_is_away_the_service_lives_and_says_so() {
    with_server(async |mut server| {
        let service = Service::on(&server).await;
        let path = service.basket().await;
        let (items, events) = (format!("{path}/items"), format!("{path}/events"));
        let mut live = [&events, "/events"].map(|events| service.follow(events, &[], 2));
        for reader in &mut live {
            reader.has(1).await;
        }
        server.kill("KILL");
        assert_eq!(service.get("/health").await.status, 200);
        service.get("/ready").await.is_problem(503, "unavailable");
        for page in [&path, "/report/removed", &events, "/events"] {
            let away = service.get(page).await;
            away.is_problem(503, "unavailable");
            assert_eq!(away.header("retry-after"), "2", "{page}");
        }
        // An earlier request with this key may have been carried out, and its answer lost.
        let key = [("idempotency-key", "my-key")];
        for (path, body) in [(items.as_str(), SOCKS), ("/baskets", "")] {
            let away = service.post(path, &key, body).await;
            away.is_problem(503, "unavailable");
            let detail = away.body["detail"].as_str().unwrap();
            assert!(detail.contains("again with the same Idempotency-Key") && !detail.contains("nothing"), "{detail}");
            assert_eq!(away.body["idempotency_key"], "my-key");
        }

        server.run();
        server.wait().await;
        let begin = Instant::now();
        while service.get("/ready").await.status != 200 {
            assert!(begin.elapsed() < Duration::from_secs(60), "it does not come back");
        }
        assert_eq!(service.post(&items, &[], SOCKS).await.status, 200);
        for reader in live {
            assert_eq!(reader.end().await.1.len(), 2, "a reader that was connected goes on");
        }
        service.stop().await;
    });
}

#[test]
fn at_the_end_requests_under_way_are_answered_and_readers_are_disconnected() {
    with_server(async |server| {
        let service = Service::on(&server).await;
        let path = service.basket().await;
        let mut readers = ["/events".into(), format!("{path}/events")].map(|events| service.follow(&events, &[], 99));
        for reader in &mut readers {
            reader.has(1).await;
        }
        let before = slow_inserts(&server).await;
        let request = service.request("POST", &format!("{path}/items"), &[]);
        let running = tokio::spawn(send(request, SOCKS.into()));
        let wait = doc! { "waitForFailPoint": "failCommand", "timesEntered": before + 1, "maxTimeMS": 60_000 };
        server.admin(wait).await;

        let host = service.host();
        let took = service.stop().await;
        assert!(took > Duration::from_millis(400) && took < Duration::from_secs(30), "it has waited: {took:?}");
        let answer = running.await.unwrap();
        assert_eq!((answer.status, answer.header("etag")), (200, "\"2\""), "{answer:?}");
        for reader in readers {
            assert!(reader.end().await.1.len() < 99, "it has ended");
        }
        assert!(TcpStream::connect(host).is_err(), "it takes no more");
    });
}

#[test]
fn a_request_that_never_ends_does_not_hold_up_the_end() {
    with_database(async |db| {
        let shutdown_timeout = Duration::from_millis(700);
        let settings = Settings { shutdown_timeout, timeout: Duration::from_secs(60), ..long_timeouts() };
        let service = Service::with(db.store().await, settings).await;
        let path = service.basket().await;
        let mut half = TcpStream::connect(service.host()).unwrap();
        let head = "Host: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"product\":";
        write!(half, "POST {path}/items HTTP/1.1\r\n{head}").unwrap();
        sleep(Duration::from_millis(300)).await;
        let (ended, took) = service.end().await;
        assert!(ended.is_err(), "the process says by its exit code that a request was cut off");
        assert!(took >= shutdown_timeout && took < Duration::from_secs(30), "{took:?}");
    });
}

#[test]
fn a_service_whose_read_model_is_no_longer_kept_ends_with_an_error() {
    with_database(async |db| {
        for panics in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let task = |_| async move { assert!(!panics, "as an error in the fold would") };
            let serving = serve_beside(listener, db.store().await.observed(), long_timeouts(), pending(), task);
            let ended = timeout(Duration::from_secs(60), serving).await;
            assert!(ended.expect("it ends").is_err());
        }
    });
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    with_database(async |db| {
        let settings = Settings { timeout: Duration::from_millis(500), ..long_timeouts() };
        let service = Service::with(db.store().await, settings).await;
        let host = service.host();
        let answer = tokio::task::spawn_blocking(move || {
            let mut half = TcpStream::connect(host).unwrap();
            half.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            write!(half, "POST /baskets HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20\r\n\r\n{{")
                .unwrap();
            let mut answer = String::new();
            half.read_to_string(&mut answer).unwrap();
            answer
        });
        assert!(answer.await.unwrap().starts_with("HTTP/1.1 408 "));
        service.stop().await;
    });
}

/// Only this test listens to signals, so no other one ends by them.
#[test]
fn the_signals_of_an_operator_end_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for signal in ["TERM", "INT"] {
            let mut end = Box::pin(signals::first().unwrap());
            assert!(timeout(Duration::from_millis(50), &mut end).await.is_err(), "not before");
            assert!(Command::new("kill").args(["-s", signal, &id().to_string()]).status().unwrap().success());
            timeout(Duration::from_secs(60), end).await.expect(signal);
        }
    });
}
