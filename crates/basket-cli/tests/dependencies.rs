//! `docs/dependencies.md` has a row for each direct dependency of the three crates, and none for another; its counts are those of
//! `cargo tree`.

use std::{collections::BTreeSet, fs, process::Command};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
const CRATES: [&str; 3] = ["basket-domain", "basket-mongo", "basket-cli"];

fn read(file: &str) -> String {
    fs::read_to_string(format!("{ROOT}{file}")).unwrap()
}

/// What a crate depends on, but for our own crates and what its tests need.
fn depends_on(name: &str) -> BTreeSet<String> {
    let manifest = read(&format!("crates/{name}/Cargo.toml"));
    let (mut names, mut inside) = (BTreeSet::new(), false);
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]" || line.starts_with("[target.") && line.ends_with(".dependencies]");
        } else if let Some(name) = line.split(['.', ' ']).next().filter(|name| inside && !name.is_empty()) {
            names.insert(name.to_owned());
        }
    }
    names.into_iter().filter(|name| name != "#" && !CRATES.contains(&name.as_str())).collect()
}

#[test]
fn the_table_has_each_direct_dependency_with_a_reason_and_no_other() {
    let table = read("docs/dependencies.md");
    for name in CRATES {
        let rows = table.split(&format!("| **{name}** | | |\n")).nth(1).unwrap();
        let rows = rows.lines().take_while(|line| line.starts_with("| ") && !line.starts_with("| **"));
        let rows = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
        let named: BTreeSet<_> = rows.filter(|row| !row[2].is_empty()).map(|row| row[1].to_owned()).collect();
        assert!(!named.is_empty());
        assert_eq!(named, depends_on(name), "docs/dependencies.md has the left, crates/{name}/Cargo.toml the right");
    }
}

#[test]
fn the_counts_are_those_of_cargo_tree() {
    let table = read("docs/dependencies.md");
    let rows: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("| `-p ")?.split_once("` | ")).collect();
    assert!(rows.len() > 5, "{rows:?}");
    for (words, count) in rows {
        // What is built for another system is not what is counted, and its crates may not be there.
        let tree =
            ["tree", "--locked", "--target", "x86_64-unknown-linux-gnu", "--edges", "normal,build", "--prefix", "none"];
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(ROOT).args(tree).arg("--package").args(words.split(' '));
        let output = cargo.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let lines = String::from_utf8(output.stdout).unwrap();
        // `(*)` marks a crate that was listed before.
        let crates: BTreeSet<_> = lines.lines().filter_map(|line| line.split(" (").next()).collect();
        assert_eq!(count.trim_end_matches(" |"), crates.len().to_string(), "crates behind `-p {words}`");
    }
}
