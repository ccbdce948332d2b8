//! Stage 1: A basket is created, and says so with an event.
//! A command is a wish, in the imperative: *create!* What happened is a fact, in the past tense: *BasketCreated*.

use basket_domain::{Basket, BasketEvent, BasketId, scenario::given};
use testkit::events::{BASKET, created};

#[test]
fn creating_a_basket_says_so_with_an_event() {
    // Nothing has happened yet, so the history is empty.
    given::<Basket>([]).when(|basket| basket.create(BASKET)).then([created()]);
}

#[test]
fn the_event_says_which_basket_it_was() {
    // An event must make sense in ten years, without the call that caused it.
    let other = BasketId::from_bytes([7; 12]);
    given::<Basket>([]).when(|basket| basket.create(other)).then([BasketEvent::BasketCreated { basket_id: other }]);
}
