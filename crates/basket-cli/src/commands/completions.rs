//! `completions`: a script for a shell. It needs no store.

use std::io::{self, Write};

use anyhow::Result;
use clap_complete::Shell;

use crate::{help::PROGRAM, output::unwritten};

/// Print a completion script for your shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples, for a folder that your shell reads:\n  \
                  {program} completions bash > ~/.local/share/bash-completion/completions/{program}\n  \
                  {program} completions zsh > ~/.zfunc/_{program}\n  \
                  {program} completions fish > ~/.config/fish/completions/{program}.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, command_line: &mut clap::Command) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command_line, PROGRAM.name(), &mut script);
        let mut out = io::stdout();
        Ok(out.write_all(&script).and_then(|()| out.flush()).map_err(unwritten)?)
    }
}
