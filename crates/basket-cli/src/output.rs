//! Answers on standard output: text for people, JSON for programs. Each record is printed as it comes; none is kept.
//! On a terminal, lists go through `$PAGER`; colours are for terminals only.

use std::{
    env,
    io::{self, BufWriter, IsTerminal, Write},
    mem,
};

use anstream::{AutoStream, ColorChoice};
use basket_mongo::store::exchange::Foreign;
use clap::{
    ValueEnum,
    builder::styling::{AnsiColor, Style},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    exit::{self, Failure},
    pager::Pager,
    plain::{count, plain},
};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const RED: Style = AnsiColor::Red.on_default();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();

/// How to print an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document; a list is an array
    Json,
    /// A JSON document a line, as they come
    Ndjson,
}

/// How an answer is printed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Form {
    /// How to print it
    #[arg(long, value_enum, default_value_t, display_order = 100)]
    pub(crate) format: Format,
    /// Only these fields, in JSON: as --format json, unless that is ndjson
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',', display_order = 100)]
    pub(crate) json: Vec<String>,
}

impl Form {
    /// Fails if a field is asked for that the answer has not.
    pub(crate) fn has(&self, fields: &[&str]) -> Result<(), Failure> {
        let unknown = self.json.iter().find(|field| !fields.contains(&field.trim()));
        let fail = |field: &String| {
            let why = format!("there is no field '{field}' in this answer; there are {}", fields.join(", "));
            Err(Failure(exit::USAGE, why))
        };
        unknown.map_or(Ok(()), fail)
    }

    fn format(&self) -> Format {
        if self.json.is_empty() || self.format == Format::Ndjson { self.format } else { Format::Json }
    }

    /// Whether people read it.
    pub(crate) fn is_text(&self) -> bool {
        self.format() == Format::Text
    }

    /// Whether it is one JSON document.
    pub(crate) fn is_json(&self) -> bool {
        self.format() == Format::Json
    }
}

/// Where lines of text go.
pub(crate) type Text<'a> = dyn Write + 'a;

/// A JSON document whose fields are named at run time, in this order.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub(crate) Vec<(&'a str, Value)>);

impl Serialize for Fields<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// A value of a JSON document; null where JSON can't hold it.
pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Prints an answer that is one record, as [`Output::show`] does.
pub(crate) fn print(
    form: &Form,
    record: &impl Serialize,
    text: impl FnOnce(&mut Text<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut output = Output::one(form);
    output.show(record, text)?;
    output.finish()
}

/// CLICOLOR_FORCE=0 forces nothing; anstream, which knows NO_COLOR and the others, takes any value for yes. It is asked before
/// anything is printed.
pub(crate) fn heed_clicolor_force() {
    let on_terminals = io::stdout().is_terminal() && io::stderr().is_terminal();
    if env::var_os("CLICOLOR_FORCE").is_some_and(|force| force == "0") && !on_terminals {
        ColorChoice::Never.write_global();
    }
}

/// The error with what it is about; a reader that has gone keeps its kind.
pub(crate) fn unwritten(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("standard output can't be written: {error}"))
}

/// An answer that is being printed. Its errors are those of standard output, such as a reader that has gone.
pub(crate) struct Output {
    format: Format,
    /// The only fields that are printed, if there are any.
    only: Vec<String>,
    /// It is a JSON array whose end is not printed yet.
    open: bool,
    records: usize,
    /// There was a heading.
    headed: bool,
    out: Box<dyn Write>,
}

impl Output {
    fn one(form: &Form) -> Self {
        let colour = AutoStream::choice(&io::stdout());
        Self {
            format: form.format(),
            only: form.json.clone(),
            open: false,
            records: 0,
            headed: false,
            out: coloured(io::stdout(), colour),
        }
    }

    /// An answer that is a list of records; on a terminal, people read it in their pager.
    pub(crate) fn list(form: &Form) -> io::Result<Self> {
        let mut output = Self::live(form)?;
        let for_people = form.is_text() && io::stdout().is_terminal();
        if let Some(pager) = for_people.then(Pager::start).flatten() {
            output.out = coloured(pager, AutoStream::choice(&io::stdout()));
            // Ctrl-C is for the pager; when it ends, so does this program. A signal with a handler no longer kills.
            #[cfg(unix)]
            let _ = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        }
        Ok(output)
    }

    /// A list if there may be several records, otherwise the one record by itself.
    pub(crate) fn of(form: &Form, several: bool) -> io::Result<Self> {
        if several { Self::list(form) } else { Ok(Self::one(form)) }
    }

    /// A line for people over what follows.
    pub(crate) fn heading(&mut self, heading: &str) -> io::Result<()> {
        if self.format != Format::Text {
            return Ok(());
        }
        let between = if mem::replace(&mut self.headed, true) { "\n" } else { "" };
        writeln!(self.out, "{between}{BOLD}{}{BOLD:#}", plain(heading)).map_err(unwritten)
    }

    /// A list without a pager, since it goes on as things happen; [`flush`](Self::flush) it after each record.
    pub(crate) fn live(form: &Form) -> io::Result<Self> {
        let mut output = Self::one(form);
        if form.is_json() {
            write!(output.out, "[")?;
            output.open = true;
        }
        Ok(output)
    }

    /// Prints one record: as JSON, or as the lines that `text` writes.
    pub(crate) fn show(
        &mut self,
        record: &impl Serialize,
        text: impl FnOnce(&mut Text<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.write_record(record, text).map_err(unwritten)
    }

    fn write_record(
        &mut self,
        record: &impl Serialize,
        text: impl FnOnce(&mut Text<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let (first, array, format) = (self.records == 0, self.open, self.format);
        self.records += 1;
        // What was printed in part can't be ended well.
        self.open = false;
        let out = &mut self.out;
        if format == Format::Text {
            return text(out);
        }
        if array {
            write!(out, "{}", if first { "\n" } else { ",\n" })?;
        }
        match self.only.as_slice() {
            [] => serde_json::to_writer(&mut *out, record)?,
            only => {
                let mut whole = serde_json::to_value(record)?;
                let fields =
                    only.iter().map(|name| name.trim()).filter_map(|name| Some((name, whole.get_mut(name)?.take())));
                serde_json::to_writer(&mut *out, &Fields(fields.collect()))?;
            }
        }
        self.open = array;
        if array { Ok(()) } else { writeln!(self.out) }
    }

    /// How many columns a line may have, where people read it on a terminal.
    pub(crate) fn room(&self) -> Option<usize> {
        let (columns, _) = crossterm::terminal::size().ok().filter(|_| self.is_text() && io::stdout().is_terminal())?;
        (columns > 0).then_some(columns.into())
    }

    /// Whether people read it.
    pub(crate) fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush().map_err(unwritten)
    }

    /// Ends the answer; dropping it then waits for the pager.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.close().map_err(unwritten)?;
        self.flush()
    }

    /// Ends the array, if there is one.
    fn close(&mut self) -> io::Result<()> {
        let end = if self.records == 0 { "]\n" } else { "\n]\n" };
        if mem::take(&mut self.open) { self.out.write_all(end.as_bytes()) } else { Ok(()) }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // An error has ended the command: what was read before it is a whole document still.
        self.close().ok();
    }
}

/// Ends when the reader of standard output has gone, for an answer that has nothing to print at the moment.
#[cfg(unix)]
pub(crate) async fn reader_gone() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let gone = || {
        let stdout = io::stdout();
        let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
        let done = poll(&mut polled, Some(&Timespec::default()));
        done.is_ok() && polled.iter().any(|out| out.revents().intersects(PollFlags::ERR | PollFlags::HUP))
    };
    while !gone() {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

fn coloured(out: impl Write + 'static, choice: ColorChoice) -> Box<dyn Write> {
    Box::new(AutoStream::new(Box::new(BufWriter::new(out)) as Box<dyn Write>, choice))
}

/// Says which fields were not carried, if there were any.
pub(crate) fn note_foreign(Foreign(fields): &Foreign) {
    let fields: Vec<_> =
        fields.iter().map(|(name, events)| format!("'{}' of {}", plain(name), count(*events, "event"))).collect();
    if !fields.is_empty() {
        exit::note(&format!("left out, since no event has such a field: {}", fields.join(", ")));
    }
}
