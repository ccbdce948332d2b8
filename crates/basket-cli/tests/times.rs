//! Every time that is printed can be given back, and is the same moment then: to the millisecond, in any zone, and also in
//! the hour that is there twice when clocks are put back.

use std::collections::BTreeSet;

use basket_domain::{BasketEvent, BasketId};
use bson::DateTime;
use serde_json::Value;
use testkit::{
    events::{product, qty},
    histories::{self, Dated, Histories},
    mongo::with_database,
    one_basket::OneBasket,
    shell::Shell,
    terminal::Terminal,
};

const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/St_Johns", "Europe/Amsterdam"];

/// When the versions were recorded. Next to each other are times that differ by a millisecond, or only in the offset.
const TIMES: [&str; 9] = [
    // Amsterdam was 19 minutes and 32 seconds ahead then.
    "1910-01-01T12:00:00.001Z",
    "1969-12-31T23:59:59.999Z",
    "2026-03-29T00:59:59.999Z",
    "2026-03-29T01:00:00.000Z",
    // In Berlin, it is twice half past two on this day.
    "2026-10-25T00:30:00.456Z",
    "2026-10-25T00:30:00.457Z",
    "2026-10-25T01:30:00.456Z",
    "2026-10-25T01:30:00.457Z",
    "2026-11-01T23:00:00Z",
];

fn history() -> Histories {
    let basket_id = BasketId::from_bytes([0xab; 12]);
    let add = BasketEvent::ItemAdded { basket_id, product: product("socks"), qty: qty(1) };
    let events = [BasketEvent::BasketCreated { basket_id }].into_iter().chain(std::iter::repeat(add));
    let at = |time: &str| DateTime::parse_rfc3339_str(time).unwrap().timestamp_millis();
    vec![events.zip(TIMES).map(|(event, time)| (event, at(time))).collect::<Vec<Dated>>()]
}

/// A version, and a time that was printed for it.
type Printed = (u64, String);

/// These times lead back to these versions, wherever a time can be given.
fn lead_back(basket: &OneBasket<'_>, printed: &BTreeSet<Printed>) {
    for (version, time) in printed {
        let json = |words: &str| -> Value {
            let answer = basket.basket(&format!("{words} --format json"));
            serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}"))
        };
        assert_eq!(json(&format!("get ID --at '{time}'"))["version"], *version, "{time:?}");
        let diff = json(&format!("diff ID '{time}..{time}'"));
        assert_eq!([&diff["from"], &diff["to"]], [&Value::from(*version); 2], "{time:?}");
        assert_eq!(basket.versions(&format!("log ID --since '{time}' --until '{time}'")), [*version], "{time:?}");
    }
}

/// The text between two others, on each line that has both.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = String> {
    text.lines().filter_map(move |line| Some(line.split_once(before)?.1.split_once(after)?.0.to_owned()))
}

/// Lines such as `   3  2026-11-25 10:30:00.456 +01:00  ann  …`, which `>` may stand before.
fn numbered(text: &str) -> Vec<Printed> {
    let lines = text.lines().filter_map(|line| {
        let (version, rest) = line.trim_start_matches(['>', ' ']).split_once("  ")?;
        Some((version.parse().ok()?, rest.split("  ").next()?.trim().to_owned()))
    });
    lines.collect()
}

/// For every place where a command prints a time.
fn printed(basket: &OneBasket<'_>) -> BTreeSet<Printed> {
    let last = TIMES.len() as u64;
    let mut all = numbered(&basket.basket("log ID --oneline").out);
    assert_eq!(all.len(), TIMES.len());
    all.extend(numbered(&basket.basket("blame ID").out));
    // All are one commit, which has the time of its newest event here.
    let log = basket.basket("log ID").out;
    all.extend(log.lines().filter_map(|line| Some((last, line.strip_prefix("at     ")?.to_owned()))));
    for record in basket.records("log ID") {
        let version = record["version"].as_u64().unwrap();
        all.push((version, record["recorded_at"].as_str().unwrap().into()));
        let then = basket.basket(&format!("get ID --version {version}")).err;
        all.extend(between(&then, "its last event was written at ", ", ").map(|at| (version, at)));
    }
    let list = basket.basket("list").out;
    let columns: Vec<_> = list.lines().nth(1).unwrap().split("  ").filter(|column| !column.is_empty()).collect();
    let list = &basket.records("list")[0];
    let [changed, created] = ["changed", "created"].map(|key| list[key].as_str().unwrap().to_owned());
    all.extend([(last, columns[1].into()), (1, columns[2].into()), (last, changed), (1, created)]);
    let early = basket.basket("get ID --at 1900-01-01").err;
    all.extend(between(&early, "its first event is of ", " (in UTC)").map(|time| (1, time)));
    // In blame one, in the log's heading one, in each note one, in the error one.
    assert_eq!(all.len(), TIMES.len() * 3 + 7);
    all.into_iter().collect()
}

/// The same for `explore`, which prints the offset only where it matters.
fn on_the_screen(basket: &OneBasket<'_>, shell: &Shell, zone: &str) -> BTreeSet<Printed> {
    let last = TIMES.len() as u64;
    let screen = Terminal::run(shell, &["explore", &basket.id]).shows("version 9, the newest: live");
    let mut all = numbered(&screen);
    assert_eq!(all.len(), TIMES.len(), "{screen}");
    let with_offset = all.iter().filter(|(_, time)| time.len() > "2026-11-25 10:30:00.456".len()).count();
    assert_eq!(with_offset, if zone.starts_with("Europe") { 2 } else { 0 }, "{screen}");
    all.extend(screen.lines().filter_map(|line| Some((last, line.split_once(" at      ")?.1.trim().to_owned()))));
    let list = Terminal::run(shell, &["explore"]).shows(&basket.id);
    let row = list.lines().find(|line| line.contains(&basket.id)).unwrap();
    all.push((last, row.trim_end().rsplit("  ").next().unwrap().into()));
    assert_eq!(all.len(), TIMES.len() + 2);
    all.into_iter().collect()
}

fn every_time_leads_back(shell: &Shell, zone: &str) {
    let basket = OneBasket { shell, id: BasketId::from_bytes([0xab; 12]).to_string() };
    let all = &printed(&basket) | &on_the_screen(&basket, shell, zone);
    lead_back(&basket, &all);
    // A time that was asked for is the same one, too.
    let early = basket.basket("get ID --at 1899-12-31T23:00:00.5Z").err;
    let asked: Vec<_> = between(&early, "was not there at ", ";").collect();
    assert_eq!(asked, ["1899-12-31T23:00:00.5Z"]);
}

/// The day of a report, which is in UTC.
fn every_day_leads_back(shell: &Shell) {
    let table = shell.basket("report removed --by day").out;
    let day = table.lines().nth(1).unwrap().split_once("  ").unwrap().0.trim();
    assert_eq!(day, "1969-12-31Z");
    let json: Value = serde_json::from_str(&shell.basket("report removed --by day --format ndjson").out).unwrap();
    assert_eq!(json["day"], "1969-12-31T00:00:00.000Z");
    let early = |day: &str| shell.basket(&format!("get {} --at {day}", "ab".repeat(12))).err;
    assert_eq!(early("1900-01-02Z"), early("1900-01-02T00:00:00.000Z"));
}

#[test]
fn mongo_every_time_that_is_printed_is_read_as_the_same_moment_in_any_zone() {
    with_database(async |db| {
        histories::into_mongo(&db, &history()).await;
        for zone in ZONES {
            let file = Shell::new().with("BASKET_STORE", "baskets.db").with("TZ", zone);
            histories::into_file(&file.folder.path().join("baskets.db"), &history()).await;
            every_time_leads_back(&file, zone);
            every_day_leads_back(&file);
        }
        let mongo = Shell::new().with("BASKET_STORE", db.address).with("TZ", "Europe/Berlin");
        every_time_leads_back(&mongo, "Europe/Berlin");
    });
}
