//! Stage 9, encore: the boss's question. "Nobody buys clocks. Are they never added, or taken out again?"
//! A table of baskets has no answer. The events have it, although no one knew the question when they were written.

use basket_domain::{
    BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved},
    BasketId, Report, Turnover,
    scenario::given,
};
use testkit::events::{product, qty};

fn basket(number: u8) -> BasketId {
    BasketId::from_bytes([number; 12])
}

fn created(number: u8) -> BasketEvent {
    BasketCreated { basket_id: basket(number) }
}

fn added(number: u8, name: &str, many: u32) -> BasketEvent {
    ItemAdded { basket_id: basket(number), product: product(name), qty: qty(many) }
}

fn removed(number: u8, name: &str) -> BasketEvent {
    ItemRemoved { basket_id: basket(number), product: product(name) }
}

/// The report says just this about the clocks in a history.
#[track_caller]
fn assert_clocks(history: impl IntoIterator<Item = BasketEvent>, expected: Turnover) {
    let found = given::<Report>(history).state().of(&product("clocks"));
    let in_words = |clocks: Turnover| {
        format!("in {} baskets, {} added, {} of them removed again", clocks.baskets, clocks.added, clocks.removed)
    };
    assert!(
        found == expected,
        "the report should say of the clocks: {}\nbut it says: {}",
        in_words(expected),
        in_words(found)
    );
}

#[test]
fn a_product_that_was_never_added_has_no_turnover() {
    assert_clocks([created(1)], Turnover::default());
}

#[test]
fn units_that_were_added_are_counted_over_all_baskets() {
    let history = [created(1), added(1, "clocks", 2), created(2), added(2, "clocks", 3)];
    assert_clocks(history, Turnover { baskets: 2, added: 5, removed: 0 });
}

#[test]
fn a_removal_takes_out_what_that_basket_held_and_no_more() {
    let history = [added(1, "clocks", 4), added(2, "clocks", 2), added(2, "clocks", 1), removed(2, "clocks")];
    assert_clocks(history, Turnover { baskets: 2, added: 7, removed: 3 });
}

#[test]
fn a_basket_that_takes_a_product_out_and_in_again_is_one_basket() {
    let history = [added(1, "clocks", 1), removed(1, "clocks"), added(1, "clocks", 1), removed(1, "clocks")];
    assert_clocks(history, Turnover { baskets: 1, added: 2, removed: 2 });
}

#[test]
fn a_removal_of_what_the_basket_does_not_hold_removes_nothing() {
    assert_clocks([removed(1, "clocks")], Turnover::default());
    let products = given::<Report>([removed(1, "clocks")]).state().products().count();
    assert_eq!(products, 0, "no basket ever had a clock, so the report has no line about clocks");
    let history = [added(1, "clocks", 2), removed(2, "clocks"), added(2, "clocks", 1), removed(3, "clocks")];
    assert_clocks(history, Turnover { baskets: 2, added: 3, removed: 0 });
}

#[test]
fn so_the_boss_gets_an_answer() {
    let history = [
        (added(1, "socks", 1), added(1, "clocks", 1), removed(1, "clocks")),
        (added(2, "socks", 2), added(2, "clocks", 1), removed(2, "clocks")),
        (added(3, "socks", 1), added(3, "rocks", 9), removed(3, "rocks")),
    ];
    let report = given::<Report>(history.into_iter().flat_map(|(a, b, c)| [a, b, c]));
    let table: Vec<_> = report
        .state()
        .products()
        .map(|(name, turnover)| (name.to_string(), turnover.added, turnover.removed))
        .collect();
    let expected = [("clocks", 2, 2), ("rocks", 9, 9), ("socks", 4, 0)].map(|(name, a, r)| (name.to_owned(), a, r));
    assert_eq!(table, expected, "clocks are added, and taken out again, every one of them");
}
