//! Makes a fresh `mongod --replSet` a replica set of one, and waits until the majority confirms a write.
//! `scripts/mongod.sh` runs it; doing it twice does no harm. Usage: `initiate 127.0.0.1:27017`

use std::{process::ExitCode, time::Duration};

use bson::{Document, doc};
use mongodb::{
    Client, Database,
    error::{Error, ErrorKind},
    options::ClientOptions,
};

const TRIES: u32 = 300;
const PAUSE: Duration = Duration::from_millis(100);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(host) = std::env::args().nth(1) else {
        eprintln!("usage: initiate HOST:PORT");
        return ExitCode::from(2);
    };
    match initiate(&host).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: the server at {host} does not become a replica set of one: {}", error.kind);
            ExitCode::FAILURE
        }
    }
}

async fn initiate(host: &str) -> Result<(), Error> {
    let mut options = ClientOptions::parse(format!("mongodb://{host}/?directConnection=true")).await?;
    options.server_selection_timeout = Some(Duration::from_secs(10));
    let admin = Client::with_options(options)?.database("admin");

    let set = doc! { "_id": "rs0", "members": [{ "_id": 0, "host": host }] };
    match admin.run_command(doc! { "replSetInitiate": set }).await {
        Err(error) if !already_initiated(&error) => return Err(error),
        _ => {}
    }
    wait_for_the_majority(&admin).await.map(drop)
}

fn already_initiated(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(command) if command.code == 23)
}

/// A note in the oplog is a write that leaves nothing behind in any database.
async fn wait_for_the_majority(admin: &Database) -> Result<Document, Error> {
    let note = doc! { "appendOplogNote": 1, "data": { "basket": "ready" }, "writeConcern": { "w": "majority" } };
    let mut outcome = admin.run_command(note.clone()).await;
    for _ in 0..TRIES {
        if outcome.is_ok() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        outcome = admin.run_command(note.clone()).await;
    }
    outcome
}
