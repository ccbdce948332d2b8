//! Stage 2: State follows events.
//! No command sets a basket's fields: the events are applied, one after the other, and the result is the state.

use basket_domain::{Basket, Refusal, scenario::given};
use testkit::events::{BASKET, added, assert_holds, created, product, removed};

#[test]
fn a_basket_that_was_created_knows_its_id() {
    assert_eq!(given::<Basket>([]).state().id(), None, "nothing has happened, so there is no basket");
    assert_eq!(given::<Basket>([created()]).state().id(), Some(BASKET));
}

#[test]
fn and_can_therefore_refuse_to_be_created_twice() {
    // The decider of stage 1 looks at the state; now there is one to look at.
    given::<Basket>([created()]).when(|basket| basket.create(BASKET)).then_refused(Refusal::AlreadyCreated);
}

#[test]
fn an_added_product_is_in_the_basket() {
    let basket = given::<Basket>([created(), added("socks", 3)]);
    assert_holds(basket.state(), ["socks = 3"]);
    assert_eq!(basket.state().quantity(&product("socks")), 3);
    assert!(basket.state().contains(&product("socks")));
}

#[test]
fn a_product_that_nobody_added_is_not_there_and_its_quantity_is_0() {
    let basket = given::<Basket>([created(), added("socks", 3)]);
    assert_eq!(basket.state().quantity(&product("clocks")), 0);
    assert!(!basket.state().contains(&product("clocks")));
}

#[test]
fn adding_it_again_adds_to_what_is_there_and_overwrites_nothing() {
    let basket = given::<Basket>([created(), added("rocks", 2), added("rocks", 3)]);
    assert_holds(basket.state(), ["rocks = 5"]);
}

#[test]
fn a_removed_product_is_gone_whatever_its_quantity() {
    // Gone: not one fewer, and not there with a quantity of 0.
    let basket = given::<Basket>([created(), added("socks", 7), added("rocks", 1), removed("socks")]);
    assert_holds(basket.state(), ["rocks = 1"]);
    assert!(!basket.state().contains(&product("socks")));
}

#[test]
fn products_stand_in_the_order_in_which_they_first_came_in() {
    let basket = given::<Basket>([created(), added("socks", 1), added("rocks", 1), added("socks", 1)]);
    assert_holds(basket.state(), ["socks = 2", "rocks = 1"]);
}

#[test]
fn a_removal_keeps_the_others_in_order_and_what_comes_back_goes_to_the_end() {
    let history =
        [created(), added("socks", 1), added("rocks", 1), added("clocks", 1), removed("socks"), added("socks", 4)];
    assert_holds(given::<Basket>(history).state(), ["rocks = 1", "clocks = 1", "socks = 4"]);
}

#[test]
fn an_applier_takes_what_has_happened_as_it_is_and_refuses_nothing() {
    // Today's decider would have refused this removal. But the event is in the history, so it is applied without a check.
    let basket = given::<Basket>([created(), removed("socks"), added("rocks", 1)]);
    assert_holds(basket.state(), ["rocks = 1"]);
    // Nor of a total that does not fit into a u32: it stays at the largest one that does.
    let basket = given::<Basket>([created(), added("rocks", u32::MAX), added("rocks", 1)]);
    assert_holds(basket.state(), ["rocks = 4294967295"]);
}
