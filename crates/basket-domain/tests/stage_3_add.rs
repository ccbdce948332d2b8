//! Stage 3: Adding: quantities accumulate.
//! The event says what happened *this time*; the fold computes the total.

use basket_domain::{Basket, EventSourced, Refusal, scenario::given};
use testkit::events::{BASKET, added, assert_holds, assert_new_events, created, product, qty};

#[test]
fn adding_a_product_says_which_and_how_many() {
    given::<Basket>([created()]).when(|basket| basket.add_item(&product("rocks"), qty(2))).then([added("rocks", 2)]);
}

#[test]
fn adding_again_says_how_many_came_in_this_time_and_not_the_total() {
    given::<Basket>([created(), added("rocks", 2)])
        .when(|basket| basket.add_item(&product("rocks"), qty(3)))
        .then([added("rocks", 3)]);
}

#[test]
fn quantities_accumulate() {
    let mut basket = EventSourced::<Basket>::new(BASKET);
    basket.decide(|basket| basket.create(BASKET)).unwrap();
    basket.decide(|basket| basket.add_item(&product("rocks"), qty(2))).unwrap();
    basket.decide(|basket| basket.add_item(&product("rocks"), qty(3))).unwrap();
    assert_holds(basket.state(), ["rocks = 5"]);
    assert_new_events(&basket, [created(), added("rocks", 2), added("rocks", 3)]);
}

#[test]
fn nothing_can_be_added_to_a_basket_that_was_never_created() {
    given::<Basket>([]).when(|basket| basket.add_item(&product("socks"), qty(1))).then_refused(Refusal::NeverCreated);
}

#[test]
fn one_product_can_fill_a_basket_to_the_brim_but_not_beyond() {
    // An applier can't fail, so the decider must not let a total through that would not fit into a u32.
    let full = given::<Basket>([created(), added("rocks", u32::MAX - 1)]);
    full.when(|basket| basket.add_item(&product("rocks"), qty(1))).then([added("rocks", 1)]);
    full.when(|basket| basket.add_item(&product("rocks"), qty(2))).then_refused(Refusal::TooMany {
        product: product("rocks"),
        held: u32::MAX - 1,
        more: qty(2),
    });
    full.when(|basket| basket.add_item(&product("socks"), qty(u32::MAX))).then([added("socks", u32::MAX)]);
}
