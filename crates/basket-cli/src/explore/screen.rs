//! The terminal, taken for a full screen and given back: at the end, after an error, and in a panic, where a release build
//! ends at once and nothing is dropped any more. [`run`](super::run) holds the [`Screen`]; nothing is drawn here.

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

/// There is nobody to explore anything.
#[derive(Debug, thiserror::Error)]
#[error(
    "`basket explore` needs a terminal to draw on and to read keys from; `basket log` prints what happened to a basket"
)]
pub struct NoTerminal;

/// The terminal, for as long as this lives.
pub struct Screen {
    /// What is drawn on.
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// The terminal does not do what it is told.
    pub fn take() -> io::Result<Self> {
        give_back_in_a_panic();
        // From here on, dropping it gives the terminal back, however far this comes.
        let screen = Self { terminal: Terminal::new(CrosstermBackend::new(io::stdout()))? };
        enable_raw_mode()?;
        // Not with the terminal's own `clear`, which asks where the cursor is: some don't answer.
        execute!(io::stdout(), EnterAlternateScreen, Clear(ClearType::All), Hide)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether there is a terminal for keys and one for the screen.
///
/// # Errors
/// [`NoTerminal`], also where it is one that can't be drawn on.
pub fn is_there() -> Result<(), NoTerminal> {
    let dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
    if io::stdin().is_terminal() && io::stdout().is_terminal() && !dumb { Ok(()) } else { Err(NoTerminal) }
}

/// Twice does no harm. Where the terminal is gone, there is nothing to give back.
fn give_back() {
    execute!(io::stdout(), LeaveAlternateScreen, Show).ok();
    disable_raw_mode().ok();
}

/// The message of a panic is written after that, so that it stays readable.
fn give_back_in_a_panic() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        give_back();
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
pub const PANIC: &str = "BASKET_EXPLORE_PANIC";

/// What comes in from the terminal, read by a thread that ends with the process.
pub fn events() -> mpsc::UnboundedReceiver<io::Result<Event>> {
    let (sender, events) = mpsc::unbounded_channel();
    thread::spawn(move || {
        loop {
            let event = event::read();
            let is_end = event.is_err();
            if sender.send(event).is_err() || is_end {
                return;
            }
        }
    });
    events
}
