//! Sessions at a terminal, as written in the README and the slides: lines that begin with `$ `, each followed by what it
//! prints. They are run in the real binary; what differs in each run (ids, times, the home folder) stays as written.

use std::iter;

use crate::shell::Shell;

/// Runs the commands of a session, and returns the session with what they print now. If nothing has changed, it is the same.
pub fn retype(shell: &Shell, session: &[String]) -> Vec<String> {
    retype_with(shell, &mut Names::of(shell), session)
}

/// The same, for a session that goes on with the names of the one before it.
pub fn retype_with(shell: &Shell, names: &mut Names, session: &[String]) -> Vec<String> {
    let (mut now, mut code) = (Vec::new(), 0);
    let mut lines = session.iter().peekable();
    while let Some(line) = lines.next() {
        let written: Vec<_> = iter::from_fn(|| lines.next_if(|line| !line.starts_with("$ "))).cloned().collect();
        let printed = if line == "$ echo $?" {
            code.to_string()
        } else {
            let command = line.strip_prefix("$ basket ").unwrap_or_else(|| panic!("'{line}' is no command of basket"));
            let answer = shell.basket(&names.real(command));
            code = answer.code;
            answer.out + &answer.err
        };
        let written = written.join("\n");
        names.add(&printed, &written);
        now.push(line.clone());
        now.extend(with_times_of(&written, &names.written(&printed)).lines().map(ToOwned::to_owned));
    }
    now
}

/// What was printed, with its times replaced by the written ones, in their order.
pub fn with_times_of(written: &str, printed: &str) -> String {
    let (mut text, mut rest) = (String::new(), printed);
    let mut written = times(written).into_iter();
    for time in times(printed) {
        let (before, after) = rest.split_once(time).unwrap();
        text = text + before + written.next().unwrap_or(time);
        rest = after;
    }
    text + rest
}

/// Such as `2026-11-25 10:30:00.456 +00:00`.
fn times(text: &str) -> Vec<&str> {
    const SHAPE: &[u8] = b"0000-00-00 00:00:00.000 +00:00";
    let is_time = |bytes: &[u8]| {
        bytes.iter().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'+' => b"+-".contains(byte),
            mark => byte == mark,
        })
    };
    let starts = text.as_bytes().windows(SHAPE.len()).enumerate().filter(|(_, bytes)| is_time(bytes));
    starts.map(|(at, _)| &text[at..at + SHAPE.len()]).collect()
}

/// Pairs: what is real in this run, and what is written for it.
pub struct Names(Vec<(String, String)>);

impl Names {
    /// Only the home folder has a name yet.
    pub fn of(shell: &Shell) -> Self {
        Self(vec![(shell.folder.path().display().to_string(), "/home/ann".into())])
    }

    /// What has this name in this run is written so.
    pub fn call(&mut self, real: &str, written: &str) {
        self.0.push((real.into(), written.into()));
    }

    /// Adds the new ids, in their order.
    fn add(&mut self, printed: &str, written: &str) {
        for (real, written) in ids(printed).zip(ids(written)) {
            if !self.0.iter().any(|(known, _)| known == real) {
                self.0.push((real.into(), written.into()));
            }
        }
    }

    fn real(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (real, written)| text.replace(written, real))
    }

    fn written(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (real, written)| text.replace(real, written))
    }
}

fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() == 24 && word.bytes().all(|digit| digit.is_ascii_hexdigit()))
}
