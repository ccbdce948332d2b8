//! What each operation costs, counted and not timed: commands, bytes on the way and in the collection, and allocations. A figure that
//! grows is red, with the old one and the new one. If it has a reason, write the new one here, and the reason into the commit.
//! How long operations take is in `docs/performance.md`.

use std::{
    env, mem,
    process::Command,
    sync::{Arc, Mutex},
};

use basket_domain::{Basket, BasketEvent, BasketId, EventSourced};
use basket_mongo::{
    Baskets, Commit, EventLog, EventStore, Expected, MongoStore, Require, Scope, Together, mongo::connection,
    store::document::RecordedEvent,
};
use bson::{Bson, DateTime, RawBsonRef, RawDocumentBuf, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::event::{EventHandler, command::CommandEvent};
use testkit::mongo::{TestDatabase, add, created, created_with_socks, new_id, product, qty, saved, with_database};

/// The commands of one client, each with its bytes and those of its answer.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<(String, usize, usize)>>>);

impl Sent {
    fn heard(&self, event: &CommandEvent) {
        let bytes = |document| bson::serialize_to_vec(document).unwrap().len();
        let mut sent = self.0.lock().unwrap();
        match event {
            CommandEvent::Started(started) => {
                sent.push((started.command_name.clone(), bytes(&started.command), 0));
            }
            CommandEvent::Succeeded(succeeded) => {
                let asked = sent.iter_mut().rev().find(|(name, ..)| *name == succeeded.command_name);
                asked.unwrap().2 = bytes(&succeeded.reply);
            }
            _ => {}
        }
    }

    /// What was sent since the last time: the commands, and the bytes both ways.
    fn take(&self) -> (Vec<String>, usize, usize) {
        let sent = mem::take(&mut *self.0.lock().unwrap());
        let (asked, answered) = sent.iter().fold((0, 0), |(asked, answered), (_, a, b)| (asked + a, answered + b));
        (sent.into_iter().map(|(name, ..)| name).collect(), asked, answered)
    }
}

/// A store whose index is made and looked at, and what it sends from now on.
async fn counted(db: &TestDatabase) -> (MongoStore<Baskets>, Sent) {
    let (sent, mut options) = (Sent::default(), connection::options(&db.address).await.unwrap());
    let heard = sent.clone();
    options.command_event_handler = Some(EventHandler::callback(move |event| heard.heard(&event)));
    let store = MongoStore::with_options(options).unwrap();
    saved(&store, created()).await;
    sent.take();
    (store, sent)
}

#[test]
fn each_operation_sends_as_few_commands_as_it_can_and_few_bytes() {
    with_database(async |db| {
        let (store, sent) = counted(&db).await;
        let costs = |what: &str, commands: &[&str], most_asked: usize, most_answered: usize| {
            let (names, asked, answered) = sent.take();
            assert_eq!(names, commands, "{what}: these commands, and not those");
            let both = format!("{what}: {asked} bytes were sent and {answered} came back");
            assert!(
                asked <= most_asked && answered <= most_answered,
                "{both}, at most {most_asked} and {most_answered}"
            );
        };
        let long = created_with_socks();
        let id = *saved(&store, long).await.id();
        sent.take();

        let event = [BasketEvent::ItemAdded { basket_id: id, product: product("rocks"), qty: qty(1) }];
        store.append(&id, Expected::Loaded(2), &Commit::default(), &event).await.unwrap();
        costs("an append", &["insert"], 550, 250);
        let events = [event[0].clone(), event[0].clone()];
        store.append(&id, Expected::Loaded(3), &Commit::default(), &events).await.unwrap();
        costs("a commit of two events", &["insert", "commitTransaction"], 1_000, 400);
        store.get(&id).await.unwrap();
        costs("a load of five events", &["find"], 400, 1_150);
        let rocks = product("rocks");
        store.command(&id).run(|basket| basket.add_item(&rocks, qty(1))).await.unwrap();
        costs("a command", &["find", "insert"], 950, 1_400);
        let new = new_id();
        store.command(&new).require(Require::New).run(|basket| basket.create(new)).await.unwrap();
        costs("a command to a new stream", &["insert"], 550, 250);
        store.command(&id).once("req").run(|basket| basket.add_item(&rocks, qty(1))).await.unwrap();
        costs("a command with a request", &["find", "insert"], 1_000, 1_550);
        store.across([&id, &new]).run(|[from, into]| into.merge(from).map(|[a, b]| [b, a])).await.unwrap();
        costs("a command to two streams", &["find", "find", "insert", "commitTransaction"], 2_100, 2_300);
        let mut root = store.get(&id).await.unwrap();
        add(&mut root, "clocks", 1);
        store.save(&mut root).await.unwrap();
        costs("a load, and a save of what a caller claims", &["find", "find", "insert"], 1_350, 2_500);
    });
}

#[test]
fn a_long_stream_is_read_in_batches_of_five_thousand() {
    with_database(async |db| {
        let (store, sent) = counted(&db).await;
        let id = new_id();
        let documents = documents(&id, 12_000).into_iter().map(|raw| bson::Document::try_from(&raw).unwrap());
        db.events().insert_many(documents).await.unwrap();
        sent.take();
        store.get(&id).await.unwrap();
        assert_eq!(sent.take().0, ["find", "getMore", "getMore"], "a load");
        let read = store.documents(Scope::All).try_fold(0, async |many, _| Ok(many + 1)).await.unwrap();
        assert_eq!((read, sent.take().0.len()), (12_001, 3), "a pass over all streams");
        let newest = std::pin::pin!(store.documents(Scope::NewestFirst(id))).try_next().await.unwrap();
        assert!(newest.is_some());
        let more = sent.take().0.into_iter().filter(|name| name == "getMore").count();
        assert_eq!(more, 0, "who wants the newest event asks for no more");
    });
}

/// Documents of one stream, whose products come again and again.
fn documents(id: &BasketId, many: i64) -> Vec<RawDocumentBuf> {
    let event = |version: i64| {
        let data = match version {
            1 => ("BasketCreated", doc! {}),
            _ => ("ItemAdded", doc! { "product": format!("product {}", version % 50), "qty": 1_i64 }),
        };
        let document = doc! {
            "_id": ObjectId::new(), "basket_id": ObjectId::from_bytes(id.to_bytes()), "version": version, "type": data.0,
            "data": data.1, "recorded_at": DateTime::now(), "commit": ObjectId::new(), "schema": 1,
        };
        RawDocumentBuf::try_from(&document).unwrap()
    };
    (1..=many).map(event).collect()
}

#[test]
fn an_event_has_no_byte_in_the_collection_that_it_does_not_need() {
    with_database(async |db| {
        let (store, _) = counted(&db).await;
        let id = *saved(&store, created_with_socks()).await.id();
        let stored: Vec<_> =
            db.stream(id).await.iter().map(|event| bson::serialize_to_vec(event).unwrap().len()).collect();
        assert_eq!(stored, [150, 178], "BasketCreated, and ItemAdded of 5 letters");
    });
}

fn fold(root: EventSourced<Basket>, documents: &[RawDocumentBuf]) -> EventSourced<Basket> {
    documents.iter().fold(root, |root, document| {
        let event = RecordedEvent::from_document(RawBsonRef::Document(document)).unwrap();
        event.replay_onto::<Baskets>(root).unwrap()
    })
}

/// What a product's name that was seen before would cost, if it were kept anew.
#[test]
fn the_fold_of_an_event_whose_product_was_seen_allocates_nothing() {
    let id = new_id();
    let documents = documents(&id, 1_000);
    let (first, rest) = documents.split_at(100);
    let mut root = Some(fold(EventSourced::new(id), first));
    let allocated = allocation_counter::measure(|| root = root.take().map(|root| fold(root, rest)));
    assert_eq!(root.unwrap().version(), 1_000);
    assert_eq!(allocated.count_total, 0, "allocations for {} events", rest.len());
}

/// The counting itself: it would see an allocation.
#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocation_counter::measure(|| drop(Bson::String("rocks".to_owned()))).count_total, 1);
}

/// Under callgrind, this test runs itself with more and with fewer events: what they differ by is the price of an event, whatever
/// else the machine does. The tests are a debug build, so the number says only whether it grows; a new rustc may move it as well.
#[test]
fn the_fold_of_an_event_takes_no_more_instructions() {
    const TEST: &str = "the_fold_of_an_event_takes_no_more_instructions";
    const EVENTS: &str = "BASKET_TEST_FOLDED_EVENTS";
    const PRICE: u64 = 54_550;
    if let Ok(many) = env::var(EVENTS) {
        let (id, many) = (BasketId::from_bytes([7; 12]), many.parse().unwrap());
        let documents = documents(&id, 600);
        assert_eq!(fold(EventSourced::new(id), &documents[..many]).version(), many as u64);
        return;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert!(env::var_os("CI").is_none(), "valgrind is not installed");
        return eprintln!("NOT RUN: valgrind is not installed");
    }
    let instructions = |many: u64| -> u64 {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(env::current_exe().unwrap());
        let output = valgrind.args(["--exact", TEST]).env(EVENTS, many.to_string()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let (_, collected) =
            said.split_once("Collected : ").unwrap_or_else(|| panic!("callgrind has not counted: {said}"));
        collected.lines().next().unwrap().trim().parse().unwrap()
    };
    let price = (instructions(600) - instructions(100)) / 500;
    assert!(price <= PRICE + PRICE / 20, "{price} instructions an event; it was {PRICE}");
    assert!(
        price >= PRICE - PRICE / 20,
        "{price} instructions an event, fewer than {PRICE}: write the new number here"
    );
}
