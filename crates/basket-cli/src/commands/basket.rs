//! The program `basket`: the tools for baskets, and the commands that only baskets have.

use anyhow::Result;
use basket_mongo::Baskets;
use clap::{Arg, Subcommand, builder::NonEmptyStringValueParser};

use super::{archive, change, report};
use crate::{program::Commands, store::Store};

const HELP: &str = "\
Examples:
  basket create socks                       prints the new basket's id
  basket add 5ab69073421aa917e62b4734 rocks -q 3
  basket get 5ab69073421aa917e62b4734

Where the events are kept, first found wins:
  1. --store STORE
  2. the environment variable BASKET_STORE
  3. a line BASKET_STORE=... in .env, here or in a folder above
  4. a file in your data folder
  A store is mongodb://..., mongodb+srv://... or the path of a file. `basket store` says which one is used.

Of an ID, its beginning will do, if no other one begins so; @ is the basket that you used last.
As a FILE, `-` is standard input, and so are several IDs, one a line; as anything else it is refused.

Exit codes:
  0  done
  1  something that should not happen
  2  the command line is wrong: a bad id, product, quantity, voucher or store
  3  there is no such basket, version or moment
  4  refused: the product is not in the basket, no more fit, the voucher was redeemed, the
     basket is not at the version of --if-version, histories differ, rules have changed, or a
     receiver does not want an event
  5  other writers were faster every time; try again
  6  the store, or what events are forwarded to, can't be reached or can't do it
  7  an event in the store, the store's file, or a line of an import, can't be read
  8  the store did not say whether the change was kept";

/// The program without its commands.
pub(crate) fn program() -> clap::Command {
    let collection = Arg::new(COLLECTION).long(COLLECTION).global(true).value_name("NAME").display_order(103);
    let help = "Read the events of this collection, of a domain that is not known here; `basket --collection NAME --help` says more";
    clap::Command::new("basket")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A shopping basket that stores what happened to it")
        .after_help(HELP)
        .max_term_width(100)
        .arg(collection.value_parser(NonEmptyStringValueParser::new()).help(help))
}

/// The option that names a collection.
pub(super) const COLLECTION: &str = "collection";

#[derive(Debug, Subcommand)]
pub(crate) enum BasketCommand {
    Create(change::Create),
    Add(change::Add),
    Remove(change::Remove),
    Merge(change::Merge),
    /// Ask a question about all the baskets
    #[command(subcommand, after_help = "Example:\n  basket report removed --product clocks")]
    Report(report::Report),
}

impl Commands<Baskets> for BasketCommand {
    fn changes(&self) -> bool {
        !self.reads_all()
    }

    fn reads_all(&self) -> bool {
        matches!(self, Self::Report(_))
    }

    async fn run(self, store: &impl Store<Baskets>) -> Result<()> {
        let done = match self {
            Self::Create(command) => command.run(store).await,
            Self::Add(command) => command.run(store).await,
            Self::Remove(command) => command.run(store).await,
            Self::Merge(command) => command.run(store).await,
            Self::Report(command) => command.run(store).await,
        };
        archive::or_archived(store, done).await
    }
}
