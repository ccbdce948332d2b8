//! What this process is asked to do: a command on baskets, or a tool on a collection whose domain is not known here. The words of the
//! command line become a [`Call`], and a call chooses the store and runs.

use std::{
    env,
    error::Error,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::Result;
use basket_mongo::{Baskets, Until};
use clap::{
    CommandFactory, FromArgMatches,
    error::{ContextKind, ErrorKind},
};

use super::{Args, Command, LIMIT, collection, command_line};
use crate::{
    choice::{self, Choice, Location},
    embedded::EmbeddedStore,
    exit::{self, Failure},
    help,
    output::unwritten,
    unseen::Unseen,
};

/// What this process is asked to do.
pub(crate) enum Call {
    Baskets(Args),
    /// On a collection of a domain that is not known here.
    Unseen(collection::Args),
}

/// The arguments of this process. After `--help`, `--version` or a mistake, all is printed and the exit code is returned.
pub(crate) fn parse() -> Result<Call, ExitCode> {
    // What an id is, and which types of events there are, differs: it is said before anything is parsed.
    let is_collection = |argument: &str| argument == "--collection" || argument.starts_with("--collection=");
    let mut arguments =
        env::args_os().map_while(|argument| argument.into_string().ok()).take_while(|text| text != "--");
    match arguments.any(|argument| is_collection(&argument)) {
        true => {
            let program = || help::in_words_of::<Unseen>(collection::Args::program(collection::Args::command()));
            parsed(program).map(Call::Unseen)
        }
        false => parsed(command_line).map(Call::Baskets),
    }
}

/// The arguments as one of the two takes them.
fn parsed<A: CommandFactory + FromArgMatches>(in_words: impl Fn() -> clap::Command) -> Result<A, ExitCode> {
    let parsed = |program: clap::Command| program.try_get_matches().and_then(|matches| A::from_arg_matches(&matches));
    // The words of the domain are for who reads the help: to put them into all texts takes as long as all else at a start.
    let parsed = parsed(A::command()).or_else(|answer| match answer.kind() {
        ErrorKind::DisplayVersion => Err(answer),
        _ => parsed(in_words()),
    });
    parsed.map_err(|error| {
        match error.kind() {
            // One line that names the value, the argument and the reason; the value can't break the line.
            ErrorKind::ValueValidation => {
                let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
                let (value, argument) = (context(ContextKind::InvalidValue), context(ContextKind::InvalidArg));
                let why = error.source().map(ToString::to_string).unwrap_or_default();
                exit::complain(&format!("invalid value {value:?} for '{argument}': {why}"), exit::USAGE)
            }
            _ => match error.print().and_then(|()| io::stdout().flush()) {
                Err(full) if !error.use_stderr() => exit::report(&unwritten(full).into()),
                // Where standard error can't be written, there is no other place to say so.
                _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE)),
            },
        }
    })
}

impl Call {
    /// Whether it may read every event there is.
    pub(crate) fn is_a_pass(&self) -> bool {
        match self {
            Self::Baskets(Args { command: Command::Tool(tool), .. }) => tool.is_a_pass(),
            Self::Baskets(Args { command, .. }) => matches!(command, Command::Report(_)),
            Self::Unseen(collection::Args { tool, .. }) => tool.is_a_pass(),
        }
    }

    pub(crate) async fn run(self) -> Result<()> {
        let (timeout, goes_on) = match &self {
            Self::Baskets(Args { common, command: Command::Tool(tool) }) => (common.timeout, tool.goes_on()),
            Self::Baskets(Args { common, .. }) => (common.timeout, false),
            Self::Unseen(collection::Args { common, tool }) => (common.timeout, tool.goes_on()),
        };
        if timeout.is_some() && goes_on {
            let why = "it goes on until it is ended, so it takes no --timeout; `timeout` of your shell ends it";
            return Err(Failure(exit::USAGE, why.into()).into());
        }
        match self {
            Self::Baskets(args) => args.run().await,
            Self::Unseen(args) => args.run().await,
        }
    }
}

impl Args {
    async fn run(self) -> Result<()> {
        let Self { common, command } = self;
        if let Command::Completions(completions) = command {
            return completions.run(&mut command_line());
        }
        let limit = common.timeout.or(command.changes().then_some(LIMIT));
        let Choice { location, reason } = choice::choose(common.store.as_deref())?;
        let until = limit.unwrap_or(Duration::MAX);
        match location {
            Location::File(path) => {
                let store = EmbeddedStore::<Baskets>::at(path);
                command.run(&Until::new(store, until), &reason).await
            }
            #[cfg(feature = "mongodb")]
            Location::Mongo(address) => {
                let store = crate::mongo::open(&address, &reason, limit).await?;
                command.run(&Until::new(store, until), &reason).await
            }
            #[cfg(not(feature = "mongodb"))]
            Location::Mongo(_) => anyhow::bail!("this basket was built without MongoDB (its feature `mongodb`)"),
        }
    }
}
