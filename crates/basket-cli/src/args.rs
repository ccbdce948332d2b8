//! The command line: what can be said, and what is said of it in the help. It only parses; [`commands`](crate::commands) acts.

use std::{error::Error, num::NonZeroU32, process::ExitCode};

use basket_domain::{BasketId, Product};
use clap::{
    Parser, Subcommand, ValueEnum,
    error::{ContextKind, ErrorKind},
};
use clap_complete::Shell;

use crate::exit;

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
  A store is mongodb://..., mongodb+srv://... or the path of a file. `basket store` says which it is.

Exit codes:
  0  done
  1  something that should not happen
  2  the command line is wrong: a bad id, product, quantity or store
  3  there is no such basket
  4  the basket refuses: the product is not in it, or no more fit
  5  other writers were faster every time; try again
  6  the store can't be reached or can't do it
  7  an event in the store can't be read
  8  the store did not say whether the change was kept";

/// A shopping basket that stores what happened to it
#[derive(Debug, Parser)]
#[command(name = "basket", version, after_help = HELP, max_term_width = 100)]
pub struct Args {
    /// Where the events are kept: mongodb://..., mongodb+srv://... or a file
    #[arg(long, global = true, value_name = "STORE")]
    pub store: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a basket with a first product in it
    #[command(after_help = "Examples:\n  basket create socks\n  basket create socks --quantity 2 --format json")]
    Create {
        /// The first product
        product: Product,
        /// How many of it, from 1
        #[arg(short, long, value_name = "N", default_value = "1", value_parser = quantity, allow_negative_numbers = true)]
        quantity: NonZeroU32,
        /// How to print the new id
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Add a product to a basket; adding again accumulates
    #[command(
        after_help = "Examples:\n  basket add 5ab69073421aa917e62b4734 rocks\n  basket add 5ab69073421aa917e62b4734 rocks -q 3"
    )]
    Add {
        /// The basket: 24 hex digits, as `basket create` printed them
        id: BasketId,
        /// The product to add
        product: Product,
        /// How many of it, from 1
        #[arg(short, long, value_name = "N", default_value = "1", value_parser = quantity, allow_negative_numbers = true)]
        quantity: NonZeroU32,
    },
    /// Remove a product from a basket, all of it
    #[command(after_help = "Example:\n  basket remove 5ab69073421aa917e62b4734 socks")]
    Remove {
        /// The basket: 24 hex digits, as `basket create` printed them
        id: BasketId,
        /// The product to remove
        product: Product,
    },
    /// Show what is in a basket, in the order in which it came in
    #[command(
        after_help = "Examples:\n  basket get 5ab69073421aa917e62b4734\n  basket get 5ab69073421aa917e62b4734 --format json"
    )]
    Get {
        /// The basket: 24 hex digits, as `basket create` printed them
        id: BasketId,
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Say which store is in force, why, and whether it answers
    #[command(after_help = "Examples:\n  basket store\n  basket store --store mongodb://127.0.0.1:27017 --format json")]
    Store {
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print a completion script for your shell
    #[command(after_help = "Examples, for a folder that your shell looks into:\n  \
                      basket completions bash > ~/.local/share/bash-completion/completions/basket\n  \
                      basket completions zsh > ~/.zfunc/_basket\n  \
                      basket completions fish > ~/.config/fish/completions/basket.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// How to print an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// The arguments of this process; or, where they can't be acted on, the exit code after saying so.
///
/// # Errors
/// The exit code: 0 after `--help` and `--version`, 2 after a mistake.
pub fn parse() -> Result<Args, ExitCode> {
    Args::try_parse().map_err(|error| match error.kind() {
        // One line that says what and what to do, and that no value can break.
        ErrorKind::ValueValidation => {
            let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
            let (value, argument) = (context(ContextKind::InvalidValue), context(ContextKind::InvalidArg));
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            exit::complain(&format!("invalid value {value:?} for '{argument}': {why}"), exit::USAGE)
        }
        _ => {
            // Nobody listens any more where printing fails.
            error.print().ok();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE))
        }
    })
}

fn quantity(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("a quantity is a whole number from 1 to {}", u32::MAX))
}
