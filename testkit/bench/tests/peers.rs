//! The client side of the peers' protocol, with a peer that is a few lines of shell.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use bench::peers::Peer;
use tempfile::TempDir;

const FAKE: &str = r#"#!/bin/sh
[ "$1" = fake ] || exit 2
echo "{\"ready\": true, \"name\": \"Fake 1\", \"versions\": {\"fake\": \"1.0\"}, \"works\": [\"append\"], \"less\": \"keeps nothing in $BENCH_MONGO\"}"
while read -r what work times; do
    echo "$what $work $times" >> "$(dirname "$0")/asked"
    case "$what $work" in
        "prepare append") echo '{"prepared": true}' ;;
        "run append") echo "{\"ns\": ${times}000}" ;;
        "end ") exit ;;
        *) echo '{"error": "no such work"}'; exit 1 ;;
    esac
done
"#;

fn fake() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fs::write(&run, FAKE).unwrap();
    fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, run)
}

#[test]
fn a_peer_says_what_it_is_and_measures_itself() {
    let (folder, run) = fake();
    let mut peer = Peer::start(&run, "fake", "mongodb://127.0.0.1/").unwrap();
    assert_eq!((peer.hello.name.as_str(), peer.hello.works.as_slice()), ("Fake 1", &["append".to_owned()][..]));
    assert_eq!(peer.hello.less, "keeps nothing in mongodb://127.0.0.1/");
    peer.prepare("append").unwrap();
    assert_eq!(peer.run("append", 30).unwrap(), Duration::from_micros(30));
    drop(peer);
    let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
    assert_eq!(asked, "prepare append \nrun append 30\nend  \n");
}

#[test]
fn what_a_peer_can_not_do_is_said_in_its_words() {
    let (_folder, run) = fake();
    let mut peer = Peer::start(&run, "fake", "mongodb://127.0.0.1/").unwrap();
    let failed = format!("{:#}", peer.prepare("fly").unwrap_err());
    assert_eq!(failed, "Fake 1, asked to prepare fly: it has failed: no such work");
    assert!(peer.run("append", 1).is_err(), "it has ended");
}

#[test]
fn a_peer_that_is_not_installed_does_not_start() {
    let (_folder, run) = fake();
    assert!(Peer::start(&run, "another", "mongodb://127.0.0.1/").is_err());
    assert!(Peer::start(&run.with_file_name("nothing"), "fake", "").is_err());
}
