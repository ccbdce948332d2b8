//! The command line, one file for each command: its arguments, their help, and what it does. A command asks the domain and
//! the store and prints the answer; it keeps nothing between two calls. A new tool is one file, and one line in `tools!`.

pub(crate) mod basket;
mod change;
mod cloud_event;
pub(crate) mod collection;
pub(crate) mod completions;
mod each;
pub(crate) mod manual;
mod report;
pub(crate) mod store;
mod turn;

use anyhow::Result;
use clap::Subcommand;

use crate::{choice::Location, domain::Domain, store::Store};

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
    show: Show,
    diff: Diff,
    blame: Blame,
    bisect: Bisect,
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
    rehearse: Rehearse,
    snapshot: Snapshot,
    export: Export,
    import: Import,
    archive: Archive,
    init: Init,
}

impl<D: Domain> Tool<D> {
    /// Whether it may read every event there is.
    pub(crate) fn is_a_pass(&self) -> bool {
        matches!(
            self,
            Self::List(_)
                | Self::Show(_)
                | Self::Browse(_)
                | Self::Bisect(_)
                | Self::Verify(_)
                | Self::Rehearse(_)
                | Self::Export(_)
        )
    }

    /// Notes which store it runs on, for a program that it runs.
    pub(crate) fn runs_on(&mut self, location: &Location) {
        if let Self::Bisect(bisect) = self {
            bisect.runs_on(location);
        }
    }

    /// Whether it shows what happens for as long as the user likes.
    pub(crate) fn goes_on(&self) -> bool {
        matches!(self, Self::Watch(_) | Self::Explore(_) | Self::Browse(_) | Self::Project(_) | Self::Forward(_))
    }

    /// Whether it changes one stream, or waits for that, and has no more to do.
    pub(crate) fn changes(&self) -> bool {
        match self {
            Self::Revert(_) | Self::Restore(_) => true,
            Self::Feed(feed) => feed.waits(),
            Self::Forget(forget) => forget.is_short(),
            _ => false,
        }
    }
}
