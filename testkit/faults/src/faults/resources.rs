//! Where a resource ends: one connection for 64 writers, ten thousand commands at once, a reader that is slow, a stream of millions.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use basket_domain::Aggregate;
use basket_mongo::{
    Codec, CommandError, Commit, CommitId, EventLog, EventStore, Expected, MongoStore, Scope, StoreError, Subscription,
    store::feed::Shape,
};
use bson::{Bson, DateTime, Document, RawBsonRef, RawDocument, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{Client, Collection, options::ClientOptions};
use testkit::own_server::OwnServer;
use tokio::{task::JoinSet, time::sleep};

use super::Setting;
use crate::{
    clients::{Ask, Client as Writer, Load, decided_on},
    history::{Record, Told},
    kept::Kept,
    laws::{self, Broken, Law},
    list::{ListEvent, Lists},
    memory,
    row::Row,
};

/// Why these may not be tried.
const NO_PROGRAM: &str = "there is no mongod on the PATH";

/// Each round, 64 writers use one connection for two seconds, also for transactions across two streams.
pub(super) async fn pool_of_one(setting: Setting) -> anyhow::Result<Row> {
    const ASKS: &[Ask] = &[Ask::Append, Ask::Append, Ask::Across, Ask::Save, Ask::Read];
    let Some(server) = OwnServer::start_program().await else { return Ok(Row::not_run(NO_PROGRAM)) };
    let store = MongoStore::<Lists>::at(&format!("{}?maxPoolSize=1", server.address())).await?;
    let record: &'static Record = Box::leak(Box::default());
    let until = Instant::now() + Duration::from_secs(2 * setting.rounds as u64);
    let load = Load { clients: 64, streams: 16, ..setting.load(ASKS) };
    let mut writers = JoinSet::new();
    for number in 0..load.clients {
        let store = store.clone();
        writers.spawn(async move {
            let mut writer = Writer::new(store, record, number, load);
            writer.run(|| Instant::now() < until).await;
            writer.settle().await;
        });
    }
    let all = async { while writers.join_next().await.is_some() {} };
    let ended = tokio::time::timeout(until - Instant::now() + Duration::from_secs(60), all).await;
    let mut row = judged(record, &server.address(), setting.rounds).await?;
    // A call that waits for one that waits for its connection: both end with their deadlines, and the transaction with the server's.
    if ended.is_err() || row.longest_ms.is_some_and(|longest| longest > 10_000) {
        let how = format!("no writer had an answer for {:?} ms", row.longest_ms.unwrap_or_default());
        row.add(&[], vec![Broken { law: Law::Bounded, how }]);
    }
    Ok(row)
}

async fn judged(record: &Record, address: &str, rounds: usize) -> anyhow::Result<Row> {
    let (calls, mut row) = (record.calls(), Row { rounds, ..Row::default() });
    row.add(&calls, laws::check(&calls, &Kept::of_mongo(address).await?));
    row.silence(&calls);
    Ok(row)
}

/// Each round, a thousand commands at once, with all of those of the other rounds: one in fifty to one stream, the others to many.
pub(super) async fn ten_thousand(setting: Setting) -> anyhow::Result<Row> {
    let Some(server) = OwnServer::start_program().await else { return Ok(Row::not_run(NO_PROGRAM)) };
    let store = MongoStore::<Lists>::at(&server.address()).await?;
    let record: &'static Record = Box::leak(Box::default());
    let (begun, mut commands) = (Instant::now(), JoinSet::new());
    let mut random = fastrand::Rng::with_seed(setting.seed);
    for number in 0..1_000 * setting.rounds {
        let (store, stream) =
            (store.clone(), if random.u8(..50) == 0 { 0 } else { random.usize(1..1_000 * setting.rounds) });
        commands.spawn(async move {
            let (stream, value) = (format!("list-{stream}"), format!("{number}.1"));
            let call = record.begin(number, &[(stream.clone(), value.clone())]);
            let command = store.command(&stream).deadline(Duration::from_secs(120));
            let (told, word) = match command
                .run(|list| Ok::<_, fmt::Error>(list.append(std::slice::from_ref(&value))))
                .await
            {
                Ok(done) => (Told::Kept(vec![decided_on(&done)]), "kept"),
                Err(CommandError::Store { error: StoreError::OutcomeUnknown { .. }, .. }) => (Told::Unknown, "unknown"),
                Err(error @ CommandError::Contended { .. }) => (Told::NotKept(error.to_string()), "contended"),
                Err(error) => (Told::NotKept(error.to_string()), "refused"),
            };
            record.end(call, told);
            word
        });
    }
    let told = commands.join_all().await;
    let seconds = begun.elapsed().as_secs_f32();
    let mut row = judged(record, &server.address(), setting.rounds).await?;
    let count = |word| told.iter().filter(|told| **told == word).count();
    row.note = format!(
        "{} commands at once in {seconds:.1} s: {} kept, {} contended, {} unknown, {} refused",
        told.len(),
        count("kept"),
        count("contended"),
        count("unknown"),
        count("refused")
    );
    Ok(row)
}

/// What the process may have while a slow reader reads: what it has anyhow, a batch of a thousand events of a kilobyte, what the driver
/// has read ahead (16 MB at most in an answer), and each of these once more where it is decoded.
const SLOW_READER: u64 = 192 * 1024 * 1024;

/// Each round, 10,000 events of a kilobyte for a reader that rests after each batch; a tenth of them comes while it reads.
pub(super) async fn slow_reader(setting: Setting) -> anyhow::Result<Row> {
    let Some(server) = OwnServer::start_program().await else { return Ok(Row::not_run(NO_PROGRAM)) };
    let store = MongoStore::<Lists>::at(&server.address()).await?;
    let many = 10_000 * setting.rounds as i64;
    fill::<Lists>(&store, &server.address(), "stored", many * 9 / 10, &"x".repeat(1_000)).await?;
    let before = memory::reset_peak();
    let address = server.address();
    let writing = tokio::spawn({
        let store = store.clone();
        async move { fill::<Lists>(&store, &address, "live", many / 10, &"y".repeat(1_000)).await }
    });
    let mut reader = Subscription::open(&store, "slow", Shape { number: 1, indexes: &[] }, Default::default()).await?;
    let (mut read, mut batches) = (0, 0);
    while read < many {
        let batch = reader.next().await?;
        read += batch.entries.len() as i64;
        batches += 1;
        sleep(Duration::from_millis(100)).await;
        reader.keep(batch, Default::default()).await?;
    }
    writing.await??;
    let mut row = Row { rounds: setting.rounds, ..Row::default() };
    let Some((took, before)) = memory::peak().zip(before) else {
        return Ok(Row::not_run("there is no /proc/self/status to read the memory from"));
    };
    let (took_mb, before_mb) = (took >> 20, before >> 20);
    row.note =
        format!("{read} events of 1 kB in {batches} batches; {took_mb} MB in memory at most, {before_mb} MB before");
    if took > SLOW_READER {
        row.add(&[], vec![Broken { law: Law::Bounded, how: row.note.clone() }]);
    }
    Ok(row)
}

/// What the process may have while it reads a stream of any length: what it has anyhow, and an answer of the driver at a time, decoded.
const LONG_STREAM: u64 = 192 * 1024 * 1024;

/// Each round is a million events of one stream; then an append after them, the last ones, and a load.
pub(super) async fn ten_million(setting: Setting) -> anyhow::Result<Row> {
    let Some(server) = OwnServer::start_program().await else { return Ok(Row::not_run(NO_PROGRAM)) };
    let store = MongoStore::<Counts>::at(&server.address()).await?;
    let (id, many) = ("long".to_owned(), 1_000_000 * setting.rounds as i64);
    let mut row = Row { rounds: setting.rounds, ..Row::default() };
    let mut clock = Instant::now();
    let mut note = |row: &mut Row, what: &str| {
        row.note += &format!("{what} {:.2} s, ", clock.elapsed().as_secs_f32());
        clock = Instant::now();
    };
    fill::<Counts>(&store, &server.address(), &id, many, "x").await?;
    note(&mut row, &format!("{many} events: written in"));
    let (before, head) = (memory::reset_peak(), u64::try_from(many)?);

    let commit = Commit::from(CommitId::new());
    let event = ListEvent::Appended { value: "after".into() };
    store.append(&id, Expected::Loaded(head), &commit, std::slice::from_ref(&event)).await?;
    note(&mut row, "append");
    let refused = store.append(&id, Expected::Claimed(head - 1), &Commit::from(CommitId::new()), &[event]).await;
    ensure!(matches!(refused, Err(StoreError::Conflict { found, .. }) if found == head + 1), "{refused:?}");
    note(&mut row, "conflict");
    let last = store.entries(Scope::NewestFirst(id.clone()), 10).await?;
    ensure!(last.first().is_some_and(|entry| entry.version == head + 1), "the newest is {:?}", last.first());
    let from = store.entries(Scope::From(id.clone(), head - 98), 1_000).await?;
    ensure!(from.len() == 100, "{} events since version {}", from.len(), head - 98);
    note(&mut row, "the last 10, and 100 from a version");
    let count = store.get(&id).await?.state().0;
    ensure!(count == head + 1, "a load has counted {count}");
    note(&mut row, "load");
    let mut documents = std::pin::pin!(store.documents(Scope::All));
    let mut passed = 0;
    while documents.try_next().await?.is_some() {
        passed += 1;
    }
    ensure!(passed == head + 1, "{passed} documents were passed");
    note(&mut row, "all documents");
    let (took, before) = memory::peak().zip(before).unwrap_or_default();
    row.note += &format!("{} MB in memory at most, {} MB before", took >> 20, before >> 20);
    if took > LONG_STREAM {
        row.add(&[], vec![Broken { law: Law::Bounded, how: row.note.clone() }]);
    }
    Ok(row)
}

/// Writes events by the driver, in the shape of our documents: by the store, it would take an hour.
async fn fill<C: Codec<Aggregate: Aggregate<Id = String, Event = ListEvent>>>(
    store: &MongoStore<C>,
    address: &str,
    stream: &str,
    many: i64,
    value: &str,
) -> anyhow::Result<()> {
    // The first by the store, which makes the index.
    let first = ListEvent::Appended { value: value.to_owned() };
    store.append(&stream.to_owned(), Expected::Loaded(0), &Commit::from(CommitId::new()), &[first]).await?;
    let client = Client::with_options(ClientOptions::parse(address).await?)?;
    let events: Collection<Document> =
        client.default_database().context("it names a database")?.collection(C::COLLECTION);
    for start in (2..=many).step_by(5_000) {
        let commit = ObjectId::new();
        let document = |version: i64| {
            doc! {
                "_id": ObjectId::new(), C::KEY: stream, "version": version, "type": "Appended", "data": { "value": value },
                "recorded_at": DateTime::now(), "commit": commit, "schema": 1,
            }
        };
        events.insert_many((start..(start + 5_000).min(many + 1)).map(document)).ordered(false).await?;
    }
    Ok(())
}

/// How many values a list has: a state that does not grow.
#[derive(Debug, Default)]
struct Count(u64);

impl Aggregate for Count {
    type Id = String;
    type Event = ListEvent;

    fn apply(&mut self, _: &ListEvent) {
        self.0 += 1;
    }
}

/// Lists, of which only the length is kept.
struct Counts;

impl Codec for Counts {
    type Aggregate = Count;

    const COLLECTION: &'static str = Lists::COLLECTION;
    const KEY: &'static str = Lists::KEY;

    fn key(id: &String) -> Bson {
        Lists::key(id)
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        Lists::id(key)
    }

    fn encode(event: &ListEvent) -> (&'static str, Document) {
        Lists::encode(event)
    }

    fn decode(id: &String, kind: &str, data: &RawDocument) -> Result<ListEvent, String> {
        Lists::decode(id, kind, data)
    }
}
