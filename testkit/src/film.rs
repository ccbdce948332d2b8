//! A film of a terminal: an asciicast (version 2) of the screens that a program shows. How long each is seen is given and not
//! measured, so that two films differ only where their screens do.

use serde_json::json;

const NO_CURSOR: &str = "\x1b[?25l";

pub struct Film {
    /// The lines of the asciicast so far.
    lines: Vec<String>,
    /// Milliseconds since the start.
    now: u64,
    /// The rows that are seen.
    seen: Vec<String>,
}

impl Film {
    /// In a window of so many columns and rows.
    pub fn new(title: &str, (columns, rows): (u16, u16)) -> Self {
        let head = json!({ "version": 2, "width": columns, "height": rows, "title": title });
        let mut film = Self { lines: vec![head.to_string()], now: 0, seen: vec![String::new(); rows.into()] };
        film.line("o", NO_CURSOR);
        film
    }

    /// Begins a chapter.
    pub fn chapter(&mut self, name: &str) {
        self.line("m", name);
    }

    /// Shows these rows, with their colours, for so long.
    pub fn show(&mut self, milliseconds: u64, rows: &[String]) {
        let mut drawn = String::new();
        for (at, seen) in self.seen.iter_mut().enumerate() {
            let row = rows.get(at).map_or("", String::as_str);
            if seen != row {
                drawn += &format!("\x1b[{};1H\x1b[m\x1b[2K{row}\x1b[m", at + 1);
                *seen = row.to_owned();
            }
        }
        self.line("o", &drawn);
        self.now += milliseconds;
    }

    /// The asciicast. Its last line holds the last screen for as long as it is to be seen.
    pub fn text(mut self) -> String {
        self.line("o", "");
        self.lines.join("\n") + "\n"
    }

    fn line(&mut self, kind: &str, text: &str) {
        let (seconds, milliseconds) = (self.now / 1000, self.now % 1000);
        self.lines.push(format!("[{seconds}.{milliseconds:03}, \"{kind}\", {}]", json!(text)));
    }
}
