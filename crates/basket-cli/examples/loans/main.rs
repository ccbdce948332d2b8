//! What a library lends: a program of its own, with all the tools of `basket`. It uses nothing but the three crates, as a program
//! outside of this repository does; `scripts/test-packed` builds it there.
//!
//! ```sh
//! cargo run -p basket-cli --example loans -- lend 'Moby Dick' ann --until 2026-12-24 --store loans.db
//! cargo run -p basket-cli --example loans -- log 'Moby Dick' --store loans.db
//! ```

mod loan;

use std::process::ExitCode;

use basket_cli::{Commands, failed, store::Store};
use clap::Subcommand;
use jiff::civil::Date;

use loan::{Loan, Loans};

/// What happens at the desk.
#[derive(Debug, Subcommand)]
enum Desk {
    /// Lend a book to a reader
    Lend {
        book: String,
        to: String,
        #[arg(long)]
        until: Date,
    },
    /// Renew a loan until a later day
    Renew {
        book: String,
        #[arg(long)]
        until: Date,
    },
    /// Take a book back; a day too late costs 20 cents
    Return {
        book: String,
        #[arg(long)]
        on: Date,
    },
    /// Take the money for a book that came too late
    Pay { book: String, cents: i64 },
}

impl Commands<Loans> for Desk {
    async fn run(self, store: &impl Store<Loans>) -> anyhow::Result<()> {
        let done = match self {
            Self::Lend { book, to, until } => store.command(&book).run(|loan: &Loan| loan.lend(&to, until)).await,
            Self::Renew { book, until } => store.command(&book).run(|loan| loan.renew(until)).await,
            Self::Return { book, on } => store.command(&book).run(|loan| loan.take_back(on)).await,
            Self::Pay { book, cents } => store.command(&book).run(|loan| loan.pay(cents)).await,
        };
        done.map(drop).map_err(failed)
    }
}

fn main() -> ExitCode {
    let program = clap::Command::new("loans").about("What a library lends, and what it costs to be late");
    basket_cli::tools::<Loans>().with::<Desk>().main(program)
}
