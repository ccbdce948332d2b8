//! The log beside an embedded file (SQLite's WAL) is cut, as by a machine that loses power: at each byte of its end, with nothing
//! behind it, with zeros, and with other bytes. All commits that were whole before the cut are there, and no others.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use basket_cli::EmbeddedStore;
use basket_mongo::{
    Commit, EventLog, Outcome, Scope, Together,
    store::{maintenance::Maintenance, together::Part, verify::Verifier},
};
use futures_util::{StreamExt, TryStreamExt, pin_mut, stream};
use rusqlite::Connection;

use super::Setting;
use crate::{
    history::{Call, Record, Told},
    kept::Kept,
    laws::{self, Broken, Law},
    list::{List, Lists},
    row::Row,
};

/// How much of the end is cut at every byte.
const END: usize = 8 << 10;

/// The distance of the cuts before that.
const STEP: usize = 509;

/// Copies that are looked at at once.
const AT_ONCE: usize = 8;

/// What stands behind a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    Zeros,
    Other,
}

/// A file with some commits, most of them in its log.
struct Original {
    path: PathBuf,
    log: Vec<u8>,
    /// What each commit wrote, and how long the log was then.
    commits: Vec<(Vec<(String, String)>, usize)>,
    /// Where the copies are: in memory if possible, since there are thousands.
    copies: Option<PathBuf>,
}

pub(super) async fn cut(setting: Setting) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let original = Original::write(folder.path()).await?;
    let (all, end) = (original.log.len(), original.log.len().saturating_sub(END));
    ensure!(end > 0, "the log is too short");
    let points = (0..end)
        .step_by(STEP)
        .chain(end..=all)
        .flat_map(|after| [Rest::Nothing, Rest::Zeros, Rest::Other].map(|rest| (after, rest)));
    let points = setting.some_of(points.collect());
    let rounds = stream::iter(&points).map(async |(after, rest)| {
        let copy = original.copy(*after, *rest)?;
        let shown = original.look(&copy).await;
        anyhow::Ok(shown.map_err(|error| format!("cut after {after} of {all} bytes, then {rest:?}: {error:#}")))
    });
    let mut row = Row { rounds: points.len(), ..Row::default() };
    let mut rounds = rounds.buffer_unordered(AT_ONCE);
    while let Some(shown) = rounds.try_next().await? {
        match shown {
            Ok((call, broken)) => row.add(&[call], broken),
            Err(how) => row.add(&[], vec![Broken { law: Law::Served, how }]),
        }
    }
    row.note =
        format!("{} commits in a log of {all} bytes, of which the last {END} were cut at each", original.commits.len());
    Ok(row)
}

/// A copy whose log was cut.
struct Copy {
    /// Removed with it.
    _folder: tempfile::TempDir,
    path: PathBuf,
    /// How much of its log is as it was.
    good: usize,
}

impl Original {
    async fn write(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("lists.db");
        let store = EmbeddedStore::<Lists>::at(&path);
        let (mut open, mut commits, mut versions) = (None, Vec::new(), [0; 3]);
        for number in 0..12_u64 {
            // One event, several, and some in two streams.
            let counts = [[1, 0, 0], [0, 3, 0], [2, 0, 1], [0, 1, 1]][number as usize % 4];
            let value = |place| format!("{number}.{place} {}", "x".repeat(number as usize * 40));
            let wrote: Vec<_> = (0..3)
                .flat_map(|stream| (0..counts[stream]).map(move |place| (stream.to_string(), stream * 10 + place)))
                .map(|(stream, place)| (stream, value(place)))
                .collect();
            put(&store, &wrote, &mut versions).await?;
            // Whoever has the file open keeps its log from being moved into it.
            let open = match &open {
                None => open.insert(Connection::open(&path)?),
                Some(open) => open,
            };
            open.query_row("SELECT count(*) FROM lists", [], |_| Ok(()))?;
            commits.push((wrote, fs::metadata(beside(&path, "-wal")).map_or(0, |about| about.len() as usize)));
        }
        let log = fs::read(beside(&path, "-wal"))?;
        // Read before the file is closed; so is the file by those who copy it.
        Box::leak(Box::new(open));
        let memory = Path::new("/dev/shm");
        Ok(Self { path, log, commits, copies: memory.is_dir().then(|| memory.to_owned()) })
    }

    fn copy(&self, after: usize, rest: Rest) -> anyhow::Result<Copy> {
        let folder = match &self.copies {
            Some(folder) => tempfile::tempdir_in(folder)?,
            None => tempfile::tempdir()?,
        };
        let path = folder.path().join("lists.db");
        fs::copy(&self.path, &path)?;
        // What those who had it open have in common; it is made anew, since none of them is left.
        fs::copy(beside(&self.path, "-shm"), beside(&path, "-shm"))?;
        let (kept, cut) = self.log.split_at(after);
        let rest: Vec<u8> = match rest {
            Rest::Nothing => Vec::new(),
            Rest::Zeros => vec![0; cut.len()],
            Rest::Other => cut.iter().map(|byte| !byte).collect(),
        };
        let log = [kept, &rest].concat();
        let good = self.log.iter().zip(&log).take_while(|(was, is)| was == is).count();
        fs::write(beside(&path, "-wal"), log)?;
        Ok(Copy { _folder: folder, path, good })
    }

    /// Looks at a copy and appends to it; returns the append, and all that is wrong.
    async fn look(&self, copy: &Copy) -> anyhow::Result<(Call, Vec<Broken>)> {
        let store = EmbeddedStore::<Lists>::at(&copy.path);
        let faults = store.faults().await?;
        ensure!(faults.is_empty(), "{faults:?}");
        let record = Record::default();
        for (wrote, length) in &self.commits {
            let is_whole = *length <= copy.good;
            record.end(
                record.begin(0, wrote),
                if is_whole { Told::Kept(Vec::new()) } else { Told::NotKept("cut".into()) },
            );
        }
        let mut broken = laws::check(&record.calls(), &Kept::of_store(&store).await?);
        verify(&store).await?;
        // What is appended to it later is kept, too.
        let (wrote, mut versions) = ([("new".to_owned(), "new".to_owned())], [0; 3]);
        let call = record.begin(0, &wrote);
        put(&store, &wrote, &mut versions).await?;
        record.end(call, Told::Kept(Vec::new()));
        let calls = record.calls();
        broken.extend(laws::check(&calls, &Kept::of_store(&store).await?));
        verify(&store).await?;
        Ok((calls.last().context("nothing was appended")?.clone(), broken))
    }
}

/// A file that SQLite keeps beside its own.
fn beside(path: &Path, what: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(what);
    path.into()
}

/// Appends values to the streams that are named by their places in `versions`, or to a new one.
async fn put(store: &EmbeddedStore<Lists>, wrote: &[(String, String)], versions: &mut [u64; 3]) -> anyhow::Result<()> {
    let mut parts = Vec::<(String, Vec<String>)>::new();
    for (stream, value) in wrote {
        match parts.last_mut().filter(|(last, _)| last == stream) {
            Some((_, values)) => values.push(value.clone()),
            None => parts.push((stream.clone(), vec![value.clone()])),
        }
    }
    let parts: Vec<_> = parts.iter().map(|(stream, values)| (stream, List::default().append(values))).collect();
    let version = |stream: &str| stream.parse::<usize>().map_or(0, |place| versions[place]);
    let appended: Vec<_> = parts.iter().map(|(id, events)| Part { id: *id, version: version(id), events }).collect();
    let outcome = store.append_together(&Commit::default(), &appended, &[]).await?;
    ensure!(outcome == Outcome::Now, "{outcome:?}");
    for (stream, events) in parts {
        if let Ok(place) = stream.parse::<usize>() {
            versions[place] += events.len() as u64;
        }
    }
    Ok(())
}

/// As `basket verify` does.
async fn verify(store: &EmbeddedStore<Lists>) -> anyhow::Result<()> {
    let (documents, mut verifier) = (store.documents(Scope::All), Verifier::<Lists>::default());
    pin_mut!(documents);
    while let Some(document) = documents.try_next().await? {
        verifier.check(&document)?;
    }
    Ok(())
}
