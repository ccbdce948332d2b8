//! `make bench`: measures, and writes what it has measured into `docs/performance.md`.

mod args;

use std::{cell::RefCell, path::Path, rc::Rc};

use anyhow::{Context, Result, ensure};
use bench::{
    bout::Measured,
    choices::CHOICES,
    curves::{self, GROWTHS},
    machine::{Machine, today},
    peers::{self, PEER_WORKS, Peer},
    report::{CurveRow, Report, Row, Rows},
    tables::{duration, plain, range, times},
    works::{self, WORKS, Work, chosen},
};
use clap::Parser;

use args::{Args, Command, How};

fn main() -> Result<()> {
    let args = Args::parse();
    // As `basket` itself has it, where the whole program is measured.
    let runtime = match args.command {
        Command::Ping { .. } => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        _ => tokio::runtime::Builder::new_multi_thread().enable_all().build()?,
    };
    runtime.block_on(async {
        match args.command {
            Command::Run(how) => run(&how, WORKS, |report| &mut report.works).await,
            Command::Choices(how) => run(&how, CHOICES, |report| &mut report.choices).await,
            Command::Peers { program, how } => peers(&program, &how).await,
            Command::Curves { long, how } => grow(&how, long).await,
            Command::List => {
                WORKS.iter().for_each(|work| println!("{:<22} {}", work.name, work.what));
                CHOICES.iter().for_each(|work| println!("choices {:<14} {}", work.name, work.what));
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

/// Measures works of a list, and puts each into its rows of the report.
async fn run(how: &How, list: &[Work], rows: fn(&mut Report) -> &mut Rows) -> Result<()> {
    let setting = how.setting()?;
    let machine = Machine::here(&setting.server).await?;
    for work in chosen(list, |work| work.name, &how.names)? {
        let measured = work.run(&setting).await.with_context(|| work.name)?;
        keep(how, &machine, work.name, measured, rows)?;
    }
    Ok(())
}

/// Prints what was measured, and puts it into the report.
fn keep(
    how: &How,
    machine: &Machine,
    name: &str,
    measured: Measured,
    rows: fn(&mut Report) -> &mut Rows,
) -> Result<()> {
    print(name, &measured);
    let row = Row { date: today(), machine: machine.clone(), measured };
    how.change(|report| drop(rows(report).insert(name.into(), row)))
}

async fn peers(program: &Path, how: &How) -> Result<()> {
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
        keep(how, &machine, work.name, measured, |report| &mut report.peers)?;
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
