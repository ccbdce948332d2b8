//! Sessions at a terminal, as the README and the slides tell them: lines that begin with `$ `, each followed by what it
//! prints. They are typed into the real binary; what is new every time, ids and the home folder, keeps its told name.

use std::iter;

use super::Shell;

/// Types the commands of a session, and tells the session as it went now. Where nothing has changed, it is the same.
pub fn retype(shell: &Shell, session: &[String]) -> Vec<String> {
    let mut names = Names(vec![(shell.folder.path().display().to_string(), "/home/ann".into())]);
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
        names.meet(&printed, &told.join("\n"));
        now.push(line.clone());
        now.extend(names.told(&printed).lines().map(ToOwned::to_owned));
    }
    now
}

/// Pairs of what is real this time and what is told for it.
struct Names(Vec<(String, String)>);

impl Names {
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
