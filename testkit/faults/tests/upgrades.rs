//! What every release form has written, the program of today reads and goes on with.

use faults::upgrades::{fixtures, read};
use testkit::mongo::{REPLICA_SET, server};

#[tokio::test(flavor = "multi_thread")]
async fn what_older_programs_have_written_is_read_and_gone_on_with() {
    let reading = fixtures().unwrap().into_iter();
    let reading: Vec<_> =
        reading.map(|fixture| tokio::spawn(async move { read(&fixture, &server(REPLICA_SET)).await })).collect();
    assert!(!reading.is_empty());
    for read in reading {
        let broken = read.await.unwrap().unwrap();
        assert!(broken.is_empty(), "{}", broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
}
