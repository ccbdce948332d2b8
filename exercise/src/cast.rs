//! Builds an asciicast (version 2): what a terminal shows, when, and where a chapter begins. `record` writes one.
//! Its times are computed and not measured, so that two recordings differ only where their content differs.

use serde_json::json;

/// As wide as the widest line of code that is typed.
pub const COLUMNS: usize = 112;
/// As few as the longest function that is typed needs: with fewer rows, the letters on a slide are larger.
const ROWS: usize = 24;

pub struct Cast {
    lines: Vec<String>,
    /// Milliseconds since the start.
    now: u64,
    random: u64,
}

impl Cast {
    pub fn new(title: &str) -> Self {
        let head = json!({ "version": 2, "width": COLUMNS, "height": ROWS, "title": title });
        Self { lines: vec![head.to_string()], now: 0, random: 1 }
    }

    pub fn chapter(&mut self, name: &str) {
        self.line("m", name);
    }

    /// The chapter of a recording that its line `at` (from 0) is in; the last one, behind its end.
    pub fn chapter_at(text: &str, at: usize) -> String {
        let events = text.lines().take(at + 1).filter_map(|line| serde_json::from_str(line).ok());
        let chapters = events.filter(|(_, kind, _): &(f64, String, String)| kind == "m");
        chapters.last().map(|(_, _, name)| name).unwrap_or_default()
    }

    pub fn show(&mut self, text: &str) {
        self.line("o", &text.replace('\n', "\r\n"));
    }

    /// Prints, then waits.
    pub fn show_for(&mut self, milliseconds: u64, text: &str) {
        self.show(text);
        self.wait(milliseconds);
    }

    /// Clears the screen and prints.
    pub fn screen(&mut self, text: &str) {
        self.show(&format!("\x1b[2J\x1b[H{text}"));
    }

    pub fn wait(&mut self, milliseconds: u64) {
        self.now += milliseconds;
    }

    /// Prints as a person types: a few letters at a time, about seventeen a second.
    pub fn type_in(&mut self, text: &str) {
        let letters: Vec<char> = text.chars().collect();
        let mut rest = &letters[..];
        while !rest.is_empty() {
            let (burst, more) = rest.split_at(rest.len().min(1 + self.random_below(3)));
            self.show(&burst.iter().collect::<String>());
            let pause = 40 * burst.len() + self.random_below(40);
            self.wait(pause.try_into().unwrap_or(100));
            rest = more;
        }
    }

    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn line(&mut self, kind: &str, text: &str) {
        let (seconds, milliseconds) = (self.now / 1000, self.now % 1000);
        self.lines.push(format!("[{seconds}.{milliseconds:03}, \"{kind}\", {}]", json!(text)));
    }

    /// A number below `bound` that looks random and is the same every time (Lehmer's generator).
    fn random_below(&mut self, bound: u16) -> usize {
        self.random = self.random * 48271 % 2_147_483_647;
        (self.random % u64::from(bound)).try_into().unwrap_or_default()
    }
}
