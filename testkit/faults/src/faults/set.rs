//! A set of three under 16 writers: its primary steps down, is killed, frozen and cut off; two of three are gone.

use std::{fs, time::Duration};

use anyhow::Context;
use basket_mongo::MongoStore;
use bson::doc;
use testkit::own_set::OwnSet;
use tokio::time::sleep;

use super::Setting;
use crate::{
    clients::{Ask, Load},
    links::Links,
    list::Lists,
    row::Row,
    under_load::UnderLoad,
};

/// Clients at once.
const WRITERS: usize = 16;

/// What each of them does.
const ASKS: &[Ask] = &[Ask::Append, Ask::Append, Ask::Across, Ask::Claim, Ask::Save, Ask::Read];

/// Why a fault of a set may not be tried.
const NO_PROGRAM: &str = "there is no mongod on the PATH";

pub(super) async fn stepped_down(setting: Setting) -> anyhow::Result<Row> {
    with_set(setting, async |set, random| {
        let primary = primary(set).await;
        let step_down = doc! { "replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 2, "force": random.bool() };
        // The answer may be lost with the connection.
        set.members[primary].direct().await.run_command(step_down).await.ok();
    })
    .await
}

pub(super) async fn killed(setting: Setting) -> anyhow::Result<Row> {
    with_set(setting, async |set, random| {
        let primary = primary(set).await;
        set.members[primary].kill("KILL");
        sleep(Duration::from_millis(random.u64(0..2_000))).await;
        set.members[primary].run();
    })
    .await
}

pub(super) async fn frozen(setting: Setting) -> anyhow::Result<Row> {
    with_set(setting, async |set, random| {
        let primary = primary(set).await;
        set.members[primary].signal("STOP");
        sleep(Duration::from_millis(random.u64(500..4_000))).await;
        set.members[primary].signal("CONT");
    })
    .await
}

pub(super) async fn two_gone(setting: Setting) -> anyhow::Result<Row> {
    with_set(setting, async |set, random| {
        let kept = random.usize(0..3);
        let gone: Vec<_> = (0..3).filter(|member| *member != kept).collect();
        gone.iter().for_each(|member| set.members[*member].kill("KILL"));
        sleep(Duration::from_millis(random.u64(500..3_000))).await;
        gone.iter().for_each(|member| set.members[*member].run());
    })
    .await
}

pub(super) async fn cut_off(setting: Setting) -> anyhow::Result<Row> {
    let Some((mut set, links)) = Links::start().await else { return Ok(Row::not_run(NO_PROGRAM)) };
    broken(&mut set, setting, async |set, random| {
        let primary = primary(set).await;
        links.cut_off(primary);
        sleep(Duration::from_millis(random.u64(1_000..5_000))).await;
        links.mend();
    })
    .await
}

async fn with_set(setting: Setting, fault: impl AsyncFn(&mut OwnSet, &mut fastrand::Rng)) -> anyhow::Result<Row> {
    let Some(mut set) = OwnSet::start(false).await else { return Ok(Row::not_run(NO_PROGRAM)) };
    broken(&mut set, setting, fault).await
}

async fn broken(
    set: &mut OwnSet,
    setting: Setting,
    fault: impl AsyncFn(&mut OwnSet, &mut fastrand::Rng),
) -> anyhow::Result<Row> {
    let mut random = fastrand::Rng::with_seed(setting.seed);
    let store = MongoStore::<Lists>::at(&set.address()).await?;
    let mut load = UnderLoad::start(&store, Load { clients: WRITERS, streams: 8, ..setting.load(ASKS) });
    for _ in 0..setting.rounds {
        load.answers().await.context("the set does not come back")?;
        sleep(Duration::from_millis(random.u64(0..500))).await;
        fault(set, &mut random).await;
    }
    load.answers().await.context("the set does not come back")?;
    let mut row = load.end(&set.address(), setting.rounds).await?;
    let rolled_back = set.members.iter().map(|member| files_in(&member.folder().join("rollback"))).sum::<usize>();
    row.note = format!("{rolled_back} files of writes that a member has rolled back");
    Ok(row)
}

/// The member that is the primary, when all have settled who it is.
async fn primary(set: &OwnSet) -> usize {
    loop {
        for (place, member) in set.members.iter().enumerate() {
            if member.is_primary().await {
                return place;
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Files in a folder and in its folders.
fn files_in(folder: &std::path::Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files_in(&entry.path()) } else { 1 }).sum()
}
