//! `import`: takes in what `export` has printed, and backups that MongoDB's own tools have made. Doing it again adds nothing,
//! so that it can be resumed after an error.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    marker::PhantomData,
    path::PathBuf,
};

use anyhow::{Context, Result};

use super::archive::remove_notes;
use crate::{
    domain::Domain,
    output::{Fields, Form, json, print},
    progress,
    store::Store,
    taken::{
        backup::{self, Kind},
        batches::Batches,
        export,
    },
};

/// So much of a file says what it is.
const HEAD: u64 = 1024 * 1024;

/// Take in events that `{program} export` has printed; doing it twice adds nothing
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  {program} import {stream}s.ndjson\n  {program} import {stream}s.ndjson --dry-run\n  \
                        {program} export --store old.db | {program} import -\n\n\
                        Several exports may stand one after the other. Importing twice adds nothing, so an import that was\n\
                        interrupted is resumed by doing it again. Where the store has another history for a {stream}, it is\n\
                        refused, never merged. A field that no event has is left out, and named with the number of\n\
                        events that have it.\n\n\
                        A file of `mongoexport` (a document a line), or a `.bson` file of `mongodump`, is taken in as well, in\n\
                        any order. It has no checksums, so a file that was cut short is not noticed."
)]
pub struct Import<D: Domain> {
    /// The file; `-` for standard input
    file: PathBuf,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    form: Form,
    #[arg(skip)]
    domain: PhantomData<D>,
}

impl<D: Domain> Import<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        self.form.has(&["dry_run", "read", "added"])?;
        let name = self.file.display().to_string();
        let (file, size): (Box<dyn Read>, u64) = if name == "-" {
            (Box::new(io::stdin()), 0)
        } else {
            let file = fs::File::open(&self.file).with_context(|| format!("'{name}' can't be opened"))?;
            let size = file.metadata().map_or(0, |about| about.len());
            (Box::new(file), size)
        };
        let bar = progress::bar(size, "bytes");
        let (mut file, mut head) = (BufReader::with_capacity(1 << 16, file), Vec::new());
        let first = file.by_ref().take(HEAD).read_until(b'\n', &mut head);
        first.with_context(|| format!("'{name}' can't be read"))?;
        let kind = backup::kind::<D>(&head).with_context(|| format!("'{name}'"))?;
        let (mut file, mut batches) = (head.as_slice().chain(file), Batches::new(store, !self.dry_run));
        let taken = match kind {
            Kind::Export => export::take(&mut file, &mut batches, &bar).await,
            backup => backup::take(backup, &mut file, &mut batches, &bar).await,
        };
        bar.finish_and_clear();
        let (added, imported) =
            (batches.added, if self.dry_run { "would have been imported" } else { "were imported" });
        let read = taken.with_context(|| format!("'{name}', of which {added} new events {imported}"))?;
        let would = if self.dry_run { "would be " } else { "" };
        if !self.dry_run {
            remove_notes(store).await?;
        }
        let record = Fields(vec![("dry_run", json(&self.dry_run)), ("read", json(&read)), ("added", json(&added))]);
        print(&self.form, &record, |out| {
            writeln!(out, "{read} events read: {added} {would}new, {} there already", read - added)
        })
        .with_context(|| format!("'{name}', of which {added} new events {imported}"))
    }
}
