//! What the fold of an event costs, without a server: `cargo run --release -p basket-mongo --example fold`. Beside it the least that
//! a program could do with the same documents: it trusts them, and adds numbers up.

use std::{collections::HashMap, env, error::Error, time::Instant};

use basket_domain::{Basket, BasketId, EventSourced, Product};
use basket_mongo::{
    Baskets, Commit,
    store::document::{RecordedEvent, new_events},
};
use bson::{DateTime, RawBsonRef, RawDocument, RawDocumentBuf};

/// Events in the stream, and different products among them.
const EVENTS: usize = 1_000;
const PRODUCTS: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let documents = stream()?;
    let rounds: usize = env::args().nth(2).map_or(Ok(300), |rounds| rounds.parse())?;
    let which = env::args().nth(1).unwrap_or_default();
    for (name, fold) in [("floor", least as fn(&[RawDocumentBuf]) -> _), ("ours", ours)] {
        if which.is_empty() || which == name {
            let start = Instant::now();
            for _ in 0..rounds {
                assert_eq!(fold(&documents)?, (EVENTS - 1) as u64);
            }
            println!("{name:6} {:7.1} ns an event", start.elapsed().as_secs_f64() * 1e9 / (rounds * EVENTS) as f64);
        }
    }
    Ok(())
}

fn ours(documents: &[RawDocumentBuf]) -> Result<u64, Box<dyn Error>> {
    let mut root = EventSourced::<Basket>::new(BasketId::from_bytes([7; 12]));
    for document in documents {
        root = RecordedEvent::from_document(RawBsonRef::Document(document))?.replay_onto::<Baskets>(root)?;
    }
    Ok(root.state().items().map(|(_, quantity)| u64::from(quantity)).sum())
}

fn least(documents: &[RawDocumentBuf]) -> Result<u64, Box<dyn Error>> {
    let (mut next, mut items) = (1, HashMap::<String, i64>::new());
    for document in documents {
        let (mut version, mut kind, mut data) = (0, "", RawDocument::from_bytes(b"\x05\0\0\0\0")?);
        for (name, value) in document.iter().flatten() {
            match name.as_str() {
                "version" => version = value.as_i64().unwrap_or_default(),
                "type" => kind = value.as_str().unwrap_or_default(),
                "data" => data = value.as_document().unwrap_or(data),
                _ => {}
            }
        }
        assert_eq!(version, next);
        next += 1;
        if kind == "ItemAdded" {
            let (product, qty) = (data.get_str("product")?, data.get_i64("qty")?);
            match items.get_mut(product) {
                Some(total) => *total += qty,
                None => drop(items.insert(product.to_owned(), qty)),
            }
        }
    }
    Ok(items.values().sum::<i64>() as u64)
}

fn stream() -> Result<Vec<RawDocumentBuf>, Box<dyn Error>> {
    let id = BasketId::from_bytes([7; 12]);
    let mut basket = EventSourced::<Basket>::new(id);
    basket.decide(|basket| basket.create(id))?;
    for place in 1..EVENTS {
        let product = Product::new(&format!("product {}", place % PRODUCTS))?;
        basket.decide(|basket| basket.add_item(&product, std::num::NonZeroU32::MIN))?;
    }
    let (commit, now) = (Commit::default(), DateTime::now());
    let document = |event: basket_mongo::store::document::NewEvent| {
        RawDocumentBuf::try_from(&event.document::<Baskets>(&id)).map_err(Into::into)
    };
    new_events::<Baskets>(0, &commit, now, basket.new_events()).into_iter().map(document).collect()
}
