//! What `basket explore` shows and what each key does to it, without a terminal and without a store.

use basket_cli::explore::{
    Model, Timeline,
    keys::{self, Action},
    model::Command,
    news::{News, Request, Told},
    view::{self, Palette},
};
use basket_domain::{Aggregate, Basket, BasketEvent, BasketId, Product};
use basket_mongo::{Baskets, Entry, Meta, StoreError, Summary, Unreadable};
use bson::{DateTime, oid::ObjectId};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend};

const START: i64 = 1_795_000_000_000;

fn id(number: u8) -> BasketId {
    BasketId::from_bytes([number; 12])
}

fn entry(version: u64, event: BasketEvent, meta: Meta) -> Entry<Baskets> {
    Entry::<Baskets> {
        document: ObjectId::from_bytes([0xd; 12]),
        stream: id(1),
        version,
        event,
        recorded_at: DateTime::from_millis(START + version as i64 * 60_000),
        commit: "c0c0c0c0c0c0c0c0c0c0c0c0".parse().unwrap(),
        meta,
    }
}

fn by(actor: &str, reason: Option<&str>) -> Meta {
    Meta { actor: Some(actor.into()), reason: reason.map(Into::into), ..Meta::default() }
}

fn added(product: &str, qty: u32) -> BasketEvent {
    let product = Product::new(product).unwrap();
    BasketEvent::ItemAdded { basket_id: id(1), product, qty: qty.try_into().unwrap() }
}

fn removed(product: &str) -> BasketEvent {
    BasketEvent::ItemRemoved { basket_id: id(1), product: Product::new(product).unwrap() }
}

fn story() -> Vec<Entry<Baskets>> {
    vec![
        entry(1, BasketEvent::BasketCreated { basket_id: id(1) }, by("ann", None)),
        entry(2, added("socks", 1), by("ann", None)),
        entry(3, added("rocks", 3), by("ben", Some("for the garden"))),
        entry(4, removed("socks"), by("a name that is rather long", None)),
        entry(5, added("靴下", 12), Meta::default()),
    ]
}

fn row(number: u8, versions: u64) -> Summary {
    Summary {
        id: id(number),
        created: Some(DateTime::from_millis(START)),
        changed: Some(DateTime::from_millis(START)),
        versions,
        products: 2,
        units: 14,
        unreadable: 0,
    }
}

/// On the basket of the story, all of which was read.
fn on_basket() -> Model {
    let mut model = Model::new("here".into(), Some(id(1)));
    for told in [Told::Begins { head: 5 }, Told::Events(story()), Told::Complete] {
        hear(&mut model, told);
    }
    model
}

fn on_list(rows: Vec<Summary>) -> Model {
    let mut model = Model::new("mongodb://127.0.0.1:27017/basket_db".into(), None);
    hear(&mut model, Told::Baskets(rows));
    model
}

fn hear(model: &mut Model, told: Told) {
    model.hear(News { of: model.request(), told }).unwrap();
}

fn press(model: &mut Model, keys: impl IntoIterator<Item = KeyCode>) -> Option<Command> {
    keys.into_iter().map(|key| model.key(key.into())).last().flatten()
}

fn typed(model: &mut Model, text: &str) -> Option<Command> {
    press(model, text.chars().map(KeyCode::Char))
}

fn screen(model: &mut Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, model, Palette::new(false))).unwrap();
    let shown = terminal.backend().to_string();
    // The backend says so where a letter takes two columns.
    let lines = shown.lines().map(|line| line.split("\" Hidden by").next().unwrap().trim_matches('"').trim_end());
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// A time of the zone that the test runs in, as the screen has it.
fn time(minutes: i64) -> String {
    basket_cli::time::local(DateTime::from_millis(START + minutes * 60_000))[..19].to_owned()
}

fn at(model: &Model) -> usize {
    model.basket.as_ref().unwrap().cursor()
}

#[track_caller]
fn looks_like(shown: &str, expected: &str) {
    let expected = (0..=5).fold(expected.to_owned(), |text, minutes| {
        text.replace(&format!("2026-..-.. ..:..:.{minutes}"), &time(minutes))
    });
    assert_eq!(shown.trim(), expected.trim(), "\n{shown}");
}

#[test]
fn the_list_has_a_row_for_each_basket() {
    let mut model = on_list(vec![row(0xab, 1_234), Summary { unreadable: 3, ..row(2, 2) }, row(3, 1)]);
    press(&mut model, [KeyCode::Down]);
    looks_like(
        &screen(&mut model, 80, 10),
        "
 3 baskets                                  mongodb://127.0.0.1:27017/basket_db
  basket                    versions  products      units  last change
  abababababababababababab     1,234         2         14  2026-..-.. ..:..:.0
>!020202020202020202020202         2         2         14  2026-..-.. ..:..:.0 …
  030303030303030303030303         1         2         14  2026-..-.. ..:..:.0




 ↑↓ move  Enter open  / find  p product  ? all keys  q leave",
    );
}

#[test]
fn a_basket_shows_its_events_and_what_was_in_it_then() {
    let mut model = on_basket();
    press(&mut model, [KeyCode::Left, KeyCode::Left]);
    let shown = screen(&mut model, 80, 24);
    looks_like(
        &shown,
        &format!(
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
 2 products, 4 units              at      {}
                                  because for the garden
                                  commit  c0c0c0c0c0c0c0c0c0c0c0c0



 ←→ time  Home End  m mark  d document  ? all keys  q back",
            basket_cli::time::local(DateTime::from_millis(START + 180_000))
        ),
    );
}

#[test]
fn a_diff_goes_from_the_earlier_to_the_later_end_whichever_was_marked() {
    let mut model = on_basket();
    typed(&mut model, "m");
    press(&mut model, [KeyCode::Home, KeyCode::Right]);
    let backwards = screen(&mut model, 120, 30);
    for line in ["Changes from version 2 to 5", "- socks = 1", "+ rocks = 3", "+ 靴下 = 12"] {
        assert!(backwards.contains(line), "{line}\n{backwards}");
    }
    typed(&mut model, "m");
    press(&mut model, [KeyCode::Right]);
    let forwards = screen(&mut model, 120, 30);
    assert!(forwards.contains("Changes from version 2 to 3"), "{forwards}");
    assert!(forwards.contains("+ rocks = 3") && !forwards.contains("- socks"), "{forwards}");
    press(&mut model, [KeyCode::Left]);
    assert!(screen(&mut model, 120, 30).contains("nothing differs"));
    typed(&mut model, "m");
    assert!(!screen(&mut model, 120, 30).contains("Changes"));
}

#[test]
fn the_document_is_asked_for_once_and_stands_in_the_pane() {
    let mut model = on_basket();
    assert_eq!(model.wanted(), None);
    typed(&mut model, "d");
    assert_eq!(model.wanted(), Some((id(1), 5)));
    assert!(screen(&mut model, 80, 24).contains("Document: reading…"));
    press(&mut model, [KeyCode::Left]);
    model.show_document((id(1), 5), Ok(vec!["too late".into()]));
    assert_eq!(model.wanted(), Some((id(1), 4)));
    model.show_document((id(1), 4), Ok(vec!["{".into(), "  \"version\": 4".into(), "}".into()]));
    assert_eq!(model.wanted(), None);
    let shown = screen(&mut model, 80, 24);
    assert!(shown.contains("Document of version 4") && shown.contains("\"version\": 4"), "{shown}");
    press(&mut model, [KeyCode::Left]);
    assert!(screen(&mut model, 80, 24).contains("Document of version 4"), "until the next one is there");
    assert_eq!(model.wanted(), Some((id(1), 3)));
    model.show_document((id(1), 3), Ok(vec!["{}".into()]));
    hear(&mut model, Told::Begins { head: 5 });
    hear(&mut model, Told::Events(story()));
    assert_eq!(model.wanted(), Some((id(1), 3)), "what is read again may be another one");
    typed(&mut model, "d");
    assert!(!screen(&mut model, 80, 24).contains("Document"));
}

#[test]
fn every_key_in_the_table_does_something_and_the_help_shows_it() {
    let rows: Vec<_> = (0..60).map(|number| row(number, 5)).collect();
    let middle_of_list = || {
        let mut model = on_list(rows.clone());
        model.list.go(30);
        model
    };
    let middle_of_basket = || {
        let mut model = Model::new("here".into(), Some(id(1)));
        let events = (2..=60).map(|version| entry(version, added(&format!("product {version}"), 1), Meta::default()));
        let created = entry(1, BasketEvent::BasketCreated { basket_id: id(1) }, Meta::default());
        for told in
            [Told::Begins { head: 60 }, Told::Events([created].into_iter().chain(events).collect()), Told::Complete]
        {
            hear(&mut model, told);
        }
        model.basket.as_mut().unwrap().go(30);
        model.scroll = 2;
        screen(&mut model, 80, 24);
        model
    };
    let screens: [(_, &dyn Fn() -> Model); 2] = [(keys::LIST, &middle_of_list), (keys::BASKET, &middle_of_basket)];
    for (bindings, fresh) in screens {
        let mut model = fresh();
        typed(&mut model, "?");
        let help = screen(&mut model, 80, 24);
        let before = screen(&mut fresh(), 80, 24);
        for binding in bindings {
            let line = help.lines().find(|line| line.contains(binding.what)).unwrap_or_else(|| panic!("{help}"));
            assert!(line.trim_start().starts_with(binding.shown), "{line}");
            assert_eq!(binding.shown.split(' ').count(), binding.keys.len(), "{binding:?}");
            for key in binding.keys {
                let mut model = fresh();
                let command = press(&mut model, [*key]);
                let after = screen(&mut model, 80, 24);
                assert!(command.is_some() || after != before, "{key:?} does nothing");
                let again = bindings.iter().filter(|binding| binding.keys.contains(key)).count();
                assert_eq!(again, 1, "{key:?} is there twice");
            }
        }
        assert!(help.contains("Ctrl-C"));
    }
}

#[test]
fn a_help_that_has_no_room_can_be_scrolled() {
    let mut model = on_basket();
    typed(&mut model, "?");
    let top = screen(&mut model, 80, 10);
    assert!(top.contains("an event earlier") && !top.contains("Ctrl-C") && top.contains("↓ for more"), "{top}");
    press(&mut model, [KeyCode::Down; 30]);
    let end = screen(&mut model, 80, 10);
    assert!(end.contains("Ctrl-C") && !end.contains("for more"), "{end}");
    press(&mut model, [KeyCode::Up]);
    assert!(!screen(&mut model, 80, 10).contains("Ctrl-C"));
    assert_eq!(press(&mut model, [KeyCode::Char('q')]), None);
    assert!(model.help.is_none() && model.basket.is_some());
}

#[test]
fn the_search_narrows_the_list_as_it_is_typed() {
    let mut model = on_list(vec![row(0xaa, 1), row(0xab, 2), row(0xbb, 3)]);
    typed(&mut model, "/ab");
    let shown = screen(&mut model, 80, 10);
    assert!(shown.contains("1 of 3 baskets, 'ab' in the id") && shown.contains(" id has: ab"), "{shown}");
    assert!(shown.contains("> abab") && !shown.contains("aaaa") && !shown.contains("bbbb"), "{shown}");
    typed(&mut model, "q");
    assert!(screen(&mut model, 80, 10).contains("No id has 'abq' in it; Esc shows all of them."));
    press(&mut model, [KeyCode::Backspace, KeyCode::Enter]);
    assert_eq!(press(&mut model, [KeyCode::Enter]), Some(Command::Read(Request::Basket(id(0xab)))));
    assert_eq!(press(&mut model, [KeyCode::Esc]), Some(Command::Read(Request::List(None))));
    assert_eq!(model.list.found_len(), 1, "the search is kept");
    assert_eq!(press(&mut model, [KeyCode::Esc]), None);
    assert_eq!(model.list.found_len(), 3);
    assert_eq!(press(&mut model, [KeyCode::Esc]), Some(Command::Quit));
}

#[test]
fn baskets_that_hold_a_product_are_asked_of_the_store() {
    let mut model = on_list(vec![row(1, 1)]);
    assert_eq!(typed(&mut model, "pq /?"), None, "letters are letters while one types");
    assert!(screen(&mut model, 80, 10).ends_with("hold the product: q /?"));
    let asked = press(&mut model, [KeyCode::Enter]);
    let product = Product::new("q /?").unwrap();
    assert_eq!(asked, Some(Command::Read(Request::List(Some(product)))));
    assert!(screen(&mut model, 80, 10).contains("reading… with 'q /?'"));
    model.hear(News { of: Request::List(None), told: Told::Baskets(vec![row(1, 1), row(2, 1)]) }).unwrap();
    assert!(!model.list.is_read(), "what was asked before comes too late");
    hear(&mut model, Told::Baskets(Vec::new()));
    assert!(screen(&mut model, 80, 10).contains("No basket holds 'q /?'; Esc shows all of them."));
    assert_eq!(press(&mut model, [KeyCode::Esc]), Some(Command::Read(Request::List(None))));
    typed(&mut model, "p");
    typed(&mut model, &"x".repeat(129));
    assert_eq!(press(&mut model, [KeyCode::Enter]), None);
    assert!(screen(&mut model, 300, 10).contains("(a product's name has at most 128 characters, this one has 129)"));
}

#[test]
fn the_cursor_stays_on_its_basket_when_the_list_changes_and_at_the_top_at_the_top() {
    let mut model = on_list(vec![row(1, 1), row(2, 1)]);
    hear(&mut model, Told::Baskets(vec![row(3, 1), row(1, 1), row(2, 1)]));
    assert_eq!(model.list.selected(), Some(id(3)));
    press(&mut model, [KeyCode::Down]);
    hear(&mut model, Told::Baskets(vec![row(4, 1), row(3, 1), row(2, 1), row(1, 1)]));
    assert_eq!(model.list.selected(), Some(id(1)));
}

#[test]
fn new_events_take_a_cursor_at_the_head_along_and_leave_any_other() {
    let mut model = on_basket();
    assert!(screen(&mut model, 80, 24).contains("version 5, the newest: live"));
    hear(&mut model, Told::Events(vec![entry(6, added("clocks", 1), Meta::default())]));
    assert_eq!(at(&model), 6);
    assert!(screen(&mut model, 80, 24).contains("clocks = 1"));
    press(&mut model, [KeyCode::Left]);
    hear(&mut model, Told::Events(vec![entry(7, added("hats", 1), Meta::default())]));
    assert_eq!(at(&model), 5);
    let shown = screen(&mut model, 80, 24);
    assert!(shown.contains("version 5 of 7, 2 behind") && !shown.contains("hats = 1"), "{shown}");
    press(&mut model, [KeyCode::End]);
    assert!(screen(&mut model, 80, 24).contains("hats = 1"));
}

#[test]
fn one_can_look_around_while_it_is_read_and_reading_again_keeps_the_place() {
    let mut model = Model::new("here".into(), Some(id(1)));
    assert!(screen(&mut model, 80, 24).contains("reading…"));
    assert_eq!(press(&mut model, [KeyCode::Up, KeyCode::End, KeyCode::Char('m'), KeyCode::PageUp]), None);
    hear(&mut model, Told::Begins { head: 5 });
    hear(&mut model, Told::Events(story()[..3].to_vec()));
    assert!(screen(&mut model, 80, 24).contains("reading: 3 of 5"));
    press(&mut model, [KeyCode::Home, KeyCode::Right]);
    hear(&mut model, Told::Events(story()[3..].to_vec()));
    hear(&mut model, Told::Complete);
    assert_eq!(at(&model), 2);
    typed(&mut model, "m");
    press(&mut model, [KeyCode::Right]);
    assert_eq!(typed(&mut model, "r"), Some(Command::Read(Request::Basket(id(1)))));
    for told in [Told::Begins { head: 5 }, Told::Events(story()), Told::Complete] {
        hear(&mut model, told);
    }
    let shown = screen(&mut model, 80, 24);
    assert_eq!(at(&model), 3);
    assert!(shown.contains("Changes from version 2 to 3") && shown.contains("+ rocks = 3"), "{shown}");
}

#[test]
fn whoever_is_faster_than_the_store_is_at_the_first_event_all_the_same() {
    let mut model = Model::new("here".into(), Some(id(1)));
    press(&mut model, [KeyCode::Home]);
    for told in [Told::Begins { head: 5 }, Told::Events(story()), Told::Complete] {
        hear(&mut model, told);
    }
    assert_eq!(at(&model), 1);
    assert!(screen(&mut model, 80, 24).contains("version 1 of 5, 4 behind"));
}

#[test]
fn what_goes_wrong_ends_it_only_where_there_is_nothing_to_see_yet() {
    let trouble = || StoreError::Unreachable { store: "it".into(), why: "asleep".into() };
    let mut fresh = Model::new("here".into(), None);
    assert!(fresh.hear(News { of: fresh.request(), told: Told::Failed(trouble()) }).is_err());
    let mut model = on_basket();
    hear(&mut model, Told::Failed(trouble()));
    let shown = screen(&mut model, 80, 24);
    assert!(shown.contains("it can't be reached (asleep)") && shown.contains("added 1 of 'socks'"), "{shown}");
    hear(&mut model, Told::Same);
    assert!(!screen(&mut model, 80, 24).contains("asleep"));
    let mut broken = Model::new("here".into(), Some(id(1)));
    hear(&mut broken, Told::Begins { head: 5 });
    hear(&mut broken, Told::Events(story()[..2].to_vec()));
    let why = Unreadable { document: "ObjectId('d')".into(), version: Some(3), why: "it has no type".into() };
    hear(&mut broken, Told::Failed(why.into()));
    let shown = screen(&mut broken, 80, 24);
    assert!(shown.contains("ObjectId('d') (version 3) can't be read") && shown.contains("socks = 1"), "{shown}");
}

#[test]
fn leaving_goes_back_to_the_list_or_out_and_control_c_always_out() {
    let mut model = on_list(vec![row(1, 5)]);
    press(&mut model, [KeyCode::Enter]);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(model.key(control_c), Some(Command::Quit));
    assert_eq!(typed(&mut model, "q"), Some(Command::Read(Request::List(None))));
    assert_eq!(typed(&mut model, "q"), Some(Command::Quit));
    assert_eq!(typed(&mut on_basket(), "q"), Some(Command::Quit), "there is no list behind it");
    let mut typing = on_list(Vec::new());
    typed(&mut typing, "/");
    assert_eq!(typing.key(control_c), Some(Command::Quit));
}

#[test]
fn every_size_can_be_drawn_and_a_small_one_says_what_it_needs() {
    let mut model = on_basket();
    typed(&mut model, "m");
    for width in (1..130).step_by(3) {
        for height in (1..14).chain([24, 40]) {
            for (help, document) in [(false, false), (true, false), (false, true)] {
                model.help = help.then_some(7);
                if document != model.document.is_some() {
                    typed(&mut model, "d");
                    model.help = None;
                }
                screen(&mut model, width, height);
            }
            screen(&mut on_list(vec![row(1, 5)]), width, height);
        }
    }
    let mut small = on_basket();
    assert!(screen(&mut small, 39, 10).replace('\n', " ").contains("the baskets need 40 and 10"));
    assert!(screen(&mut small, 40, 9).contains("the baskets need"));
    assert!(screen(&mut small, 40, 10).contains("> 5  "));
    let empty = screen(&mut on_list(Vec::new()), 80, 24);
    assert!(empty.contains("There is no basket here yet; `basket create PRODUCT` makes one"), "{empty}");
}

#[test]
fn a_pane_with_more_than_fits_is_scrolled_as_far_as_it_goes() {
    let mut model = Model::new("here".into(), Some(id(1)));
    let events = (2..=40).map(|version| entry(version, added(&format!("product {version}"), 1), Meta::default()));
    let created = entry(1, BasketEvent::BasketCreated { basket_id: id(1) }, Meta::default());
    hear(&mut model, Told::Events([created].into_iter().chain(events).collect()));
    let shown = screen(&mut model, 80, 24);
    assert!(shown.contains("product 2 = 1") && shown.contains("39 products, 39 units, J K"), "{shown}");
    typed(&mut model, &"J".repeat(100));
    let end = screen(&mut model, 80, 24);
    assert!(end.contains("product 40 = 1") && !end.contains("product 2 = 1"), "{end}");
    typed(&mut model, "K");
    let before_end = screen(&mut model, 80, 24);
    assert!(before_end.contains("product 39 = 1") && !before_end.contains("product 40 = 1"), "{before_end}");
}

#[test]
fn any_version_of_a_long_life_is_near_and_right() {
    let mut random = fastrand::Rng::with_seed(7);
    let (mut timeline, mut states, mut basket) = (Timeline::new(id(1)), Vec::new(), Basket::default());
    for version in 1..=20_000 {
        let product = format!("product {}", random.u8(0..40));
        let event = match version {
            1 => BasketEvent::BasketCreated { basket_id: id(1) },
            _ if basket.contains(&Product::new(&product).unwrap()) && random.bool() => removed(&product),
            _ => added(&product, 1),
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
        assert_eq!(timeline.basket(), &states[version - 1], "{version}");
        assert!(timeline.basket().items().eq(states[version - 1].items()), "the order at {version}");
    }
    // Folding it all every time takes a hundred times as long.
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn only_the_rows_that_can_be_seen_are_made() {
    let mut timeline = Timeline::new(id(1));
    timeline.push(entry(1, BasketEvent::BasketCreated { basket_id: id(1) }, Meta::default()));
    (2..=100_000).for_each(|version| timeline.push(entry(version, added("socks", 1), Meta::default())));
    timeline.complete();
    let mut model = Model::new("here".into(), Some(id(1)));
    model.basket = Some(timeline);
    let start = std::time::Instant::now();
    for _ in 0..100 {
        press(&mut model, [KeyCode::PageUp]);
        assert!(screen(&mut model, 80, 24).contains(" of 100,000"));
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    assert_eq!(keys::action(keys::BASKET, KeyCode::Char('x')), None::<Action>);
}
