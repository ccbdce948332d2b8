//! The films on the slides and in the README can't drift: they are what `basket` shows now, at a terminal, of the baskets in
//! films.json. `make slides-record` films it again (it sets RECORD).

use std::{env, fs, ops::RangeInclusive};

use testkit::{
    console::with_times_of,
    film::Film,
    picture,
    shell::{Shell, split},
    terminal::Terminal,
};

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");

/// The basket of Ann and Bob in the README, and what Eve did to it on the next day.
const ID: &str = "5ab690fd421aa917e62b473b";
/// What the pictures show, for those who can't see them.
const EXPLORE: &str =
    "basket explore: a slider moves through the past of a basket, and basket what-if leaves an event out";
const GIT: &str = "basket log, blame and diff of one basket, in the colours of a terminal";
const WATCH: &str = "make watch: a test of the first stage is red, code is typed, and it turns green";

/// Columns and rows: with fewer of them, the letters on a slide are larger.
const WINDOW: (u16, u16) = (72, 17);
const LEFT: &str = "\x1b[D";
const END: &str = "\x1b[F";

/// A store with the baskets of the films.
fn shell() -> Shell {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db").with("TZ", "UTC");
    assert_eq!(shell.basket(&format!("import {TESTS}films.json")).code, 0);
    shell
}

/// A prompt, at which commands are typed, and what is seen above it.
struct Prompt {
    rows: Vec<String>,
    /// Columns, and rows that are seen.
    window: (u16, u16),
}

impl Prompt {
    /// The newest rows, above which others may stand.
    fn seen(&self, above: &[String]) -> Vec<String> {
        let newest = self.rows.len().saturating_sub(self.window.1.into());
        above.iter().chain(&self.rows[newest..]).cloned().collect()
    }

    /// Types a command, a word at a time.
    fn type_in(&mut self, film: &mut Film, above: &[String], command: &str) {
        self.rows.push("\x1b[1m$\x1b[m ".into());
        film.show(600, &self.seen(above));
        for word in format!("basket {command}").split_inclusive(' ') {
            self.rows.last_mut().unwrap().push_str(word);
            film.show(150, &self.seen(above));
        }
    }

    /// Types a command, and shows what it prints.
    fn run(&mut self, film: &mut Film, above: &[String], shell: &Shell, command: &str, milliseconds: u64) {
        self.type_in(film, above, command);
        let mut terminal = Terminal::run_in(self.window, shell, &split(command));
        terminal.ends();
        let mut printed = terminal.rows();
        printed.truncate(printed.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1));
        self.rows.extend(printed);
        film.show(milliseconds, &self.seen(above));
    }
}

/// The row, with another name of the same width for the folder of this run.
fn at_home(shell: &Shell, row: &str) -> String {
    let folder = shell.folder.path().display().to_string();
    // A gap may be a movement of the cursor, whose width depends on that of the name.
    let gap = |row: String, width: u16| row.replace(&format!("\x1b[{width}C"), &" ".repeat(width.into()));
    let row = if row.contains(&folder) { (1..WINDOW.0).fold(row.to_owned(), gap) } else { row.to_owned() };
    row.replace(&folder, &format!("{:>width$}", "/home/ann", width = folder.len()))
}

/// A basket's past is a slider away, and then what would have been.
fn explore() -> Film {
    let (shell, mut film) = (shell(), Film::new("basket explore", WINDOW));
    let mut prompt = Prompt { rows: Vec::new(), window: WINDOW };
    film.chapter("Time");
    prompt.type_in(&mut film, &[], "explore");
    let mut terminal = Terminal::run_in(WINDOW, &shell, &["explore"]);
    let mut press = |film: &mut Film, keys: &str, words: &str, milliseconds| {
        terminal.press(keys);
        terminal.shows(words);
        let rows = terminal.rows();
        film.show(milliseconds, &rows.iter().map(|row| at_home(&shell, row)).collect::<Vec<_>>());
    };
    press(&mut film, "", "3 baskets", 2000);
    press(&mut film, "\r", "version 8, the newest: live", 2500);
    for version in (2..8).rev() {
        let pause = if version == 5 { 2500 } else { 900 };
        press(&mut film, LEFT, &format!("version {version} of 8"), pause);
    }
    film.chapter("Diff");
    press(&mut film, "m", "m", 800);
    press(&mut film, END, "Changes from version 2 to 8", 3500);
    press(&mut film, "q", "3 baskets", 600);
    terminal.press("q");
    terminal.ends();
    film.chapter("What if");
    prompt.run(&mut film, &[], &shell, &format!("what-if {ID} --without 3"), 5000);
    film
}

/// Who did that, and a watch beside a second window.
fn live() -> Film {
    const ABOVE: u16 = 6;
    /// In place of those of this run.
    const TIMES: &str = "2026-11-25 11:02:18.640 +00:00 2026-11-25 11:02:24.107 +00:00 2026-11-25 11:02:31.955 +00:00";
    let (shell, mut film) = (shell(), Film::new("basket blame, basket watch", WINDOW));
    let mut prompt = Prompt { rows: Vec::new(), window: WINDOW };
    film.chapter("Blame");
    prompt.run(&mut film, &[], &shell, &format!("blame {ID}"), 4000);
    film.chapter("Watch");
    prompt = Prompt { rows: Vec::new(), window: (WINDOW.0, WINDOW.1 - ABOVE) };
    // What it says of the store on standard error depends on where that is.
    let watch = Terminal::run_script(&shell, &format!("exec \"$0\" watch {ID} --from 8 2>/dev/null"));
    let above = |events: usize| {
        watch.until("the events", |screen| screen.trim_end().lines().count() == 1 + events);
        let written = watch.rows().remove(0) + TIMES;
        let mut rows = vec![format!("\x1b[1m$\x1b[m basket watch {ID} --from 8")];
        rows.extend(with_times_of(&written, &watch.rows().join("\n")).lines().map(str::to_owned));
        rows.truncate(usize::from(ABOVE) - 1);
        rows.push(format!("\x1b[2m{}\x1b[m", "─".repeat(WINDOW.0.into())));
        rows
    };
    for (at, (command, pause)) in [
        ("add ID gloves -q 2 --as eve -m cold", 2500),
        ("remove ID clocks --as ann -m 'twelve?'", 2500),
        ("revert ID 10 --as bob -m 'gifts'", 3500),
    ]
    .into_iter()
    .enumerate()
    {
        prompt.run(&mut film, &above(at), &shell, &command.replace("ID", ID), 300);
        film.show(pause, &prompt.seen(&above(at + 1)));
    }
    film
}

/// What happened, who it was, and what changed.
fn git() -> Film {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db").with("TZ", "Europe/Berlin");
    let events = fs::read_to_string(format!("{TESTS}films.json")).unwrap();
    // Before Eve came.
    let events: String = events.split_inclusive('\n').take(5).collect();
    fs::write(shell.folder.path().join("events.json"), events).unwrap();
    assert_eq!(shell.basket("import events.json").code, 0);
    let window = (90, 20);
    let mut film = Film::new("basket log, basket blame, basket diff", window);
    let mut prompt = Prompt { rows: Vec::new(), window };
    for command in ["log ID --oneline", "blame ID", "diff ID 3.."] {
        prompt.run(&mut film, &[], &shell, &command.replace("ID", ID), 1000);
    }
    film
}

/// From when `make watch` begins, in seconds, until it shows the second stage.
fn first_stage(practice: &str) -> RangeInclusive<f64> {
    let events = practice.lines().filter_map(|line| serde_json::from_str(line).ok());
    let events: Vec<(f64, String, String)> = events.collect();
    let begin = events.iter().find(|(_, _, text)| text.contains("of 9 stages"));
    let end = events.iter().filter(|(_, kind, _)| kind == "m").nth(1);
    begin.unwrap().0..=end.unwrap().0 + 5.0
}

/// The files that are made of films: their names, and what they should have in them now.
fn made() -> Vec<(&'static str, String)> {
    let [explore, live, git] = [explore(), live(), git()].map(Film::text);
    let practice = fs::read_to_string(format!("{ROOT}slides/public/practice.cast")).unwrap();
    vec![
        (".github/explore.svg", picture::animated(&explore, 0.0..=f64::MAX, EXPLORE)),
        (".github/git.svg", picture::still(&git, GIT)),
        (".github/watch.svg", picture::animated(&practice, first_stage(&practice), WATCH)),
        ("slides/public/explore.cast", explore),
        ("slides/public/live.cast", live),
    ]
}

#[test]
fn every_film_and_picture_is_what_is_seen_now() {
    let mut drifted = String::new();
    for (file, now) in made() {
        assert!(now.len() < 300_000, "{file} has {} bytes, which is much for a picture", now.len());
        let file = format!("{ROOT}{file}");
        let kept = fs::read_to_string(&file).unwrap_or_default();
        if env::var_os("RECORD").is_some() {
            fs::write(&file, now).unwrap();
        } else if now != kept {
            let at = now.lines().zip(kept.lines()).take_while(|(now, kept)| now == kept).count();
            let line = |text: &str| text.lines().nth(at).unwrap_or_default().to_owned();
            drifted += &format!("\n{file}, line {}:\n  kept: {}\n  now:  {}\n", at + 1, line(&kept), line(&now));
        }
    }
    assert!(drifted.is_empty(), "{drifted}If the new screens are right: make slides-record, and look at them.");
}
