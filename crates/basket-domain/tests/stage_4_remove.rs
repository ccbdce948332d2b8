//! Stage 4: Removing, and the right to refuse.
//! It is okay to refuse a command. Then nothing is raised and nothing changes.

use basket_domain::{Basket, EventSourced, Refusal, scenario::given};
use testkit::events::{BASKET, added, assert_new_events, created, product, removed};

#[test]
fn removing_a_product_says_which() {
    given::<Basket>([created(), added("socks", 7)])
        .when(|basket| basket.remove_item(&product("socks")))
        .then([removed("socks")]);
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
fn nothing_can_be_removed_from_a_basket_that_was_never_created() {
    given::<Basket>([]).when(|basket| basket.remove_item(&product("socks"))).then_refused(Refusal::NeverCreated);
}

#[test]
fn a_refused_command_leaves_state_version_and_new_events_alone() {
    let mut basket = EventSourced::<Basket>::new(BASKET);
    basket.decide(|basket| basket.create(BASKET)).unwrap();
    let before = basket.clone();
    let outcome = basket.decide(|basket| basket.remove_item(&product("socks"))).map(<[_]>::to_vec);
    outcome.expect_err("there are no socks to remove, so this must be refused");
    assert_eq!((basket.state(), basket.version()), (before.state(), before.version()), "a refusal changed something");
    assert_new_events(&basket, [created()]);
}
