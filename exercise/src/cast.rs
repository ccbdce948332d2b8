//! An asciicast (version 2) in the making: what a terminal shows, when, and where a chapter begins. `record` writes one.
//! Its time is made up and always the same, so that two recordings differ only where what they show differs.

use serde_json::json;

/// As wide as the widest line of code that is typed.
pub const COLUMNS: usize = 112;
/// As few as the longest function that is typed needs: the fewer they are, the larger is the type on a slide.
const ROWS: usize = 24;

/// What was shown so far.
pub struct Cast {
    lines: Vec<String>,
    /// Milliseconds since the start.
    now: u64,
    dice: u64,
}

impl Cast {
    /// An empty screen.
    pub fn new(title: &str) -> Self {
        let head = json!({ "version": 2, "width": COLUMNS, "height": ROWS, "title": title });
        Self { lines: vec![head.to_string()], now: 0, dice: 1 }
    }

    /// Here a chapter begins.
    pub fn chapter(&mut self, name: &str) {
        self.line("m", name);
    }

    /// The chapter that a line of a recording is in, and the line itself, for each line.
    pub fn chapters(text: &str) -> impl Iterator<Item = (String, &str)> {
        let mut chapter = String::new();
        text.lines().map(move |line| {
            if let Ok((_, kind, name)) = serde_json::from_str::<(f64, String, String)>(line)
                && kind == "m"
            {
                chapter = name;
            }
            (chapter.clone(), line)
        })
    }

    /// Prints.
    pub fn show(&mut self, text: &str) {
        self.line("o", &text.replace('\n', "\r\n"));
    }

    /// Clears the screen and prints.
    pub fn screen(&mut self, text: &str) {
        self.show(&format!("\x1b[2J\x1b[H{text}"));
    }

    /// Lets time go by.
    pub fn wait(&mut self, milliseconds: u64) {
        self.now += milliseconds;
    }

    /// Prints as somebody types: a few letters at a time, about seventeen a second.
    pub fn type_in(&mut self, text: &str) {
        let letters: Vec<char> = text.chars().collect();
        let mut rest = &letters[..];
        while !rest.is_empty() {
            let (burst, more) = rest.split_at(rest.len().min(1 + self.throw(3)));
            self.show(&burst.iter().collect::<String>());
            let pause = 40 * burst.len() + self.throw(40);
            self.wait(pause.try_into().unwrap_or(100));
            rest = more;
        }
    }

    /// The recording.
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn line(&mut self, kind: &str, text: &str) {
        let (seconds, milliseconds) = (self.now / 1000, self.now % 1000);
        self.lines.push(format!("[{seconds}.{milliseconds:03}, \"{kind}\", {}]", json!(text)));
    }

    /// A number below `sides` that looks random and is the same every time (Lehmer's generator).
    fn throw(&mut self, sides: u16) -> usize {
        self.dice = self.dice * 48271 % 2_147_483_647;
        (self.dice % u64::from(sides)).try_into().unwrap_or_default()
    }
}
