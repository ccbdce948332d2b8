//! What `basket explore` shows and what each key does to it, without a terminal and without a store.

use basket_cli::{
    explore::{
        self, Timeline,
        keys::{self, Action},
        model::Command,
        reader::{Answer, Request, Update},
        view::{self, Palette},
    },
    summary::Summary,
};

use basket_domain::{Aggregate, Basket, BasketEvent, BasketId};
use basket_mongo::{Baskets, Entry, Meta};
use bson::{DateTime, oid::ObjectId};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{Timestamp, tz::TimeZone};
use ratatui::{Terminal, backend::TestBackend};
use testkit::events::{added, created, product, removed};

type Model = explore::Model<Baskets>;

const START: i64 = 1_795_000_000_456;

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

fn story() -> Vec<Entry<Baskets>> {
    vec![
        entry(1, created(), by("ann", None)),
        entry(2, added("socks", 1), by("ann", None)),
        entry(3, added("rocks", 3), by("ben", Some("for the garden"))),
        entry(4, removed("socks"), by("a name that is rather long", None)),
        entry(5, added("靴下", 12), Meta::default()),
    ]
}

fn row(number: u8, versions: u64) -> Summary<BasketId> {
    Summary {
        id: id(number),
        created: Some(DateTime::from_millis(START)),
        changed: Some(DateTime::from_millis(START)),
        versions,
        rows: 2,
        units: 14,
        unreadable: 0,
    }
}

/// So many versions: created, and then a product each.
fn products(versions: u64) -> Vec<Entry<Baskets>> {
    let added = (2..=versions).map(|version| entry(version, added(&format!("product {version}"), 1), Meta::default()));
    [entry(1, created(), Meta::default())].into_iter().chain(added).collect()
}

/// On a basket of which nothing was read yet.
fn unread() -> Model {
    Model::new("here".into(), Some(id(1)))
}

fn reads(model: &mut Model, events: Vec<Entry<Baskets>>) {
    for answer in [Answer::Begins { head: events.len() as u64 }, Answer::Events(events), Answer::Complete] {
        update(model, answer);
    }
}

/// On the basket of the story, all of which was read.
fn on_basket() -> Model {
    let mut model = unread();
    reads(&mut model, story());
    model
}

fn on_list(rows: Vec<Summary<BasketId>>) -> Model {
    let mut model = Model::new("mongodb://127.0.0.1:27017/basket_db".into(), None);
    update(&mut model, Answer::List(rows));
    model
}

fn update(model: &mut Model, answer: Answer<Baskets>) {
    model.update(Update { of: model.request(), answer }).unwrap();
}

fn press(model: &mut Model, keys: impl IntoIterator<Item = KeyCode>) -> Option<Command<BasketId>> {
    keys.into_iter().map(|key| model.key(key.into())).last().flatten()
}

fn typed(model: &mut Model, text: &str) -> Option<Command<BasketId>> {
    press(model, text.chars().map(KeyCode::Char))
}

fn screen(model: &mut Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, model, Palette::new(false))).unwrap();
    let shown = terminal.backend().to_string();
    // The backend adds a note where a letter takes two columns.
    let lines = shown.lines().map(|line| line.split("\" Hidden by").next().unwrap().trim_matches('"').trim_end());
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// So many minutes after the start in the zone that the test runs in, as the screen has it.
fn local(minutes: i64) -> String {
    let time = Timestamp::from_millisecond(START + minutes * 60_000).unwrap();
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S%.3f %:z").to_string()
}

/// The screen has all of these words, and none of those.
#[track_caller]
fn shows(model: &mut Model, words: &[&str], others: &[&str]) {
    let shown = screen(model, 80, 24);
    words.iter().for_each(|words| assert!(shown.contains(words), "{words:?} is missing:\n{shown}"));
    others.iter().for_each(|words| assert!(!shown.contains(words), "{words:?} is there:\n{shown}"));
}

fn at(model: &Model) -> usize {
    model.timeline.as_ref().unwrap().cursor()
}

/// `2026-..-.. ..:..:.3 +..:..` stands for three minutes after the start, in the zone that the test runs in.
#[track_caller]
fn looks_like(shown: &str, expected: &str) {
    let expected = (0..=5).fold(expected.to_owned(), |text, minutes| {
        let (time, zone) = (local(minutes), local(minutes).split_off(24));
        text.replace(&format!("2026-..-.. ..:..:.{minutes}"), &time[..23]).replace("+..:..", &zone)
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
fn every_key_in_the_table_does_something_and_the_help_shows_it() {
    let rows: Vec<_> = (0..60).map(|number| row(number, 5)).collect();
    let middle_of_list = || {
        let mut model = on_list(rows.clone());
        model.list.go(30);
        model
    };
    let middle_of_basket = || {
        let mut model = unread();
        reads(&mut model, products(60));
        model.timeline.as_mut().unwrap().go(30);
        model.scroll = 2;
        screen(&mut model, 80, 24);
        model
    };
    let screens: [(_, &dyn Fn() -> Model); 2] = [(keys::LIST, &middle_of_list), (keys::TIMELINE, &middle_of_basket)];
    for (bindings, fresh) in screens {
        let mut model = fresh();
        typed(&mut model, "?");
        let help = screen(&mut model, 80, 24);
        let before = screen(&mut fresh(), 80, 24);
        for binding in bindings {
            let what = binding.what.replace("{stream}", "basket").replace("{row}", "product");
            let line = help.lines().find(|line| line.contains(&what)).unwrap_or_else(|| panic!("{what}: {help}"));
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
fn a_help_that_has_no_room_can_be_scrolled() {
    let mut model = on_basket();
    typed(&mut model, "?");
    let top = screen(&mut model, 80, 10);
    assert!(top.contains("an event earlier") && !top.contains("Ctrl-Z") && top.contains("↓ for more"), "{top}");
    press(&mut model, [KeyCode::Down; 30]);
    let end = screen(&mut model, 80, 10);
    assert!(end.contains("Ctrl-Z") && !end.contains("for more"), "{end}");
    press(&mut model, [KeyCode::Up]);
    assert!(!screen(&mut model, 80, 10).contains("Ctrl-Z"));
    assert_eq!(press(&mut model, [KeyCode::Char('q')]), None);
    assert!(model.help.is_none() && model.timeline.is_some());
}

#[test]
fn the_search_narrows_the_list_as_it_is_typed() {
    let mut model = on_list(vec![row(0xaa, 1), row(0xab, 2), row(0xbb, 3)]);
    typed(&mut model, "/ab");
    shows(&mut model, &["1 of 3 baskets, 'ab' in the id", " id has: ab", "> abab"], &["aaaa", "bbbb"]);
    typed(&mut model, "q");
    shows(&mut model, &["No id has 'abq' in it; Esc shows all of them."], &[]);
    press(&mut model, [KeyCode::Backspace, KeyCode::Enter]);
    assert_eq!(press(&mut model, [KeyCode::Enter]), Some(Command::Read(Request::Stream(id(0xab)))));
    assert_eq!(press(&mut model, [KeyCode::Esc]), Some(Command::Read(Request::List(None))));
    assert_eq!(model.list.found_len(), 1, "the search is kept");
    assert_eq!(press(&mut model, [KeyCode::Esc]), None);
    assert_eq!(model.list.found_len(), 3);
    assert_eq!(press(&mut model, [KeyCode::Esc]), Some(Command::Quit));
    typed(&mut model, "/");
    assert_eq!(model.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Command::Quit));
}

#[test]
fn the_store_is_asked_which_baskets_hold_a_product() {
    let mut model = on_list(vec![row(1, 1)]);
    assert_eq!(typed(&mut model, "pq /?"), None, "letters are letters while a product is typed");
    assert!(screen(&mut model, 80, 10).ends_with("hold the product: q /?"));
    assert_eq!(press(&mut model, [KeyCode::Enter]), Some(Command::Read(Request::List(Some("q /?".into())))));
    shows(&mut model, &["reading… with 'q /?'"], &[]);
    model.update(Update { of: Request::List(None), answer: Answer::List(vec![row(1, 1), row(2, 1)]) }).unwrap();
    assert!(!model.list.is_read(), "what was asked before comes too late");
    update(&mut model, Answer::List(Vec::new()));
    shows(&mut model, &["No basket holds 'q /?'; Esc shows all of them."], &[]);
    assert_eq!(press(&mut model, [KeyCode::Esc]), Some(Command::Read(Request::List(None))));
    typed(&mut model, "p");
    typed(&mut model, &"x".repeat(129));
    assert_eq!(press(&mut model, [KeyCode::Enter]), None);
    assert!(screen(&mut model, 300, 10).contains("(a product's name has at most 128 characters, this one has 129)"));
}

#[test]
fn the_cursor_stays_on_its_basket_when_the_list_changes_and_at_the_top_at_the_top() {
    let mut model = on_list(vec![row(1, 1), row(2, 1)]);
    update(&mut model, Answer::List(vec![row(3, 1), row(1, 1), row(2, 1)]));
    assert_eq!(model.list.selected(), Some(id(3)));
    press(&mut model, [KeyCode::Down]);
    update(&mut model, Answer::List(vec![row(4, 1), row(3, 1), row(2, 1), row(1, 1)]));
    assert_eq!(model.list.selected(), Some(id(1)));
}

#[test]
fn keys_work_while_it_is_read_and_reading_again_keeps_the_place() {
    let mut model = unread();
    shows(&mut model, &["reading…"], &[]);
    assert_eq!(press(&mut model, [KeyCode::Up, KeyCode::End, KeyCode::Char('m'), KeyCode::PageUp]), None);
    update(&mut model, Answer::Begins { head: 5 });
    update(&mut model, Answer::Events(story()[..3].to_vec()));
    shows(&mut model, &["reading: 3 of 5"], &[]);
    press(&mut model, [KeyCode::Home, KeyCode::Right]);
    update(&mut model, Answer::Events(story()[3..].to_vec()));
    update(&mut model, Answer::Complete);
    assert_eq!(at(&model), 2);
    typed(&mut model, "m");
    press(&mut model, [KeyCode::Right]);
    assert_eq!(typed(&mut model, "r"), Some(Command::Read(Request::Stream(id(1)))));
    reads(&mut model, story());
    assert_eq!(at(&model), 3);
    shows(&mut model, &["Changes from version 2 to 3", "+ rocks = 3"], &[]);

    // A key before the first answer counts as well.
    let mut model = unread();
    press(&mut model, [KeyCode::Home]);
    reads(&mut model, story());
    assert_eq!(at(&model), 1);
    shows(&mut model, &["version 1 of 5, 4 behind"], &[]);
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
    let mut model = unread();
    let socks = (2..=100_000).map(|version| entry(version, added("socks", 1), Meta::default()));
    reads(&mut model, products(1).into_iter().chain(socks).collect());
    let start = std::time::Instant::now();
    for _ in 0..100 {
        press(&mut model, [KeyCode::PageUp]);
        assert!(screen(&mut model, 80, 24).contains(" of 100,000"));
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    assert_eq!(keys::action(keys::TIMELINE, KeyCode::Char('x')), None::<Action>);
}
