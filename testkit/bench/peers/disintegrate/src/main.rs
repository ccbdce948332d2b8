//! A basket on disintegrate, which keeps events in PostgreSQL: there are no streams, and a query says which events a decision rests on.

#[path = "../../protocol/protocol.rs"]
mod protocol;

use disintegrate::serde::json::Json;
use disintegrate::{
    Decision, Event, EventSourcedStateStore, EventStore, LoadState, NoSnapshot, StateMutate, StateQuery, query,
};
use disintegrate_postgres::{PgDecisionMaker, PgEventId, PgEventStore, decision_maker};
use protocol::{Failure, Items, Peer, answer, exit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgPool;

type Store = PgEventStore<BasketEvent, Json<BasketEvent>>;

#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
enum BasketEvent {
    BasketCreated {
        #[id]
        basket_id: String,
    },
    ItemAdded {
        #[id]
        basket_id: String,
        product: String,
        qty: u32,
    },
}

#[derive(Default, Clone, StateQuery, Serialize, Deserialize)]
#[state_query(BasketEvent)]
struct Basket {
    #[id]
    basket_id: String,
    created: bool,
    items: Items,
}

impl Basket {
    fn new(basket_id: &str) -> Self {
        Basket { basket_id: basket_id.into(), ..Basket::default() }
    }
}

impl StateMutate for Basket {
    fn mutate(&mut self, event: BasketEvent) {
        match event {
            BasketEvent::BasketCreated { .. } => self.created = true,
            BasketEvent::ItemAdded { product, qty, .. } => *self.items.entry(product).or_default() += qty,
        }
    }
}

struct AddItem {
    basket_id: String,
    product: String,
}

impl Decision for AddItem {
    type Event = BasketEvent;
    type StateQuery = Basket;
    type Error = std::io::Error;

    fn state_query(&self) -> Basket {
        Basket::new(&self.basket_id)
    }

    fn process(&self, basket: &Basket) -> Result<Vec<BasketEvent>, Self::Error> {
        if !basket.created {
            return Err(std::io::Error::other("there is no such basket"));
        }
        Ok(vec![added(&self.basket_id, self.product.clone())])
    }
}

fn created(basket_id: &str) -> BasketEvent {
    BasketEvent::BasketCreated { basket_id: basket_id.into() }
}

fn added(basket_id: &str, product: String) -> BasketEvent {
    BasketEvent::ItemAdded { basket_id: basket_id.into(), product, qty: 1 }
}

struct Disintegrate {
    store: Store,
    states: EventSourcedStateStore<PgEventId, BasketEvent, Store, NoSnapshot>,
    decisions: PgDecisionMaker<BasketEvent, Json<BasketEvent>, NoSnapshot>,
    baskets: usize,
}

impl Disintegrate {
    async fn new(pool: PgPool) -> Result<Self, Failure> {
        let store = Store::try_new(pool, Json::default()).await?;
        let states = EventSourcedStateStore::new(store.clone(), NoSnapshot);
        let decisions = decision_maker(store.clone(), NoSnapshot);
        Ok(Disintegrate { store, states, decisions, baskets: 0 })
    }

    fn new_basket(&mut self) -> String {
        self.baskets += 1;
        format!("basket-{}", self.baskets)
    }

    /// Appends if the basket has no event after that of this id, and gives the last one's.
    async fn append_after(&self, id: &str, last: PgEventId, events: Vec<BasketEvent>) -> Result<PgEventId, Failure> {
        let of_basket = query!(BasketEvent; basket_id == id.to_owned());
        let appended = self.store.append::<BasketEvent>(events, of_basket, last).await?;
        Ok(appended.last().ok_or("nothing was appended")?.id())
    }
}

impl Peer for Disintegrate {
    /// A basket's id and that of its last event.
    type Basket = (String, PgEventId);

    async fn create(&mut self) -> Result<(), Failure> {
        let id = self.new_basket();
        self.append_after(&id, 0, vec![created(&id)]).await?;
        Ok(())
    }

    async fn filled(&mut self, events: usize) -> Result<Self::Basket, Failure> {
        let id = self.new_basket();
        let items = (0..events - 1).map(|i| added(&id, format!("product {}", i % 50)));
        let last = self.append_after(&id, 0, std::iter::once(created(&id)).chain(items).collect()).await?;
        Ok((id, last))
    }

    async fn append(&mut self, (id, last): &mut Self::Basket) -> Result<(), Failure> {
        *last = self.append_after(id, *last, vec![added(id, "product 0".into())]).await?;
        Ok(())
    }

    async fn add(&mut self, (id, _): &Self::Basket) -> Result<(), Failure> {
        self.decisions.make(AddItem { basket_id: id.clone(), product: "product 0".into() }).await?;
        Ok(())
    }

    async fn load(&mut self, (id, _): &Self::Basket) -> Result<Items, Failure> {
        Ok(self.states.load(Basket::new(id)).await?.state().items.clone())
    }
}

#[tokio::main]
async fn main() {
    let result = async {
        let pool = PgPool::connect(&std::env::var("BENCH_POSTGRES")?).await?;
        let postgres: String = sqlx::query_scalar("SHOW server_version").fetch_one(&pool).await?;
        let about = json!({
            "name": "disintegrate 4.0, PostgreSQL",
            "versions": { "disintegrate": "4.0.0", "disintegrate-postgres": "4.0.1", "PostgreSQL": postgres },
            "less": "PostgreSQL on one server, without a replica",
        });
        answer(Disintegrate::new(pool).await?, about).await
    };
    exit(result.await);
}
