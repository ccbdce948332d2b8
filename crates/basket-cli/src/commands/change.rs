//! `basket create`, `add`, `remove` and `merge`: the domain decides, and the store keeps the events.

use std::num::NonZeroU32;

use anyhow::{Context, Result};
use basket_domain::{Basket, BasketEvent, BasketId, EventSourced, Product, Refusal, Voucher};
use basket_mongo::{Baskets, CommandError, Done, Entry, EventStore, Query, Require, Together, baskets::voucher_tag};
use bson::oid::ObjectId;
use sha2::{Digest, Sha256};

use super::archive::is_archived;
use crate::{
    args::{product, quantity, voucher},
    delivery::{Delivery, Unchanged, in_words, outcome, outcome_fields},
    domain::Domain,
    exit::{Failure, REFUSED, USAGE},
    last,
    named::{Named, find, stream},
    near::did_you_mean,
    output::{Fields, Form, json, print},
    plain::plain,
    store::{Store, snapshotted},
};

/// Create a basket with a first product in it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket create socks\n  basket create socks --quantity 2 --format json\n  \
                        basket create socks --request-id 4f1c2a")]
pub(crate) struct Create {
    #[command(flatten)]
    item: Item,
    #[command(flatten)]
    delivery: Delivery,
    #[command(flatten)]
    form: Form,
}

/// Add a product to a basket; adding again accumulates
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket add 5ab69073421aa917e62b4734 rocks\n  \
                        basket add 5ab69073421aa917e62b4734 rocks -q 3 -m 'they called'\n  \
                        basket add 5ab69073421aa917e62b4734 rocks --request-id 4f1c2b\n  \
                        basket add 5ab69073421aa917e62b4734 rocks --voucher SPRING-26")]
pub(crate) struct Add {
    /// The basket: its id, as `basket create` printed it, the beginning of it, or @ for the one used last
    #[arg(value_parser = stream::<Baskets>)]
    id: Named<BasketId>,
    #[command(flatten)]
    item: Item,
    /// Redeem a voucher with it, which is good for one basket of all
    #[arg(long, value_name = "CODE", value_parser = voucher)]
    voucher: Option<Voucher>,
    #[command(flatten)]
    unchanged: Unchanged,
    #[command(flatten)]
    delivery: Delivery,
    #[command(flatten)]
    form: Form,
}

/// So much of a product.
#[derive(Debug, clap::Args)]
struct Item {
    /// The product to add
    #[arg(value_parser = product)]
    product: Product,
    /// How many of it, from 1
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = quantity, allow_negative_numbers = true)]
    quantity: NonZeroU32,
}

/// Remove a product from a basket, all of it
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "rm",
    after_help = "Examples:\n  basket remove 5ab69073421aa917e62b4734 socks\n  \
                        basket remove 5ab69073421aa917e62b4734 socks --if-version 9"
)]
pub(crate) struct Remove {
    /// The basket: its id, as `basket create` printed it, the beginning of it, or @ for the one used last
    #[arg(value_parser = stream::<Baskets>)]
    id: Named<BasketId>,
    /// The product to remove
    #[arg(value_parser = product)]
    product: Product,
    #[command(flatten)]
    unchanged: Unchanged,
    #[command(flatten)]
    delivery: Delivery,
    #[command(flatten)]
    form: Form,
}

/// Move all that is in one basket into another, at once
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basket merge 5ab69073421aa917e62b4734 5ab69073421aa917e62b4735\n  \
                        basket merge 5ab69073421aa917e62b4734 5ab69073421aa917e62b4735 --request-id 4f1c2d\n\n\
                        Both are changed in one commit, or neither is. A voucher stays where it was redeemed.")]
pub(crate) struct Merge {
    /// The basket that gets all of it
    #[arg(value_name = "INTO", value_parser = stream::<Baskets>)]
    into: Named<BasketId>,
    /// The basket that is empty afterwards
    #[arg(value_name = "FROM", value_parser = stream::<Baskets>)]
    from: Named<BasketId>,
    #[command(flatten)]
    delivery: Delivery,
    #[command(flatten)]
    form: Form,
}

impl Create {
    pub(super) async fn run(self, store: &impl Store<Baskets>) -> Result<()> {
        self.form.has(&outcome_fields(&["id"]))?;
        let id = self.delivery.request_id.as_deref().map_or_else(new_id, id_of_request);
        // A new id is no one's; that of a request may be of a basket that was moved.
        if self.delivery.request_id.is_some()
            && let Some(archived) = store.archived(&id).await?
        {
            return Err(is_archived::<Baskets>(&id, &archived).into());
        }
        let command = self.delivery.of(store, store.command(&id).require(Require::New), None).await?;
        let done = command.run(|basket| self.decide(id, basket)).await?;
        self.delivery.note::<Baskets>(&done);
        last::note::<Baskets>(store.name(), &id);
        let mut record = vec![("id", json(&id.to_string()))];
        record.extend(outcome::<Baskets>(&done));
        print(&self.form, &Fields(record), |out| writeln!(out, "Created basket with id '{id}'"))
            // The basket is stored now; an id that was not printed would be lost.
            .with_context(|| format!("basket '{id}' is created, but its id could not be printed"))
    }

    /// Two decisions, one after the other.
    fn decide(&self, id: BasketId, basket: &Basket) -> Result<Vec<BasketEvent>, Refusal> {
        let mut basket = EventSourced::from_parts(id, basket.clone(), 0);
        basket.decide(|basket| basket.create(id))?;
        basket.decide(|basket| basket.add_item(&self.item.product, self.item.quantity))?;
        Ok(basket.take_new_events())
    }
}

fn new_id() -> BasketId {
    BasketId::from_bytes(ObjectId::new().bytes())
}

/// The id of the basket that a request creates: the same one each time, so that the store sees that it is there.
fn id_of_request(request: &str) -> BasketId {
    let [bytes @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _]: [u8; 32] =
        Sha256::digest(format!("basket create {request}")).into();
    BasketId::from_bytes(bytes)
}

impl Add {
    pub(super) async fn run(self, store: &impl Store<Baskets>) -> Result<()> {
        self.form.has(&outcome_fields(&["id"]))?;
        let Item { product, quantity } = &self.item;
        let id = &find(store, &self.id).await?;
        let quick = snapshotted(store, Baskets::STATE);
        let requirement = self.unchanged.requirement();
        let done = match &self.voucher {
            None => {
                let command = self.delivery.of(store, quick.command(id).require(requirement), None).await?;
                command.run(|basket| basket.add_item(product, *quantity)).await?
            }
            // Whether it was redeemed is known to no basket alone, so the decision is also on what has happened to it.
            Some(voucher) => {
                let command = quick.across([id]).given(Query::tagged([voucher_tag(voucher)])).require(requirement);
                let command = self.delivery.of(store, command, None).await?;
                let decide = |[basket]: [&Basket; 1], redeemed: &[Entry<Baskets>]| {
                    let mut events = basket.add_item(product, *quantity)?;
                    events.extend(basket.redeem(voucher, redeemed.iter().map(|entry| &entry.event))?);
                    Ok::<_, Refusal>([events])
                };
                let [done] = command.run(decide).await?;
                done
            }
        };
        show(store, &self.delivery, &self.form, *id, &done)
    }
}

impl Remove {
    pub(super) async fn run(self, store: &impl Store<Baskets>) -> Result<()> {
        self.form.has(&outcome_fields(&["id"]))?;
        let quick = snapshotted(store, Baskets::STATE);
        let id = find(store, &self.id).await?;
        let command = quick.command(&id).require(self.unchanged.requirement());
        let command = self.delivery.of(store, command, None).await?;
        let done = match command.run(|basket| basket.remove_item(&self.product)).await {
            Err(CommandError::Refused(refusal @ Refusal::NotInBasket { .. })) => {
                // Where nothing is near, or can't be asked, the refusal is as it is.
                let rows = quick.get(&id).await.map(|basket| Baskets::rows(basket.state())).unwrap_or_default();
                let names = rows.into_iter().map(|row| row.name);
                let Some(question) = did_you_mean(self.product.as_str(), names) else { return Err(refusal.into()) };
                return Err(Failure(REFUSED, format!("{refusal}; {question}")).into());
            }
            done => done?,
        };
        show(store, &self.delivery, &self.form, id, &done)
    }
}

/// As text, it prints nothing if all is well; as JSON, what has happened.
fn show(
    store: &impl Store<Baskets>,
    delivery: &Delivery,
    form: &Form,
    id: BasketId,
    done: &Done<Basket>,
) -> Result<()> {
    delivery.note::<Baskets>(done);
    last::note::<Baskets>(store.name(), &id);
    let mut record = vec![("id", json(&id.to_string()))];
    record.extend(outcome::<Baskets>(done));
    print(form, &Fields(record), |_| Ok(())).context("it is done, but could not be printed")
}

impl Merge {
    pub(super) async fn run(self, store: &impl Store<Baskets>) -> Result<()> {
        let Self { into, from, delivery, form } = self;
        form.has(&outcome_fields(&["id", "from", "from_version"]))?;
        let (into, from) = (find(store, &into).await?, find(store, &from).await?);
        if into == from {
            return Err(Failure(USAGE, "a basket can't be merged with itself; name another one".into()).into());
        }
        let quick = snapshotted(store, Baskets::STATE);
        let command = quick.across([&into, &from]).require(Require::Existing);
        let command = delivery.of(store, command, Some(format!("Merge {from} into {into}"))).await?;
        let [done, emptied] = command.run(|[into, from]| into.merge(from)).await?;
        delivery.note::<Baskets>(&done);
        last::note::<Baskets>(store.name(), &into);
        let mut record = vec![("id", json(&into.to_string())), ("from", json(&from.to_string()))];
        record.extend(outcome::<Baskets>(&done));
        record.push(("from_version", json(&emptied.root.version())));
        let words = in_words::<Baskets>(&done.events).join(", ");
        print(&form, &Fields(record), |out| match &*plain(&words) {
            "" => writeln!(out, "nothing to do: '{from}' is empty"),
            words => writeln!(out, "merged '{from}' into '{into}': {words}"),
        })
        .context("it is done, but could not be printed")
    }
}
