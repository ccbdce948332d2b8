//! A `basket watch` that runs beside a test: what it shows, line by line, and how it ends.

use std::{
    io::{BufRead, BufReader, Read},
    iter,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::shell::{Answer, Shell};

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait for what must not come.
const SILENCE: Duration = Duration::from_millis(400);

pub struct Watcher {
    child: Child,
    pub lines: Receiver<String>,
    pub notes: Receiver<String>,
}

impl Watcher {
    /// Starts it; the test reads what it prints first.
    pub fn spawn(shell: &Shell, words: &str) -> Self {
        let mut command = shell.command(&words.split_whitespace().collect::<Vec<_>>());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, notes) = (lines_of(child.stdout.take().unwrap()), lines_of(child.stderr.take().unwrap()));
        Self { child, lines, notes }
    }

    /// Starts it, and waits for the note that it watches.
    pub fn start(shell: &Shell, words: &str) -> Self {
        let watcher = Self::spawn(shell, words);
        let note = watcher.note();
        assert!(note.starts_with("watching ") && note.ends_with("; Ctrl-C ends it"), "{note}");
        watcher
    }

    #[track_caller]
    pub fn line(&self) -> String {
        let notes = || self.notes.try_iter().collect::<Vec<_>>();
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no event; {:?}", notes()))
    }

    #[track_caller]
    pub fn note(&self) -> String {
        self.notes.recv_timeout(PATIENCE).unwrap()
    }

    /// The next so many events.
    #[track_caller]
    pub fn records(&self, many: usize) -> Vec<Value> {
        (0..many).map(|_| serde_json::from_str(&self.line()).unwrap()).collect()
    }

    #[track_caller]
    pub fn is_silent(&self) {
        assert_eq!(self.lines.recv_timeout(SILENCE), Err(RecvTimeoutError::Timeout));
    }

    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Freezes it while a change is made. One that holds the lock of its file at that moment keeps everyone waiting: then it is
    /// frozen at another one.
    #[track_caller]
    pub fn freeze(&self, shell: &Shell, change: &str) {
        for _ in 0..20 {
            self.signal("STOP");
            let changed = shell.basket(&format!("{change} --timeout 2"));
            if changed.code == 0 {
                return;
            }
            self.signal("CONT");
            thread::sleep(Duration::from_millis(30));
        }
        panic!("it holds the lock each time");
    }

    /// Waits for its end; returns its code, and the lines that were not read yet.
    #[track_caller]
    pub fn end(mut self) -> Answer {
        let next = |lines: &Receiver<String>| match lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line + "\n"),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it does not end"),
        };
        let rest = |lines| iter::from_fn(|| next(lines)).collect();
        let (out, err) = (rest(&self.lines), rest(&self.notes));
        Answer { code: self.child.wait().unwrap().code().unwrap_or(-1), out, err }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn lines_of(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}
