//! `basket get`: what is in a basket, now or then.

use anyhow::Result;
use basket_domain::{Basket, BasketId, EventSourced};
use basket_mongo::{EventLog, EventStore, Moment, Past};
use bson::DateTime;
use serde::Serialize;

use crate::{
    args::{ID_HELP, version},
    exit,
    output::{Format, Output},
    store::Store,
    time,
};

/// Show what is in a basket, in the order in which it came in; or what was in it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket get 5ab69073421aa917e62b4734\n  \
                        basket get 5ab69073421aa917e62b4734 --format json\n  \
                        basket get 5ab69073421aa917e62b4734 --version 3\n  \
                        basket get 5ab69073421aa917e62b4734 --at '2 hours ago'\n  \
                        basket get 5ab69073421aa917e62b4734 --at 2026-11-24T18:00:00Z")]
pub struct Get {
    #[arg(help = ID_HELP)]
    id: BasketId,
    /// As it was after this many events; `basket log` has the numbers
    #[arg(long, value_name = "N", value_parser = version, conflicts_with = "at")]
    version: Option<u64>,
    /// As it was at this time: RFC 3339, a date, or such as '2 hours ago'
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    at: Option<DateTime>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Shown<'a> {
    id: String,
    version: u64,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
pub(super) struct Item<'a> {
    product: &'a str,
    quantity: u32,
}

/// The items of a basket, for JSON.
pub(super) fn items(basket: &Basket) -> Vec<Item<'_>> {
    basket.items().map(|(product, quantity)| Item { product: product.as_str(), quantity }).collect()
}

impl Get {
    pub(super) async fn run(self, store: &Store) -> Result<()> {
        let moment = self.version.map(Moment::Version).or(self.at.map(Moment::Time));
        let Some(moment) = moment else { return show(&store.get(&self.id).await?, self.format) };
        let past = store.past(&self.id, moment).await?;
        show(&past.root, self.format)?;
        tell_how_far_behind(&past);
        Ok(())
    }
}

fn show(basket: &EventSourced<Basket>, format: Format) -> Result<()> {
    let state = basket.state();
    let shown = Shown { id: basket.id().to_string(), version: basket.version(), items: items(state) };
    let mut output = Output::one(format);
    output.show(&shown, |out| {
        state.items().try_for_each(|(product, quantity)| writeln!(out, "{product} = {quantity}"))
    })?;
    output.finish()?;
    if format == Format::Text && state.items().len() == 0 {
        exit::note(&format!("basket '{}' is empty", basket.id()));
    }
    Ok(())
}

fn tell_how_far_behind(past: &Past<EventSourced<Basket>>) {
    let (version, head) = (past.root.version(), past.head);
    let written =
        format!("its last event was written at {}, {}", time::local(past.recorded_at), time::ago(past.recorded_at));
    exit::note(&match head - version {
        0 => format!("this is version {version}, the newest; {written}"),
        behind => format!("this is the past: version {version} of {head}, {behind} behind now; {written}"),
    });
    tell_out_of_order(past);
}

/// Says where the past at a time is not all that was written before it.
pub(super) fn tell_out_of_order<R>(past: &Past<R>) {
    if let Some(later) = past.out_of_order {
        exit::note(&format!(
            "the clocks of the writers disagree: version {later} is of an earlier time than one before it, and is left out"
        ));
    }
}
