//! What `export --format cloudevents` prints is what the CloudEvents specification asks for, whatever is in the events.

use std::collections::HashSet;

use serde_json::Value;
use testkit::{on_both_stores, one_basket::OneBasket, shell::Shell};

on_both_stores! {
    a_baskets_events_sort_by_their_sequence_within_their_source
}

fn events(lines: &str) -> Vec<Value> {
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    events.iter().for_each(conforms);
    let ids: HashSet<_> = events.iter().map(|event| (text(event, "source"), text(event, "id"))).collect();
    assert_eq!(ids.len(), events.len(), "source and id are unique together");
    events
}

fn text<'a>(event: &'a Value, name: &str) -> &'a str {
    event[name].as_str().unwrap_or_else(|| panic!("{name} of {event}"))
}

/// The rules of the specification for an event in JSON.
fn conforms(event: &Value) {
    for (name, value) in event.as_object().unwrap() {
        assert!(
            (1..=20).contains(&name.len()) && name.bytes().all(|letter| matches!(letter, b'a'..=b'z' | b'0'..=b'9'))
        );
        let Some(value) = value.as_str() else {
            assert_eq!(name, "data");
            continue;
        };
        assert!(!value.is_empty(), "{name} of {event}");
    }
    assert_eq!((text(event, "specversion"), text(event, "datacontenttype")), ("1.0", "application/json"));
    assert!(!text(event, "id").is_empty() && !text(event, "type").is_empty());
    // Of a URI-reference, only a path is used: its segments have no mark with a meaning of its own.
    let source = text(event, "source");
    let path = source.strip_prefix('/').unwrap();
    assert!(
        !path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte))
    );
    if let Some(time) = event.get("time") {
        let time = time.as_str().unwrap();
        assert!(
            time.len() == "2026-11-25T10:30:00.456Z".len() && bson::DateTime::parse_rfc3339_str(time).is_ok(),
            "{time}"
        );
    }
    let sequence = text(event, "sequence");
    assert!(sequence.len() == 20 && sequence.parse::<u64>().is_ok(), "{sequence}");
}

fn a_baskets_events_sort_by_their_sequence_within_their_source(shell: &Shell) {
    let (basket, other) = (OneBasket::with(shell, "socks"), OneBasket::with(shell, "hats"));
    basket.does([""; 9].map(|_| "add ID rocks"));
    let all = events(&shell.basket("export --format cloudevents").out);
    for (basket, number) in [(&basket, 11), (&other, 2)] {
        let source = format!("/baskets/{}", basket.id);
        let of = |event: &&Value| event["source"] == source;
        let sequences: Vec<_> = all.iter().filter(of).map(|event| text(event, "sequence")).collect();
        assert!(sequences.len() == number && sequences.is_sorted(), "{sequences:?}");
        assert!(all.iter().filter(of).all(|event| event["subject"] == basket.id));
    }
}
