//! The lines that `export` has printed, taken in one after the other.

use std::io::{BufRead, Read};

use anyhow::{Context, Result};
use basket_mongo::{
    Maintenance,
    store::exchange::{Import, Line},
};
use indicatif::ProgressBar;

use super::{LONGEST_LINE, batches::Batches};
use crate::{domain::Domain, output::note_foreign};

/// Takes in the lines of an export, and returns how many events there were.
pub(crate) async fn take<D: Domain>(
    file: &mut impl BufRead,
    batches: &mut Batches<'_, D, impl Maintenance<D>>,
    bar: &ProgressBar,
) -> Result<u64> {
    let (mut lines, mut line) = (Import::<D>::default(), Vec::new());
    loop {
        line.clear();
        let length = file.take(LONGEST_LINE).read_until(b'\n', &mut line).context("it can't be read")?;
        if length == 0 {
            break;
        }
        // A line that is not UTF-8 will not match its checksum either.
        match lines.line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r'])) {
            Ok(Line::Event(entry, document)) => batches.add((entry, document)).await?,
            // Another export may have the same streams again.
            Ok(Line::Begin | Line::End) => batches.end().await?,
            Ok(Line::Blank) => {}
            Err(bad) => {
                batches.write().await?;
                return Err(bad.into());
            }
        }
        bar.inc(length as u64);
    }
    // Of a file that was cut short, the last commit may be cut, too.
    let end = lines.end();
    if end.is_err() {
        batches.write().await?
    } else {
        batches.end().await?
    }
    end?;
    note_foreign(lines.foreign());
    Ok(lines.events())
}
