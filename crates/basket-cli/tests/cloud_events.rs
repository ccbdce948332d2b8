//! What `export --format cloudevents` prints is what the CloudEvents specification asks for, whatever is in the events.

use std::{collections::HashSet, env, process::Command};

use basket_cli::EmbeddedStore;
use basket_mongo::{Codec, Commit, EventStore, Meta};
use serde_json::Value;
use testkit::{
    on_both_stores,
    one_basket::OneBasket,
    shell::Shell,
    silo::{Officer, Silo, SiloEvent, Silos, armed},
};

on_both_stores! {
    a_baskets_events_sort_by_their_sequence_within_their_source
    a_reason_of_several_lines_is_an_attribute_that_leads_back_to_it
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
        let forbidden = |letter: char| {
            let code = u32::from(letter);
            matches!(code, 0..=0x1F | 0x7F..=0x9F | 0xFDD0..=0xFDEF) || matches!(code & 0xFFFF, 0xFFFE | 0xFFFF)
        };
        assert!(!value.contains(forbidden), "{name} of {event}");
    }
    assert_eq!((text(event, "specversion"), text(event, "datacontenttype")), ("1.0", "application/json"));
    assert!(!text(event, "id").is_empty() && !text(event, "type").is_empty());
    // Of a URI-reference, only a path is used: its segments have no mark with a meaning of its own.
    let source = text(event, "source");
    let path = source.strip_prefix('/').unwrap();
    assert!(
        !path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte))
    );
    decoded(source);
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

/// What any percent-decoder makes of it.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
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

fn a_reason_of_several_lines_is_an_attribute_that_leads_back_to_it(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let reason = "half of it,\nor 50 %0A\u{FFFF}";
    assert_eq!(shell.run(&["add", &basket.id, "rocks", "-m", reason, "--as", "ännchen"]).code, 0);
    let exported = events(&basket.basket("export ID --format cloudevents").out);
    let last = exported.last().unwrap();
    assert_eq!((text(last, "reason"), text(last, "actor")), ("half of it,%0Aor 50 %250A%EF%BF%BF", "ännchen"));
    assert_eq!(decoded(text(last, "reason")), reason);
}

#[tokio::test]
async fn any_id_and_whatever_stands_beside_an_event_leads_back_from_its_attributes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("silos.db");
    let store = EmbeddedStore::<Silos>::at(&path);
    let ids =
        ["north", "a/b?c#d", "/", "..", " ", "100 %", "50%25", "naïve\u{85}靴下", "new\nline\u{7F}\u{FDD0}\u{10FFFF}"];
    let odd = |text: &str| Some(format!("{text}\u{1}\u{9B}\u{FFFE}"));
    let meta = Meta {
        actor: odd("a"),
        reason: odd("50 %"),
        correlation: odd("靴"),
        causation: Some(String::new()),
        request: odd("r-7"),
        headers: bson::Document::new(),
        undoes: None,
    };
    for id in ids {
        store.save_as(&Commit::new(meta.clone()), &mut armed(id)).await.unwrap();
        store.command(&id.to_owned()).run(|silo| silo.turn_key(Officer::Commander)).await.unwrap();
        store.command(&id.to_owned()).run(Silo::launch).await.unwrap();
    }
    drop(store);
    let test = env::current_exe().unwrap();
    let program = test.ancestors().map(|folder| folder.join("examples/own_domain")).find(|program| program.is_file());
    let program = program.expect("the example is there: cargo test -p basket-cli builds it");
    let output =
        Command::new(program).args(["export", "--format", "cloudevents", "--store"]).arg(&path).output().unwrap();
    let exported = events(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(exported.len(), ids.len() * 4);
    let found = |name: &str| exported.iter().map(|event| decoded(text(event, name))).collect::<HashSet<_>>();
    assert_eq!(found("subject"), ids.map(ToOwned::to_owned).into());
    assert_eq!(found("source"), ids.map(|id| format!("/silos/{id}")).into());
    let first = exported.iter().find(|event| event["subject"] == "north").unwrap();
    for (name, said) in [("actor", meta.actor), ("reason", meta.reason), ("correlationid", meta.correlation)] {
        assert_eq!(Some(decoded(text(first, name))), said, "{name}");
    }
    assert_eq!(first.get("causationid"), None, "an empty attribute is none");
    let kind = Silos::encode(&SiloEvent::SiloArmed).0;
    assert_eq!(text(first, "type"), format!("silo.{kind}"));
    if let Ok(copy) = env::var("CLOUDEVENTS_COPY") {
        std::fs::write(copy, exported.iter().map(|event| format!("{event}\n")).collect::<String>()).unwrap();
    }
}
