//! `basket store`: which store is in force, why, and whether it answers.

use anyhow::Result;
use basket_mongo::EventLog;
use serde::Serialize;

use crate::{
    choice::Choice,
    output::{Format, Output},
    store::{Description, Store},
};

/// Say which store is in force, why, and whether it answers
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket store\n  basket store --store mongodb://127.0.0.1:27017 --format json")]
pub struct AboutStore {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Told {
    store: String,
    chosen_by: String,
    answers: bool,
    #[serde(flatten)]
    description: Option<Description>,
}

impl AboutStore {
    /// Says what is known also of a store that does not answer, and fails then.
    pub(super) async fn run(self, choice: &Choice, store: &Store) -> Result<()> {
        let (description, failed) = match store.describe().await {
            Ok(description) => (Some(description), None),
            Err(error) => (None, Some(error)),
        };
        let told =
            Told { store: store.name(), chosen_by: choice.reason.to_string(), answers: failed.is_none(), description };
        let mut output = Output::one(self.format);
        output.show(&told, |out| {
            writeln!(out, "store      {}\nchosen by  {}", told.store, told.chosen_by)?;
            match &told.description {
                None => writeln!(out, "answers    no"),
                Some(Description { server, topology }) => {
                    writeln!(out, "answers    yes\nserver     {server}\ntopology   {topology}")
                }
            }
        })?;
        output.finish()?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}
