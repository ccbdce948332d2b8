//! What each command does: the arguments go to the domain, its events to the store, the answer to standard output.

use std::io::{self, Write};

use anyhow::{Context, Result};
use basket_domain::{Basket, BasketId, EventSourced};
use basket_mongo::EventStore;
use bson::oid::ObjectId;
use clap::CommandFactory;
use serde::Serialize;

use crate::{
    args::{Args, Command, Format},
    choice::{self, Choice},
    exit,
    store::{Description, Store},
};

/// Carries out one command.
///
/// # Errors
/// What went wrong; [`exit::report`] tells people and gives the exit code.
pub async fn run(args: Args) -> Result<()> {
    if let Command::Completions { shell } = args.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Args::command(), "basket", &mut script);
        return Ok(io::stdout().write_all(&script)?);
    }
    let choice = choice::choose(args.store.as_deref())?;
    let store = Store::open(&choice.place).await.with_context(|| choice.reason.to_string())?;

    match args.command {
        Command::Create { product, quantity, format } => {
            let id = BasketId::from_bytes(ObjectId::new().bytes());
            let mut basket = EventSourced::<Basket>::new(id);
            basket.decide(|basket| basket.create(id))?;
            basket.decide(|basket| basket.add_item(&product, quantity))?;
            store.save(&mut basket).await?;
            let told = match format {
                Format::Text => writeln!(io::stdout(), "Created basket with id '{id}'").map_err(Into::into),
                Format::Json => json(&Created { id: id.to_string() }),
            };
            // It is there now; an id that nobody has read would be lost.
            told.with_context(|| format!("basket '{id}' is created, but its id could not be printed"))?;
        }
        Command::Add { id, product, quantity } => {
            store.handle(&id, |basket| basket.add_item(&product, quantity)).await?;
        }
        Command::Remove { id, product } => {
            store.handle(&id, |basket| basket.remove_item(&product)).await?;
        }
        Command::Get { id, format } => show(&store.get(&id).await?, format)?,
        Command::Store { format } => tell_store(&choice, &store, format).await?,
        Command::Completions { .. } => {}
    }
    Ok(())
}

#[derive(Serialize)]
struct Created {
    id: String,
}

#[derive(Serialize)]
struct Shown<'a> {
    id: String,
    version: u64,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    product: &'a str,
    quantity: u32,
}

fn show(basket: &EventSourced<Basket>, format: Format) -> Result<()> {
    let items = basket.state().items();
    match format {
        Format::Text => {
            let mut lines = io::BufWriter::new(io::stdout().lock());
            for (product, quantity) in items {
                writeln!(lines, "{product} = {quantity}")?;
            }
            lines.flush()?;
            if basket.state().items().len() == 0 {
                exit::note(&format!("basket '{}' is empty", basket.id()));
            }
            Ok(())
        }
        Format::Json => json(&Shown {
            id: basket.id().to_string(),
            version: basket.version(),
            items: items.map(|(product, quantity)| Item { product: product.as_str(), quantity }).collect(),
        }),
    }
}

#[derive(Serialize)]
struct StoreTold {
    store: String,
    chosen_by: String,
    answers: bool,
    #[serde(flatten)]
    description: Option<Description>,
}

/// Says what is known before it asks, so that a store that does not answer is named all the same.
async fn tell_store(choice: &Choice, store: &Store, format: Format) -> Result<()> {
    let description = store.describe().await;
    let told = StoreTold {
        store: store.name(),
        chosen_by: choice.reason.to_string(),
        answers: description.is_ok(),
        description: None,
    };
    let failed = match description {
        Err(error) => Some(error),
        Ok(description) if format == Format::Json => {
            return json(&StoreTold { description: Some(description), ..told });
        }
        Ok(Description { server, topology }) => {
            let StoreTold { store, chosen_by, .. } = told;
            writeln!(
                io::stdout(),
                "store      {store}\nchosen by  {chosen_by}\nanswers    yes\nserver     {server}\ntopology   {topology}"
            )?;
            return Ok(());
        }
    };
    match format {
        Format::Text => {
            writeln!(io::stdout(), "store      {}\nchosen by  {}\nanswers    no", told.store, told.chosen_by)?;
        }
        Format::Json => json(&told)?,
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

fn json(answer: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(answer)?;
    Ok(writeln!(io::stdout(), "{line}")?)
}
