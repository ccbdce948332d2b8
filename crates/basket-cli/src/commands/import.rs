//! `import`: takes in what `export` has printed. Doing it again adds nothing, so that it can be resumed after an error.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    marker::PhantomData,
    path::PathBuf,
};

use anyhow::{Context, Result};
use basket_mongo::{
    Maintenance,
    store::{exchange::Import as Lines, maintenance::Read as Event},
};

use crate::{
    domain::Domain,
    output::{Fields, Format, json, print},
    progress,
};

/// Events in one batch, which is written as a whole or not at all; more, where a commit is larger.
const BATCH: usize = 1_000;

/// The longest line that can be an event: MongoDB's documents have 16 MB at most.
const LONGEST_LINE: u64 = 32 * 1024 * 1024;

/// Take in events that `{program} export` has printed; doing it twice adds nothing
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  {program} import {stream}s.ndjson\n  {program} import {stream}s.ndjson --dry-run\n  \
                        {program} export --store old.db | {program} import -\n\n\
                        Importing twice adds nothing, so an import that was interrupted is resumed by doing it again.\n\
                        Where the store has another history for a {stream}, it is refused, never merged."
)]
pub struct Import<D: Domain> {
    /// The file; `-` for standard input
    file: PathBuf,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[arg(skip)]
    domain: PhantomData<D>,
}

impl<D: Domain> Import<D> {
    pub(super) async fn run(self, store: &impl Maintenance<D>) -> Result<()> {
        let name = self.file.display().to_string();
        let (file, size): (Box<dyn Read>, u64) = if name == "-" {
            (Box::new(io::stdin()), 0)
        } else {
            let file = File::open(&self.file).with_context(|| format!("'{name}' can't be opened"))?;
            let size = file.metadata().map_or(0, |about| about.len());
            (Box::new(file), size)
        };
        let bar = progress::bar(size, "bytes");
        let (mut file, mut lines) = (BufReader::new(file), Lines::<D>::default());
        let imported = if self.dry_run { "would have been imported" } else { "were imported" };
        let so_far = |added: u64| format!("'{name}', of which {added} new events {imported}");
        // Events of whole commits, and those of a commit that may go on.
        let (mut batch, mut open) = (Vec::<Event<D>>::new(), Vec::new());
        let (mut commit, mut added) = (None, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            let length = length.with_context(|| format!("'{name}' can't be read"))?;
            if length == 0 {
                break;
            }
            // A line that is not UTF-8 will not match its checksum either.
            let read = lines.line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
            if let Some(event) = read.with_context(|| so_far(added))? {
                if commit != Some(event.0.commit) {
                    batch.append(&mut open);
                    commit = Some(event.0.commit);
                    if batch.len() >= BATCH {
                        added += store.import(&batch, !self.dry_run).await.with_context(|| so_far(added))?;
                        batch.clear();
                    }
                }
                open.push(event);
            }
            bar.inc(length as u64);
        }
        // Of a file that was cut short, the last commit may be cut, too.
        let end = lines.end();
        if end.is_ok() {
            batch.append(&mut open);
        }
        added += store.import(&batch, !self.dry_run).await.with_context(|| so_far(added))?;
        bar.finish_and_clear();
        end.with_context(|| so_far(added))?;
        let (read, would) = (lines.events(), if self.dry_run { "would be " } else { "" });
        let record = Fields(vec![("dry_run", json(&self.dry_run)), ("read", json(&read)), ("added", json(&added))]);
        print(self.format, &record, |out| {
            writeln!(out, "{read} events read: {added} {would}new, {} there already", read - added)
        })?;
        Ok(())
    }
}
