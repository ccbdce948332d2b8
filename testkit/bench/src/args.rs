//! The command line of `bench`. `main` does what it asks for.

use std::{env, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use basket_domain::BasketId;
use bench::{report::Report, works::Setting};
use clap::{Parser, Subcommand};

/// What each work costs, beside the plain driver doing the least that is correct.
#[derive(Parser)]
#[command(
    name = "bench",
    after_help = "`make bench` starts what it needs, and measures all of it. Then, for some:\n  \
                  scripts/with-mongo cargo run --profile measure --package bench -- run load handle-100 --rounds 20"
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Measure works, by name or by the beginning of their names, or all of them.
    Run(How),
    /// Measure works beside all peers that are installed.
    Peers {
        /// The program that becomes a peer by its name.
        #[arg(long, default_value = "testkit/bench/peers/run")]
        program: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// Measure other shapes that events could have had.
    Choices(How),
    /// Measure how figures change as something grows.
    Curves {
        /// The largest sizes, too: they take hours.
        #[arg(long)]
        long: bool,
        #[command(flatten)]
        how: How,
    },
    /// Print the names of all that can be measured.
    List,
    /// Connect, ask the server for a sign of life, and end.
    #[command(hide = true)]
    Ping { address: String },
    /// Load a stream, and print how many megabytes that took.
    #[command(hide = true)]
    Peak {
        address: String,
        id: BasketId,
        #[arg(long)]
        by_hand: bool,
    },
}

#[derive(clap::Args)]
pub struct How {
    /// Which: `bench list` prints them.
    pub names: Vec<String>,
    /// How many rounds, in place of each work's own number.
    #[arg(long)]
    rounds: Option<usize>,
    /// How many events the passes read.
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// The file whose tables get the rows; those of works that are not measured stay as they are.
    #[arg(long)]
    to: Option<PathBuf>,
}

impl How {
    /// How works are measured, on the server that `scripts/with-mongo` has started.
    pub fn setting(&self) -> Result<Setting> {
        let why = "BASKET_TEST_MONGO is not set: start it by `scripts/with-mongo`";
        let (server, least) = (env::var("BASKET_TEST_MONGO").context(why)?, Duration::from_millis(5));
        Ok(Setting { server, rounds: self.rounds, least, events: self.events, longest: u64::MAX })
    }

    /// Changes the report after each work: who stops it in the middle keeps what was measured.
    pub fn change(&self, change: impl FnOnce(&mut Report)) -> Result<()> {
        let Some(to) = &self.to else { return Ok(()) };
        let mut report = Report::read(to)?;
        change(&mut report);
        report.write(to)
    }
}
