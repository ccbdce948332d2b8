//! The rules as one file of cases, which the slides' own copy of the rules is held against, too (slides/tests).

mod support;

use basket_domain::{
    Aggregate, Basket,
    BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved},
    Refusal,
};
use serde::Deserialize;
use support::{BASKET, added, created, product, qty, removed};

#[derive(Deserialize)]
struct Case {
    name: String,
    given: Vec<String>,
    when: (String, Option<String>, Option<u32>),
    then: Option<Vec<String>>,
    refused: Option<String>,
    holds: Vec<String>,
}

fn event(words: &str) -> BasketEvent {
    match words.split(' ').collect::<Vec<_>>()[..] {
        ["BasketCreated"] => created(),
        ["ItemAdded", name, many] => added(name, many.parse().unwrap()),
        ["ItemRemoved", name] => removed(name),
        _ => panic!("'{words}' is no event"),
    }
}

fn words(event: &BasketEvent) -> String {
    match event {
        BasketCreated { .. } => "BasketCreated".into(),
        ItemAdded { product, qty, .. } => format!("ItemAdded {product} {qty}"),
        ItemRemoved { product, .. } => format!("ItemRemoved {product}"),
    }
}

fn name_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::AlreadyCreated => "AlreadyCreated",
        Refusal::NeverCreated => "NeverCreated",
        Refusal::NotInBasket { .. } => "NotInBasket",
        Refusal::TooMany { .. } => "TooMany",
        other => panic!("{other:?} is not told in the cases"),
    }
}

#[test]
fn every_case_that_the_slides_play_holds_for_the_aggregate() {
    let cases: Vec<serde_json::Value> = serde_json::from_str(include_str!("cases.json")).unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        // A command is written with as many words as it needs.
        let mut padded = case.clone();
        let when = padded["when"].as_array_mut().unwrap();
        when.resize(3, serde_json::Value::Null);
        let Case { name, given, when: (command, what, many), then, refused, holds } =
            serde_json::from_value(padded).unwrap();

        let mut basket = Basket::default();
        given.iter().for_each(|words| basket.apply(&event(words)));
        let item = || product(what.as_deref().unwrap());
        let decided = match command.as_str() {
            "create" => basket.create(BASKET),
            "add" => basket.add_item(&item(), qty(many.unwrap())),
            "remove" => basket.remove_item(&item()),
            other => panic!("'{other}' is no command"),
        };
        // The slide that plays this case drifts from the code where the code no longer does this.
        let name = format!("{name}; slide \"The fold, to play with\" plays it (slides/rules/basket.js)");
        let told = decided.as_ref().map(|events| events.iter().map(words).collect::<Vec<_>>());
        assert_eq!(told.as_ref().ok(), then.as_ref(), "{name}");
        assert_eq!(decided.as_ref().err().map(name_of), refused.as_deref(), "{name}");
        decided.into_iter().flatten().for_each(|event| basket.apply(&event));
        let held: Vec<_> = basket.items().map(|(product, quantity)| format!("{product} = {quantity}")).collect();
        assert_eq!(held, holds, "{name}");
    }
}
