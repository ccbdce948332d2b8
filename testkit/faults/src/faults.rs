//! The faults, one a line; each is a file of its own.

pub(crate) mod client;
mod clock;
mod crowd;
mod cut;
mod fuzz;
mod import;
mod medium;
mod resources;
mod rights;
mod server;
mod set;
mod upgrades;
mod wal;

use std::{future::Future, pin::Pin};

use anyhow::Context;
use tokio::runtime::Builder;

use crate::{
    clients::{Ask, DEADLINE, Load},
    row::Row,
    wounds::Wound,
};

/// A fault that can be tried.
#[derive(Clone, Copy)]
pub struct Fault {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What is done, for the table.
    pub what: &'static str,
    /// How many rounds of it `make faults` does, and how many `make tests`.
    pub rounds: (usize, usize),
    begin: fn(Setting) -> Running,
}

impl Fault {
    /// Tries it, on threads that have its name and much stack: once, one of the usual 2 MB was not enough, and nobody could say
    /// whose it was.
    pub fn run(&self, setting: Setting) -> anyhow::Result<Row> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name(self.name)
            .thread_stack_size(16 << 20)
            .enable_all()
            .build()?;
        runtime.block_on((self.begin)(setting)).with_context(|| format!("{}, {setting:?}", self.name))
    }
}

/// How a fault is tried.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// How often.
    pub rounds: usize,
    /// What all that is chosen at random follows from.
    pub seed: u64,
    /// The mistake that the clients' store makes, where a test asks for one.
    pub wound: Option<Wound>,
}

impl Setting {
    /// A load that does this, of a few clients on a few streams.
    pub fn load(&self, asks: &'static [Ask]) -> Load {
        Load { clients: 4, asks, streams: 4, deadline: DEADLINE, seed: self.seed }
    }

    /// So many of these, at equal distances, or all of them; the seed says which is the first.
    fn some_of<T>(self, all: Vec<T>) -> Vec<T> {
        let most = self.rounds.max(1);
        // Where two or three of one kind follow on each other, another step would always meet the same of them.
        let step = (all.len().div_ceil(most).max(1)..).find(|step| *step == 1 || (step % 2 != 0 && step % 3 != 0));
        let step = step.unwrap_or(1);
        all.into_iter().skip(usize::try_from(self.seed).unwrap_or_default() % step).step_by(step).collect()
    }
}

/// A fault under way.
type Running = Pin<Box<dyn Future<Output = anyhow::Result<Row>>>>;

macro_rules! faults {
    ($($module:ident :: $run:ident, $name:literal, $rounds:expr, $short:expr, $what:literal;)*) => {
        &[$(Fault {
            name: $name,
            what: $what,
            rounds: ($rounds, $short),
            begin: |setting| Box::pin($module::$run(setting)),
        }),*]
    };
}

/// All of them, in the order of the table.
pub const FAULTS: &[Fault] = faults! {
    client::appending, "kill-append", 500, 20, "SIGKILL of a client in the middle of an append";
    client::across, "kill-across", 500, 20, "SIGKILL of a client in the middle of a commit to two streams";
    client::projecting, "kill-project", 500, 8, "SIGKILL of a process that keeps a read model";
    client::appending_to_a_file, "kill-append-file", 500, 20, "SIGKILL of a client in the middle of an append to a file";
    client::across_a_file, "kill-across-file", 500, 20, "SIGKILL of a client in the middle of a commit to two streams of a file";
    client::projecting_a_file, "kill-project-file", 500, 8, "SIGKILL of a process that keeps a read model in a file";
    import::into_mongo, "kill-import", 500, 5, "SIGKILL of `basket import`, which is run again";
    import::into_a_file, "kill-import-file", 500, 5, "SIGKILL of `basket import` into a file, which is run again";
    server::killed, "server-kill", 50, 2, "SIGKILL of the server under 64 writers";
    server::ended, "server-term", 50, 0, "SIGTERM of the server under 64 writers";
    server::frozen, "server-stop", 50, 2, "SIGSTOP of the server for up to 4 s under 64 writers";
    set::stepped_down, "set-step-down", 20, 1, "the primary of three steps down";
    set::killed, "set-kill", 20, 1, "SIGKILL of the primary of three";
    set::frozen, "set-freeze", 20, 1, "SIGSTOP of the primary of three, until another one is elected";
    set::cut_off, "set-partition", 20, 1, "the primary of three is cut off from the others, and clients still reach it";
    set::two_gone, "set-two-gone", 20, 1, "two of three are killed, and come back";
    cut::event, "cut-event", 20_000, 60, "the connection is cut after each byte of an append of one event, sent or answered";
    cut::transaction, "cut-transaction", 20_000, 60, "the same of a transaction on three streams";
    cut::event_over_tls, "cut-event-tls", 20_000, 60, "the same of an append of one event over TLS";
    cut::transaction_over_tls, "cut-transaction-tls", 20_000, 30, "the same of a transaction over TLS";
    wal::cut, "wal-cut", 100_000, 150, "the log beside a file is cut at every byte of its last 8 kB, with zeros or other bytes behind it";
    crowd::killed, "file-kill", 100, 4, "SIGKILL of some or all of 16 processes that use one file";
    medium::full_under_a_server, "disk-full-server", 20, 1, "the disk of a server is full, and then has room again";
    medium::full_under_a_file, "disk-full-file", 100, 5, "the disk of a file is full, and then has room again";
    rights::of_a_user, "read-only-server", 50, 2, "the right to write is taken from the clients' user, and given back";
    rights::of_a_file, "read-only-file", 50, 3, "a file and its folder become read-only, and are so no more";
    clock::of_writers, "clock-writer", 60, 3, "the clock of some writers jumps, an hour back, a year ahead, and to and fro";
    clock::of_writers_to_a_file, "clock-writer-file", 60, 3, "the same of writers to a file";
    clock::of_a_server, "clock-server", 10, 0, "the clock of a server jumps, an hour back, a year ahead, and to and fro";
    fuzz::decoder, "fuzz-decoder", 1_000_000, 20_000, "any bytes in place of an event's document, for six codecs";
    fuzz::importer, "fuzz-importer", 200_000, 2_000, "any lines in place of an export";
    fuzz::addresses, "fuzz-addresses", 1_000_000, 20_000, "any text in place of a store's address, and of a .env";
    upgrades::read_by_the_newest, "upgrades", 5, 1, "files and collections that older programs have left";
    resources::pool_of_one, "pool-of-one", 10, 1, "one connection for 64 writers, for 2 s a round";
    resources::ten_thousand, "ten-thousand", 10, 1, "1,000 commands at once for each round, one in fifty to one stream";
    resources::slow_reader, "slow-reader", 10, 1, "a slow reader of a feed of 10,000 events of 1 kB for each round";
    resources::ten_million, "ten-million", 10, 0, "a stream of 1,000,000 events for each round";
};
