//! What is on the screen.

use crate::story::{
    by, entry, id, looks_like, on_basket, on_list, press, products, reads, row, screen, shows, story, typed, unread,
    update,
};
use basket_cli::{
    explore::{
        Timeline,
        keys::{self, Action},
        reader::Answer,
    },
    summary::Summary,
};
use basket_domain::{Aggregate, Basket, BasketEvent};
use basket_mongo::{Baskets, Meta};
use crossterm::event::KeyCode;
use testkit::events::{added, created, product, removed};

#[test]
fn the_list_has_a_row_for_each_basket() {
    let mut model = on_list(vec![row(0xab, 1_234), Summary { unreadable: 3, ..row(2, 2) }, row(3, 1)]);
    press(&mut model, [KeyCode::Down]);
    looks_like(
        &screen(&mut model, 80, 10),
        "
 3 baskets                                  mongodb://127.0.0.1:27017/basket_db
  basket                   versions products    units  last change
  abababababababababababab    1,234        2       14  2026-..-.. ..:..:.0
>!020202020202020202020202        2        2       14  2026-..-.. ..:..:.0 …
  030303030303030303030303        1        2       14  2026-..-.. ..:..:.0




 ↑↓ move  Enter open  / find  p product  ? all keys  q leave",
    );
}

#[test]
fn a_basket_shows_its_events_and_what_was_in_it_then() {
    let mut model = on_basket();
    press(&mut model, [KeyCode::Left, KeyCode::Left]);
    looks_like(
        &screen(&mut model, 80, 24),
        "
 010101010101010101010101  the past: version 3 of 5, 2 behind
 1 ├───────────────────────────────────●───────────────────────────────────┤ 5
 Events ────────────────────────────────────────────────────────────────────────
  1  2026-..-.. ..:..:.1  ann         created the basket
  2  2026-..-.. ..:..:.2  ann         added 1 of 'socks'
> 3  2026-..-.. ..:..:.3  ben         added 3 of 'rocks'  (for the garden)
  4  2026-..-.. ..:..:.4  a name th…  removed 'socks'
  5  2026-..-.. ..:..:.5  -           added 12 of '靴下'






 Basket at version 3 ───────────  Event 3 ──────────────────────────────────────
 socks = 1                        added 3 of 'rocks'
 rocks = 3                        by      ben
 2 products, 4 units              at      2026-..-.. ..:..:.3 +..:..
                                  because for the garden
                                  commit  c0c0c0c0c0c0c0c0c0c0c0c0



 ←→ time  Home End  m mark  d document  ? all keys  q back",
    );
}

#[test]
fn a_diff_goes_from_the_earlier_to_the_later_end_whichever_was_marked() {
    let mut model = on_basket();
    typed(&mut model, "m");
    press(&mut model, [KeyCode::Home, KeyCode::Right]);
    shows(&mut model, &["Changes from version 2 to 5", "- socks = 1", "+ rocks = 3", "+ 靴下 = 12"], &[]);
    typed(&mut model, "m");
    press(&mut model, [KeyCode::Right]);
    shows(&mut model, &["Changes from version 2 to 3", "+ rocks = 3"], &["- socks"]);
    press(&mut model, [KeyCode::Left]);
    shows(&mut model, &["nothing differs"], &[]);
    typed(&mut model, "m");
    shows(&mut model, &[], &["Changes"]);
}

#[test]
fn the_document_is_read_once_and_shown_in_the_pane() {
    let mut model = on_basket();
    assert_eq!(model.wanted(), None);
    typed(&mut model, "d");
    assert_eq!(model.wanted(), Some((id(1), 5)));
    shows(&mut model, &["Document: reading…"], &[]);
    press(&mut model, [KeyCode::Left]);
    model.show_document((id(1), 5), Ok(vec!["too late".into()]));
    assert_eq!(model.wanted(), Some((id(1), 4)));
    model.show_document((id(1), 4), Ok(vec!["{".into(), "  \"version\": 4".into(), "}".into()]));
    assert_eq!(model.wanted(), None);
    shows(&mut model, &["Document of version 4", "\"version\": 4"], &[]);
    press(&mut model, [KeyCode::Left]);
    // Until the next one is there.
    shows(&mut model, &["Document of version 4"], &[]);
    assert_eq!(model.wanted(), Some((id(1), 3)));
    model.show_document((id(1), 3), Ok(vec!["{}".into()]));
    reads(&mut model, story());
    assert_eq!(model.wanted(), Some((id(1), 3)), "what is read again may be another one");
    typed(&mut model, "d");
    shows(&mut model, &[], &["Document"]);
}

#[test]
fn what_would_turn_the_screen_round_is_shown_escaped() {
    let mut model = unread();
    let product = basket_domain::Product::stored("so\u{202e}sk").unwrap();
    let added = BasketEvent::ItemAdded { basket_id: id(1), product, qty: std::num::NonZeroU32::MIN };
    let events = [BasketEvent::BasketCreated { basket_id: id(1) }, added];
    let events = (1..).zip(events).map(|(version, event)| entry(version, event, by("b\u{2066}en", Some("a\tb"))));
    reads(&mut model, events.collect());
    shows(
        &mut model,
        &[r"added 1 of 'so\u{202e}sk'", r"so\u{202e}sk = 1", r"b\u{2066}en", "(a b)"],
        &["\u{202e}", "\u{2066}"],
    );
}

#[test]
fn every_size_can_be_drawn_and_a_small_one_says_what_it_needs() {
    let mut models = [on_list(vec![row(1, 5)]), on_basket(), on_basket(), on_basket()];
    models.iter_mut().zip(["", "m", "m?", "md"]).for_each(|(model, keys)| assert_eq!(typed(model, keys), None));
    for width in (1..130).step_by(3) {
        for height in (1..14).chain([24, 40]) {
            models[2].help = Some(7);
            models.iter_mut().for_each(|model| drop(screen(model, width, height)));
        }
    }
    let mut small = on_basket();
    assert!(screen(&mut small, 39, 10).replace('\n', " ").contains("this needs 40 and 10"));
    assert!(screen(&mut small, 40, 9).contains("this needs"));
    assert!(screen(&mut small, 40, 10).contains("> 5  "));
    shows(&mut on_list(Vec::new()), &["There is no basket here yet; the first one appears here"], &[]);
}

#[test]
fn no_heading_is_cut_on_a_phone_and_an_event_is_not_crowded_out() {
    for width in 40..130 {
        let list = screen(&mut on_list(vec![row(0xab, 1_234)]), width, 10);
        let (heading, first) = (list.lines().nth(1).unwrap(), list.lines().nth(2).unwrap());
        assert!(heading.ends_with("versions") || heading.ends_with("last change"), "{width}: {heading:?}");
        assert!(first.contains("1,234") && !first.contains('…'), "{width}: {first:?}");
        let mut model = on_basket();
        let basket = screen(&mut model, width, 20);
        assert!(
            basket.contains("removed 'socks'") && basket.contains("version 5, the newest: live"),
            "{width}:\n{basket}"
        );
    }
}

#[test]
fn a_pane_with_more_than_fits_is_scrolled_as_far_as_it_goes() {
    let mut model = unread();
    update(&mut model, Answer::Events(products(40)));
    shows(&mut model, &["product 2 = 1", "39 products, 39 units, J K"], &[]);
    typed(&mut model, &"J".repeat(100));
    shows(&mut model, &["product 40 = 1"], &["product 2 = 1"]);
    typed(&mut model, "K");
    shows(&mut model, &["product 39 = 1"], &["product 40 = 1"]);
}

#[test]
fn any_version_of_a_long_history_is_right_and_soon_there() {
    let mut random = fastrand::Rng::with_seed(7);
    let (mut timeline, mut states, mut basket) = (Timeline::<Baskets>::new(id(1)), Vec::new(), Basket::default());
    for version in 1..=20_000 {
        let name = format!("product {}", random.u8(0..40));
        let event = match version {
            1 => created(),
            _ if basket.contains(&product(&name)) && random.bool() => removed(&name),
            _ => added(&name, 1),
        };
        basket.apply(&event);
        states.push(basket.clone());
        timeline.push(entry(version, event, Meta::default()));
    }
    let start = std::time::Instant::now();
    for _ in 0..1_000 {
        match random.u8(0..4) {
            0 => timeline.go(random.usize(0..21_000)),
            1 => timeline.step(1),
            2 => timeline.step(-1),
            _ => timeline.step(random.isize(-30..30)),
        }
        let version = timeline.cursor();
        assert_eq!(timeline.state(), &states[version - 1], "{version}");
        assert!(timeline.state().items().eq(states[version - 1].items()), "the order at {version}");
    }
    // Folding it all every time takes a hundred times as long.
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn only_the_rows_that_can_be_seen_are_made() {
    let time = |events: u64, shown: &str| {
        let mut model = unread();
        let socks = (2..=events).map(|version| entry(version, added("socks", 1), Meta::default()));
        reads(&mut model, products(1).into_iter().chain(socks).collect());
        let start = std::time::Instant::now();
        for _ in 0..100 {
            press(&mut model, [KeyCode::PageUp]);
            assert!(screen(&mut model, 80, 24).contains(shown));
        }
        start.elapsed()
    };
    // If a row were made for each event, it would be some hundred times as long.
    let (few, many) = (time(1_000, " of 1,000"), time(100_000, " of 100,000"));
    assert!(many < few * 20, "{many:?} for a hundred times as many events, {few:?} for few");
    assert_eq!(keys::action(keys::TIMELINE, KeyCode::Char('x')), None::<Action>);
}
