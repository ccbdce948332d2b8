//! Reads keys without Enter, for `watch`.

use std::{
    io::{IsTerminal, stdin, stdout},
    time::Duration,
};

use anyhow::Result;
use crossterm::{
    event::{self, KeyCode, KeyModifiers},
    terminal,
};

/// Reads keys, if there is a terminal. The terminal's mode is restored at the end, also after an error.
pub struct Keys {
    raw: bool,
}

impl Keys {
    pub fn listen() -> Self {
        Self { raw: stdin().is_terminal() && stdout().is_terminal() && terminal::enable_raw_mode().is_ok() }
    }

    /// The next key; waits at most this long for one.
    pub fn next(&self, wait: Duration) -> Result<Option<char>> {
        if !self.raw {
            std::thread::sleep(wait);
            return Ok(None);
        }
        if !stdin().is_terminal() {
            // The window was closed.
            return Ok(Some('q'));
        }
        if !event::poll(wait)? {
            return Ok(None);
        }
        let Some(key) = event::read()?.as_key_press_event() else { return Ok(None) };
        let is_ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        Ok(if is_ctrl_c { Some('q') } else { key.code.as_char() })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if self.raw {
            terminal::disable_raw_mode().ok();
        }
    }
}
