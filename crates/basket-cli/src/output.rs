//! Answers on standard output: text for people, JSON for programs, one record after the other, none of them kept.
//! On a terminal, lists go through `$PAGER`, and only there is anything in colour.

use std::{
    borrow::Cow,
    env,
    io::{self, BufWriter, IsTerminal, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

use anstream::{AutoStream, ColorChoice, StripStream};
use clap::ValueEnum;
use serde::Serialize;

/// How to print an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document; a list is an array
    Json,
    /// A JSON document a line, as they come
    Ndjson,
}

/// Where lines of text go.
pub type Lines<'a> = dyn Write + 'a;

/// An answer that is being printed.
pub struct Output {
    format: Format,
    list: bool,
    records: usize,
    out: Option<Box<dyn Write>>,
    pager: Option<Child>,
}

impl Output {
    /// An answer that is one record.
    pub fn one(format: Format) -> Self {
        let colour = AutoStream::choice(&io::stdout());
        Self { format, list: false, records: 0, out: Some(coloured(io::stdout(), colour)), pager: None }
    }

    /// An answer that is a list of records, each printed as it comes; on a terminal, people read it in their pager.
    ///
    /// # Errors
    /// Standard output can't be written to.
    pub fn list(format: Format) -> io::Result<Self> {
        let mut output = Self::live(format)?;
        let for_people = format == Format::Text && io::stdout().is_terminal();
        if let Some((pager, stdin)) = for_people.then(pager).flatten() {
            output.out = Some(coloured(stdin, AutoStream::choice(&io::stdout())));
            output.pager = Some(pager);
            // Ctrl-C is for the pager, whose terminal it is; it ends, and so do we. Once asked for, a signal kills no more.
            #[cfg(unix)]
            let _ = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        }
        Ok(output)
    }

    /// A list that nobody pages through, since it goes on as things happen; [`flush`](Self::flush) it after each record.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn live(format: Format) -> io::Result<Self> {
        let mut output = Self::one(format);
        output.list = true;
        if output.is_array() {
            write!(output.writer()?, "[")?;
        }
        Ok(output)
    }

    /// Prints one record: in JSON, or as `text` has it.
    ///
    /// # Errors
    /// Standard output can't be written to; a reader that went away is one of these.
    pub fn show(
        &mut self,
        record: &impl Serialize,
        text: impl FnOnce(&mut Lines<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let (first, array, format) = (self.records == 0, self.is_array(), self.format);
        self.records += 1;
        let out = self.writer()?;
        match format {
            Format::Text => text(out),
            _ if array => {
                write!(out, "{}", if first { "\n" } else { ",\n" })?;
                serde_json::to_writer(out, record).map_err(Into::into)
            }
            _ => {
                serde_json::to_writer(&mut *out, record)?;
                writeln!(out)
            }
        }
    }

    /// Prints what is still held back: for a list that goes on as events come in.
    ///
    /// # Errors
    /// As [`show`](Self::show).
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer()?.flush()
    }

    /// The end of the answer; with a pager, when the reader has left it.
    ///
    /// # Errors
    /// As [`show`](Self::show).
    pub fn finish(mut self) -> io::Result<()> {
        if self.is_array() {
            let end = if self.records == 0 { "]\n" } else { "\n]\n" };
            self.writer()?.write_all(end.as_bytes())?;
        }
        self.flush()
    }

    fn is_array(&self) -> bool {
        self.list && self.format == Format::Json
    }

    fn writer(&mut self) -> io::Result<&mut dyn Write> {
        self.out.as_deref_mut().ok_or_else(|| io::ErrorKind::BrokenPipe.into()).map(|out| out as &mut dyn Write)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // The pager ends when its input has ended and its reader has seen enough; the terminal is theirs until then.
        self.out = None;
        if let Some(mut pager) = self.pager.take() {
            pager.wait().ok();
        }
    }
}

/// Ends when nobody reads standard output any more, for an answer that has nothing to print just then.
#[cfg(unix)]
pub async fn reader_gone() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let gone = || {
        let stdout = io::stdout();
        let mut looked_at = [PollFd::new(&stdout, PollFlags::empty())];
        let looked = poll(&mut looked_at, Some(&Timespec::default()));
        looked.is_ok() && looked_at.iter().any(|out| out.revents().intersects(PollFlags::ERR | PollFlags::HUP))
    };
    while !gone() {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

fn coloured(out: impl Write + 'static, choice: ColorChoice) -> Box<dyn Write> {
    let out = BufWriter::new(out);
    match choice {
        ColorChoice::Never => Box::new(StripStream::new(Box::new(out) as Box<dyn Write>)),
        _ => Box::new(out),
    }
}

/// A text of somebody else's, without what would upset a terminal or begin a line of its own.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) { text.replace(char::is_control, "\u{fffd}").into() } else { text.into() }
}

/// Lines of a format of its own on standard output.
pub struct Plain(BufWriter<io::StdoutLock<'static>>);

impl Plain {
    /// Lines on standard output.
    pub fn stdout() -> Self {
        Self(BufWriter::with_capacity(1 << 16, io::stdout().lock()))
    }

    /// One line.
    ///
    /// # Errors
    /// Standard output can't be written to.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        self.0.write_all(line.as_bytes())?;
        self.0.write_all(b"\n")
    }

    /// The end.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// `$PAGER`, or less where it is there; as git, without one where it is `cat` or empty, and for what fits on the screen.
fn pager() -> Option<(Child, impl Write)> {
    let command = env::var("PAGER").unwrap_or_else(|_| "less".into());
    if command.trim().is_empty() || command.trim() == "cat" {
        return None;
    }
    let mut shell = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
    shell.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(&command).stdin(Stdio::piped());
    if env::var_os("LESS").is_none() {
        shell.env("LESS", "FRX");
    }
    let program = command.split_whitespace().next()?;
    let found = match program.contains(std::path::is_separator) {
        true => Path::new(program).is_file(),
        false => env::split_paths(&env::var_os("PATH")?).any(|folder| folder.join(program).is_file()),
    };
    if !found {
        return None;
    }
    let mut pager = shell.spawn().ok()?;
    let stdin = pager.stdin.take()?;
    Some((pager, stdin))
}
