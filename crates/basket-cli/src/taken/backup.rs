//! Files that `import` takes in besides an export: what they are, by their first bytes, and the backups among them that
//! MongoDB's own tools have made. These have the documents in any order, so they are sorted in an embedded file that is
//! removed afterwards: memory does not grow with them.

use std::{
    collections::HashSet,
    io::{BufRead, Read},
    pin::pin,
};

use anyhow::{Context, Result};
use basket_mongo::{
    EventLog, Maintenance, Scope, StoreError, Verifier,
    store::{
        document::read_entry,
        exchange::{Foreign, event_document, portable, written},
        maintenance::Read as Event,
    },
};
use bson::RawDocumentBuf;
use futures_util::TryStreamExt;
use indicatif::ProgressBar;

use super::{
    LONGEST_LINE,
    batches::{BYTES, Batches},
};
use crate::{
    domain::Domain,
    embedded::EmbeddedStore,
    exit::{Failure, UNREADABLE, note},
    output::note_foreign,
};

/// What a file has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Lines that `export` has printed, or what is nearest to that.
    Export,
    /// A document a line, in extended JSON, from `mongoexport`.
    JsonLines,
    /// One document after the other, from `mongodump`.
    Bson,
}

/// How the first bytes of files begin that are something else, and what they are.
const OTHERS: [(&[u8], &str); 8] = [
    (b"\xff\xfe\0\0", "it is text in UTF-32; save it as UTF-8"),
    (b"\xff\xfe", UTF_16),
    (b"\xfe\xff", UTF_16),
    (b"\x1f\x8b", "it is packed by gzip; unpack it first: gunzip -c FILE | basket import -"),
    (b"\x28\xb5\x2f\xfd", "it is packed by zstd; unpack it first: zstd -dc FILE | basket import -"),
    (b"PK\x03\x04", "it is a ZIP archive; unpack it first"),
    (b"SQLite format 3\0", "it is an embedded file; export it: basket export --store FILE | basket import -"),
    (b"\x6d\xe2\x99\x81", "it is an archive of mongodump; dump into a folder, and import the .bson file in it"),
];
const UTF_16: &str = "it is text in UTF-16; save it as UTF-8";

/// What a text is that can't be taken in, by its first line.
fn other_text(first: &str) -> Option<&'static str> {
    let has = |name: &str| first.contains(&format!("\"{name}\""));
    match first.chars().next()? {
        '[' => Some("it is an array in JSON; write a document a line: mongoexport without --jsonArray"),
        '{' if first == "{" => {
            Some("it is JSON with a document on several lines; write one a line: mongoexport without --pretty")
        }
        // An event may have any of these names in its data.
        '{' if has("recorded_at") => None,
        '{' if has("specversion") => Some("it holds CloudEvents, which are for other systems; export without --format"),
        '{' if has("collectionName") && has("indexes") => {
            Some("it describes a collection of mongodump; import the .bson file beside it")
        }
        '{' => None,
        _ if first.split([',', '\t']).any(|column| column == "_id") => {
            Some("it is CSV; write JSON: mongoexport without --type")
        }
        _ => None,
    }
}

/// What a file is that begins so. An error says what else it is.
pub(crate) fn kind<D: Domain>(head: &[u8]) -> Result<Kind, Failure> {
    if let Some((_, what)) = OTHERS.iter().find(|(begin, _)| head.starts_with(begin)) {
        return Err(Failure(UNREADABLE, (*what).into()));
    }
    // Every other byte of plain text is zero then, and those of a document with a length and a first field are not.
    if matches!(head, [_, 0, _, 0, _, 0, ..] | [0, _, 0, _, 0, _, ..]) {
        return Err(Failure(UNREADABLE, UTF_16.into()));
    }
    // A document begins with its length in four bytes, and no text has such a byte as the last of them.
    if matches!(head, [_, _, _, 0 | 1, ..]) {
        return Ok(Kind::Bson);
    }
    let first = String::from_utf8_lossy(head);
    let first = first.trim_start_matches('\u{feff}').trim();
    if let Some(what) = other_text(first) {
        return Err(Failure(UNREADABLE, what.into()));
    }
    let is_document = first.starts_with('{') && first.contains(&format!("\"{}\"", D::key_field()));
    // A line with a checksum is of an export whose beginning is missing.
    Ok(if is_document && !first.contains(",\"crc32\":\"") { Kind::JsonLines } else { Kind::Export })
}

/// Takes in a backup, and returns how many events there were.
pub(crate) async fn take<D: Domain>(
    kind: Kind,
    file: &mut impl BufRead,
    batches: &mut Batches<'_, D, impl Maintenance<D>>,
    bar: &ProgressBar,
) -> Result<u64> {
    let folder = tempfile::tempdir().context("there is no folder to sort the documents in")?;
    let sorted = EmbeddedStore::<D>::at(folder.path().join("backup.db"));
    let (mut read, mut events, mut foreign) = (0_u64, 0, Foreign::default());
    // Two backups may stand one after the other; what is in both must be in two pages, to be compared.
    let (mut page, mut places, mut bytes) = (Vec::new(), HashSet::new(), 0);
    loop {
        let place = || format!("{} {}", if kind == Kind::Bson { "document" } else { "line" }, read + 1);
        let Some((document, length)) = next(kind, file).with_context(place)? else { break };
        if let Some(document) = document {
            let entry = read_entry::<D>(&document).with_context(place)?;
            foreign.count::<D>(&document);
            let place = (entry.stream.to_string(), entry.version);
            if bytes >= BYTES || places.contains(&place) {
                keep(&sorted, &page).await?;
                page.clear();
                places.clear();
                bytes = 0;
            }
            bytes += length;
            events += 1;
            places.insert(place);
            page.push((entry, portable::<D>(&document)?));
        }
        read += 1;
        bar.inc(length as u64);
    }
    keep(&sorted, &page).await?;
    let mut verifier = Verifier::<D>::default();
    let mut documents = pin!(sorted.documents(Scope::All));
    while let Some(document) = documents.try_next().await? {
        let entry = verifier.check(&document)?.entry;
        let written = written::<D>(&document, &entry.event)?;
        batches.add((entry, written)).await?;
    }
    batches.end().await?;
    note("it is a backup without checksums; `export` makes one that shows when it was cut short");
    note_foreign(&foreign);
    Ok(events)
}

/// Adds events to those that are sorted. One that is there already must be the same.
async fn keep<D: Domain>(sorted: &EmbeddedStore<D>, page: &[Event<D>]) -> Result<(), StoreError> {
    match sorted.import(page, true).await {
        Err(StoreError::Diverged { what, id, version, .. }) => {
            Err(StoreError::Diverged { what, id, version, store: "the backup".into() })
        }
        done => done.map(drop),
    }
}

/// The next document, `None` for a blank line, and its length in the file; `None` at the end.
fn next(kind: Kind, file: &mut impl BufRead) -> Result<Option<(Option<RawDocumentBuf>, usize)>> {
    let mut bytes = Vec::new();
    if kind == Kind::JsonLines {
        let length = file.take(LONGEST_LINE).read_until(b'\n', &mut bytes).context("it can't be read")?;
        let line = String::from_utf8(bytes).map_err(|_| unreadable("it is not valid UTF-8"))?;
        let line = line.trim_start_matches('\u{feff}').trim();
        return match (length, line) {
            (0, _) => Ok(None),
            (_, "") => Ok(Some((None, length))),
            _ => Ok(Some((Some(event_document(line).map_err(unreadable)?), length))),
        };
    }
    if file.fill_buf().context("it can't be read")?.is_empty() {
        return Ok(None);
    }
    let cut = || unreadable("it is no document, or it was cut short");
    let mut length = [0; 4];
    file.read_exact(&mut length).map_err(|_| cut())?;
    let rest = u64::from(u32::from_le_bytes(length)).checked_sub(4).filter(|rest| *rest < LONGEST_LINE);
    bytes.extend(length);
    file.take(rest.unwrap_or(0)).read_to_end(&mut bytes).context("it can't be read")?;
    let length = bytes.len();
    let document = RawDocumentBuf::from_bytes(bytes).map_err(|_| cut())?;
    Ok(Some((Some(document), length)))
}

fn unreadable(why: impl Into<String>) -> Failure {
    Failure(UNREADABLE, why.into())
}
