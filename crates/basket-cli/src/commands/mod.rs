//! The command line, one file for each command: its arguments, their help, and what it does. A command asks the domain and
//! the store and prints the answer; it keeps nothing between two calls. A new tool is one file, and one line in `tools!`.

mod call;
mod change;
mod cloud_event;
mod collection;
mod completions;
mod report;
mod store;
mod turn;

use std::time::Duration;

use anyhow::Result;
use basket_mongo::Baskets;
use clap::{CommandFactory, Parser, Subcommand, builder::NonEmptyStringValueParser};

use crate::{args::limit, domain::Domain, help, store::Store};

pub(crate) use call::parse;

/// What the program is called.
const NAME: &str = "basket";

const HELP: &str = "\
Examples:
  basket create socks                       prints the new basket's id
  basket add 5ab69073421aa917e62b4734 rocks -q 3
  basket get 5ab69073421aa917e62b4734

Where the events are kept, first found wins:
  1. --store STORE
  2. the environment variable BASKET_STORE
  3. a line BASKET_STORE=... in .env, here or in a folder above
  4. a file in your data folder
  A store is mongodb://..., mongodb+srv://... or the path of a file. `basket store` says which one is used.

As a FILE, `-` is standard input; as anything else it is refused.

Exit codes:
  0  done
  1  something that should not happen
  2  the command line is wrong: a bad id, product, quantity, voucher or store
  3  there is no such basket, version or moment
  4  refused: the product is not in the basket, no more fit, the voucher was redeemed, the
     basket is not at the version of --if-version, histories differ, or a receiver does not want
     an event
  5  other writers were faster every time; try again
  6  the store, or what events are forwarded to, can't be reached or can't do it
  7  an event in the store, the store's file, or a line of an import, can't be read
  8  the store did not say whether the change was kept";

/// A shopping basket that stores what happened to it
#[derive(Debug, Parser)]
#[command(name = NAME, version, after_help = HELP, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
struct Common {
    /// Where the events are kept: mongodb://..., mongodb+srv://... or a file
    #[arg(long, global = true, value_name = "STORE", display_order = 101)]
    store: Option<String>,
    /// Give up after so long: seconds, or such as 500ms [default: 10 for a command that changes something; others end when
    /// the store stops answering]
    #[arg(long, global = true, value_name = "TIME", value_parser = limit, allow_negative_numbers = true, display_order = 102)]
    timeout: Option<Duration>,
    /// Read the events of this collection, of a domain that is not known here; `{program} --collection NAME --help` says more
    #[arg(long, global = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), display_order = 103)]
    collection: Option<String>,
}

/// How long a command that changes a stream waits for all its answers: about as long as a set needs to elect a new primary.
const LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, Subcommand)]
enum Command {
    Create(change::Create),
    Add(change::Add),
    Remove(change::Remove),
    Merge(change::Merge),
    #[command(flatten)]
    Tool(Tool<Baskets>),
    /// Ask a question about all the baskets
    #[command(subcommand, after_help = "Example:\n  basket report removed --product clocks")]
    Report(report::Report),
    Store(store::AboutStore),
    Completions(completions::Completions),
}

macro_rules! tools {
    ($($file:ident: $($name:ident)+,)*) => {
        $(mod $file;)*

        /// The commands that work for any domain.
        #[derive(Debug, Subcommand)]
        #[allow(missing_docs, reason = "each is documented where its arguments are")]
        pub enum Tool<D: Domain> {
            $($($name($file::$name<D>),)+)*
        }

        impl<D: Domain> Tool<D> {
            /// Runs the tool on a store and prints the answer; an error is in words for the user.
            pub async fn run(self, store: &impl Store<D>) -> Result<()> {
                let done = match self {
                    $($(Self::$name(command) => command.run(store).await,)+)*
                };
                archive::or_archived(store, done).await
            }
        }
    };
}

// The file of each tool, and the commands in it.
tools! {
    get: Get,
    list: List,
    log: Log,
    diff: Diff,
    blame: Blame,
    undo: Revert Restore,
    what_if: WhatIf,
    watch: Watch,
    explore: Explore,
    browse: Browse,
    project: Project,
    rebuild: Rebuild,
    feed: Feed,
    forward: Forward,
    forget: Forget Rekey,
    verify: Verify,
    snapshot: Snapshot,
    export: Export,
    import: Import,
    archive: Archive,
    init: Init,
}

impl<D: Domain> Tool<D> {
    /// Adds the tools to a program as its subcommands, with their help in the words of the domain.
    pub fn command(program: clap::Command) -> clap::Command {
        help::in_words_of::<D>(Self::augment_subcommands(program))
    }
}

fn command_line() -> clap::Command {
    help::in_words_of::<Baskets>(Args::command())
}

impl<D: Domain> Tool<D> {
    /// Whether it may read every event there is.
    fn is_a_pass(&self) -> bool {
        matches!(self, Self::List(_) | Self::Browse(_) | Self::Verify(_) | Self::Export(_))
    }

    /// Whether it shows what happens for as long as the user likes.
    fn goes_on(&self) -> bool {
        matches!(self, Self::Watch(_) | Self::Explore(_) | Self::Browse(_) | Self::Project(_) | Self::Forward(_))
    }
}

impl Command {
    /// Whether it changes one stream, or waits for that, and has no more to do.
    fn changes(&self) -> bool {
        let waits = matches!(self, Self::Tool(Tool::Feed(feed)) if feed.waits());
        let forgets = matches!(self, Self::Tool(Tool::Forget(forget)) if forget.is_short());
        waits
            || forgets
            || matches!(
                self,
                Self::Create(_)
                    | Self::Add(_)
                    | Self::Remove(_)
                    | Self::Merge(_)
                    | Self::Tool(Tool::Revert(_) | Tool::Restore(_))
            )
    }

    async fn run(self, store: &impl Store<Baskets>, reason: &str) -> Result<()> {
        let done = match self {
            Self::Tool(tool) => return tool.run(store).await,
            Self::Create(command) => command.run(store).await,
            Self::Add(command) => command.run(store).await,
            Self::Remove(command) => command.run(store).await,
            Self::Merge(command) => command.run(store).await,
            Self::Report(command) => command.run(store).await,
            Self::Store(command) => command.run(store, reason).await,
            Self::Completions(command) => command.run(&mut command_line()),
        };
        archive::or_archived(store, done).await
    }
}
