//! What `scripts/package` makes for a release is complete, and has the name by which `cargo binstall` looks for it. The workflow that
//! runs it is `.github/workflows/release.yml`.
#![cfg(unix)]

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use testkit::shell::{Shell, binary};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
const LINUX: &str = "x86_64-unknown-linux-musl";
const WINDOWS: &str = "x86_64-pc-windows-msvc";

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Packs a script that calls the real binary: that one has its debug information, and takes ten seconds to compress.
fn pack(target: &str, folder: &Path) -> PathBuf {
    let script = folder.join("calls-basket");
    fs::write(&script, format!("#!/bin/sh\nexec '{}' \"$@\"\n", binary("basket").display())).unwrap();
    fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let packed = run(Command::new(format!("{ROOT}scripts/package")).arg(target).arg(&script).arg(folder));
    PathBuf::from(packed.trim_end())
}

/// What must be in the archive for a target: its folder, and the files below it.
fn expected(target: &str) -> (String, Vec<String>) {
    let program = if target == WINDOWS { "basket.exe" } else { "basket" };
    let files = [program, "README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "completions/basket.bash"];
    let scripts = ["basket.elv", "basket.fish", "_basket.ps1", "_basket"].map(|file| format!("completions/{file}"));
    let mut files: Vec<_> = files.into_iter().map(ToOwned::to_owned).chain(scripts).collect();
    let help = Shell::new().basket("--help").out;
    let commands = help.split("Commands:\n").nth(1).unwrap().lines().take_while(|line| !line.is_empty());
    let commands = commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    files.push("man/man1/basket.1".into());
    files.extend(commands.map(|command| format!("man/man1/basket-{command}.1")));
    (format!("basket-{}-{target}", env!("CARGO_PKG_VERSION")), files)
}

/// The address that `cargo binstall` makes for a target, without the repository's, and the path of the binary in the archive.
fn asked_for(target: &str) -> (String, String) {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let own = format!("[package.metadata.binstall.overrides.{target}]\n");
    let value = |key: &str| {
        let tables = [own.as_str(), "[package.metadata.binstall]\n"].map(|table| manifest.split(table).nth(1));
        let mut lines =
            tables.into_iter().flatten().flat_map(|table| table.lines().take_while(|line| !line.is_empty()));
        let value = lines.find_map(|line| line.strip_prefix(&format!("{key} = \"")));
        value.and_then(|value| value.strip_suffix('"')).unwrap_or_else(|| panic!("no {key} for {target}")).to_owned()
    };
    let ending = if target == WINDOWS { ".exe" } else { "" };
    let filled = |text: String| {
        let words = [("repo", ""), ("version", env!("CARGO_PKG_VERSION")), ("target", target), ("bin", "basket")];
        let words = words.into_iter().chain([("binary-ext", ending)]);
        words.fold(text, |text, (name, value)| text.replace(&format!("{{ {name} }}"), value))
    };
    (filled(value("pkg-url")), filled(value("bin-dir")))
}

fn has_all(target: &str, archive: &Path, listed: &str) {
    let (folder, files) = expected(target);
    let listed: Vec<_> = listed.lines().map(str::trim).collect();
    for file in files {
        assert!(listed.contains(&format!("{folder}/{file}").as_str()), "{file} is not in {listed:#?}");
    }
    let (address, program) = asked_for(target);
    assert!(listed.contains(&program.as_str()), "cargo binstall looks for {program} in {listed:#?}");
    let name = archive.file_name().unwrap().to_string_lossy();
    assert_eq!(address, format!("/releases/download/v{}/{name}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_archive_has_the_program_its_licences_completions_and_pages() {
    let folder = tempfile::tempdir().unwrap();
    let archive = pack(LINUX, folder.path());
    has_all(LINUX, &archive, &run(Command::new("tar").arg("tzf").arg(&archive)));

    run(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(folder.path()));
    let inside = folder.path().join(expected(LINUX).0);
    let version = run(Command::new(inside.join("basket")).arg("--version"));
    assert_eq!(version, format!("basket {}\n", env!("CARGO_PKG_VERSION")));
    run(Command::new("bash").arg("-n").arg(inside.join("completions/basket.bash")));
    let page = fs::read_to_string(inside.join("man/man1/basket-what-if.1")).unwrap();
    assert!(page.contains(".SH SYNOPSIS"), "{page}");
}

#[test]
fn the_archive_for_windows_is_a_zip() {
    if Command::new("zip").arg("-v").output().is_err() {
        assert!(env::var_os("CI").is_none(), "zip is not installed");
        return eprintln!("NOT RUN: zip is not installed; the archive for Windows was not made");
    }
    let folder = tempfile::tempdir().unwrap();
    let archive = pack(WINDOWS, folder.path());
    has_all(WINDOWS, &archive, &run(Command::new("zip").arg("-sf").arg(&archive)));
}

#[test]
fn every_target_of_the_workflow_has_a_name_that_is_asked_for() {
    let workflow = fs::read_to_string(format!("{ROOT}.github/workflows/release.yml")).unwrap();
    let targets: Vec<_> = workflow.lines().filter_map(|line| line.trim().strip_prefix("- target: ")).collect();
    assert!(targets.len() == 5 && targets.contains(&LINUX) && targets.contains(&WINDOWS), "{targets:?}");
    for target in targets {
        let ending = if target.contains("windows") { "zip" } else { "tar.gz" };
        let (address, _) = asked_for(target);
        assert!(address.ends_with(&format!("-{target}.{ending}")), "{address}");
    }
}
