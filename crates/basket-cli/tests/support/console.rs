//! Sessions at a terminal, as the README and the slides tell them: lines that begin with `$ `, each followed by what it
//! prints. They are typed into the real binary; what is new every time, ids, times and the home folder, is told as before.

use std::iter;

use super::Shell;

/// Types the commands of a session, and tells the session as it went now. Where nothing has changed, it is the same.
pub fn retype(shell: &Shell, session: &[String]) -> Vec<String> {
    retype_with(shell, &mut Names::of(shell), session)
}

/// The same, for a session that goes on with what the one before it has named.
pub fn retype_with(shell: &Shell, names: &mut Names, session: &[String]) -> Vec<String> {
    let (mut now, mut code) = (Vec::new(), 0);
    let mut lines = session.iter().peekable();
    while let Some(line) = lines.next() {
        let told: Vec<_> = iter::from_fn(|| lines.next_if(|line| !line.starts_with("$ "))).cloned().collect();
        let printed = if line == "$ echo $?" {
            code.to_string()
        } else {
            let command = line.strip_prefix("$ basket ").unwrap_or_else(|| panic!("'{line}' is no command of basket"));
            let answer = shell.basket(&names.real(command));
            code = answer.code;
            answer.out + &answer.err
        };
        let told = told.join("\n");
        names.meet(&printed, &told);
        now.push(line.clone());
        now.extend(as_told(&names.told(&printed), &told).lines().map(ToOwned::to_owned));
    }
    now
}

/// The times of a text, in their order, replaced by those that were told.
fn as_told(printed: &str, told: &str) -> String {
    let (mut text, mut rest) = (String::new(), printed);
    let mut told = times(told).into_iter();
    for time in times(printed) {
        let (before, after) = rest.split_once(time).unwrap();
        text += before;
        text += told.next().unwrap_or(time);
        rest = after;
    }
    text + rest
}

/// Such as `2026-11-25 10:30:00 +00:00`.
fn times(text: &str) -> Vec<&str> {
    const SHAPE: &[u8] = b"0000-00-00 00:00:00 +00:00";
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

/// Pairs of what is real this time and what is told for it.
pub struct Names(Vec<(String, String)>);

impl Names {
    /// Only the home folder has a name yet.
    pub fn of(shell: &Shell) -> Self {
        Self(vec![(shell.folder.path().display().to_string(), "/home/ann".into())])
    }

    /// Ids that are met for the first time, in their order.
    fn meet(&mut self, printed: &str, told: &str) {
        for (real, told) in ids(printed).zip(ids(told)) {
            if !self.0.iter().any(|(known, _)| known == real) {
                self.0.push((real.into(), told.into()));
            }
        }
    }

    fn real(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (real, told)| text.replace(told, real))
    }

    fn told(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (real, told)| text.replace(real, told))
    }
}

fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() == 24 && word.bytes().all(|digit| digit.is_ascii_hexdigit()))
}
