//! `man`: pages for `man`, out of the same texts as `--help`. It needs no store.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap_mangen::Man;

use crate::{
    exit::{Failure, USAGE},
    help::PROGRAM,
    output::unwritten,
};

/// Print a page for `man`, or write all of them to a folder
#[derive(Debug, clap::Args)]
#[command(name = "man")]
#[command(after_help = "Examples:\n  \
                  {program} man log | man -l -\n  \
                  {program} man --to ~/.local/share/man/man1")]
pub(crate) struct Manual {
    /// The command, such as `feed wait`; none is the program itself
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write the pages of all commands to this folder, which is made if it is not there
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    to: Option<PathBuf>,
}

impl Manual {
    pub(crate) fn run(self, command_line: clap::Command) -> Result<()> {
        if let Some(folder) = &self.to {
            return write_all(command_line, folder).with_context(|| format!("can't write to {}", folder.display()));
        }
        let mut page = command_line.disable_help_subcommand(true);
        page.build();
        for word in &self.command {
            let found = page.find_subcommand(word).cloned();
            page = found.ok_or_else(|| {
                let why = format!("there is no command '{}': {PROGRAM} --help lists all", self.command.join(" "));
                Failure(USAGE, why)
            })?;
        }
        let (mut text, mut out) = (Vec::new(), io::stdout());
        Man::new(page).render(&mut text)?;
        Ok(out.write_all(&text).and_then(|()| out.flush()).map_err(unwritten)?)
    }
}

fn write_all(command_line: clap::Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command_line, folder)
}
