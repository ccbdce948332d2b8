//! Stage 5: Replay.
//! Only the events are stored. Apply them again, from the first, and you get the same basket.

use basket_domain::{Basket, BasketEvent, EventSourced};
use testkit::events::{BASKET, added, assert_holds, assert_new_events, created, product, qty, removed};

fn history() -> Vec<BasketEvent> {
    vec![created(), added("socks", 1), added("rocks", 1), added("clocks", 1), removed("socks")]
}

fn replay(events: &[BasketEvent]) -> EventSourced<Basket> {
    EventSourced::new(BASKET).replay(events.iter().cloned())
}

#[test]
fn the_same_basket_comes_out_of_its_history() {
    assert_holds(replay(&history()).state(), ["rocks = 1", "clocks = 1"]);
}

#[test]
fn the_version_says_how_many_events_there_were() {
    assert_eq!(replay(&history()).version(), 5, "five events were applied");
    assert_eq!(replay(&[]).version(), 0, "nothing has happened");
}

#[test]
fn what_is_replayed_is_history_and_not_new() {
    // If they were new, the next save would write the whole history a second time.
    let basket = replay(&history());
    assert!(basket.new_events().is_empty(), "a replay raises no new events, this one raised {:?}", basket.new_events());
    assert_eq!(basket.saved_version(), 5, "all five events were saved long ago");
}

#[test]
fn any_prefix_of_the_history_is_the_basket_as_it_was_then() {
    let then = |version: usize| replay(&history()[..version]);
    assert_holds(then(1).state(), []);
    assert_holds(then(2).state(), ["socks = 1"]);
    assert_holds(then(4).state(), ["socks = 1", "rocks = 1", "clocks = 1"]);
    assert_holds(then(5).state(), ["rocks = 1", "clocks = 1"]);
}

#[test]
fn a_replay_goes_on_where_the_last_one_stopped() {
    let (past, rest) = (history()[..2].to_vec(), history()[2..].to_vec());
    let basket = replay(&past).replay(rest);
    assert_holds(basket.state(), ["rocks = 1", "clocks = 1"]);
    assert_eq!(basket.version(), 5, "the version counts all the events, those of the first replay, too");
}

#[test]
fn after_a_replay_only_what_is_decided_is_new() {
    let mut basket = replay(&history());
    assert_eq!(basket.decide(|basket| basket.remove_item(&product("rocks"))), Ok(&[removed("rocks")][..]));
    assert_eq!(basket.decide(|basket| basket.add_item(&product("hats"), qty(1))), Ok(&[added("hats", 1)][..]));
    assert_new_events(&basket, [removed("rocks"), added("hats", 1)]);
    assert_eq!((basket.version(), basket.saved_version()), (7, 5), "five events were replayed, and two are new");

    basket.mark_saved();
    assert_eq!((basket.version(), basket.saved_version(), basket.new_events().len()), (7, 7, 0));
}
