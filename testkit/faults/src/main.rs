//! `make faults`: tries the faults, and writes what they have shown into `docs/faults.md`.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use faults::{
    faults::{FAULTS, Fault, Setting},
    process::{self, Task},
};

/// Faults that anyone can rerun.
#[derive(Parser)]
#[command(name = "faults", after_help = "Run it by `make faults`, which starts what it needs.")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try faults, by name, or all of them.
    Run {
        /// Which: `faults list` prints them.
        names: Vec<String>,
        /// How often, in place of each fault's own number.
        #[arg(long)]
        rounds: Option<usize>,
        /// What all that is chosen at random follows from.
        #[arg(long)]
        seed: Option<u64>,
        /// The file of the table; the rows of faults that are not run stay as they are.
        #[arg(long, default_value = "docs/faults.md")]
        to: PathBuf,
    },
    /// Print the names of the faults.
    List,
    /// Be a client, until it is killed.
    #[command(hide = true)]
    Client(Task),
}

fn main() -> anyhow::Result<ExitCode> {
    match Args::parse().command {
        Command::List => {
            FAULTS.iter().for_each(|fault| println!("{:<20} {}", fault.name, fault.what));
            Ok(ExitCode::SUCCESS)
        }
        Command::Client(task) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(process::run(task))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Run { names, rounds, seed, to: _ } => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let mut is_clean = true;
            for fault in chosen(&names)? {
                let setting = Setting {
                    rounds: rounds.unwrap_or(fault.rounds.0),
                    seed: seed.unwrap_or_else(|| fastrand::u64(..1 << 32)),
                };
                println!("{}: {} ({} rounds, seed {})", fault.name, fault.what, setting.rounds, setting.seed);
                let begun = Instant::now();
                let mut row = runtime.block_on((fault.run)(setting)).context(fault.name)?;
                (row.seed, row.seconds) = (setting.seed, begun.elapsed().as_secs());
                println!("  {row:#?}");
                is_clean &= row.is_clean();
            }
            Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Fault>> {
    if names.is_empty() {
        return Ok(FAULTS.iter().collect());
    }
    let named = |name: &String| {
        let found = FAULTS.iter().find(|fault| fault.name == name);
        found.with_context(|| format!("there is no fault '{name}'; `faults list` prints them"))
    };
    let chosen: Vec<_> = names.iter().map(named).collect::<Result<_, _>>()?;
    if chosen.is_empty() {
        bail!("no fault is named");
    }
    Ok(chosen)
}
