//! The commands on baskets, and a basket as it is now. Each answers with the basket and its version as the `ETag`; the rules are the
//! domain's. A request that was carried out, and comes again, is answered as the first time; a refused one is decided again.

use std::num::NonZeroU32;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use basket_domain::{Basket, BasketEvent, BasketId, EventSourced, Product, Refusal};
use basket_mongo::{EventLog, EventStore, Moment, Outcome, Require, Until, store::observed};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    App,
    asked::{Asked, InPath, is_known},
    problem::Problem,
};

/// The body of a create: nothing, or what is in the basket from the start.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Create {
    #[serde(default)]
    items: Vec<Item>,
}

/// The body of an add.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Item {
    product: String,
    quantity: Option<NonZeroU32>,
}

/// The body of a remove: there is none.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Nothing {}

/// `POST /baskets`. The id is made of the key: so the same request again finds the basket that it has created.
pub(super) async fn create(State(app): State<App>, asked: Asked<Create>) -> Result<Response, Problem> {
    let id = id_of(&asked.key);
    let items = asked.body.items.iter().map(Item::parse).collect::<Result<Vec<_>, _>>()?;
    let decide = |basket: &Basket| {
        let mut root = EventSourced::from_parts(id, basket.clone(), 0);
        root.decide(|basket| basket.create(id))?;
        for (product, quantity) in &items {
            root.decide(|basket| basket.add_item(product, *quantity))?;
        }
        Ok(root.take_new_events())
    };
    let basket = carry_out(&app, "create", &asked, &id, Some(asked.of_new()?), decide).await?;
    let location = HeaderValue::from_str(&format!("/baskets/{id}")).map(|place| (header::LOCATION, place));
    let mut response = (StatusCode::CREATED, shown(&basket)).into_response();
    response.headers_mut().extend(location);
    Ok(response)
}

/// `POST /baskets/{id}/items`
pub(super) async fn add(
    State(app): State<App>,
    InPath(id): InPath<String>,
    asked: Asked<Item>,
) -> Result<Response, Problem> {
    let (id, (product, quantity)) = (parse_id(&id)?, asked.body.parse()?);
    let decide = |basket: &Basket| basket.add_item(&product, quantity);
    Ok(shown(&carry_out(&app, "add item", &asked, &id, asked.of_existing()?, decide).await?))
}

/// `DELETE /baskets/{id}/items/{product}`
pub(super) async fn remove(
    State(app): State<App>,
    InPath((id, product)): InPath<(String, String)>,
    asked: Asked<Nothing>,
) -> Result<Response, Problem> {
    let (id, product) = (parse_id(&id)?, parse_product(&product)?);
    let decide = |basket: &Basket| basket.remove_item(&product);
    Ok(shown(&carry_out(&app, "remove item", &asked, &id, asked.of_existing()?, decide).await?))
}

/// `GET /baskets/{id}`
pub(super) async fn show(
    State(app): State<App>,
    InPath(id): InPath<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let basket = Until::new(&app.store, app.settings.timeout).get(&parse_id(&id)?).await?;
    let mut response = match is_known(&headers, basket.version())? {
        true => (StatusCode::NOT_MODIFIED, [(header::ETAG, tag(&basket))]).into_response(),
        false => shown(&basket),
    };
    // It may be kept, but is asked for each time: the answer is then mostly a 304.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// Loads, decides and appends; the basket is that after the command, also if it was carried out before.
async fn carry_out<B>(
    app: &App,
    name: &'static str,
    asked: &Asked<B>,
    id: &BasketId,
    require: Option<Require>,
    decide: impl Fn(&Basket) -> Result<Vec<BasketEvent>, Refusal>,
) -> Result<EventSourced<Basket>, Problem> {
    let command = app.store.command(id).meta(asked.meta()?).deadline(app.settings.timeout);
    let command = match require {
        Some(require) => command.require(require),
        None => command,
    };
    let done = observed::command(name, command.run(decide)).await;
    let done = done.map_err(|error| Problem::of_command(error, &asked.key))?;
    if done.outcome != Outcome::Before {
        return Ok(done.root);
    }
    if !asked.is_that_of(&done.meta) {
        return Err(Problem::key_is_taken());
    }
    // More may have happened since; the answer is that of the first time.
    let then = Moment::Version(done.versions.end - 1);
    let past = Until::new(&app.store, app.settings.timeout).past(id, then).await;
    Ok(past.map_err(|error| Problem::in_command(error, &asked.key))?.root)
}

impl Item {
    fn parse(&self) -> Result<(Product, NonZeroU32), Problem> {
        Ok((parse_product(&self.product)?, self.quantity.unwrap_or(NonZeroU32::MIN)))
    }
}

fn parse_product(name: &str) -> Result<Product, Problem> {
    Product::new(name).map_err(|why| Problem::bad_request(why.to_string()))
}

/// What can't be the id of a basket is that of none.
pub(super) fn parse_id(id: &str) -> Result<BasketId, Problem> {
    id.parse().map_err(|_| Problem::no_basket())
}

/// The same key, the same id. Two clients with the same key get one basket: the second gets a 422 if its body is another one, and
/// shares the basket of the first if the bodies are equal. So a key must be long and random, such as a UUID. In a service with
/// users, hash it together with the user.
fn id_of(key: &str) -> BasketId {
    let hash = Sha256::digest(key);
    let mut id = [0; 12];
    id.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
    BasketId::from_bytes(id)
}

fn tag(basket: &EventSourced<Basket>) -> String {
    format!("\"{}\"", basket.version())
}

fn shown(basket: &EventSourced<Basket>) -> Response {
    let item = |(product, quantity): (&Product, u32)| json!({ "product": product.as_str(), "quantity": quantity });
    let items: Vec<_> = basket.state().items().map(item).collect();
    let body = json!({ "id": basket.id().to_string(), "version": basket.version(), "items": items });
    ([(header::ETAG, tag(basket)), (header::CONTENT_TYPE, "application/json".into())], body.to_string()).into_response()
}
