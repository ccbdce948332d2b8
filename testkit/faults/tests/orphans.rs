//! A client ends with whoever has started it, even if that was killed and could not say so.

use std::process::{Command, Stdio};

use testkit::shell::binary;

#[test]
fn a_client_whose_starter_is_gone_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut client = Command::new(binary("faults"))
        .args(["client", "--number", "0", "--seed", "7", "--work", "append", "--store"])
        .arg(folder.path().join("lists.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert!(client.try_wait().unwrap().is_none());
    drop(client.stdin.take());
    assert!(client.wait().unwrap().success());
}
