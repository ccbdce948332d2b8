//! A program of your own with the tools of `basket`, for a domain that this crate has never seen: the silo of `testkit`.
//! Try it with `cargo run -p basket-cli --example own_domain -- log north --store silos.db`.

use std::process::ExitCode;

use testkit::silo::Silos;

fn main() -> ExitCode {
    basket_cli::tools::<Silos>().main(clap::Command::new("silo").about("Silos, and what has happened to them"))
}
