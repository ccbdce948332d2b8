//! `basket explore`: the baskets on a full screen. Its rooms are in [`explore`](crate::explore).

use anyhow::Result;
use basket_domain::BasketId;

use crate::{args::ID_HELP, explore::run::run, store::Store};

/// Look at baskets and their past on a full screen, live
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket explore\n  basket explore 5ab69073421aa917e62b4734\n\n\
                        Keys, all of which `?` shows:\n  \
                        ↑ ↓ Enter     the list: move, open a basket\n  \
                        /  p          find by a part of the id; only baskets that hold a product\n  \
                        ← → Home End  a basket: slide through its past, which is shown beside it\n  \
                        m  d          mark one end of a diff; the event's document as it is stored\n  \
                        q             back, or leave\n\n\
                        New events appear as they are written. NO_COLOR=1 takes the colours away.")]
pub struct Explore {
    #[arg(help = ID_HELP)]
    id: Option<BasketId>,
}

impl Explore {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        run(store, self.id).await
    }
}
