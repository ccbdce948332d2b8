//! What if, undo and diff: questions to a whole history, answered without changing it.

mod support;

use std::ops::RangeInclusive;

use basket_domain::{
    Aggregate, Basket, BasketEvent,
    BasketEvent::{BasketCreated, ItemAdded, ItemRemoved},
    CantRevert, Change, Refusal, Reversible, WhatIf,
};
use proptest::prelude::*;
use support::{BASKET, added, created, product, qty, removed};

fn fold(history: &[BasketEvent]) -> Basket {
    history.iter().fold(Basket::default(), |mut basket, event| {
        basket.apply(event);
        basket
    })
}

fn without(history: &[BasketEvent], versions: RangeInclusive<u64>) -> WhatIf<Basket> {
    history.iter().fold(WhatIf::without([versions]), |mut what_if, event| {
        what_if.apply(event);
        what_if
    })
}

/// The history and its undoing; and that both lead to the state without the versions.
fn reverted(history: &[BasketEvent], version: u64) -> Vec<BasketEvent> {
    let what_if = without(history, version..=version);
    let target = what_if.alternative().clone();
    let events = what_if.revert().unwrap();
    assert_eq!(fold(&[history, &events].concat()), target);
    events
}

#[test]
fn an_addition_is_undone_by_a_removal() {
    assert_eq!(reverted(&[created(), added("socks", 2)], 2), [removed("socks")]);
}

#[test]
fn a_removal_is_undone_by_adding_what_was_taken_out() {
    assert_eq!(reverted(&[created(), added("socks", 2), removed("socks")], 3), [added("socks", 2)]);
}

#[test]
fn what_came_later_stays() {
    let history = [created(), added("socks", 2), added("rocks", 1), added("socks", 3)];
    assert_eq!(reverted(&history, 2), [removed("socks"), added("socks", 3)]);
    let history = [created(), added("socks", 2), removed("socks"), added("socks", 1)];
    assert_eq!(reverted(&history, 3), [added("socks", 2)]);
}

#[test]
fn a_later_event_that_rests_on_it_stands_in_the_way_and_is_named() {
    let history = [created(), added("socks", 2), added("rocks", 1), removed("socks")];
    let refusal = Refusal::NotInBasket { product: product("socks") };
    let refused = without(&history, 2..=2).revert().unwrap_err();
    assert_eq!(refused, CantRevert::InTheWay { version: 4, refusal });
    assert!(refused.to_string().starts_with("version 4 stands in the way: without what is to be undone, 'socks'"));
    // Both together leave nothing to do.
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
    // Nothing was there to remove, and yet it has happened.
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

/// A history that the deciders have made: each step is a product and a quantity, 0 for a removal.
fn histories() -> impl Strategy<Value = Vec<BasketEvent>> {
    proptest::collection::vec((0..4_usize, 0..4_u32), 1..30).prop_map(|steps| {
        let (mut basket, mut history) = (Basket::default(), vec![BasketCreated { basket_id: BASKET }]);
        basket.apply(&history[0]);
        for (name, quantity) in steps {
            let product = product(["socks", "rocks", "clocks", "hats"][name]);
            let decided = match quantity {
                0 => basket.remove_item(&product),
                some => basket.add_item(&product, qty(some)),
            };
            for event in decided.unwrap_or_default() {
                basket.apply(&event);
                history.push(event);
            }
        }
        history
    })
}

proptest! {
    #[test]
    fn any_basket_can_be_led_to_any_other(one in histories(), other in histories()) {
        let (from, target) = (fold(&one), fold(&other));
        let events = from.lead_to(&target).unwrap();
        prop_assert_eq!(fold(&[one, events].concat()), target);
    }

    #[test]
    fn a_revert_leads_to_where_the_basket_would_be_or_names_what_stands_in_the_way(
        history in histories(), at in any::<prop::sample::Index>()
    ) {
        let version = at.index(history.len()) as u64 + 1;
        let what_if = without(&history, version..=version);
        let target = what_if.alternative().clone();
        match what_if.revert() {
            Ok(events) => prop_assert_eq!(fold(&[history, events].concat()), target),
            Err(CantRevert::InTheWay { version: later, .. }) => prop_assert!(later > version),
            Err(CantRevert::Refused(refusal)) => prop_assert_eq!((version, refusal), (1, Refusal::CreatedForGood)),
        }
    }

    #[test]
    fn without_nothing_left_out_everything_is_as_it_was(history in histories()) {
        let what_if = without(&history, 0..=0);
        prop_assert_eq!(what_if.actual(), what_if.alternative());
        prop_assert_eq!(what_if.revert(), Ok(vec![]));
    }

    #[test]
    fn every_event_names_its_product(history in histories()) {
        for event in history {
            match &event {
                BasketCreated { .. } => prop_assert_eq!(event.product(), None),
                ItemAdded { product, .. } | ItemRemoved { product, .. } => prop_assert_eq!(event.product(), Some(product)),
            }
        }
    }
}
