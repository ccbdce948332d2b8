//! The sample as a web service: commands over HTTP, events as they happen, a read model, and an end in good order.
//! This file has the settings and the signals; [`app`] is the service, and the tests run it without this file.
//!
//! `BASKET_STORE=mongodb://127.0.0.1:27017/basket_db cargo run -p basket-mongo --example service`
//!
//! It knows no users: put it behind what does, and hand their names to [`Meta::actor`](basket_mongo::Meta), in `app/asked.rs`.

#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::todo, clippy::unwrap_used)]

mod app;

use std::{env, error::Error, process::ExitCode};

use basket_mongo::{Baskets, MongoStore};
use tokio::net::TcpListener;

use self::app::{Settings, serve, signals, telemetry};

/// The store, and the address to listen at, if the environment says nothing.
const STORE: &str = "mongodb://127.0.0.1:27017/basket_db";
const LISTEN: &str = "127.0.0.1:8080";

#[tokio::main]
async fn main() -> ExitCode {
    telemetry::log_to(std::io::stdout);
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!(error = %why, "the service has ended");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let said = |name, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    // It connects at the first call: while MongoDB is away, the service is there and not ready.
    let store = MongoStore::<Baskets>::builder(said("BASKET_STORE", STORE)).app_name("basket-service").open().await?;
    // Before anything is promised to a client, so that no signal is missed.
    let end = signals::first()?;
    let listener = TcpListener::bind(said("LISTEN", LISTEN)).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    serve(listener, store.observed(), Settings::default(), end).await?;
    Ok(())
}
