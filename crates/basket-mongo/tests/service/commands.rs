//! Commands that are carried out, and the versions that they are meant for.

use std::sync::Arc;

use serde_json::json;
use testkit::mongo::with_database;
use tokio::sync::Barrier;

use crate::client::Service;

const SOCKS: &str = r#"{"product": "socks"}"#;

#[test]
fn a_basket_is_created_filled_and_shown_with_its_version_as_the_tag() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let created = service.post("/baskets", &[], r#"{"items": [{"product": "socks", "quantity": 2}]}"#).await;
        assert_eq!((created.status, created.header("etag")), (201, "\"2\""));
        let path = created.header("location");
        assert_eq!(path, format!("/baskets/{}", created.body["id"].as_str().unwrap()));

        let added = service.post(&format!("{path}/items"), &[], r#"{"product": "left sock/ä", "quantity": 3}"#).await;
        assert_eq!((added.status, added.header("etag")), (200, "\"3\""));
        let removed = service.ask("DELETE", &format!("{path}/items/socks"), &[], "").await;
        assert_eq!((removed.status, removed.header("etag")), (200, "\"4\""));

        let found = service.get(path).await;
        assert_eq!((found.status, found.header("etag")), (200, "\"4\""));
        let items = json!([{ "product": "left sock/ä", "quantity": 3 }]);
        assert_eq!(found.body, json!({ "id": created.body["id"], "version": 4, "items": items }));
        assert_eq!(found.body, removed.body);
        let removed = service.ask("DELETE", &format!("{path}/items/left%20sock%2F%C3%A4"), &[], "").await;
        assert_eq!((removed.status, &removed.body["items"]), (200, &json!([])));
        let head = service.ask("HEAD", path, &[], "").await;
        assert_eq!((head.status, head.header("etag")), (200, "\"5\""));
        service.stop().await;
    });
}

#[test]
fn a_basket_that_the_client_has_already_is_not_sent_again() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let path = service.basket().await;
        for tags in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
            let answer = service.ask("GET", &path, &[("if-none-match", tags)], "").await;
            assert_eq!((answer.status, answer.header("etag")), (304, "\"1\""), "{tags}");
            assert!(answer.body.is_null());
        }
        for tags in ["\"2\"", "\"01\"", "\"a, b\"", "\"\""] {
            assert_eq!(service.ask("GET", &path, &[("if-none-match", tags)], "").await.status, 200, "{tags}");
        }
        service.ask("GET", &path, &[("if-none-match", "1")], "").await.is_problem(400, "bad-request");
        service.stop().await;
    });
}

#[test]
fn a_command_is_carried_out_only_at_the_version_that_it_is_meant_for() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let path = service.basket().await;
        let items = format!("{path}/items");
        for (version, tags) in [(1, "\"1\""), (2, "\"1\", ,\"2\","), (3, "*")] {
            let added = service.post(&items, &[("if-match", tags)], SOCKS).await;
            assert_eq!((added.status, &added.body["version"]), (200, &json!(version + 1)), "{tags}");
        }
        let stale = service.post(&items, &[("if-match", "\"3\"")], SOCKS).await;
        stale.is_problem(412, "stale");
        assert_eq!(stale.body["version"], 4, "so the client knows what it has missed");
        for tags in ["W/\"4\"", "\"5\"", "\"0\"", "\"+4\"", "\"abc\""] {
            service.post(&items, &[("if-match", tags)], SOCKS).await.is_problem(412, "stale");
            let removed = service.ask("DELETE", &format!("{items}/socks"), &[("if-match", tags)], "").await;
            removed.is_problem(412, "stale");
        }
        for tags in ["4", "\"4", "\"4\" \"5\"", "\"4\", *"] {
            service.post(&items, &[("if-match", tags)], SOCKS).await.is_problem(400, "bad-request");
        }
        assert_eq!(service.get(&path).await.body["version"], 4, "nothing was appended");
        service.stop().await;
    });
}

#[test]
fn a_command_with_a_condition_that_is_for_reading_is_not_carried_out() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let created = service.post("/baskets", &[("if-none-match", "*")], "").await;
        assert_eq!(created.status, 201);
        service.post("/baskets", &[("if-none-match", "\"1\"")], "").await.is_problem(400, "bad-request");
        service.post("/baskets", &[("if-match", "*")], "").await.is_problem(412, "stale");
        let path = created.header("location");
        let items = format!("{path}/items");
        for tags in ["*", "\"1\"", "1"] {
            service.post(&items, &[("if-none-match", tags)], SOCKS).await.is_problem(400, "bad-request");
            let remove = service.ask("DELETE", &format!("{items}/socks"), &[("if-none-match", tags)], "").await;
            remove.is_problem(400, "bad-request");
        }
        assert_eq!(service.get(path).await.body["version"], 1, "nothing was appended");
        service.stop().await;
    });
}

#[test]
fn of_two_writers_with_the_same_tag_one_is_carried_out_and_one_is_stale() {
    with_database(async |db| {
        let service = Arc::new(Service::of(db.store().await).await);
        let path = service.basket().await;
        for version in 1..=20 {
            let start = Arc::new(Barrier::new(2));
            let writers = ["socks", "rocks"].map(|product| {
                let (service, start, items) = (Arc::clone(&service), Arc::clone(&start), format!("{path}/items"));
                tokio::spawn(async move {
                    start.wait().await;
                    let tag = format!("\"{version}\"");
                    service.post(&items, &[("if-match", &tag)], &json!({ "product": product }).to_string()).await
                })
            });
            let mut statuses = Vec::new();
            for writer in writers {
                let answer = writer.await.unwrap();
                if answer.status != 200 {
                    answer.is_problem(412, "stale");
                }
                statuses.push(answer.status);
            }
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 412]);
            assert_eq!(service.get(&path).await.body["version"], version + 1);
        }
        Arc::into_inner(service).unwrap().stop().await;
    });
}
