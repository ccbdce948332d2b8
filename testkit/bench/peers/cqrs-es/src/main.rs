//! A basket on cqrs-es, whose events the crate mongo-es keeps in MongoDB: one document per event, numbered.

#[path = "../../protocol/protocol.rs"]
mod protocol;

use std::collections::HashMap;

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{EventStoreAggregateContext, PersistedEventStore};
use cqrs_es::{Aggregate, CqrsFramework, DomainEvent, EventStore};
use mongo_es::{Client, MongoEventRepository, default_mongo_client};
use protocol::{Failure, Items, Peer, answer, exit};
use serde::{Deserialize, Serialize};
use serde_json::json;

const DATABASE: &str = "bench_peers_cqrs_es";

type Store = PersistedEventStore<MongoEventRepository, Basket>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Event {
    BasketCreated,
    ItemAdded { product: String, qty: u32 },
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        match self {
            Event::BasketCreated => "BasketCreated".into(),
            Event::ItemAdded { .. } => "ItemAdded".into(),
        }
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

struct AddItem(String);

#[derive(Default, Serialize, Deserialize)]
struct Basket {
    created: bool,
    items: Items,
}

impl Aggregate for Basket {
    const TYPE: &'static str = "basket";
    type Command = AddItem;
    type Event = Event;
    type Error = std::io::Error;
    type Services = ();

    async fn handle(&mut self, AddItem(product): AddItem, (): &(), sink: &EventSink<Self>) -> Result<(), Self::Error> {
        if !self.created {
            return Err(std::io::Error::other("there is no such basket"));
        }
        sink.write(added(product), self).await;
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::BasketCreated => self.created = true,
            Event::ItemAdded { product, qty } => *self.items.entry(product).or_default() += qty,
        }
    }
}

fn added(product: String) -> Event {
    Event::ItemAdded { product, qty: 1 }
}

struct CqrsEs {
    store: Store,
    framework: CqrsFramework<Basket, Store>,
    streams: usize,
}

impl CqrsEs {
    async fn new(client: &Client) -> Result<Self, Failure> {
        let store = async || Ok::<_, Failure>(Store::new_event_store(MongoEventRepository::new(client.clone()).await?));
        let framework = CqrsFramework::new(store().await?, vec![], ());
        Ok(CqrsEs { store: store().await?, framework, streams: 0 })
    }

    fn new_stream(&mut self) -> String {
        self.streams += 1;
        format!("basket-{}", self.streams)
    }

    /// Appends after an event of a known number. The framework itself has no way to append without a load, but its store has.
    async fn append_after(&self, stream: &str, current_sequence: usize, events: Vec<Event>) -> Result<(), Failure> {
        let context = EventStoreAggregateContext {
            aggregate_id: stream.into(),
            aggregate: Basket::default(), // read only by a store that keeps snapshots
            current_sequence,
            current_snapshot: None,
        };
        self.store.commit(events, context, HashMap::new()).await?;
        Ok(())
    }
}

impl Peer for CqrsEs {
    /// A stream and the number of its last event.
    type Basket = (String, usize);

    async fn create(&mut self) -> Result<(), Failure> {
        let stream = self.new_stream();
        self.append_after(&stream, 0, vec![Event::BasketCreated]).await
    }

    async fn filled(&mut self, events: usize) -> Result<Self::Basket, Failure> {
        let stream = self.new_stream();
        let items = (0..events - 1).map(|i| added(format!("product {}", i % 50)));
        self.append_after(&stream, 0, std::iter::once(Event::BasketCreated).chain(items).collect()).await?;
        Ok((stream, events))
    }

    async fn append(&mut self, (stream, last): &mut Self::Basket) -> Result<(), Failure> {
        self.append_after(stream, *last, vec![added("product 0".into())]).await?;
        *last += 1;
        Ok(())
    }

    async fn add(&mut self, (stream, _): &Self::Basket) -> Result<(), Failure> {
        Ok(self.framework.execute(stream, AddItem("product 0".into())).await?)
    }

    async fn load(&mut self, (stream, _): &Self::Basket) -> Result<Items, Failure> {
        Ok(self.store.load_aggregate(stream).await?.aggregate.items)
    }
}

#[tokio::main]
async fn main() {
    let server = std::env::var("BENCH_MONGO").unwrap_or_default();
    // mongo-es takes the database from the address and sets no concerns of its own, so these hold in every read and write.
    let address = format!("{}/{DATABASE}?w=majority&readConcernLevel=majority", server.trim_end_matches('/'));
    let client = default_mongo_client(&address).await;
    let database = client.default_database().expect("the address names one");
    let about = json!({
        "name": "cqrs-es 0.5, mongo-es",
        "versions": { "cqrs-es": "0.5.0", "mongo-es": "0.4.1" },
        "less": "events are read unsorted, in the order in which MongoDB finds them; an append of one event is a transaction too",
    });
    let result = async {
        database.drop().await?;
        let result = answer(CqrsEs::new(&client).await?, about).await;
        database.drop().await?;
        result
    };
    exit(result.await);
}
