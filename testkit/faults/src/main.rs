//! `make faults`: tries the faults, and writes what they have shown into `docs/faults.md`.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};
use faults::{
    breaks,
    faults::{FAULTS, Fault, Setting},
    process::{self, Task},
    report::{Report, Seen, Tried, machine},
    row::Row,
    wounds::CASES,
};

/// Faults that anyone can rerun.
#[derive(Parser)]
#[command(
    name = "faults",
    after_help = "`make faults` starts what it needs, and runs all of it. Then, for one of them:\n  \
                  scripts/with-mongo target/debug/faults run set-partition --rounds 5 --seed 7"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try faults, by name, or all of them; fails if a law was broken.
    Run {
        /// Which: `faults list` prints them.
        names: Vec<String>,
        /// How often, in place of each fault's own number.
        #[arg(long)]
        rounds: Option<usize>,
        /// What all that is chosen at random follows from.
        #[arg(long)]
        seed: Option<u64>,
        /// The file whose table gets the rows; those of faults that are not run stay as they are.
        #[arg(long)]
        to: Option<PathBuf>,
        /// Print the row of each as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make mistakes on purpose, by name, or all of them; fails if one of them is not seen.
    Mistakes {
        /// Which: those of `breaks.toml`, and of `wounds.rs`.
        names: Vec<String>,
        /// The file whose table gets the rows.
        #[arg(long)]
        to: Option<PathBuf>,
    },
    /// Print the names of the faults.
    List,
    /// Be a client, until it is killed.
    #[command(hide = true)]
    Client(Task),
}

fn main() -> anyhow::Result<ExitCode> {
    let is_well = match Args::parse().command {
        Command::List => {
            FAULTS.iter().for_each(|fault| println!("{:<20} {}", fault.name, fault.what));
            true
        }
        Command::Client(task) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(process::run(task))?;
            true
        }
        Command::Run { names, rounds, seed, to, json } => {
            let mut is_clean = true;
            for fault in chosen(&names)? {
                let setting = Setting {
                    rounds: rounds.unwrap_or(fault.rounds.0),
                    seed: seed.unwrap_or_else(|| fastrand::u64(..1 << 32)),
                    wound: None,
                };
                let row = tried(fault, setting)?;
                is_clean &= row.is_clean();
                match json {
                    true => println!("{}", serde_json::to_string(&row)?),
                    false => println!("{}", said(fault, &row)),
                }
                // After each: who stops it in the middle keeps what was tried.
                change(to.as_ref(), |report| {
                    report.faults.insert(fault.name.into(), Tried { row: row.clone(), machine: machine() });
                })?;
            }
            is_clean
        }
        Command::Mistakes { names, to } => mistakes(&names, to.as_ref())?,
    };
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Fault>> {
    if names.is_empty() {
        return Ok(FAULTS.iter().collect());
    }
    let named = |name: &String| {
        let found = FAULTS.iter().find(|fault| fault.name == name);
        found.with_context(|| format!("there is no fault '{name}'; `faults list` prints them"))
    };
    names.iter().map(named).collect()
}

fn tried(fault: &Fault, setting: Setting) -> anyhow::Result<Row> {
    eprintln!("{}: {} ({} rounds, seed {})", fault.name, fault.what, setting.rounds, setting.seed);
    let begun = Instant::now();
    let mut row = fault.run(setting)?;
    (row.seed, row.seconds) = (setting.seed, begun.elapsed().as_secs());
    Ok(row)
}

/// A row for a person.
fn said(fault: &Fault, row: &Row) -> String {
    if let Some(why) = &row.not_run {
        return format!("{}: not run: {why}", fault.name);
    }
    let mut said = format!(
        "{}: {} rounds in {} s, {} acknowledged, {} unknown, {} refused; ",
        fault.name, row.rounds, row.seconds, row.acknowledged, row.unknown, row.refused
    );
    said += &if row.is_clean() { "no law was broken".into() } else { format!("BROKEN {:?}", row.broken) };
    said.extend(row.examples.iter().map(|example| format!("\n  {example}")));
    said + &if row.note.is_empty() { String::new() } else { format!("\n  {}", row.note) }
}

/// Makes each of the mistakes, and says by what it was seen.
fn mistakes(names: &[String], to: Option<&PathBuf>) -> anyhow::Result<bool> {
    let is_asked = |name: &str| names.is_empty() || names.iter().any(|asked| asked == name);
    let (mut are_seen, mut made) = (true, 0);
    let mut note = |name: &str, seen: Seen| {
        println!("{name}: {} by {}, {:?} {} times", seen.what, seen.by, seen.law, seen.times);
        (are_seen, made) = (are_seen && seen.times > 0, made + 1);
        change(to, |report| drop(report.mistakes.insert(name.into(), seen)))
    };
    for case in CASES {
        let name =
            clap::ValueEnum::to_possible_value(&case.wound).map(|name| name.get_name().to_owned()).unwrap_or_default();
        if is_asked(&name) {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let row = runtime.block_on(case.show(true))?;
            let (times, mut others) = (row.count(case.law), row.broken);
            others.remove(&case.law);
            let by = if case.load.is_some() { "clients at work" } else { "kill-project" };
            let (what, place) = (case.what.into(), "a store around the store".into());
            note(&name, Seen { what, place, by: by.into(), law: case.law, times, others })?;
        }
    }
    for broken in breaks::all()?.into_iter().filter(|broken| is_asked(&broken.name)) {
        note(&broken.name, broken.show(fastrand::u64(..1 << 32))?)?;
    }
    ensure!(made > 0, "there is no mistake of these names: {names:?}");
    Ok(are_seen)
}

fn change(to: Option<&PathBuf>, change: impl FnOnce(&mut Report)) -> anyhow::Result<()> {
    let Some(to) = to else { return Ok(()) };
    let mut report = Report::read(to)?;
    change(&mut report);
    report.write(to)
}
