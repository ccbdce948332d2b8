//! Makes a fresh `mongod --replSet` a replica set of one, and waits until the majority confirms a write.
//! `scripts/mongod.sh` runs it; doing it twice does no harm. Usage: `initiate 127.0.0.1:27017`

use std::process::ExitCode;

use testkit::own_server::initiate;

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
