//! Every work and every curve once, with few events, so that none can rot. No figure of it means anything.

use std::time::Duration;

use bench::{
    choices::CHOICES,
    curves::GROWTHS,
    machine::{Machine, today},
    peers::PEER_WORKS,
    report::{CurveRow, Report, Row},
    works::{Setting, WORKS},
};

const TEXT: &str = include_str!("../../../docs/performance.md");

#[test]
fn each_work_is_done_once_and_written_down() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = testkit::mongo::server(testkit::mongo::REPLICA_SET);
    let setting = Setting { server, rounds: Some(1), least: Duration::ZERO, events: 40, longest: 8 };
    let report = runtime.block_on(measured(&setting));

    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("performance.md");
    std::fs::write(&text, TEXT).unwrap();
    report.write(&text).unwrap();
    let (written, again) = (std::fs::read_to_string(&text).unwrap(), Report::read(&text).unwrap());
    assert_eq!(again.works.len(), WORKS.len());
    for work in WORKS {
        assert!(written.contains(&format!("\n| `{}` | {} |", work.name, work.what)), "{} is in no row", work.name);
    }
    assert!(CHOICES.iter().all(|work| written.contains(&format!("\n| `{}`: {} |", work.name, work.what))));
    assert!(text.with_extension("").join("works.svg").exists());
    assert!(text.with_extension("").join("writers.svg").exists());
}

async fn measured(setting: &Setting) -> Report {
    let (date, machine) = (today(), Machine::here(&setting.server).await.unwrap());
    let row = |measured| Row { date: date.clone(), machine: machine.clone(), measured };
    let mut report = Report::default();
    for work in WORKS {
        let measured = work.run(setting).await.unwrap_or_else(|error| panic!("{}: {error:#}", work.name));
        report.works.insert(work.name.into(), row(measured));
    }
    for work in CHOICES {
        let measured = work.run(setting).await.unwrap_or_else(|error| panic!("{}: {error:#}", work.name));
        report.choices.insert(work.name.into(), row(measured));
    }
    for work in PEER_WORKS {
        let measured = work.run(setting, &[]).await.unwrap_or_else(|error| panic!("{}: {error:#}", work.name));
        report.peers.insert(work.name.into(), row(measured));
    }
    // Three need a server of their own, whose start takes seconds: one of them is tried. The server is a program; where there is
    // only Docker, none is.
    let has_program = std::env::var("BASKET_TEST_MONGOD").is_ok();
    let is_tried = |name: &str| !name.starts_with("collection") || (has_program && name == "collection-load");
    for growth in GROWTHS.iter().filter(|growth| is_tried(growth.name)) {
        let curve = growth.run(setting, false).await.unwrap_or_else(|error| panic!("{}: {error:#}", growth.name));
        report.curves.insert(growth.name.into(), CurveRow { date: date.clone(), machine: machine.clone(), curve });
    }
    report
}
