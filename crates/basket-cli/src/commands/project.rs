//! `project`: keeps the read models that `list` and `report` ask, for as long as it runs. Each has one process that keeps it; others
//! wait, and take over when it ends or is killed.

use std::{marker::PhantomData, time::Duration};

use anyhow::Result;
use basket_mongo::{
    Feeds, Projection, StoreError,
    store::{projection::project, subscription::Options},
};
use futures_util::{
    StreamExt,
    future::{Either, select},
    stream::FuturesUnordered,
};

use super::{turn, watch::ended};
use crate::{
    args::limit,
    domain::Domain,
    exit::{Failure, USAGE, note},
    progress,
    store::{Store, must_exist},
};

/// Keep the read models that answer at once, until Ctrl-C
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It reads every event once, and from then on what is appended. What it has read is kept with the
read model, in one transaction, so that it goes on where it was: after a restart, a kill, or an
election. It may run in several processes: one works, the others wait until it has been silent for
the time of its lease.

`{program} list` and `{program} report` ask a read model where there is one, and say how far behind it is.

Examples:
  {program} project
  {program} project list --once
  {program} project --park
  {program} feed                  says how far each has come")]
pub struct Project<D: Domain> {
    /// Which read models; all, where none is named
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// End once all events were read
    #[arg(long)]
    once: bool,
    /// Go on after an event that can't be read, without its {stream}; otherwise it ends the command. `{program} feed` shows what is
    /// parked, and tries it again
    #[arg(long)]
    park: bool,
    /// After how long without a sign of life another process may take over: seconds, or such as 500ms
    #[arg(long, value_name = "TIME", default_value = "3", value_parser = limit)]
    lease: Duration,
    #[arg(skip)]
    domain: PhantomData<D>,
}

impl<D: Domain> Project<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        let projections = match self.names.is_empty() {
            true => D::projections(),
            false => self.names.iter().map(|name| named::<D>(name)).collect::<Result<_>>()?,
        };
        if self.once {
            must_exist(store).await?;
        }
        let mut keepers: FuturesUnordered<_> =
            projections.iter().map(|projection| self.keep(store, &**projection)).collect();
        let mut ended = Box::pin(ended());
        loop {
            match select(&mut ended, keepers.next()).await {
                Either::Right((Some(kept), _)) => kept?,
                Either::Right((None, _)) => return Ok(()),
                Either::Left((ended, _)) => {
                    ended?;
                    break;
                }
            }
        }
        drop(keepers);
        for projection in &projections {
            let name = projection.name();
            turn::give_back(store, name, projection.shape(), &self.options(name)).await;
        }
        Ok(())
    }

    fn options(&self, name: &str) -> Options {
        turn::options(name, self.park, self.lease)
    }

    /// Keeps one read model, and waits for its turn.
    async fn keep<S: Feeds<D> + Sync>(&self, store: &S, projection: &dyn Projection<D>) -> Result<()> {
        let (name, mut was_there) = (projection.name(), false);
        loop {
            let mut reader = turn::take(store, name, projection.shape(), &self.options(name), was_there).await?;
            was_there = true;
            // Only for the bar.
            let behind = store.feed(name).await.ok().flatten().map_or(0, |state| state.behind);
            let (bar, mut read) = (progress::bar(behind, "events"), 0);
            let (mut is_new, mut healed) = (true, 0);
            loop {
                match project(&mut reader, projection).await {
                    Ok((events, is_last)) => {
                        read += events;
                        bar.inc(events);
                        if reader.times_healed() > healed {
                            healed = reader.times_healed();
                            turn::note_healed(store.name(), name);
                        }
                        if is_last && is_new {
                            is_new = false;
                            bar.finish_and_clear();
                            note(&format!("'{name}' has read all events; {read} of them were new"));
                        }
                        if is_last && self.once {
                            reader.close().await?;
                            return Ok(());
                        }
                    }
                    Err(StoreError::Fenced { .. }) => {
                        bar.finish_and_clear();
                        break note(&format!("another process has taken over '{name}'"));
                    }
                    Err(error) => {
                        bar.finish_and_clear();
                        reader.close().await.ok();
                        return Err(turn::in_words(error, name));
                    }
                }
            }
        }
    }
}

/// The read model with this name.
pub(super) fn named<D: Domain>(name: &str) -> Result<Box<dyn Projection<D>>> {
    let mut all = D::projections();
    let names: Vec<_> = all.iter().map(|projection| projection.name()).collect();
    match all.iter().position(|projection| projection.name() == name) {
        Some(place) => Ok(all.swap_remove(place)),
        None => {
            let why = format!("there is no read model {name:?}; there is {}", names.join(", "));
            Err(Failure(USAGE, why).into())
        }
    }
}
