//! The rules as one file of cases. The slides have their own copy of the rules, tested with the same file (slides/tests).

use basket_domain::{
    Aggregate, Basket,
    BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved, VoucherRedeemed},
};
use serde::Deserialize;
use serde_json::Value;
use testkit::events::{BASKET, added, created, product, qty, removed};

#[derive(Deserialize)]
struct Case {
    name: String,
    given: Vec<String>,
    /// A command, with as many words as it needs.
    when: Vec<Value>,
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
        VoucherRedeemed { voucher, .. } => format!("VoucherRedeemed {voucher}"),
    }
}

#[test]
fn every_case_that_the_slides_play_holds_for_the_aggregate() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json")).unwrap();
    assert!(cases.len() > 10);
    for Case { name, given, when, then, refused, holds } in cases {
        let mut basket = Basket::default();
        given.iter().for_each(|words| basket.apply(&event(words)));
        let item = || product(when[1].as_str().unwrap());
        let decided = match when[0].as_str().unwrap() {
            "create" => basket.create(BASKET),
            "add" => basket.add_item(&item(), qty(when[2].as_u64().unwrap().try_into().unwrap())),
            "remove" => basket.remove_item(&item()),
            other => panic!("'{other}' is no command"),
        };
        // If this fails, the slide that plays this case no longer does what the code does.
        let name = format!("{name}; slide \"The fold, to play with\" plays it (slides/rules/basket.js)");
        let raised = decided.as_ref().map(|events| events.iter().map(words).collect::<Vec<_>>());
        assert_eq!(raised.as_ref().ok(), then.as_ref(), "{name}");
        let refusal = decided.as_ref().err().map(|refusal| format!("{refusal:?}"));
        let kind = refusal.as_ref().and_then(|refusal| refusal.split(' ').next());
        assert_eq!(kind, refused.as_deref(), "{name}");
        decided.into_iter().flatten().for_each(|event| basket.apply(&event));
        let held: Vec<_> = basket.items().map(|(product, quantity)| format!("{product} = {quantity}")).collect();
        assert_eq!(held, holds, "{name}");
    }
}
