//! `blame`: for each row of a state, the event that last touched it.

use std::{collections::BTreeMap, pin::pin};

use anyhow::Result;
use basket_domain::Aggregate;
use basket_mongo::Entry;
use futures_util::TryStreamExt;
use serde::Serialize;

use super::each::each;
use super::log::{EventJson, actor_in, event_json};
use crate::{
    args::{Dates, These},
    domain::{Domain, Id, value_of, what},
    exit, last,
    named::{are_several, read},
    output::{Fields, Output, json},
    plain::{cut, padded, plain, width},
    secrets::Secrets,
    store::Store,
};

/// For each {row} that ever was in a {stream}, show the event that last touched it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} blame {id}\n  {program} list --ids | {program} blame -")]
pub struct Blame<D: Domain> {
    #[command(flatten)]
    these: These<D>,
    #[command(flatten)]
    dates: Dates,
}

#[derive(Serialize)]
struct BlameJson {
    #[serde(flatten)]
    row: Fields<'static>,
    event: EventJson,
}

impl<D: Domain> Blame<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        self.these.form.has(&[D::ROW, D::VALUE, "event"])?;
        let asked = read::<D>(&self.these.ids)?;
        let (mut output, mut secrets) = (Output::list(&self.these.form)?, Secrets::of(store)?);
        let several = are_several(&self.these.ids);
        let done =
            each(store, &asked, async |id| self.show(store, &mut output, &mut secrets, &id, several).await).await;
        output.finish()?;
        done
    }

    async fn show<S: Store<D>>(
        &self,
        store: &S,
        output: &mut Output,
        secrets: &mut Secrets<'_, S>,
        id: &Id<D>,
        several: bool,
    ) -> Result<()> {
        let (mut state, mut last_touched) = (D::Aggregate::default(), BTreeMap::<String, Entry<D>>::new());
        let mut history = pin!(store.history(id));
        while let Some(entry) = history.try_next().await? {
            state.apply(&entry.event);
            for row in D::about(&entry.event) {
                last_touched.insert(row.to_owned(), entry.clone());
            }
        }
        last::note::<D>(store.name(), id);
        let rows = D::rows(&state);
        let actor = |entry: &Entry<D>| plain(entry.meta.actor.as_deref().unwrap_or("-")).into_owned();
        let room = output.room();
        let actor =
            |entry: &Entry<D>| room.map_or_else(|| actor(entry), |room| actor_in(&actor(entry), room).into_owned());
        let columns = last_touched.values().map(|entry| width(&actor(entry))).max().unwrap_or_default();
        if several {
            output.heading(&format!("{} {id}", what::<D>()))?;
        }
        if last_touched.is_empty() && output.is_text() {
            exit::note(&format!("no {} ever was in {} '{id}'", D::ROW, what::<D>()));
        }
        for (name, entry) in last_touched {
            let value = value_of::<D>(&rows, &name);
            let row = Fields(vec![(D::ROW, json(&name)), (D::VALUE, json(&value))]);
            let shown = secrets.shown::<D>(entry).await?;
            output.show(&BlameJson { row, event: event_json::<D>(&shown) }, |out| {
                let entry = &shown.entry;
                let (at, actor) = (self.dates.date.of(entry.recorded_at), padded(&actor(entry), columns));
                let removed = if value == D::Value::default() { "  (removed)" } else { "" };
                let (before, row) =
                    (format!("{:>4}  {at}  {actor}  ", entry.version), format!("{name} = {value}{removed}"));
                let left = room.map_or(usize::MAX, |room| room.saturating_sub(width(&before)));
                writeln!(out, "{before}{}", cut(&plain(&row), left))
            })?;
        }
        Ok(())
    }
}
