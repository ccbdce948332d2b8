//! `basket import`: takes in what `basket export` has printed. Doing it again adds nothing, so that it can be resumed.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::PathBuf,
};

use anyhow::{Context, Result};
use basket_mongo::{Baskets, EventLog, exchange::Import as Lines};
use bson::RawDocumentBuf;
use serde::Serialize;

use crate::{
    output::{Format, Output},
    progress,
    store::Store,
};

/// Events in one batch, all of which are kept or none; more, where a commit is larger.
const BATCH: usize = 1_000;

/// The longest line that can be an event: MongoDB's documents have 16 MB at most.
const LONGEST_LINE: u64 = 32 * 1024 * 1024;

/// Take in events that `basket export` has printed; doing it twice adds nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket import baskets.ndjson\n  basket import baskets.ndjson --dry-run\n  \
                        basket export --store old.db | basket import -\n\n\
                        Importing twice adds nothing, so that one which was interrupted is resumed by doing it again.\n\
                        Where the store has another history for a basket, it is refused, never merged.")]
pub struct Import {
    /// The file; `-` for standard input
    file: PathBuf,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Told {
    dry_run: bool,
    read: u64,
    added: u64,
}

impl Import {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let name = self.file.display().to_string();
        let (file, size): (Box<dyn Read>, u64) = if name == "-" {
            (Box::new(io::stdin()), 0)
        } else {
            let file = File::open(&self.file).with_context(|| format!("'{name}' can't be opened"))?;
            let size = file.metadata().map_or(0, |about| about.len());
            (Box::new(file), size)
        };
        let bar = progress::bar(size, "bytes");
        let (mut file, mut lines) = (BufReader::new(file), Lines::<Baskets>::default());
        let imported = if self.dry_run { "would have been imported" } else { "were imported" };
        let so_far = |added: u64| format!("'{name}', of which {added} new events {imported}");
        // Events of whole commits, and those of a commit that may go on.
        let (mut batch, mut open) = (Vec::<RawDocumentBuf>::new(), Vec::new());
        let (mut commit, mut added) = (None, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            let length = length.with_context(|| format!("'{name}' can't be read"))?;
            if length == 0 {
                break;
            }
            // What is no UTF-8 will not have its checksum either.
            let read = lines.line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
            if let Some((entry, document)) = read.with_context(|| so_far(added))? {
                if commit != Some(entry.commit) {
                    batch.append(&mut open);
                    commit = Some(entry.commit);
                    if batch.len() >= BATCH {
                        added += store.import(&batch, !self.dry_run).await.with_context(|| so_far(added))?;
                        batch.clear();
                    }
                }
                open.push(document);
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
        let told = Told { dry_run: self.dry_run, read: lines.events(), added };
        let mut output = Output::one(self.format);
        output.show(&told, |out| {
            let there = told.read - told.added;
            let would = if self.dry_run { "would be " } else { "" };
            writeln!(out, "{} events read: {} {would}new, {there} there already", told.read, told.added)
        })?;
        Ok(output.finish()?)
    }
}
