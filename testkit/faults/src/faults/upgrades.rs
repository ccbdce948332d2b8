//! The row of what older programs have left: a round for each form that was ever stored.

use super::Setting;
use crate::{
    row::Row,
    upgrades::{fixtures, read},
};

pub(super) async fn read_by_the_newest(setting: Setting) -> anyhow::Result<Row> {
    let Ok(server) = std::env::var(testkit::mongo::REPLICA_SET) else {
        return Ok(Row::not_run("it needs the server of scripts/with-mongo"));
    };
    let mut row = Row::default();
    for fixture in fixtures()?.iter().take(setting.rounds) {
        let broken = read(fixture, &server).await?;
        row.add(&[], broken);
        row.rounds += 1;
        row.note += &format!("{}{}", if row.note.is_empty() { "of the commits " } else { ", " }, fixture.commit);
    }
    Ok(row)
}
