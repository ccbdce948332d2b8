//! The network breaks in the middle of an append: after each byte of what is sent and of what is answered, on a connection that was
//! good until then. It is well again at once, and the append must succeed; or it stays dead, and the append must not claim what it
//! can't know. Afterwards each commit is there once.

mod relay;

use std::time::{Duration, Instant};

use anyhow::ensure;
use basket_mongo::{Commit, CommitId, EventStore, Expected, MongoStore, StoreError, Together, store::together::Part};
use futures_util::{StreamExt, TryStreamExt, stream};
use testkit::{
    certificates::Authority,
    own_server::{OwnServer, initiate},
};
use tokio::time::{sleep, timeout};

use self::relay::{Bytes, Cut, Relay, Sender};
use super::Setting;
use crate::{
    history::{Record, Seen, Told},
    kept::Kept,
    laws::{self, Broken, Law},
    list::{List, Lists},
    row::Row,
};

/// How many rounds there are at a time: most of one is waiting for the driver, which asks a lost server again after half a second.
const AT_ONCE: usize = 64;

/// How long an append may take where the network stays dead: what the driver waits for a server, for each time that it is sent.
const IN_TIME: Duration = Duration::from_secs(5);

/// What is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Event,
    /// One event to each of two streams, if a third one is as it was.
    Transaction,
}

pub(super) async fn event(setting: Setting) -> anyhow::Result<Row> {
    every_point(setting, What::Event, false).await
}

pub(super) async fn transaction(setting: Setting) -> anyhow::Result<Row> {
    every_point(setting, What::Transaction, false).await
}

pub(super) async fn event_over_tls(setting: Setting) -> anyhow::Result<Row> {
    every_point(setting, What::Event, true).await
}

pub(super) async fn transaction_over_tls(setting: Setting) -> anyhow::Result<Row> {
    every_point(setting, What::Transaction, true).await
}

/// Where the rounds take place.
struct Place<'a> {
    server: &'a OwnServer,
    /// Of its address.
    options: String,
    what: What,
    record: &'a Record,
    /// Past the relays.
    direct: MongoStore<Lists>,
}

/// What a round has shown.
struct Shown {
    bytes: Bytes,
    is_cut: bool,
    /// What the append was told, before it was settled.
    told: Told,
    took: Duration,
}

async fn every_point(setting: Setting, what: What, tls: bool) -> anyhow::Result<Row> {
    // The transaction of a client that is gone is in the way of the same commit until then.
    let mut for_server = vec!["--setParameter".to_owned(), "transactionLifetimeLimitSeconds=1".to_owned()];
    let authority = tls.then(Authority::new);
    let options = authority.as_ref().map(|authority| {
        let (certificate, known) = (authority.sign_server("server", 30), authority.certificate());
        let tls = ["--tlsMode", "preferTLS", "--tlsCertificateKeyFile", &certificate, "--tlsCAFile", &known];
        for_server.extend(tls.map(str::to_owned));
        for_server.push("--tlsAllowConnectionsWithoutCertificates".into());
        format!("&tls=true&tlsCAFile={known}")
    });
    let Some(server) = OwnServer::program_with(for_server) else {
        return Ok(Row::not_run("there is no mongod on the PATH"));
    };
    initiate(&format!("127.0.0.1:{}", server.port())).await?;

    let (record, direct) = (Record::default(), MongoStore::at(&server.address()).await?);
    let place = Place { server: &server, options: options.unwrap_or_default(), what, record: &record, direct };
    let uncut = Cut { sender: Sender::Client, after: usize::MAX, is_last: false };
    let whole = place.round(0, uncut).await?.bytes;
    ensure!(whole == place.round(1, uncut).await?.bytes, "two appends of one kind are not alike");

    let cuts = setting.some_of(points(whole));
    let rounds = stream::iter(cuts.iter().zip(2..)).map(async |(cut, number)| {
        let mut tries = (0..3).map(|again| number + again * 100_000);
        loop {
            let shown = place.round(tries.next().unwrap_or_default(), *cut).await?;
            // Not if the driver has asked on another connection at that moment whether the server is alive.
            if shown.is_cut || tries.len() == 0 {
                return anyhow::Ok((*cut, shown));
            }
        }
    });
    let shown: Vec<_> = rounds.buffer_unordered(AT_ONCE).try_collect().await?;

    let mut broken = laws::check(&record.calls(), &Kept::of_mongo(&server.address()).await?);
    broken.extend(shown.iter().filter_map(|(cut, shown)| unserved(*cut, shown)));
    let mut row = Row { rounds: shown.len(), ..Row::default() };
    row.add(&record.calls(), broken);
    row.longest_ms = shown.iter().map(|(_, shown)| shown.took.as_millis() as u64).max();
    let unknown = shown.iter().filter(|(_, shown)| shown.told == Told::Unknown).count();
    let uncut = shown.iter().filter(|(_, shown)| !shown.is_cut).count();
    row.note = format!(
        "{} bytes sent and {} answered; {unknown} appends on a network that stayed dead were unknown until they were settled",
        whole.sent, whole.answered
    );
    if uncut > 0 {
        row.note += &format!("; {uncut} were not cut");
    }
    Ok(row)
}

/// Every point of a conversation, each on a network that is well again and on one that stays dead.
fn points(whole: Bytes) -> Vec<Cut> {
    let of = |sender, bytes| (0..=bytes).map(move |after| (sender, after));
    of(Sender::Client, whole.sent)
        .chain(of(Sender::Server, whole.answered))
        .flat_map(|(sender, after)| [false, true].map(|is_last| Cut { sender, after, is_last }))
        .collect()
}

/// Whether an append did not succeed though it could, or took too long.
fn unserved(cut: Cut, shown: &Shown) -> Option<Broken> {
    let is_served = match cut.is_last {
        true => shown.took < IN_TIME,
        false => matches!(shown.told, Told::Kept(_)),
    };
    let how = || format!("{cut:?}: the append was told {:?} after {:?}", shown.told, shown.took);
    (!is_served).then(|| Broken { law: Law::Served, how: how() })
}

impl Place<'_> {
    /// Appends once with a new client, over a connection that is cut.
    async fn round(&self, number: usize, cut: Cut) -> anyhow::Result<Shown> {
        let relay = Relay::to(self.server.port()).await?;
        // A driver that need not find a server again has little to wait for. Its heartbeats are rare, so as not to be counted.
        let wait = if cut.is_last { 400 } else { 10_000 };
        let address = format!(
            "mongodb://127.0.0.1:{}/basket_db?directConnection=true&maxPoolSize=1&heartbeatFrequencyMS=60000\
             &serverSelectionTimeoutMS={wait}{}",
            relay.port, self.options
        );
        // A number has always as many digits, so that all conversations are equally long.
        let streams = ["a", "b", "c"].map(|name| format!("{number:06}-{name}"));
        let wrote: Vec<_> = match self.what {
            What::Event => vec![(streams[0].clone(), format!("{number:06}.a"))],
            What::Transaction => streams[..2].iter().map(|stream| (stream.clone(), stream.replace('-', "."))).collect(),
        };
        let store = MongoStore::<Lists>::at(&address).await?;
        // It may take longer than that to find the server for the first time.
        while store.ping().await.is_err() {}
        self.make_warm(&store, number).await?;
        relay.is_quiet().await;

        relay.order(cut);
        let (begun, call, commit) = (Instant::now(), self.record.begin(number, &wrote), CommitId::new());
        let appended = timeout(2 * IN_TIME, self.append(&store, &streams, &wrote, commit)).await;
        let (told, took) = (appended.unwrap_or(Told::Unknown), begun.elapsed());
        let (bytes, is_cut) = relay.passed();
        drop((store, relay));
        self.record.end(call, told.clone());
        if told == Told::Unknown {
            self.settle(call, &streams, &wrote, commit).await;
        }
        Ok(Shown { bytes, is_cut, told, took })
    }

    /// Makes the connection, and has the client do once what it does only once.
    async fn make_warm(&self, store: &MongoStore<Lists>, number: usize) -> anyhow::Result<()> {
        let wrote = [(format!("{number:06}-warm"), format!("{number:06}.warm"))];
        let call = self.record.begin(number, &wrote);
        // The first client has to make the collection.
        let within = store.command(&wrote[0].0).deadline(Duration::from_secs(20));
        let done = within.run(|list| Ok::<_, std::fmt::Error>(list.append(&[wrote[0].1.clone()]))).await;
        self.record.end(call, if done.is_ok() { Told::Kept(Vec::new()) } else { Told::Unknown });
        ensure!(done.is_ok(), "the connection was not made: {:?}", done.err());
        Ok(())
    }

    async fn append(
        &self,
        store: &MongoStore<Lists>,
        streams: &[String; 3],
        wrote: &[(String, String)],
        commit: CommitId,
    ) -> Told {
        let commit = Commit::from(commit);
        let events: Vec<_> =
            wrote.iter().map(|(_, value)| List::default().append(std::slice::from_ref(value))).collect();
        let appended = match self.what {
            What::Event => store.append(&streams[0], Expected::Loaded(0), &commit, &events[0]).await,
            What::Transaction => {
                let [a, b, c] = streams;
                let parts = [(a, &events[0][..]), (b, &events[1]), (c, &[])];
                let parts = parts.map(|(id, events)| Part { id, version: 0, events });
                store.append_together(&commit, &parts, &[]).await
            }
        };
        match appended {
            Ok(_) => Told::Kept(streams.iter().map(|stream| nothing(stream)).collect()),
            Err(StoreError::Conflict { expected, found }) => Told::Conflict { expected, found },
            Err(StoreError::OutcomeUnknown { .. }) => Told::Unknown,
            Err(error) => Told::NotKept(error.to_string()),
        }
    }

    /// Appends the same commit again, on a good network, until it is said what became of it.
    async fn settle(&self, call: usize, streams: &[String; 3], wrote: &[(String, String)], commit: CommitId) {
        for _ in 0..100 {
            let told = self.append(&self.direct, streams, wrote, commit).await;
            if matches!(told, Told::Kept(_) | Told::Conflict { .. }) {
                return self.record.end(call, told);
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A stream on which an append counts, before its first event.
fn nothing(stream: &str) -> Seen {
    Seen { stream: stream.to_owned(), length: 0, last: None }
}
