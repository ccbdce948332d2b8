//! The slides can't drift: what they show of a terminal (`slides/recordings`) is what `basket` prints now.
//! `make slides-record` writes down what it prints (it sets RECORD).

use std::{env, fs, path::Path};

use testkit::{console::retype, shell::Shell};

const SLIDES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../slides/");

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The name and the text of each file in a folder of the slides, in the order of the names.
fn files(folder: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(format!("{SLIDES}{folder}")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(&path))).collect();
    files.sort();
    files
}

/// The slides that show a recording, by title and file.
fn slides_with(recording: &str) -> Vec<String> {
    let mut shown = Vec::new();
    for (file, text) in files("chapters") {
        let mut title = "";
        for line in text.lines() {
            title = line.strip_prefix("# ").unwrap_or(title);
            if line.trim() == format!("<<< @/recordings/{recording}") {
                shown.push(format!("slide \"{title}\" (slides/chapters/{file})"));
            }
        }
    }
    shown
}

#[test]
fn every_recording_on_a_slide_is_what_basket_prints() {
    let record = env::var_os("RECORD").is_some();
    let mut drifted = String::new();
    let recordings = files("recordings");
    assert!(!recordings.is_empty());
    for (name, text) in recordings {
        let shown: Vec<_> = text.lines().map(ToOwned::to_owned).collect();
        assert!(!shown.is_empty(), "slides/recordings/{name} is empty; write its commands, then: make slides-record");
        let now = retype(&Shell::new(), &shown);
        if now == shown {
            continue;
        }
        if record {
            fs::write(format!("{SLIDES}recordings/{name}"), now.join("\n") + "\n").unwrap();
            continue;
        }
        let at = now.iter().zip(&shown).take_while(|(now, shown)| now == shown).count();
        let line = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
        drifted += &format!(
            "\n{} shows slides/recordings/{name}, line {}:\n  shown:  {}\n  printed: {}\n",
            slides_with(&name).join(" and "),
            at + 1,
            line(&shown),
            line(&now)
        );
    }
    assert!(drifted.is_empty(), "{drifted}If the new words are right: make slides-record, and look at the slide.");
}

#[test]
fn every_recording_is_on_a_slide() {
    for (name, _) in files("recordings") {
        assert!(!slides_with(&name).is_empty(), "no slide shows slides/recordings/{name}");
    }
}
