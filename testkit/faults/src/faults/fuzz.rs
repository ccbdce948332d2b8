//! Rows of what is only read: inputs that nobody has written, for the decoder, the importer and the parser of addresses.

use super::Setting;
use crate::{
    fuzz::{
        self,
        targets::{ADDRESSES, DECODER, IMPORTER, Target},
    },
    row::Row,
};

pub(super) async fn decoder(setting: Setting) -> anyhow::Result<Row> {
    any_input(&DECODER, setting).await
}

pub(super) async fn importer(setting: Setting) -> anyhow::Result<Row> {
    any_input(&IMPORTER, setting).await
}

pub(super) async fn addresses(setting: Setting) -> anyhow::Result<Row> {
    any_input(&ADDRESSES, setting).await
}

async fn any_input(target: &'static Target, setting: Setting) -> anyhow::Result<Row> {
    // A thread of its own: it computes for minutes.
    let found = tokio::task::spawn_blocking(move || fuzz::search(target, setting, target.try_it)).await?;
    let note = format!("{} inputs, of which {} different things were said", found.rounds, found.said);
    let mut row = Row { rounds: found.rounds, note, ..Row::default() };
    row.add(&[], found.broken);
    Ok(row)
}
