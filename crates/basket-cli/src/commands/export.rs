//! `export`: events as lines of text, for another store or for other systems.

use std::{
    io::{self, BufWriter, Write},
    pin::pin,
};

use anyhow::Result;
use basket_mongo::{
    Scope, StoreError, Verifier,
    store::exchange::{Export as Lines, Foreign},
};
use clap::ValueEnum;
use futures_util::TryStreamExt;

use super::cloud_event::cloud_event;
use crate::{
    domain::{Domain, Id},
    exit,
    named::{Asked, find_all, streams},
    output::{note_foreign, unwritten},
    progress,
    store::{Store, must_exist},
};

/// Print events as lines of text, for `{program} import` or for other systems
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} export > {stream}s.ndjson\n  \
                        {program} export {id} > {stream}.ndjson\n  \
                        {program} export --format cloudevents > for-others.ndjson\n\n\
                        Each line carries a checksum, and the last one says how many there were. An event that can't be\n\
                        read ends the export: `{program} verify` names all of them. So does one with a value that text can't\n\
                        hold as it is. `data` and `meta` are carried whole, byte for byte; a field beside them that is none of\n\
                        an event's is left out, and named with the number of events that have it.\n\n\
                        In CloudEvents, the source names the {stream}, and the sequence is the version in 20 digits,\n\
                        which sorts as text. Control characters, which an attribute can't have, and % itself are\n\
                        percent-encoded in the attributes; data is never changed.")]
pub struct Export<D: Domain> {
    /// These {stream}s, or - for those of standard input; without any, all of them
    #[arg(value_name = "ID", value_parser = streams::<D>)]
    ids: Vec<Asked<Id<D>>>,
    /// In which form
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For an import: everything, with checksums
    #[default]
    Ndjson,
    /// For other systems: CloudEvents 1.0 in JSON, a line each
    Cloudevents,
}

impl<D: Domain> Export<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        must_exist(store).await?;
        let mut ids = find_all(store, &self.ids).await?;
        ids.sort_unstable();
        ids.dedup();
        let scopes: Vec<_> = match self.ids.is_empty() {
            true => vec![Scope::All],
            false => ids.iter().map(|id| Scope::From(id.clone(), 1)).collect(),
        };
        let bar = progress::bar(store.count().await?, "events");
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let (mut lines, mut verifier, mut events) = (Lines::<D>::default(), Verifier::<D>::default(), 0_u64);
        let mut foreign = Foreign::default();
        if self.format == Form::Ndjson {
            writeln!(out, "{}", lines.header()).map_err(unwritten)?;
        }
        for scope in scopes {
            let before = events;
            let mut documents = pin!(store.documents(scope.clone()));
            while let Some(document) = documents.try_next().await? {
                let line = match self.format {
                    Form::Ndjson => lines.line(&document)?,
                    Form::Cloudevents => serde_json::to_string(&cloud_event::<D>(&verifier.check(&document)?.entry))?,
                };
                writeln!(out, "{line}").map_err(unwritten)?;
                foreign.count::<D>(&document);
                events += 1;
                bar.inc(1);
            }
            if let Scope::From(id, _) = scope
                && events == before
            {
                return Err(StoreError::not_found::<D>(store.name(), &id).into());
            }
        }
        bar.finish_and_clear();
        if self.format == Form::Ndjson {
            writeln!(out, "{}", lines.end()).map_err(unwritten)?;
        }
        out.flush().map_err(unwritten)?;
        exit::note(&format!("{events} events were exported"));
        note_foreign(&foreign);
        Ok(())
    }
}
