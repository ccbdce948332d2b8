//! An embedded file that can be read and not written: on a medium that is read-only, or in the folder of another user.

#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use rusqlite::Connection;
use testkit::{one_basket::OneBasket, shell::Shell, watcher::Watcher};

/// A shell with a store in a folder of its own: `medium/baskets.db`.
fn shell() -> (Shell, PathBuf) {
    let shell = Shell::new().with("BASKET_STORE", "medium/baskets.db");
    let medium = shell.folder.path().join("medium");
    fs::create_dir(&medium).unwrap();
    (shell, medium)
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Another user may look into the folder of the shell, and there may write nothing.
fn nobody(shell: Shell) -> Option<Shell> {
    allow(shell.folder.path(), 0o755);
    let shell = shell.as_nobody();
    if shell.is_none() {
        eprintln!("skipped: another user may not run the binary of this build");
    }
    shell
}

/// Every command that reads works, and every one that writes says what is in its way.
#[track_caller]
fn is_read_and_not_written(basket: &OneBasket<'_>) {
    basket.says("get ID", "socks = 1\nrocks = 1\n");
    for words in [
        "get ID --version 2",
        "log ID",
        "diff ID 1..",
        "blame ID",
        "what-if ID --without 3",
        "revert ID 3 --dry-run",
        "list",
        "verify",
        "report removed",
        "export",
        "store",
        "watch ID --from beginning -n 3",
    ] {
        assert_eq!(basket.basket(words).code, 0, "{words}");
    }
    for words in ["create hats", "add ID hats", "remove ID socks", "revert ID 3", "restore ID --version 2"] {
        basket.fails(words, 6, "medium/baskets.db: the file is read-only, or its folder is, so nothing was written");
    }
}

/// Mounts a file system in memory at a folder, and takes it away at the end.
struct Medium(PathBuf);

impl Medium {
    fn mount(&self, options: &str) -> bool {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "basket"]).arg(&self.0).output();
        mount.is_ok_and(|mount| mount.status.success())
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.0).output().ok();
    }
}

#[test]
fn on_a_medium_that_is_read_only_even_root_reads() {
    let (shell, medium) = shell();
    let medium = Medium(medium);
    if !medium.mount("size=4m") {
        return eprintln!("skipped: no file system may be mounted here");
    }
    let basket = OneBasket::with(&shell, "socks");
    basket.does(["add ID rocks"]);
    assert!(medium.mount("remount,ro"));
    is_read_and_not_written(&basket);
    let other = Shell::new().with("BASKET_STORE", medium.0.join("new/baskets.db").to_str().unwrap());
    other.basket("create socks").fails(6, "its folder can't be made: Read-only file system");
    assert_eq!(other.basket("list").err, "there is no such basket\n");
}

#[test]
fn in_a_folder_of_another_user_the_file_is_read() {
    let (shell, medium) = shell();
    let id = shell.create("socks");
    shell.basket(&format!("add {id} rocks")).says("");
    allow(&medium, 0o555);
    let Some(shell) = nobody(shell) else { return };
    is_read_and_not_written(&OneBasket { shell: &shell, id });
    // Not even SQLite's own files were left there.
    assert_eq!(fs::read_dir(&medium).unwrap().count(), 1);
    allow(&medium, 0o755);
}

#[test]
fn a_file_that_is_read_only_in_a_folder_that_is_not() {
    let (shell, medium) = shell();
    let id = shell.create("socks");
    shell.basket(&format!("add {id} rocks")).says("");
    allow(&medium, 0o777);
    allow(&medium.join("baskets.db"), 0o444);
    let Some(shell) = nobody(shell) else { return };
    is_read_and_not_written(&OneBasket { shell: &shell, id });
}

#[test]
fn what_another_user_writes_there_is_shown_by_a_watch() {
    let (shell, medium) = shell();
    let basket = OneBasket::with(&shell, "socks");
    allow(&medium, 0o755);
    let reader = Shell::new().with("BASKET_STORE", medium.join("baskets.db").to_str().unwrap());
    allow(shell.folder.path(), 0o755);
    let Some(reader) = nobody(reader) else { return };
    let watcher = Watcher::start(&reader, "watch --format ndjson");
    for product in ["rocks", "clocks"] {
        basket.does([format!("add ID {product}").as_str()]);
        assert_eq!(watcher.records(1)[0]["data"]["product"], product);
    }
    watcher.is_silent();
}

#[test]
fn events_that_only_the_log_beside_the_file_has_are_not_left_out() {
    let (shell, medium) = shell();
    let id = shell.create("socks");
    // While someone has the file open, what is written stays in its log.
    let open = Connection::open(medium.join("baskets.db")).unwrap();
    open.query_row("SELECT count(*) FROM baskets", [], |_| Ok(())).unwrap();
    shell.basket(&format!("add {id} rocks")).says("");
    let copy = shell.folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for name in ["baskets.db", "baskets.db-wal"] {
        fs::copy(medium.join(name), copy.join(name)).unwrap();
    }
    allow(&copy, 0o555);
    let Some(shell) = nobody(shell.with("BASKET_STORE", "copy/baskets.db")) else { return };
    shell.basket(&format!("get {id}")).fails(6, "its newest events are in ");
    allow(&copy, 0o755);
    fs::write(copy.join("baskets.db-wal"), "").unwrap();
    allow(&copy, 0o555);
    shell.basket(&format!("get {id}")).says("socks = 1\n");
    allow(&copy, 0o755);
}
