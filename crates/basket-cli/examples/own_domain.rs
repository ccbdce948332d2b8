//! A program of your own with the tools of `basket`, for a domain that this crate has never seen: the silo of `testkit`.
//! Try it with `cargo run -p basket-cli --example own_domain -- log north --store silos.db`.

use basket_cli::{EmbeddedStore, commands::Tool};
use basket_mongo::MongoStore;
use clap::{Arg, Command, FromArgMatches};
use testkit::silo::Silos;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let store = Arg::new("store").long("store").global(true).default_value("silos.db");
    let program = Command::new("silo").arg(store).subcommand_required(true).arg_required_else_help(true);
    let matches = Tool::<Silos>::command(program).get_matches();

    let tool = Tool::<Silos>::from_arg_matches(&matches)?;
    match matches.get_one::<String>("store").map(String::as_str).unwrap_or_default() {
        address if address.starts_with("mongodb://") => tool.run(&MongoStore::at(address).await?).await,
        file => tool.run(&EmbeddedStore::at(file)).await,
    }
}
