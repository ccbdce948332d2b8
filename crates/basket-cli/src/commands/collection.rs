//! `--collection NAME`: the tools that only read, on a collection of events whose domain this program has never seen.

use std::{env, process::ExitCode, time::Duration};

use anyhow::Result;
use basket_mongo::Until;

use super::{
    Tool,
    basket::{COLLECTION, program},
};
use crate::{
    choice::{self, Choice, Location},
    embedded::EmbeddedStore,
    exit::{self, Failure},
    program::{self, Call, Command, NoCommands},
    unseen::{self, Unseen},
};

const HELP: &str = "\
Any collection of events will do that has a field for the stream's id beside version, type and
data. A state is every path of the data with the value that was written there last: the rules of
the domain are not known here, so nothing is decided, and nothing can be written.

Examples:
  basket --collection loans list
  basket --collection loans log ID --oneline
  basket --collection loans diff ID 3..
  basket --collection loans bisect ID --when \"rows['address.city'] == 'Bonn'\"
  basket --collection loans verify";

/// Whether a collection is named. That is looked for before anything is parsed: what an id is, and which types of events there are,
/// differs.
pub(crate) fn is_named() -> bool {
    let option = format!("--{COLLECTION}");
    let is_option =
        |text: &str| text.strip_prefix(&option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
    let arguments = env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    arguments.take_while(|text| text != "--").any(|text| is_option(&text))
}

/// Does what the arguments of this process ask for.
pub(crate) fn main() -> ExitCode {
    let whole = || {
        let program =
            program::whole::<Unseen, NoCommands>(program().about("The events of any collection").after_help(HELP));
        program.mut_subcommands(|tool| {
            let is_shown = READS.contains(&tool.get_name());
            tool.hide(!is_shown)
        })
    };
    program::main(whole, run)
}

async fn run(Call { common, command, matches }: Call<Unseen, NoCommands>) -> Result<()> {
    let name = matches.get_one::<String>(COLLECTION).map(String::as_str).unwrap_or_default();
    let (reads, shows_a_state) = match &command {
        Command::Tool(tool) => (tool.reads(), tool.shows_a_state()),
        _ => (matches!(command, Command::Store(_)), false),
    };
    if !reads {
        let why = format!(
            "with --collection a program only reads, as the rules of '{name}' are not known here; it has {}",
            READS.join(", ")
        );
        return Err(Failure(exit::USAGE, why).into());
    }
    let limit = command.limit(&common)?;
    let Choice { location, reason } = choice::choose(common.store.as_deref(), "baskets")?;
    let until = limit.unwrap_or(Duration::MAX);
    Unseen::is_in(name);
    match location {
        Location::File(path) => {
            let kinds = EmbeddedStore::<Unseen>::at(&path).kinds().await?;
            let Some(kind) = kinds.iter().find(|kind| kind.name == name) else {
                let there: Vec<_> = kinds.into_iter().map(|kind| kind.name).collect();
                return Err(none(name, &path.display().to_string(), &there));
            };
            Unseen::has(unseen::Key { field: kind.key.clone(), example: kind.example() });
            command.run(&Until::new(EmbeddedStore::at(path), until), &reason).await?;
        }
        #[cfg(feature = "mongodb")]
        Location::Mongo(address) => {
            let store = crate::mongo::open::<Unseen>(&address, &reason, limit).await?;
            let (event, names) = crate::mongo::an_event(&store).await?;
            let Some(event) = event else {
                return Err(none(name, basket_mongo::EventStore::name(&store), &names));
            };
            Unseen::has(crate::mongo::key_of(name, event)?);
            command.run(&Until::new(store, until), &reason).await?;
        }
        #[cfg(not(feature = "mongodb"))]
        Location::Mongo(_) => anyhow::bail!("this basket was built without MongoDB (its feature `mongodb`)"),
    }
    if shows_a_state {
        exit::note(&format!(
            "the rules of '{name}' are not known here: each path of the data has the value that was written last"
        ));
    }
    Ok(())
}

fn none(name: &str, store: &str, there: &[String]) -> anyhow::Error {
    let there = match there {
        [] => "there are none of others either".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    Failure(exit::NOT_FOUND, format!("{store} has no events in '{name}'; {there}")).into()
}

/// The tools that only read, as the command line calls them.
const READS: [&str; 14] = [
    "get", "list", "log", "show", "diff", "blame", "what-if", "bisect", "watch", "explore", "browse", "verify",
    "export", "store",
];

impl Tool<Unseen> {
    fn reads(&self) -> bool {
        matches!(
            self,
            Self::Get(_)
                | Self::List(_)
                | Self::Log(_)
                | Self::Show(_)
                | Self::Diff(_)
                | Self::Blame(_)
                | Self::WhatIf(_)
                | Self::Bisect(_)
                | Self::Watch(_)
                | Self::Explore(_)
                | Self::Browse(_)
                | Self::Verify(_)
                | Self::Export(_)
        )
    }

    fn shows_a_state(&self) -> bool {
        matches!(self, Self::Get(_) | Self::Diff(_) | Self::Blame(_) | Self::WhatIf(_))
    }
}
