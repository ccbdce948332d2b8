//! Random histories of several baskets, with clocks that run backwards, written into a store as they are.

use std::path::Path;

use basket_cli::{EmbeddedStore, rows};
use basket_domain::{Basket, BasketEvent, BasketId, EventSourced};
use basket_mongo::{Baskets, CommitId, EventStore, Meta, document::new_events};
use bson::{Bson, DateTime, Document};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use rusqlite::Connection;

use super::mongo::{TestDatabase, created, product, qty};

/// An event, and when it was recorded.
pub type Dated = (BasketEvent, i64);

/// One basket after the other, the events of each in their order.
pub type Histories = Vec<Vec<Dated>>;

/// A few baskets and products, so that products come and go and come again; times within a few days.
pub fn random(runner: &mut TestRunner) -> Histories {
    let command = (0..3_usize, prop_oneof![2 => 1..=4_u32, 1 => Just(0), 1 => Just(u32::MAX / 9)], 0..400_000_000_i64);
    let baskets = vec(vec(command, 0..30), 0..5);
    baskets.new_tree(runner).unwrap().current().into_iter().map(|commands| history(&commands)).collect()
}

/// What the commands lead to: a quantity of none removes; what is refused does not happen.
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

fn written(history: &[Dated]) -> Vec<basket_mongo::document::NewEvent> {
    let events: Vec<_> = history.iter().map(|(event, _)| event.clone()).collect();
    let mut written = new_events::<Baskets>(0, CommitId::new(), &Meta::default(), &events);
    written.iter_mut().zip(history).for_each(|(event, (_, at))| event.recorded_at = DateTime::from_millis(*at));
    written
}

/// Instead of all that was in the collection; numbers as int32, int64 and double by turns, as many hands write them.
pub async fn into_mongo(db: &TestDatabase, histories: &Histories) {
    db.events().delete_many(bson::doc! {}).await.unwrap();
    for (history, turn) in histories.iter().zip(0..) {
        let documents: Vec<Document> = written(history)
            .iter()
            .map(|event| {
                let mut document = event.document::<Baskets>(&basket_of(history));
                document.insert("version", number(event.version, turn));
                let data = document.get_document_mut("data").unwrap();
                if let Ok(many) = data.get_i64("qty") {
                    data.insert("qty", number(many, turn + event.version));
                }
                document
            })
            .collect();
        // The last first: only the version gives the order.
        db.events().insert_many(documents.iter().rev()).await.unwrap();
    }
}

fn number(number: i64, turn: i64) -> Bson {
    match (turn % 3, i32::try_from(number)) {
        (0, Ok(number)) => number.into(),
        (1, _) => (number as f64).into(),
        _ => number.into(),
    }
}

/// Instead of all that was in the file.
pub async fn into_file(path: &Path, histories: &Histories) {
    EmbeddedStore::new(path).save(&mut created()).await.unwrap();
    let mut file = Connection::open(path).unwrap();
    let transaction = file.transaction().unwrap();
    transaction.execute("DELETE FROM baskets", []).unwrap();
    for history in histories {
        for event in written(history).iter().rev() {
            rows::insert(&transaction, &event.document::<Baskets>(&basket_of(history))).unwrap();
        }
    }
    transaction.commit().unwrap();
}

/// Whose history it is.
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
