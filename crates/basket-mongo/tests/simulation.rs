//! The simulation of an aggregate of one's own: it finds what is wrong with deciders, and says nothing where nothing is.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use basket_domain::{Basket, BasketEvent, BasketId};
use basket_mongo::{Baskets, Codec, memory::simulation::Simulation};
use bson::{Bson, Document, RawBsonRef, RawDocument};
use testkit::mongo::product;

const MOST: u32 = 12;

/// Creates the basket, or adds so many socks.
type Command = Option<u32>;

fn id() -> BasketId {
    BasketId::from_bytes([7; 12])
}

fn twelve_at_most() -> Simulation<Baskets> {
    Simulation::<Baskets>::of(id())
        .law("there are twelve socks at most", |basket: &Basket| basket.items().all(|(_, held)| held <= MOST))
}

fn add(basket: &Basket, many: u32) -> Result<Vec<BasketEvent>, String> {
    basket.add_item(&product("socks"), many.try_into().unwrap()).map_err(|refusal| refusal.to_string())
}

fn decide(basket: &Basket, command: &Command) -> Result<Vec<BasketEvent>, String> {
    match command {
        None => basket.create(id()).map_err(|refusal| refusal.to_string()),
        Some(many) if basket.items().any(|(_, held)| held + many > MOST) => Err("that is too many".into()),
        Some(many) => add(basket, *many),
    }
}

/// What is found: the panic's text, or nothing.
fn found(decide: impl Fn(&Basket, &Command) -> Result<Vec<BasketEvent>, String>) -> String {
    let choose = |chance: &mut basket_mongo::memory::simulation::Chance| chance.one_of(&[None, Some(1), Some(5)]);
    let checked = catch_unwind(AssertUnwindSafe(|| twelve_at_most().with(4, 40).check(0..200, choose, decide)));
    checked.err().map_or_else(String::new, |panic| *panic.downcast::<String>().unwrap())
}

#[test]
fn a_decider_that_keeps_the_law_is_not_accused() {
    assert_eq!(found(decide), "");
}

#[test]
fn a_decider_that_breaks_the_law_is_shown_as_a_test() {
    let careless = |basket: &Basket, command: &Command| match command {
        Some(many) => add(basket, *many),
        None => decide(basket, command),
    };
    let story = found(careless);
    for words in ["'there are twelve socks at most' does not hold", "given([", "BasketCreated", ".when(", ".then(["] {
        assert!(story.contains(words), "{words} in {story}");
    }
}

#[test]
fn a_decider_that_looks_at_something_else_is_found() {
    let calls = Cell::new(0);
    let moody = |basket: &Basket, command: &Command| {
        calls.set(calls.get() + 1);
        if calls.get() % 50 == 0 { Err("not today".into()) } else { decide(basket, command) }
    };
    assert!(found(moody).contains("a decider says the same twice"));
}

#[test]
fn a_seed_leads_to_the_same_again_and_all_that_can_happen_happens() {
    let run = |seed| {
        let law = Simulation::<Baskets>::of(id())
            .with(4, 40)
            .law("never", |basket: &Basket| basket.items().all(|(_, held)| held < 20));
        let runs = law.run(
            seed,
            |chance| chance.one_of(&[None, Some(1)]),
            |basket, command: &Command| match command {
                None => basket.create(id()).map_err(|refusal| refusal.to_string()),
                Some(many) => add(basket, *many),
            },
        );
        futures_util::FutureExt::now_or_never(runs)
            .unwrap()
            .map_or_else(|broken| broken.to_string(), |()| String::new())
    };
    let stories: String = (0..50).map(run).collect();
    assert_eq!(stories, (0..50).map(run).collect::<String>());
    for words in ["comes too late", "crashes before", "does not hear so", "was carried out", "refuses None"] {
        assert!(stories.contains(words), "{words}");
    }
}

/// A codec that forgets how many came in.
struct Forgetful;

impl Codec for Forgetful {
    type Aggregate = Basket;

    const COLLECTION: &'static str = "baskets";
    const KEY: &'static str = "basket_id";

    fn key(id: &BasketId) -> Bson {
        Baskets::key(id)
    }

    fn id(key: RawBsonRef<'_>) -> Option<BasketId> {
        Baskets::id(key)
    }

    fn encode(event: &BasketEvent) -> (&'static str, Document) {
        let (kind, mut data) = Baskets::encode(event);
        if data.contains_key("qty") {
            data.insert("qty", 1_i64);
        }
        (kind, data)
    }

    fn decode(id: &BasketId, kind: &str, data: &RawDocument) -> Result<BasketEvent, String> {
        Baskets::decode(id, kind, data)
    }
}

#[test]
fn a_codec_that_loses_something_is_found() {
    let run = |seed| {
        let runs = Simulation::<Forgetful>::of(id());
        let runs = runs.run(seed, |chance| chance.one_of(&[None, Some(1), Some(5)]), decide);
        futures_util::FutureExt::now_or_never(runs).unwrap().err().map(|broken| broken.law)
    };
    assert_eq!((0..20).find_map(run).as_deref(), Some("events come back out of the store as they went in"));
}
