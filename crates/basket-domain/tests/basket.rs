//! The basket's rules as sentences: given what has happened, when a command comes, then these events or this refusal.

use std::num::NonZeroU32;

use basket_domain::{
    Basket,
    BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved},
    BasketId, EventSourced, Product, Refusal,
    scenario::given,
};

const BASKET: BasketId = BasketId::from_bytes([0x5a; 12]);

fn product(name: &str) -> Product {
    Product::new(name).unwrap()
}

fn qty(qty: u32) -> NonZeroU32 {
    NonZeroU32::new(qty).unwrap()
}

fn created() -> BasketEvent {
    BasketCreated { basket_id: BASKET }
}

fn added(name: &str, many: u32) -> BasketEvent {
    ItemAdded { basket_id: BASKET, product: product(name), qty: qty(many) }
}

fn removed(name: &str) -> BasketEvent {
    ItemRemoved { basket_id: BASKET, product: product(name) }
}

fn items(basket: &Basket) -> Vec<(String, u32)> {
    basket.items().map(|(product, quantity)| (product.to_string(), quantity)).collect()
}

#[test]
fn creating_a_basket_says_so_with_an_event() {
    given::<Basket>([]).when(|basket| basket.create(BASKET)).then([created()]);
}

#[test]
fn a_basket_is_created_once() {
    given::<Basket>([created()]).when(|basket| basket.create(BASKET)).then_refused(Refusal::AlreadyCreated);
}

#[test]
fn a_basket_that_was_never_created_takes_nothing_and_gives_nothing() {
    let nothing = given::<Basket>([]);
    nothing.when(|basket| basket.add_item(&product("socks"), qty(1))).then_refused(Refusal::NeverCreated);
    nothing.when(|basket| basket.remove_item(&product("socks"))).then_refused(Refusal::NeverCreated);
    assert_eq!(nothing.state().id(), None);
}

#[test]
fn adding_a_product_says_how_many_came_in_this_time() {
    given::<Basket>([created(), added("rocks", 2)])
        .when(|basket| basket.add_item(&product("rocks"), qty(3)))
        .then([added("rocks", 3)]);
}

#[test]
fn adding_again_accumulates() {
    let basket = given::<Basket>([created(), added("rocks", 2), added("rocks", 3)]);
    assert_eq!(items(basket.state()), [("rocks".to_owned(), 5)]);
}

#[test]
fn one_product_can_fill_a_basket_to_the_brim_but_not_beyond() {
    let full = given::<Basket>([created(), added("rocks", u32::MAX - 1)]);
    full.when(|basket| basket.add_item(&product("rocks"), qty(1))).then([added("rocks", 1)]);
    full.when(|basket| basket.add_item(&product("rocks"), qty(2))).then_refused(Refusal::TooMany {
        product: product("rocks"),
        held: u32::MAX - 1,
        more: qty(2),
    });
    full.when(|basket| basket.add_item(&product("socks"), qty(u32::MAX))).then([added("socks", u32::MAX)]);
}

#[test]
fn removing_takes_the_whole_product_out() {
    let history = [created(), added("socks", 7), added("rocks", 1)];
    given::<Basket>(history.clone()).when(|basket| basket.remove_item(&product("socks"))).then([removed("socks")]);

    let after = given::<Basket>(history.into_iter().chain([removed("socks")]));
    assert_eq!(items(after.state()), [("rocks".to_owned(), 1)]);
    assert!(!after.state().contains(&product("socks")));
    assert_eq!(after.state().quantity(&product("socks")), 0);
}

#[test]
fn removing_a_product_that_is_not_there_is_refused_and_raises_nothing() {
    for history in [vec![created(), added("rocks", 1)], vec![created(), added("socks", 1), removed("socks")]] {
        given::<Basket>(history)
            .when(|basket| basket.remove_item(&product("socks")))
            .then_refused(Refusal::NotInBasket { product: product("socks") });
    }
}

#[test]
fn products_stand_in_the_order_in_which_they_first_came_in() {
    let basket = given::<Basket>([created(), added("socks", 1), added("rocks", 1), added("socks", 1)]);
    assert_eq!(items(basket.state()), [("socks".to_owned(), 2), ("rocks".to_owned(), 1)]);
}

#[test]
fn a_product_that_comes_back_goes_to_the_end() {
    let basket = given::<Basket>([
        created(),
        added("socks", 1),
        added("rocks", 1),
        added("clocks", 1),
        removed("socks"),
        added("socks", 4),
    ]);
    let expected = [("rocks", 1), ("clocks", 1), ("socks", 4)].map(|(name, many)| (name.to_owned(), many));
    assert_eq!(items(basket.state()), expected);
}

#[test]
fn the_root_counts_versions_and_hands_its_new_events_to_a_store_once() {
    let mut basket = EventSourced::<Basket>::new(BASKET).replay([created(), added("socks", 1)]);
    assert_eq!((basket.version(), basket.saved_version()), (2, 2));

    assert_eq!(basket.decide(|basket| basket.remove_item(&product("socks"))), Ok(&[removed("socks")][..]));
    assert_eq!(basket.decide(|basket| basket.add_item(&product("rocks"), qty(1))), Ok(&[added("rocks", 1)][..]));
    assert_eq!((basket.version(), basket.saved_version()), (4, 2));
    assert_eq!(basket.new_events(), [removed("socks"), added("rocks", 1)]);

    basket.mark_saved();
    assert_eq!((basket.version(), basket.saved_version()), (4, 4));
    assert!(basket.new_events().is_empty());
}

#[test]
fn a_refused_command_leaves_state_version_and_new_events_alone() {
    let mut basket = EventSourced::<Basket>::new(BASKET).replay([created()]);
    let before = basket.clone();
    basket.decide(|basket| basket.remove_item(&product("socks"))).unwrap_err();
    assert_eq!((basket.state(), basket.version()), (before.state(), before.version()));
    assert!(basket.new_events().is_empty());
}
