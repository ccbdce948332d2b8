//! The terminal, taken for a full screen and restored: at the end, after an error, and in a panic, where a release build
//! aborts and drops nothing. `run` holds the [`Screen`]; nothing is drawn here.

use std::{
    io::{self, IsTerminal, Stdout},
    panic, thread,
};

use crossterm::{
    cursor::{Hide, Show},
    event::{self, Event},
    execute,
    terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{Terminal, backend::CrosstermBackend};
use tokio::sync::mpsc;
#[cfg(unix)]
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

use crate::{
    domain::{Domain, what},
    exit::{self, Failure},
    help::PROGRAM,
};

/// Much longer than it takes to be stopped by a signal.
#[cfg(unix)]
const STOPPING: std::time::Duration = std::time::Duration::from_millis(300);

/// The terminal, which is restored when this is dropped.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    pub(super) fn take() -> io::Result<Self> {
        restore_in_a_panic();
        // From here on, a failure drops it, which restores the terminal.
        let mut screen = Self { terminal: Terminal::new(CrosstermBackend::new(io::stdout()))? };
        screen.retake()?;
        Ok(screen)
    }

    /// Takes the whole screen again, of which nothing is drawn then, in the size that it has now.
    pub(super) fn retake(&mut self) -> io::Result<()> {
        self.terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        enable_raw_mode()?;
        // Not `Terminal::clear`, which asks for the place of the cursor: some terminals don't answer.
        execute!(io::stdout(), EnterAlternateScreen, Clear(ClearType::All), Hide)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// The shell's part: it stops this program, and continues it.
#[cfg(unix)]
pub(super) struct Job(Signal);

#[cfg(unix)]
impl Job {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?))
    }

    /// Waits until the shell has continued this program.
    pub(super) async fn continued(&mut self) {
        self.0.recv().await;
    }

    /// Gives the terminal back, and stops this program and what else is in its job, as Ctrl-Z does elsewhere; returns when
    /// it is continued.
    pub(super) async fn suspend(&mut self) -> io::Result<()> {
        restore();
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        // Another thread may get the signal, and this one goes on for a moment then. Without a shell that could continue it,
        // the system does not stop the program at all.
        timeout(STOPPING, self.continued()).await.ok();
        Ok(())
    }
}

/// There are no jobs on this system.
#[cfg(not(unix))]
pub(super) struct Job;

#[cfg(not(unix))]
impl Job {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn continued(&mut self) {
        std::future::pending().await
    }

    pub(super) async fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails unless there is a terminal for keys and one to draw on.
pub(super) fn must_exist<D: Domain>() -> Result<(), Failure> {
    let dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
    if io::stdin().is_terminal() && io::stdout().is_terminal() && !dumb {
        return Ok(());
    }
    Err(Failure(
        exit::USAGE,
        format!(
            "`{PROGRAM} explore` needs a terminal to draw on and to read keys from; \
         `{PROGRAM} log` prints what happened to a {}",
            what::<D>()
        ),
    ))
}

/// May run twice. Where the terminal is gone, there is nothing to restore.
fn restore() {
    execute!(io::stdout(), LeaveAlternateScreen, Show).ok();
    disable_raw_mode().ok();
}

/// The message of a panic is printed after that, so that it stays on the screen.
fn restore_in_a_panic() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        restore();
        before(panic);
        #[cfg(debug_assertions)]
        if std::env::var_os(PANIC).is_some() {
            // As a release build does.
            std::process::abort();
        }
    }));
}

/// Names a variable that makes the key `!` panic, in builds for tests only.
#[cfg(debug_assertions)]
pub(super) const PANIC: &str = "BASKET_EXPLORE_PANIC";

/// The events of the terminal, read by a thread that ends with the process.
pub(super) fn events() -> mpsc::UnboundedReceiver<io::Result<Event>> {
    let (sender, events) = mpsc::unbounded_channel();
    thread::spawn(move || while sender.send(event::read()).is_ok() {});
    events
}
