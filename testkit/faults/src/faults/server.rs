//! A server by itself under 64 writers: killed, ended and frozen, again and again, on the same data.

use std::time::Duration;

use basket_mongo::MongoStore;
use testkit::own_server::OwnServer;
use tokio::time::sleep;

use super::Setting;
use crate::{
    clients::{Ask, Load},
    list::Lists,
    row::Row,
    under_load::UnderLoad,
};

/// Clients at once.
const WRITERS: usize = 64;

/// What each of them does, most of all appends.
const ASKS: &[Ask] = &[Ask::Append, Ask::Append, Ask::Append, Ask::Across, Ask::Claim, Ask::Save, Ask::Read];

pub(super) async fn killed(setting: Setting) -> anyhow::Result<Row> {
    stopped_by("KILL", setting).await
}

pub(super) async fn ended(setting: Setting) -> anyhow::Result<Row> {
    stopped_by("TERM", setting).await
}

async fn stopped_by(signal: &'static str, setting: Setting) -> anyhow::Result<Row> {
    broken(setting, async |server, random| {
        sleep(Duration::from_millis(random.u64(100..700))).await;
        server.kill(signal);
        sleep(Duration::from_millis(random.u64(0..300))).await;
        server.run();
    })
    .await
}

pub(super) async fn frozen(setting: Setting) -> anyhow::Result<Row> {
    broken(setting, async |server, random| {
        sleep(Duration::from_millis(random.u64(100..700))).await;
        server.signal("STOP");
        sleep(Duration::from_millis(random.u64(50..4_000))).await;
        server.signal("CONT");
    })
    .await
}

async fn broken(setting: Setting, fault: impl AsyncFn(&mut OwnServer, &mut fastrand::Rng)) -> anyhow::Result<Row> {
    let Some(mut server) = OwnServer::start_program().await else {
        return Ok(Row::not_run("there is no mongod on the PATH"));
    };
    let mut random = fastrand::Rng::with_seed(setting.seed);
    let store = MongoStore::<Lists>::at(&server.address()).await?;
    let mut load = UnderLoad::start(&store, Load { clients: WRITERS, streams: 16, ..setting.load(ASKS) });
    for _ in 0..setting.rounds {
        fault(&mut server, &mut random).await;
        if let Err(error) = load.answers().await {
            return Err(error.context(format!("the server does not come back; {}", server.last_words())));
        }
    }
    load.end(&server.address(), setting.rounds).await
}
