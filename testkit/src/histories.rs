//! Random histories of several baskets, with clocks that run backwards, written into a store as they are.

use std::{fs, path::Path};

use basket_cli::EmbeddedStore;
use basket_domain::{Basket, BasketEvent, BasketId, EventSourced};
use basket_mongo::{
    Baskets, Commit, Maintenance,
    store::document::{NewEvent, new_events, read_entry},
};
use bson::{Bson, DateTime, RawDocumentBuf};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use crate::{
    mongo::{TestDatabase, created, product, qty},
    shell::Shell,
};

/// An event, and when it was recorded.
pub type Dated = (BasketEvent, i64);

/// One basket after the other, the events of each in their order.
pub type Histories = Vec<Vec<Dated>>;

/// Milliseconds of a few days.
pub const DAYS: i64 = 400_000_000;

/// A few baskets and products, so that a product is added, removed and added again; times within a few days.
pub fn random(runner: &mut TestRunner) -> Histories {
    within(runner, DAYS)
}

/// The same, with times within so many milliseconds.
pub fn within(runner: &mut TestRunner, millis: i64) -> Histories {
    let command = (0..3_usize, prop_oneof![2 => 1..=4_u32, 1 => Just(0), 1 => Just(u32::MAX / 9)], 0..millis);
    let baskets = vec(vec(command, 0..30), 0..5);
    baskets.new_tree(runner).unwrap().current().into_iter().map(|commands| history(&commands)).collect()
}

/// The events of the commands: quantity 0 removes; a refused command has no event.
fn history(commands: &[(usize, u32, i64)]) -> Vec<Dated> {
    let mut basket: EventSourced<Basket> = created();
    let mut times = vec![1_780_000_000_000];
    for (which, many, at) in commands {
        let product = product(["socks", "rocks", "clocks"][*which]);
        let decided = match many {
            0 => basket.decide(|basket| basket.remove_item(&product)),
            many => basket.decide(|basket| basket.add_item(&product, qty(*many))),
        };
        times.extend(decided.iter().map(|_| 1_780_000_000_000 + at));
    }
    basket.new_events().iter().cloned().zip(times).collect()
}

fn written(history: &[Dated]) -> Vec<NewEvent> {
    let events: Vec<_> = history.iter().map(|(event, _)| event.clone()).collect();
    let mut written = new_events::<Baskets>(0, &Commit::default(), DateTime::now(), &events);
    written.iter_mut().zip(history).for_each(|(event, (_, at))| event.recorded_at = DateTime::from_millis(*at));
    written
}

/// Replaces the collection; numbers are int32, int64 and double by turns, as different programs write them.
pub async fn into_mongo(db: &TestDatabase, histories: &Histories) {
    db.events().delete_many(bson::doc! {}).await.unwrap();
    for (history, turn) in histories.iter().zip(0..) {
        let document = |event: &NewEvent| {
            let mut document = event.document::<Baskets>(&basket_of(history));
            document.insert("version", number(event.version, turn));
            let data = document.get_document_mut("data").unwrap();
            if let Ok(many) = data.get_i64("qty") {
                data.insert("qty", number(many, turn + event.version));
            }
            document
        };
        // The last first: only the version gives the order.
        db.events().insert_many(written(history).iter().rev().map(document)).await.unwrap();
    }
}

fn number(number: i64, turn: i64) -> Bson {
    match (turn % 3, i32::try_from(number)) {
        (0, Ok(number)) => number.into(),
        (1, _) => (number as f64).into(),
        _ => number.into(),
    }
}

/// Replaces the file.
pub async fn into_file(path: &Path, histories: &Histories) {
    if path.exists() {
        fs::remove_file(path).unwrap();
    }
    let read = |(event, history): (NewEvent, &Vec<Dated>)| {
        let document = RawDocumentBuf::try_from(&event.document::<Baskets>(&basket_of(history))).unwrap();
        (read_entry::<Baskets>(&document).unwrap(), document)
    };
    let events = histories.iter().flat_map(|history| written(history).into_iter().map(move |event| (event, history)));
    EmbeddedStore::<Baskets>::at(path).import(&events.map(read).collect::<Vec<_>>(), true).await.unwrap();
}

/// Adds them to the store of a shell, whichever it is, as a backup of `mongoexport`.
pub fn into_shell(shell: &Shell, histories: &Histories) {
    let documents = histories
        .iter()
        .flat_map(|history| written(history).into_iter().map(|event| event.document::<Baskets>(&basket_of(history))));
    let lines = documents.map(|document| format!("{}\n", Bson::Document(document).into_canonical_extjson()));
    fs::write(shell.folder.path().join("histories.json"), lines.collect::<String>()).unwrap();
    let taken = shell.basket("import histories.json");
    assert_eq!(taken.code, 0, "{taken:?}");
}

pub fn basket_of(history: &[Dated]) -> BasketId {
    match &history[0].0 {
        BasketEvent::BasketCreated { basket_id } => *basket_id,
        other => panic!("a history begins with {other:?}"),
    }
}

/// The history of a basket that was created, and nothing else.
pub fn created_at(time: i64) -> Vec<Dated> {
    created().new_events().iter().cloned().map(|event| (event, time)).collect()
}
