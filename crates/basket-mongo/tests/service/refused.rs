//! What is not carried out, and the answers to that: problems, of which each test checks that they say nothing of the inside.

use serde_json::json;
use testkit::mongo::{new_id, with_database};

use crate::client::Service;

#[test]
fn what_the_domain_refuses_is_a_conflict_or_can_not_be_done() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let path = service.basket().await;
        let items = format!("{path}/items");
        service.ask("DELETE", &format!("{items}/rocks"), &[], "").await.is_problem(409, "not-in-basket");
        let most = json!({ "product": "socks", "quantity": u32::MAX }).to_string();
        assert_eq!(service.post(&items, &[], &most).await.status, 200);
        let more = service.post(&items, &[], r#"{"product": "socks"}"#).await;
        more.is_problem(422, "too-many");
        assert!(more.body["detail"].as_str().unwrap().contains("'socks'"), "the domain's words: {more:?}");
        service.stop().await;
    });
}

#[test]
fn a_basket_that_is_not_there_is_not_found() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        for id in [new_id().to_string(), "five".into(), "..%2F..".into()] {
            let path = format!("/baskets/{id}");
            service.get(&path).await.is_problem(404, "no-basket");
            service.get(&format!("{path}/events")).await.is_problem(404, "no-basket");
            for headers in [&[][..], &[("if-match", "*")], &[("if-match", "\"3\"")]] {
                let add = service.post(&format!("{path}/items"), headers, r#"{"product": "socks"}"#).await;
                add.is_problem(404, "no-basket");
                let remove = service.ask("DELETE", &format!("{path}/items/socks"), headers, "").await;
                remove.is_problem(404, "no-basket");
            }
        }
        service.get("/").await.is_problem(404, "no-page");
        let method = service.ask("DELETE", "/events", &[], "").await;
        method.is_problem(405, "no-method");
        assert_eq!(method.header("allow"), "GET,HEAD");
        service.stop().await;
    });
}

#[test]
fn a_bad_body_is_a_bad_request() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let path = service.basket().await;
        let items = format!("{path}/items");
        let bad = [
            "",
            "{",
            "[]",
            "{}",
            "null",
            r#"{"product": ""}"#,
            r#"{"product": 7}"#,
            r#"{"product": "a\u0000b"}"#,
            r#"{"product": "socks", "quantity": 0}"#,
            r#"{"product": "socks", "quantity": -1}"#,
            r#"{"product": "socks", "quantity": 1.5}"#,
            r#"{"product": "socks", "quantity": 4294967296}"#,
            r#"{"product": "socks", "colour": "red"}"#,
            r#"{"product": "socks", "product": "rocks"}"#,
        ];
        for body in bad {
            service.post(&items, &[], body).await.is_problem(400, "bad-request");
        }
        for body in ["[]", r#"{"items": [{}]}"#, r#"{"item": []}"#] {
            service.post("/baskets", &[], body).await.is_problem(400, "bad-request");
        }
        service.ask("DELETE", &format!("{items}/%00"), &[], "").await.is_problem(400, "bad-request");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        service.post(&items, &form, "product=socks").await.is_problem(415, "not-json");
        let long = json!({ "product": "socks".repeat(4_000) }).to_string();
        service.post(&items, &[], &long).await.is_problem(413, "too-large");
        assert_eq!(service.get(&path).await.body["version"], 1, "nothing was appended");
        service.stop().await;
    });
}

#[test]
fn a_path_that_is_not_utf_8_is_a_bad_request() {
    with_database(async |db| {
        let service = Service::of(db.store().await).await;
        let items = format!("{}/items", service.basket().await);
        for path in ["/baskets/%FF", "/baskets/%FF/events"] {
            service.get(path).await.is_problem(400, "bad-request");
        }
        service.post("/baskets/%FF/items", &[], r#"{"product": "socks"}"#).await.is_problem(400, "bad-request");
        service.ask("DELETE", &format!("{items}/%FF"), &[], "").await.is_problem(400, "bad-request");
        service.get("/%FF").await.is_problem(404, "no-page");
        service.stop().await;
    });
}
