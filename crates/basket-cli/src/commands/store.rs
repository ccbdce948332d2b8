//! `store`: which store is in use, why, and whether it answers.

use anyhow::Result;
use serde::Serialize;

use crate::{
    domain::Domain,
    output::{Form, print},
    plain::plain,
    store::{Description, Store},
};

/// Say which store is in use, why, and whether it answers
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  {program} store\n  {program} store --store mongodb://127.0.0.1:27017 --format json"
)]
pub(crate) struct AboutStore {
    #[command(flatten)]
    form: Form,
}

#[derive(Serialize)]
struct StoreJson {
    store: String,
    chosen_by: String,
    answers: bool,
    #[serde(flatten)]
    description: Option<Description>,
}

impl AboutStore {
    /// Prints what is known even where the store does not answer, and fails then.
    pub(crate) async fn run<D: Domain>(self, store: &impl Store<D>, reason: &str) -> Result<()> {
        self.form.has(&["store", "chosen_by", "answers", "server", "topology"])?;
        let (description, failed) = match store.describe().await {
            Ok(description) => (Some(description), None),
            Err(error) => (None, Some(error)),
        };
        let (store, chosen_by) = (store.name().to_owned(), reason.to_owned());
        let record = StoreJson { store, chosen_by, answers: failed.is_none(), description };
        print(&self.form, &record, |out| {
            writeln!(out, "store      {}\nchosen by  {}", plain(&record.store), plain(&record.chosen_by))?;
            match &record.description {
                None => writeln!(out, "answers    no"),
                Some(Description { server, topology, .. }) => {
                    writeln!(out, "answers    yes\nserver     {server}\ntopology   {topology}")
                }
            }
        })?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}
