//! The `basket` program from its start to its end, against the least that a program does.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use basket_cli::EmbeddedStore;
use basket_mongo::{Baskets, Commit, EventStore, Expected, mongo::connection};
use bson::doc;
use mongodb::Client;

use super::{Ready, Setting};
use crate::{
    bout::Side,
    place::{Place, events, new_id},
};

/// How many events the basket has that is shown.
const EVENTS: u64 = 10;

/// A basket in a file is shown.
pub async fn on_a_file() -> Result<Ready> {
    let folder = Arc::new(tempfile::tempdir()?);
    let (file, id) = (folder.path().join("baskets.db"), new_id());
    let store = EmbeddedStore::<Baskets>::at(&file);
    store.append(&id, Expected::Loaded(0), &Commit::default(), &events(id, EVENTS)?).await?;
    let basket = beside("basket")?;
    let version = basket.clone();
    let floor = Side::new("--version", move |times| std::future::ready(run(times, &version, &["--version"])));
    let ours = Side::new("basket", move |times| {
        // The file lives as long as this side.
        let file = folder.path().join("baskets.db");
        let arguments = ["get".into(), id.to_string(), "--store".into(), file.display().to_string()];
        std::future::ready(run(times, &basket, &arguments))
    });
    Ok(Ready::new(vec![floor, ours]))
}

/// A basket in MongoDB is shown.
pub async fn on_mongodb(setting: Setting) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let id = place.stream(EVENTS).await?;
    let (basket, bench, address) = (beside("basket")?, beside("bench")?, place.address.clone());
    let floor = {
        let address = address.clone();
        Side::new("a ping", move |times| std::future::ready(run(times, &bench, &["ping", &address])))
    };
    let ours = Side::new("basket", move |times| {
        std::future::ready(run(times, &basket, &["get", &id.to_string(), "--store", &address]))
    });
    Ok(Ready::new(vec![floor, ours]).on(place))
}

/// What the hidden command `ping` does: it connects, asks the server for a sign of life, and ends.
pub async fn ping(address: &str) -> Result<()> {
    let client = Client::with_options(connection::options(address).await?)?;
    client.database("admin").run_command(doc! { "ping": 1 }).await?;
    Ok(())
}

/// Runs a program so many times; it must succeed, and what it prints is thrown away.
pub fn run(times: u32, program: &Path, arguments: &[impl AsRef<OsStr>]) -> Result<Duration> {
    let mut took = Duration::ZERO;
    for _ in 0..times {
        let mut command = Command::new(program);
        // No variable and no file of whoever measures chooses another store.
        command.args(arguments).env_clear().current_dir(env::temp_dir()).stdin(Stdio::null()).stdout(Stdio::null());
        let start = Instant::now();
        let output = command.output().with_context(|| format!("'{}' can't be run", program.display()))?;
        took += start.elapsed();
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command:?} has ended with {}: {words}", output.status);
    }
    Ok(took)
}

/// A program that cargo has built beside this one, or beside the tests.
pub fn beside(name: &str) -> Result<PathBuf> {
    let this = env::current_exe()?;
    let folder = this.parent().context("a program is in a folder")?;
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let program = folder.join(name);
    ensure!(program.exists(), "'{}' is not there; `make bench` builds it", program.display());
    Ok(program)
}
