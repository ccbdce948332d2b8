//! An import that is killed at a random moment, and run again: what is there in between can be read, and in the end the store has
//! all that the file has, once.

use std::{
    fs,
    path::Path,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use basket_cli::EmbeddedStore;
use basket_domain::{BasketId, Product};
use basket_mongo::{Baskets, CommitId, EventStore, MongoStore};
use testkit::{
    mongo::{REPLICA_SET, server},
    shell::binary,
};

use super::Setting;
use crate::{
    laws::{Broken, Law},
    row::Row,
};

/// Baskets in the file, with three events each: some batches.
const BASKETS: usize = 400;

pub(super) async fn into_mongo(setting: Setting) -> anyhow::Result<Row> {
    let name = format!("faults_{}_{}", setting.seed, fastrand::u32(..));
    let address = format!("{}{name}", server(REPLICA_SET));
    let store = MongoStore::<Baskets>::at(&address).await?;
    let row = killed(setting, &address, async || Ok(store.collection().drop().await?)).await;
    store.collection().client().database(&name).drop().await?;
    row
}

pub(super) async fn into_a_file(setting: Setting) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("own.db");
    let address = path.display().to_string();
    let row = killed(setting, &address, async || {
        for file in fs::read_dir(folder.path())? {
            fs::remove_file(file?.path())?;
        }
        Ok(())
    });
    row.await
}

async fn killed(setting: Setting, store: &str, empty: impl AsyncFn() -> anyhow::Result<()>) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let (file, exported) = export(folder.path()).await?;
    let mut random = fastrand::Rng::with_seed(setting.seed);
    let mut row = Row { rounds: setting.rounds, ..Row::default() };
    let (mut broken, mut in_the_middle) = (Vec::new(), 0);
    let begun = Instant::now();
    basket(store, &["import", &file])?;
    let mut whole = begun.elapsed();
    for _ in 0..setting.rounds {
        empty().await?;
        let mut import = std::process::Command::new(binary("basket"));
        import.args(["import", &file, "--store", store]).env_clear().stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let mut import = import.spawn()?;
        tokio::time::sleep(Duration::from_micros(random.u64(0..whole.as_micros() as u64))).await;
        import.kill()?;
        if import.wait()?.success() {
            whole = whole.min(begun.elapsed());
        }
        let verified = run(store, &["verify"])?;
        let there = number_in(&verified.1);
        in_the_middle += usize::from(there > 0 && there < BASKETS * 3);
        // Where the kill came before the file was made, there is nothing to verify.
        if verified.0 != Some(0) && !verified.1.contains("there is no such file, or it is empty") {
            broken.push(Broken { law: Law::Whole, how: format!("after a kill: {}", verified.1) });
        }
        basket(store, &["import", &file])?;
        let now = basket(store, &["export"])?;
        if now != exported {
            broken.push(Broken {
                law: Law::NothingLost,
                how: format!("{} lines of {}", now.lines().count(), exported.lines().count()),
            });
        }
        row.acknowledged += BASKETS * 3;
    }
    row.add(&[], broken);
    row.note = format!("in {in_the_middle} rounds some of the events were there after the kill");
    Ok(row)
}

/// A file of some baskets, and what it holds.
async fn export(folder: &Path) -> anyhow::Result<(String, String)> {
    let path = folder.join("source.db");
    let source = EmbeddedStore::<Baskets>::at(&path);
    let socks = Product::new("socks")?;
    for _ in 0..BASKETS {
        let id = BasketId::from_bytes(CommitId::new().bytes());
        let mut basket = basket_domain::EventSourced::<basket_domain::Basket>::new(id);
        basket.decide(|basket| basket.create(id))?;
        for _ in 0..2 {
            basket.decide(|basket| basket.add_item(&socks, std::num::NonZeroU32::MIN))?;
        }
        source.save(&mut basket).await?;
    }
    let exported = basket(&path.display().to_string(), &["export"])?;
    let file = folder.join("baskets.ndjson");
    fs::write(&file, &exported)?;
    Ok((file.display().to_string(), exported))
}

/// What `basket` prints, if it ends well.
fn basket(store: &str, words: &[&str]) -> anyhow::Result<String> {
    let (code, said, printed) = run(store, words)?;
    ensure!(code == Some(0), "basket {words:?}: {said}");
    Ok(printed)
}

/// The exit code of `basket`, and what it prints on standard error and standard output.
fn run(store: &str, words: &[&str]) -> anyhow::Result<(Option<i32>, String, String)> {
    let mut command = std::process::Command::new(binary("basket"));
    let Output { status, stdout, stderr } = command.args(words).args(["--store", store]).env_clear().output()?;
    let text = |bytes| String::from_utf8(bytes).context("basket prints what is no text");
    Ok((status.code(), text(stderr)?, text(stdout)?))
}

/// The first number of a text: how many events it says that it has verified.
fn number_in(text: &str) -> usize {
    text.split_whitespace().find_map(|word| word.replace(',', "").parse().ok()).unwrap_or_default()
}
