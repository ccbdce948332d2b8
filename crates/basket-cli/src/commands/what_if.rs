//! `what-if`: a history replayed without some of its events. It writes nothing.

use std::ops::RangeInclusive;

use anyhow::Result;
use basket_mongo::Undo as _;
use serde::Serialize;

use super::get::{rows_json, write_row};
use crate::{
    args::{Of, versions},
    domain::{Domain, what},
    exit,
    help::PROGRAM,
    last,
    output::{Fields, print},
    plain::plain,
    store::Store,
};

/// Replay a {stream}'s history without some of its events, and change nothing
#[derive(Debug, clap::Args)]
#[command(
    override_usage = format!("{PROGRAM} what-if [OPTIONS] <ID> --without <VERSION>..."),
    after_help = "Examples:\n  {program} what-if {id} --without 3\n  \
                  {program} what-if {id} --without 3 7..9\n\n\
                  What was undone stays undone, unless the undo itself is left out."
)]
pub struct WhatIf<D: Domain> {
    #[command(flatten)]
    of: Of<D>,
    /// The events to leave out, each a version or the first and the last of several
    #[arg(long, required = true, num_args = 1.., value_delimiter = ',', value_name = "VERSION", value_parser = versions)]
    without: Vec<RangeInclusive<u64>>,
}

#[derive(Serialize)]
struct WhatIfJson {
    id: String,
    items: Vec<Fields<'static>>,
    refused: Vec<RefusedJson>,
}

#[derive(Serialize)]
struct RefusedJson {
    version: u64,
    why: String,
}

impl<D: Domain> WhatIf<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        self.of.form.has(&["id", "items", "refused"])?;
        let id = self.of.find(store).await?;
        let what_if = store.what_if(&id, &self.without).await?;
        last::note::<D>(store.name(), &id);
        let rows = D::rows(what_if.alternative());
        let refused = what_if.refused().iter();
        let refused = refused.map(|(version, why)| RefusedJson { version: *version, why: why.to_string() }).collect();
        let record = WhatIfJson { id: id.to_string(), items: rows_json::<D>(&rows), refused };
        print(&self.of.form, &record, |out| {
            rows.iter().try_for_each(|row| write_row::<D>(out, row))?;
            record.refused.iter().try_for_each(|RefusedJson { version, why }| {
                writeln!(out, "version {version} would have been refused: {}", plain(why))
            })
        })?;
        if rows.is_empty() && self.of.form.is_text() {
            exit::note(&format!("{} '{id}' would be empty", what::<D>()));
        }
        Ok(())
    }
}
