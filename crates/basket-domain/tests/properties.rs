//! What holds for every history, not only for the examples in the other tests.

use std::num::NonZeroU32;

use basket_domain::{Basket, BasketEvent, BasketId, CantRevert, EventSourced, Product, Refusal, Reversible, WhatIf};
use proptest::{collection::vec, prelude::*};

const BASKET: BasketId = BasketId::from_bytes([7; 12]);

#[derive(Debug, Clone)]
enum Command {
    Create,
    Add(Product, NonZeroU32),
    Remove(Product),
}

/// Few products, so that commands meet; quantities near the limit, so that some overflow.
fn a_command() -> impl Strategy<Value = Command> {
    let product = prop::sample::select(vec!["socks", "rocks", "clocks"]).prop_map(|name| Product::new(name).unwrap());
    let quantity = prop_oneof![1..5u32, Just(u32::MAX / 2), Just(u32::MAX)].prop_map(|q| NonZeroU32::new(q).unwrap());
    prop_oneof![
        1 => Just(Command::Create),
        6 => (product.clone(), quantity).prop_map(|(product, qty)| Command::Add(product, qty)),
        3 => product.prop_map(Command::Remove),
    ]
}

fn put(basket: &mut EventSourced<Basket>, command: &Command) -> Result<(), Refusal> {
    let outcome = match command {
        Command::Create => basket.decide(|basket| basket.create(BASKET)),
        Command::Add(product, qty) => basket.decide(|basket| basket.add_item(product, *qty)),
        Command::Remove(product) => basket.decide(|basket| basket.remove_item(product)),
    };
    outcome.map(|_| ())
}

/// A created basket that has met all the commands, refused ones among them.
fn after(commands: &[Command]) -> EventSourced<Basket> {
    let mut basket = EventSourced::new(BASKET);
    put(&mut basket, &Command::Create).unwrap();
    commands.iter().for_each(|command| drop(put(&mut basket, command)));
    basket
}

/// State with the order of its products, which `==` on the map underneath does not compare.
fn seen(basket: &EventSourced<Basket>) -> (u64, Option<BasketId>, Vec<(Product, u32)>) {
    let items = basket.state().items().map(|(product, quantity)| (product.clone(), quantity)).collect();
    (basket.version(), basket.state().id(), items)
}

fn replay(events: &[BasketEvent]) -> EventSourced<Basket> {
    EventSourced::new(BASKET).replay(events.iter().cloned())
}

fn without(history: &[BasketEvent], version: u64) -> WhatIf<Basket> {
    let mut what_if = WhatIf::without([version..=version]);
    history.iter().for_each(|event| what_if.apply(event));
    what_if
}

proptest! {
    #[test]
    fn a_refused_command_changes_nothing(commands in vec(a_command(), 0..40), last in a_command()) {
        let mut basket = after(&commands);
        let (before, events) = (seen(&basket), basket.new_events().to_vec());
        if put(&mut basket, &last).is_err() {
            prop_assert_eq!(seen(&basket), before);
            prop_assert_eq!(basket.new_events(), events);
        } else {
            prop_assert!(basket.new_events().len() > events.len());
        }
    }

    #[test]
    fn any_prefix_of_a_stream_replays_and_the_rest_leads_to_the_same_end(
        commands in vec(a_command(), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = after(&commands);
        let (past, rest) = whole.new_events().split_at(cut.index(whole.new_events().len()));
        let earlier = replay(past);
        prop_assert_eq!(earlier.version(), past.len() as u64);
        prop_assert_eq!(seen(&earlier.replay(rest.iter().cloned())), seen(&whole));
    }

    #[test]
    fn no_total_ever_disagrees_with_the_sum_of_what_was_added_since_the_last_removal(commands in vec(a_command(), 0..40)) {
        let basket = after(&commands);
        for (product, total) in basket.state().items() {
            let sum = basket.new_events().iter().fold(0u64, |sum, event| match event {
                BasketEvent::ItemAdded { product: added, qty, .. } if added == product => sum + u64::from(qty.get()),
                BasketEvent::ItemRemoved { product: removed, .. } if removed == product => 0,
                _ => sum,
            });
            prop_assert_eq!(u64::from(total), sum);
        }
    }

    #[test]
    fn any_basket_can_be_led_to_any_other(one in vec(a_command(), 0..30), other in vec(a_command(), 0..30)) {
        let (from, target) = (after(&one), after(&other));
        let events = from.state().lead_to(target.state()).unwrap();
        prop_assert!(from.replay(events).state() == target.state());
    }

    #[test]
    fn a_revert_leads_to_where_the_basket_would_be_or_names_what_stands_in_the_way(
        commands in vec(a_command(), 0..30),
        at in any::<prop::sample::Index>(),
    ) {
        let basket = after(&commands);
        // Without version 0, nothing is left out.
        let version = at.index(basket.new_events().len() + 1) as u64;
        let what_if = without(basket.new_events(), version);
        let target = what_if.alternative().clone();
        match what_if.revert() {
            Ok(events) if version == 0 => prop_assert_eq!((events, &target), (vec![], basket.state())),
            Ok(events) => prop_assert!(*basket.replay(events).state() == target),
            Err(CantRevert::InTheWay { version: later, .. }) => prop_assert!(later > version),
            Err(CantRevert::Refused(refusal)) => prop_assert_eq!((version, refusal), (1, Refusal::CreatedForGood)),
        }
    }

    #[test]
    fn every_id_reads_back_from_what_it_prints(bytes in any::<[u8; 12]>()) {
        let id = BasketId::from_bytes(bytes);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_text_is_a_product_or_says_why_not_and_never_panics(text in any::<String>()) {
        if let Ok(product) = Product::new(&text) {
            prop_assert_eq!(Product::new(product.as_str()), Ok(product.clone()));
            prop_assert!(!product.as_str().is_empty() && product.as_str().chars().count() <= Product::MAX_CHARS);
        }
    }
}
