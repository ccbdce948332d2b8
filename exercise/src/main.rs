//! The tool behind `make from_scratch`, `watch`, `hint`, `solution`, `compare`, `reset`, `stages`, `check`, `timer`, `prove`
//! and `slides-record`.
//!
//! [`course`] is the course as data, [`source`] blanks a function or puts a body back, [`branch`] makes the branch.
//! [`verdict`] runs a stage's tests, on the MongoDB of [`servers`], and [`report`] puts what came out into words.
//! [`learn`] and [`watch`], with its [`keys`], are for learners; meanwhile [`warm`] builds what the later stages need.
//! [`prove`] shows that the exercise fits the code, [`record`] makes the recording that the slides play, and [`cast`] is
//! its format.

mod branch;
mod cast;
mod course;
mod keys;
mod learn;
mod prove;
mod record;
mod report;
mod servers;
mod source;
mod state;
mod verdict;
mod warm;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use course::Course;

/// Learn event sourcing from scratch
#[derive(Parser)]
#[command(name = "exercise")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the branch from_scratch and switch to it
    FromScratch {
        /// Start again; an existing branch is kept under a dated name
        #[arg(long)]
        fresh: bool,
    },
    /// Run the tests on every save and show what to do next
    Watch,
    /// Show the next hint for a stage, or for the first that is not done
    Hint { stage: Option<usize> },
    /// Put the solution of one stage into your files
    Solution { stage: usize },
    /// Show your answer of a stage beside main's
    Compare { stage: usize },
    /// Blank the functions of one stage again
    Reset { stage: usize },
    /// List the stages
    Stages,
    /// Run the tests of all the stages
    Check,
    /// Start a clock that `watch` shows
    Timer {
        /// How long
        #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..=1440))]
        minutes: u64,
    },
    /// Prove that the exercise fits the code (for CI)
    Prove {
        /// Only the mistakes with this in their names
        only: Option<String>,
    },
    /// Record the practice run that the slides play
    Record,
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            anstream::eprintln!("\x1b[1;31merror:\x1b[0m {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<bool> {
    let course = Course::at(&std::env::current_dir()?)?;
    match command {
        Command::FromScratch { fresh } => {
            branch::make(&course, fresh)?;
            println!("{}", branch::MADE);
        }
        Command::Watch => watch::run(&course)?,
        Command::Hint { stage } => learn::hint(&course, stage)?,
        Command::Solution { stage } => learn::solution(&course, stage)?,
        Command::Compare { stage } => anstream::print!("{}", learn::compare(&course, stage)?),
        Command::Reset { stage } => learn::reset(&course, stage)?,
        Command::Stages => learn::stages(&course)?,
        Command::Check => return learn::check(&course),
        Command::Timer { minutes } => learn::timer(&course, minutes)?,
        Command::Prove { only } => prove::run(&course, only.as_deref())?,
        Command::Record => record::run(&course)?,
    }
    Ok(true)
}
