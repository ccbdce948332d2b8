//! A client in a process of its own, that may be killed: `faults client`. It writes its record to a file, line by line, and goes on
//! until it is killed, or who has started it is gone.

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio, exit},
    thread,
};

use anyhow::bail;
use basket_cli::EmbeddedStore;
use basket_mongo::{MongoStore, StoreError};
use clap::{Args, ValueEnum};
use testkit::shell::binary;

use crate::{
    clients::{Ask, Client, DEADLINE, Load, Store},
    history::{self, Call, Record},
    list::Lists,
    readers::{self, Readable},
    wounds::{Wound, Wounded},
};

/// What a process does until it is killed.
#[derive(Debug, Clone, Args)]
pub struct Task {
    /// The store: an address of MongoDB, or the path of a file.
    #[arg(long)]
    pub store: String,
    /// Its number among all clients.
    #[arg(long)]
    pub number: usize,
    /// What all that it chooses at random follows from.
    #[arg(long)]
    pub seed: u64,
    /// How many streams there are at a time.
    #[arg(long, default_value_t = 4)]
    pub streams: u64,
    /// What it does.
    #[arg(long, value_enum)]
    pub work: Work,
    /// The mistake that its store makes.
    #[arg(long, value_enum)]
    pub wound: Option<Wound>,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// Appends to one stream.
    Append,
    /// Appends to two streams at once.
    Across,
    /// All that a client can do.
    All,
    /// Keeps a read model.
    Project,
}

impl Work {
    fn asks(self) -> &'static [Ask] {
        match self {
            Self::Append => &[Ask::Append, Ask::Save],
            Self::Across => &[Ask::Across],
            Self::All | Self::Project => &[Ask::Append, Ask::Append, Ask::Across, Ask::Claim, Ask::Save, Ask::Read],
        }
    }
}

/// A process under way.
pub struct Process {
    child: Child,
    record: PathBuf,
}

impl Process {
    /// Starts one that writes its record into this file; `change` may say more of how it is started.
    pub fn start(task: &Task, record: &Path, change: impl FnOnce(&mut Command)) -> anyhow::Result<Self> {
        let mut command = Command::new(binary("faults"));
        let work = task.work.to_possible_value().map(|work| work.get_name().to_owned()).unwrap_or_default();
        command.args(["client", "--store", &task.store, "--work", &work, "--seed", &task.seed.to_string()]);
        command.args(["--number", &task.number.to_string(), "--streams", &task.streams.to_string()]);
        if let Some(wound) = task.wound.and_then(|wound| wound.to_possible_value()) {
            command.args(["--wound", wound.get_name()]);
        }
        command.stdin(Stdio::piped()).stdout(File::create(record)?).stderr(Stdio::null());
        change(&mut command);
        Ok(Self { child: command.spawn()?, record: record.to_owned() })
    }

    /// Whether it has asked for anything yet.
    pub fn has_begun(&self) -> bool {
        self.record.metadata().is_ok_and(|about| about.len() > 0)
    }

    /// Kills it, and reads what it has done. Fails if it had ended by itself.
    pub fn kill(self) -> anyhow::Result<Vec<Call>> {
        Ok(Self::kill_all(vec![self])?.concat())
    }

    /// The same with several at the same moment.
    pub fn kill_all(mut all: Vec<Self>) -> anyhow::Result<Vec<Vec<Call>>> {
        for process in &mut all {
            if let Some(status) = process.child.try_wait()? {
                bail!("a client has ended by itself: {status}");
            }
            process.child.kill()?;
        }
        let read = |mut process: Self| {
            process.child.wait()?;
            history::read(BufReader::new(File::open(&process.record)?))
        };
        all.into_iter().map(read).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Does it, in this process, until it is killed or its standard input ends. A read model ends with an error of its store that no
/// waiting mends.
pub async fn run(task: Task) -> anyhow::Result<()> {
    // Whoever started it has the other end: a test that aborts kills nobody.
    thread::spawn(|| {
        io::copy(&mut io::stdin(), &mut io::sink()).ok();
        exit(0);
    });
    if task.store.starts_with("mongodb://") {
        wounded(MongoStore::<Lists>::at(&task.store).await?, task).await?;
    } else {
        wounded(EmbeddedStore::<Lists>::at(&task.store), task).await?;
    }
    Ok(())
}

async fn wounded<S: Store + Readable>(store: S, task: Task) -> Result<(), StoreError> {
    match task.wound {
        Some(wound) => work(Wounded::new(store, wound), task).await,
        None => work(store, task).await,
    }
}

async fn work<S: Store + Readable>(store: S, task: Task) -> Result<(), StoreError> {
    if task.work == Work::Project {
        // Said once, so that it can be waited for.
        println!();
        return readers::keep_up(store).await;
    }
    let record = Record::printed();
    let Task { number, seed, streams, .. } = task;
    let load = Load { clients: 1, asks: task.work.asks(), streams, seed, deadline: DEADLINE };
    let mut client = Client::new(store, &record, number, load);
    client.run(|| true).await;
    Ok(())
}
