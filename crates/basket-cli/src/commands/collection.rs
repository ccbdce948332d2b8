//! `--collection NAME`: the tools that only read, on a collection of events whose domain this program has never seen.

use std::{env, process::ExitCode};

use anyhow::Result;
use basket_mongo::{Baskets, Codec};

use super::{
    Tool,
    basket::{COLLECTION, program},
};
use crate::{
    embedded::EmbeddedStore,
    exit::{self, Failure},
    program::{self, Call, Command, NoCommands, Place},
    unseen::{Key, Unseen},
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

async fn run(call: Call<Unseen, NoCommands>) -> Result<()> {
    let name = call.matches.get_one::<String>(COLLECTION).cloned().unwrap_or_default();
    let (reads, shows_a_state) = match &call.command {
        Command::Tool(tool) => (tool.reads(), tool.shows_a_state()),
        other => (matches!(other, Command::Store(_)), false),
    };
    if !reads {
        let why = format!(
            "with --collection a program only reads, as the rules of '{name}' are not known here; it has {}",
            READS.join(", ")
        );
        return Err(Failure(exit::USAGE, why).into());
    }
    Unseen::is_in(&name);
    call.run(Baskets::COLLECTION, async |place| key(&name, place).await.map(Unseen::has)).await?;
    if shows_a_state {
        exit::note(&format!(
            "the rules of '{name}' are not known here: each path of the data has the value that was written last"
        ));
    }
    Ok(())
}

/// Where the ids of a collection are.
async fn key(name: &str, place: &Place<Unseen>) -> Result<Key> {
    match place {
        Place::File(path, _) => {
            let kinds = EmbeddedStore::<Unseen>::at(path).kinds().await?;
            let there: Vec<_> = kinds.iter().map(|kind| kind.name.clone()).collect();
            let kind = kinds.into_iter().find(|kind| kind.name == name);
            let kind = kind.ok_or_else(|| none(name, &path.display().to_string(), &there))?;
            Ok(Key { example: kind.example(), field: kind.key })
        }
        #[cfg(feature = "mongodb")]
        Place::Mongo(store) => match crate::mongo::an_event(store).await? {
            (Some(event), _) => crate::mongo::key_of(name, event),
            (None, names) => Err(none(name, basket_mongo::EventStore::name(store), &names)),
        },
    }
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
