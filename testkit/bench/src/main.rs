//! `make bench`: measures, and writes what it has measured into `docs/performance.md`.

use std::{cell::RefCell, env, path::PathBuf, rc::Rc, time::Duration};

use anyhow::{Context, Result, ensure};
use basket_domain::BasketId;
use bench::{
    bout::Measured,
    curves::{self, GROWTHS},
    machine::{Machine, today},
    peers::{self, PEER_WORKS, Peer},
    report::{CurveRow, Report, Row},
    tables::{duration, plain, range, times},
    works::{self, Setting, WORKS, chosen},
};
use clap::{Parser, Subcommand};

/// What each work costs, beside the plain driver doing the least that is correct.
#[derive(Parser)]
#[command(
    name = "bench",
    after_help = "`make bench` starts what it needs, and measures all of it. Then, for some:\n  \
                  scripts/with-mongo cargo run --profile measure --package bench -- run load handle-100 --rounds 20"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
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
struct How {
    /// Which: `bench list` prints them.
    names: Vec<String>,
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
    fn setting(&self) -> Result<Setting> {
        let why = "BASKET_TEST_MONGO is not set: start it by `scripts/with-mongo`";
        let (server, least) = (env::var("BASKET_TEST_MONGO").context(why)?, Duration::from_millis(5));
        Ok(Setting { server, rounds: self.rounds, least, events: self.events, longest: u64::MAX })
    }

    /// Changes the report after each work: who stops it in the middle keeps what was measured.
    fn change(&self, change: impl FnOnce(&mut Report)) -> Result<()> {
        let Some(to) = &self.to else { return Ok(()) };
        let mut report = Report::read(to)?;
        change(&mut report);
        report.write(to)
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    // As `basket` itself has it, where the whole program is measured.
    let runtime = match args.command {
        Command::Ping { .. } => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        _ => tokio::runtime::Builder::new_multi_thread().enable_all().build()?,
    };
    runtime.block_on(async {
        match args.command {
            Command::Run(how) => run(&how).await,
            Command::Peers { program, how } => peers(&program, &how).await,
            Command::Curves { long, how } => grow(&how, long).await,
            Command::List => {
                WORKS.iter().for_each(|work| println!("{:<22} {}", work.name, work.what));
                PEER_WORKS.iter().for_each(|work| println!("peers {:<16} {}", work.name, work.what));
                GROWTHS.iter().for_each(|curve| println!("curves {:<15} {}", curve.name, curve.what));
                Ok(())
            }
            Command::Ping { address } => works::ping(&address).await,
            Command::Peak { address, id, by_hand } => {
                curves::peak(&address, id, by_hand).await.map(|megabytes| println!("{megabytes}"))
            }
        }
    })
}

async fn run(how: &How) -> Result<()> {
    let setting = how.setting()?;
    let machine = Machine::here(&setting.server).await?;
    for work in chosen(WORKS, |work| work.name, &how.names)? {
        let measured = work.run(&setting).await.with_context(|| work.name)?;
        print(work.name, &measured);
        let row = Row { date: today(), machine: machine.clone(), measured };
        how.change(|report| drop(report.works.insert(work.name.into(), row)))?;
    }
    Ok(())
}

async fn peers(program: &std::path::Path, how: &How) -> Result<()> {
    let setting = how.setting()?;
    let machine = Machine::here(&setting.server).await?;
    let mut installed = Vec::new();
    for name in peers::NAMES {
        match Peer::start(program, name, &setting.server) {
            Ok(peer) => installed.push(Rc::new(RefCell::new(peer))),
            Err(why) => eprintln!("{name} is not measured: {why:#}"),
        }
    }
    ensure!(!installed.is_empty(), "no peer is installed; testkit/bench/peers/README.md says how");
    for work in chosen(PEER_WORKS, |work| work.name, &how.names)? {
        let measured = work.run(&setting, &installed).await.with_context(|| work.name)?;
        print(work.name, &measured);
        let row = Row { date: today(), machine: machine.clone(), measured };
        how.change(|report| drop(report.peers.insert(work.name.into(), row)))?;
    }
    Ok(())
}

async fn grow(how: &How, long: bool) -> Result<()> {
    let setting = how.setting()?;
    let machine = Machine::here(&setting.server).await?;
    for growth in chosen(GROWTHS, |growth| growth.name, &how.names)? {
        let curve = growth.run(&setting, long).await.with_context(|| growth.name)?;
        for point in &curve.points {
            let (x, y, ratio) = (plain(point.x), plain(point.y), times(point.y / point.floor));
            println!("{:<22} {x:>11} {y:>9} {}  {ratio}", growth.name, curve.y);
        }
        let row = CurveRow { date: today(), machine: machine.clone(), curve };
        how.change(|report| drop(report.curves.insert(growth.name.into(), row)))?;
    }
    Ok(())
}

fn print(name: &str, measured: &Measured) {
    for side in &measured.sides {
        println!("{name:<22} {:<24} {:>9}  {}", side.name, duration(side.nanos.median), range(side.ratio));
    }
    println!("{name:<22} {:<24} {:>9}  {}", "noise", "", range(measured.noise));
}
