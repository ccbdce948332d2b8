//! What if, undo and diff: questions to a whole history, answered without changing it.

use std::ops::RangeInclusive;

use basket_domain::{Basket, BasketEvent, CantRevert, Change, Refusal, WhatIf, scenario::given};
use testkit::events::{added, created, product, removed};

fn fold(history: &[BasketEvent]) -> Basket {
    given::<Basket>(history.to_vec()).state().clone()
}

fn without(history: &[BasketEvent], versions: RangeInclusive<u64>) -> WhatIf<Basket> {
    let mut what_if = WhatIf::without([versions]);
    history.iter().for_each(|event| what_if.apply(event));
    what_if
}

#[test]
fn an_event_is_undone_by_new_ones_and_what_came_later_stays() {
    let cases = [
        (vec![created(), added("socks", 2)], 2, vec![removed("socks")]),
        (vec![created(), added("socks", 2), removed("socks")], 3, vec![added("socks", 2)]),
        (
            vec![created(), added("socks", 2), added("rocks", 1), added("socks", 3)],
            2,
            vec![removed("socks"), added("socks", 3)],
        ),
        (vec![created(), added("socks", 2), removed("socks"), added("socks", 1)], 3, vec![added("socks", 2)]),
    ];
    for (history, version, expected) in cases {
        let what_if = without(&history, version..=version);
        let target = what_if.alternative().clone();
        let events = what_if.revert().unwrap();
        assert_eq!((&events, fold(&[history, events.clone()].concat())), (&expected, target));
    }
}

#[test]
fn a_later_event_that_rests_on_it_stands_in_the_way_and_is_named() {
    let history = [created(), added("socks", 2), added("rocks", 1), removed("socks")];
    let refusal = Refusal::NotInBasket { product: product("socks") };
    let refused = without(&history, 2..=2).revert().unwrap_err();
    assert_eq!(refused, CantRevert::InTheWay { version: 4, refusal });
    assert!(refused.to_string().starts_with("version 4 stands in the way: without what is to be undone, 'socks'"));
    // Undone together, they don't stand in each other's way.
    assert_eq!(without(&history, 2..=4).revert(), Ok(vec![removed("rocks")]));
}

#[test]
fn a_creation_can_not_be_undone() {
    assert_eq!(without(&[created()], 1..=1).revert(), Err(CantRevert::Refused(Refusal::CreatedForGood)));
    let refused = without(&[created(), added("socks", 1)], 1..=1).revert();
    assert_eq!(refused, Err(CantRevert::InTheWay { version: 2, refusal: Refusal::NeverCreated }));
}

#[test]
fn what_if_goes_on_after_a_command_that_would_have_been_refused() {
    let history = [created(), added("socks", 1), removed("socks"), added("rocks", 4)];
    let what_if = without(&history, 2..=2);
    assert_eq!(what_if.refused(), [(3, Refusal::NotInBasket { product: product("socks") })]);
    assert_eq!(*what_if.alternative(), fold(&[created(), added("rocks", 4)]));
    assert_eq!((what_if.version(), what_if.actual()), (4, &fold(&history)));
}

#[test]
fn an_event_that_todays_rules_would_refuse_anyhow_is_still_history() {
    // There was nothing to remove, but the event is in the history.
    let history = [created(), removed("hats"), added("socks", 1)];
    let what_if = without(&history, 3..=3);
    assert_eq!(what_if.refused(), []);
}

#[test]
fn changes_are_named_product_by_product() {
    let before = fold(&[created(), added("socks", 2), added("rocks", 1), added("hats", 1)]);
    let after = fold(&[created(), added("clocks", 1), added("rocks", 1), added("socks", 3)]);
    let change = |name, before, after| Change { product: product(name), before, after };
    assert_eq!(before.changes_to(&after), [change("socks", 2, 3), change("hats", 1, 0), change("clocks", 0, 1)]);
    assert_eq!(before.changes_to(&before), []);
}

#[test]
fn an_event_names_its_product() {
    assert_eq!(created().product(), None);
    for event in [added("socks", 1), removed("socks")] {
        assert_eq!(event.product(), Some(&product("socks")));
    }
}
