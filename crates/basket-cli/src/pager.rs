//! The pager of a list on a terminal: `$PAGER`, which a shell runs as for git, or less where there is one. A pager that can't
//! be started loses nothing: the list is printed without it. [`output`](crate::output) calls it.

use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, Write},
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::exit::note;

/// More than a pipe holds: once so much was taken, some program has read it.
const PIPE: usize = 1 << 20;

/// A pager that is written to. Dropping it waits until the user leaves it.
pub(crate) struct Pager {
    command: OsString,
    /// The shell that runs the command.
    shell: Child,
    to: To,
    /// All that was written, as long as the shell may not have found the program yet.
    kept: Option<Vec<u8>>,
}

/// Where a list goes.
enum To {
    Pager(ChildStdin),
    /// There is no such pager.
    Stdout,
    /// The user has left the pager.
    Nowhere,
}

impl Pager {
    /// Starts the user's pager; none where `$PAGER` is empty or `cat`. less ends at once where all fits on the screen.
    pub(crate) fn start() -> Option<Self> {
        let command = match env::var_os("PAGER") {
            Some(command) => Some(command).filter(|command| !["", "cat"].contains(&command.to_string_lossy().trim())),
            None => is_there("less").then(|| "less".into()),
        }?;
        let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut shell = Command::new(shell);
        shell.arg(option).arg(&command).stdin(Stdio::piped());
        if env::var_os("LESS").is_none() {
            shell.env("LESS", "FRX");
        }
        match shell.spawn() {
            Ok(mut shell) => {
                let to = To::Pager(shell.stdin.take()?);
                Some(Self { command, shell, to, kept: Some(Vec::new()) })
            }
            Err(error) => {
                complain(&command, &error.to_string());
                None
            }
        }
    }

    /// Closes the pager and waits for it. Where the shell has not found it, what was written goes to standard output.
    fn end(&mut self) -> io::Result<()> {
        self.to = To::Nowhere;
        let why = match self.shell.wait()?.code() {
            Some(127) => "no such command",
            Some(126) => "it can't be executed",
            _ => return Ok(()),
        };
        let Some(kept) = self.kept.take() else { return Ok(()) };
        complain(&self.command, why);
        self.to = To::Stdout;
        io::stdout().write_all(&kept)
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.kept = self.kept.take().filter(|kept| kept.len() <= PIPE);
        self.kept.iter_mut().for_each(|kept| kept.extend(bytes));
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = match &mut self.to {
            To::Pager(stdin) => stdin.write(bytes),
            To::Stdout => return io::stdout().write(bytes),
            To::Nowhere => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        match taken {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.end()?;
                self.write(bytes)
            }
            taken => {
                let taken = taken?;
                self.keep(bytes.get(..taken).unwrap_or_default());
                Ok(taken)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Pager(stdin) => stdin.flush(),
            To::Stdout => io::stdout().flush(),
            To::Nowhere => Ok(()),
        }
    }
}

impl Drop for Pager {
    fn drop(&mut self) {
        if matches!(self.to, To::Pager(_)) {
            self.end().ok();
        }
    }
}

fn complain(command: &OsStr, why: &str) {
    note(&format!(
        "the pager '{}' can't be started ({why}); this is printed without it, as with PAGER=cat",
        command.display()
    ));
}

fn is_there(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
