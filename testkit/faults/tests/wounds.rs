//! The harness is certified: it sees each of the mistakes that other stores have made, by the law that it breaks, and none where none
//! is made.

use basket_mongo::{EventStore, MongoStore};
use faults::{
    breaks,
    clients::{Ask, Load},
    faults::FAULTS,
    laws::Law,
    list::Lists,
    under_load::UnderLoad,
    wounds::{CASES, Wound},
};
use testkit::mongo::with_database;
use tokio::runtime::Builder;

fn is_seen(wound: Wound) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let case = CASES.into_iter().find(|case| case.wound == wound).unwrap();
    let [sound, wounded] = [false, true].map(|is_wounded| runtime.block_on(case.show(is_wounded)).unwrap());
    println!("{} acknowledged; with the wound {}: {:?}", sound.acknowledged, wounded.acknowledged, wounded.broken);
    assert!(sound.is_clean(), "{:?}", sound.examples);
    assert!(wounded.count(case.law) > 0, "{:?} {:?}", wounded.broken, wounded.examples);
}

#[test]
fn to_check_first_and_act_then_is_seen() {
    is_seen(Wound::CheckThenAct);
}

#[test]
fn a_token_that_is_read_after_the_events_is_seen() {
    is_seen(Wound::TokenAfterEvents);
}

#[test]
fn an_unknown_commit_that_is_put_again_as_new_is_seen() {
    is_seen(Wound::RetriedAsNew);
}

#[test]
fn a_reader_that_follows_the_ids_of_the_events_is_seen() {
    is_seen(Wound::FeedById);
}

#[test]
fn a_checkpoint_that_is_kept_before_its_effect_is_seen() {
    is_seen(Wound::CheckpointFirst);
}

#[test]
fn a_collection_whose_unique_key_was_dropped_is_seen() {
    with_database(async |db| {
        let store = MongoStore::<Lists>::at(&db.address).await.unwrap();
        let first = ["0.0".to_owned()];
        store.command(&"first".into()).run(|list| Ok::<_, std::fmt::Error>(list.append(&first))).await.unwrap();
        store.collection().drop().await.unwrap();
        let load = Load { clients: 12, asks: &[Ask::Append], streams: 2, deadline: faults::clients::DEADLINE, seed: 7 };
        let load = UnderLoad::start(&store, load);
        tokio::time::sleep(std::time::Duration::from_millis(800)).await;
        let row = load.end(&db.address, 1).await.unwrap();
        assert!(row.count(Law::Gapless) > 0, "{:?}", row.broken);
    });
}

#[test]
fn a_mistake_that_is_made_in_the_sources_finds_its_place_in_them_and_its_fault() {
    let breaks = breaks::all().unwrap();
    for broken in &breaks {
        broken.changed().unwrap();
        assert!(FAULTS.iter().any(|fault| fault.name == broken.fault), "{}", broken.fault);
    }
    assert!(breaks.len() >= 5);
}
