//! Every shape of an event that was ever written can be read: of baskets, and of a codec of another engineer's.

use basket_domain::{
    BasketEvent::{BasketCreated, ItemAdded, ItemRemoved, VoucherRedeemed},
    BasketId, Product,
};
use basket_mongo::{
    Baskets,
    store::corpus::{self, NotInCorpus},
};
use testkit::silo::{SiloEvent, Silos};

use testkit::years::{
    BySerde,
    basket::{Happened, Quantity},
    by_hand::ByHand,
};

#[test]
fn every_event_of_a_basket_that_was_ever_written_can_be_read() -> Result<(), NotInCorpus> {
    let basket_id: BasketId = "5ab69073421aa917e62b4734".parse().unwrap();
    let (product, qty) = (Product::new("rocks").unwrap(), 2.try_into().unwrap());
    let samples = [
        BasketCreated { basket_id },
        ItemAdded { basket_id, product: product.clone(), qty },
        ItemRemoved { basket_id, product },
        VoucherRedeemed { basket_id, voucher: "SPRING".parse().unwrap() },
    ];
    corpus::check::<Baskets>(include_str!("corpus/baskets.ndjson"), &basket_id, &samples)
}

#[test]
fn every_event_of_a_silo_that_was_ever_written_can_be_read() -> Result<(), NotInCorpus> {
    corpus::check::<Silos>(include_str!("corpus/silos.ndjson"), &"north".into(), &[SiloEvent::SiloArmed])
}

const BASKETS: &str = include_str!("corpus/baskets.ndjson");

#[track_caller]
fn fails(checked: Result<(), NotInCorpus>, words: &[&str]) -> String {
    let wrong = checked.unwrap_err().to_string();
    words.iter().for_each(|words| assert!(wrong.contains(words), "{wrong:?} has no {words:?}"));
    wrong
}

fn added(unit: &str, bought_at: Option<&str>) -> Happened {
    let quantity = Quantity { value: 1, unit: unit.into() };
    Happened::ItemAdded { product: "flour".into(), quantity, bought_at: bought_at.map(str::to_owned) }
}

#[test]
fn a_change_of_a_shape_needs_a_new_document() {
    let id = "5ab69073421aa917e62b4734".to_owned();
    let check = |corpus: &str, samples: &[Happened]| corpus::check::<ByHand>(corpus, &id, samples);
    // A new schema, which the old document leads to, and new types.
    let samples = [added("kg", None), Happened::ItemPutBack { product: "rocks".into() }];
    let wrong = fails(
        check(BASKETS, &samples),
        &[
            "there is no document of ItemAdded in schema 2",
            "is ItemAdded in schema 2 with a shape that no document has; it is new:\n{",
            "a sample is ItemPutBack in schema 1 with a shape that no document has",
        ],
    );
    // What it proposes is all that it asks for.
    let proposed: String = wrong.lines().filter(|line| line.starts_with('{')).map(|line| format!("{line}\n")).collect();
    assert_eq!(proposed.lines().count(), 2, "{wrong}");
    let corpus = format!("{BASKETS}{proposed}");
    check(&corpus, &samples).unwrap();
    corpus::check::<BySerde>(&corpus, &id, &samples).unwrap();
    // A field that may be missing.
    fails(
        check(&corpus, &[added("kg", Some("the mill"))]),
        &["a sample is ItemAdded", "that may be missing, add this"],
    );
    // A document that is taken out, even the oldest.
    for (number, line) in corpus.lines().enumerate().filter(|(_, line)| line.starts_with('{')) {
        let less: Vec<_> =
            corpus.lines().enumerate().filter(|(other, _)| *other != number).map(|(_, line)| line).collect();
        let is_old =
            !["ItemPutBack", "VoucherRedeemed", "BasketCreated", "ItemRemoved"].iter().any(|name| line.contains(name));
        assert_eq!(
            check(&less.join("\n"), &samples).is_err(),
            is_old || line.contains("ItemPutBack"),
            "without {line}"
        );
    }
    fails(check(&format!("{corpus}{{}}\n"), &samples), &["line 10: the document with _id (none)"]);
    fails(check(&format!("{corpus}no\n"), &samples), &["line 10: "]);
}

#[test]
fn an_event_that_changes_without_a_new_schema_is_found_without_a_sample() {
    let id = "5ab69073421aa917e62b4734".parse().unwrap();
    let of = |data: &str| {
        let lines = BASKETS.lines().filter(|line| !line.contains("VoucherRedeemed"));
        let lines: String = lines.map(|line| format!("{line}\n")).collect();
        lines.replace("{\"product\":\"socks\",\"qty\":1}", data)
    };
    corpus::check::<Baskets>(&of("{\"product\":\"socks\",\"qty\":2}"), &id, &[]).unwrap();
    // As if an older program had written it as another type, or with one field more.
    for data in
        ["{\"product\":\"socks\",\"qty\":{\"$numberInt\":\"1\"}}", "{\"product\":\"socks\",\"qty\":1,\"note\":\"a\"}"]
    {
        fails(
            corpus::check::<Baskets>(&of(data), &id, &[]),
            &[
                "read and written again, is ItemAdded in schema 1 with a shape that no document has",
                "a step to the next",
            ],
        );
    }
}
