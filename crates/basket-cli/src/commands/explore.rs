//! `explore`: the streams on a full screen. The screens are in [`explore`](crate::explore); this file has the arguments.

use anyhow::Result;

use crate::{
    domain::{Domain, Id},
    explore::run::run,
    named::{Named, find_if_named, stream},
    secrets::Secrets,
    signature::Signature,
    store::Store,
};

/// Look at {streams} and their past on a full screen, live
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} explore\n  {program} explore {id}\n\n\
                        Keys, all of which `?` shows:\n  \
                        ↑ ↓ Enter     the list: move, open a {stream}\n  \
                        /  p          find by a part of the id; only {streams} that hold a {row}\n  \
                        ← → Home End  a {stream}: move through its past, which is shown beside it\n  \
                        /  m  d       only some events; mark one end of a diff; the event's document\n  \
                        u  U          undo this event, or all that followed it; both ask first\n  \
                        y             copy the id\n  \
                        q  Ctrl-Z     back, or leave; to the shell, until its `fg`\n\n\
                        New events appear as they are written. NO_COLOR=1 turns colours off.")]
pub struct Explore<D: Domain> {
    /// The {stream}: its id, such as {id}, the beginning of it, or @ for the one used last
    #[arg(value_parser = stream::<D>)]
    id: Option<Named<Id<D>>>,
    #[command(flatten)]
    signature: Signature,
}

impl<D: Domain> Explore<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        Secrets::of(store)?;
        let id = find_if_named(store, self.id.as_ref()).await?;
        run(store, &self.signature, id).await
    }
}
