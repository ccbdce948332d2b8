//! A basket whose story is known, and the screen on which it is looked at.

use basket_cli::{
    explore::{
        self,
        model::Command,
        reader::{Answer, Update},
        view::{self, Palette},
    },
    summary::Summary,
};
use basket_domain::{BasketEvent, BasketId};
use basket_mongo::{Baskets, Entry, Meta};
use bson::{DateTime, oid::ObjectId};
use crossterm::event::KeyCode;
use jiff::{Timestamp, tz::TimeZone};
use ratatui::{Terminal, backend::TestBackend};
use testkit::events::{added, created, removed};

pub type Model = explore::Model<Baskets>;

pub const START: i64 = 1_795_000_000_456;

pub fn id(number: u8) -> BasketId {
    BasketId::from_bytes([number; 12])
}

pub fn entry(version: u64, event: BasketEvent, meta: Meta) -> Entry<Baskets> {
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

pub fn by(actor: &str, reason: Option<&str>) -> Meta {
    Meta { actor: Some(actor.into()), reason: reason.map(Into::into), ..Meta::default() }
}

pub fn story() -> Vec<Entry<Baskets>> {
    vec![
        entry(1, created(), by("ann", None)),
        entry(2, added("socks", 1), by("ann", None)),
        entry(3, added("rocks", 3), by("ben", Some("for the garden"))),
        entry(4, removed("socks"), by("a name that is rather long", None)),
        entry(5, added("靴下", 12), Meta::default()),
    ]
}

pub fn row(number: u8, versions: u64) -> Summary<BasketId> {
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
pub fn products(versions: u64) -> Vec<Entry<Baskets>> {
    let added = (2..=versions).map(|version| entry(version, added(&format!("product {version}"), 1), Meta::default()));
    [entry(1, created(), Meta::default())].into_iter().chain(added).collect()
}

/// On a basket of which nothing was read yet.
pub fn unread() -> Model {
    Model::new("here".into(), Some(id(1)))
}

pub fn reads(model: &mut Model, events: Vec<Entry<Baskets>>) {
    for answer in [Answer::Begins { head: events.len() as u64 }, Answer::Events(events), Answer::Complete] {
        update(model, answer);
    }
}

/// On the basket of the story, all of which was read.
pub fn on_basket() -> Model {
    let mut model = unread();
    reads(&mut model, story());
    model
}

pub fn on_list(rows: Vec<Summary<BasketId>>) -> Model {
    let mut model = Model::new("mongodb://127.0.0.1:27017/basket_db".into(), None);
    update(&mut model, Answer::List(rows));
    model
}

pub fn update(model: &mut Model, answer: Answer<Baskets>) {
    model.update(Update { of: model.request(), answer }).unwrap();
}

pub fn press(model: &mut Model, keys: impl IntoIterator<Item = KeyCode>) -> Option<Command<BasketId>> {
    keys.into_iter().map(|key| model.key(key.into())).last().flatten()
}

pub fn typed(model: &mut Model, text: &str) -> Option<Command<BasketId>> {
    press(model, text.chars().map(KeyCode::Char))
}

pub fn screen(model: &mut Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, model, Palette::new(false))).unwrap();
    let shown = terminal.backend().to_string();
    // The backend adds a note where a letter takes two columns.
    let lines = shown.lines().map(|line| line.split("\" Hidden by").next().unwrap().trim_matches('"').trim_end());
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// So many minutes after the start in the zone that the test runs in, as the screen has it.
pub fn local(minutes: i64) -> String {
    let time = Timestamp::from_millisecond(START + minutes * 60_000).unwrap();
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S%.3f %:z").to_string()
}

/// The screen has all of these words, and none of those.
#[track_caller]
pub fn shows(model: &mut Model, words: &[&str], others: &[&str]) {
    let shown = screen(model, 80, 24);
    words.iter().for_each(|words| assert!(shown.contains(words), "{words:?} is missing:\n{shown}"));
    others.iter().for_each(|words| assert!(!shown.contains(words), "{words:?} is there:\n{shown}"));
}

pub fn at(model: &Model) -> usize {
    model.timeline.as_ref().unwrap().cursor()
}

/// `2026-..-.. ..:..:.3 +..:..` stands for three minutes after the start, in the zone that the test runs in.
#[track_caller]
pub fn looks_like(shown: &str, expected: &str) {
    let expected = (0..=5).fold(expected.to_owned(), |text, minutes| {
        let (time, zone) = (local(minutes), local(minutes).split_off(24));
        text.replace(&format!("2026-..-.. ..:..:.{minutes}"), &time[..23]).replace("+..:..", &zone)
    });
    assert_eq!(shown.trim(), expected.trim(), "\n{shown}");
}
