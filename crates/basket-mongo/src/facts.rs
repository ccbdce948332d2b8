//! What a MongoDB server can tell of an event document by itself, as expressions for a pipeline: whether it can be read,
//! and what it is about. They ask for what [`basket`](crate::basket)'s codec asks for, so that nothing is counted as
//! something that it is not. [`overview`](crate::overview) and [`removals`](crate::removals) are built of them.

use bson::{Bson, DateTime, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use futures_util::{Stream, TryStreamExt, stream};

use crate::{
    Baskets, Codec, MongoStore, StoreError,
    codec::integral,
    connection::{explain, is_too_large},
    mongo_store::BATCH,
};

/// A product's name as [`Product`](basket_domain::Product) would have it, but for Unicode's normal form, which the server
/// does not know: no control characters, nothing to trim, at most 128 characters.
const NAME: &str = r"^[^\p{Z}\p{Cc}]([^\p{Cc}]{0,126}[^\p{Z}\p{Cc}])?$";

impl<C: Codec> MongoStore<C> {
    /// What the server makes of the event documents, as it comes. It sorts on its disk where its memory is short. Where a
    /// basket has more events of one product than the `quick` pipeline can hold, the `frugal` one has to do.
    pub(crate) fn reckoned(
        &self,
        quick: Option<Vec<Document>>,
        frugal: Vec<Document>,
    ) -> impl Stream<Item = Result<RawDocumentBuf, StoreError>> + Send + use<C> {
        let (events, name) = (self.collection().clone(), self.name().to_owned());
        let rows = async move {
            let run = async |pipeline| {
                let rows = events.aggregate(pipeline).allow_disk_use(true).batch_size(BATCH);
                rows.with_type::<RawDocumentBuf>().await
            };
            match quick {
                Some(quick) => match run(quick).await {
                    Err(error) if is_too_large(&error) => run(frugal).await,
                    outcome => outcome,
                },
                None => run(frugal).await,
            }
        };
        stream::once(rows).try_flatten().map_err(move |error| explain(&error, &name))
    }
}

/// The start of a frugal pipeline: the events as `{ b, p, v, q, r, at }`, named as in [`by_basket_and_product`].
pub(crate) fn each() -> Document {
    let product = doc! { "$cond": [is("BasketCreated"), "", "$data.product"] };
    doc! { "$project": {
        "_id": 0, "b": "$basket_id", "p": { "$cond": [readable(), product, nothing()] },
        "v": "$version", "q": "$data.qty", "r": is("ItemRemoved"), "at": "$recorded_at",
    } }
}

/// The removals among the events of a product in a basket that come before one of them, in the order of `direction`, as
/// `removals`; the server holds only the event that it is at.
pub(crate) fn removals_before(direction: i32) -> Document {
    doc! { "$setWindowFields": {
        "partitionBy": { "b": "$b", "p": "$p" },
        "sortBy": { "v": direction },
        "output": { "removals": {
            "$sum": { "$cond": ["$r", 1, 0] }, "window": { "documents": ["unbounded", -1] },
        } },
    } }
}

/// All that happened in one basket to one product, as a list `e` of `{ v, q, r, at }`: its version, the quantity that came
/// in, whether it is a removal, and when it was recorded. Under the product `null` are the documents that can't be read,
/// under the empty one what is about no product.
///
/// The group comes first in a pipeline, for then the server need not make a document of each event.
pub(crate) fn by_basket_and_product() -> Document {
    let product = doc! { "$cond": [is("BasketCreated"), "", "$data.product"] };
    doc! { "$group": {
        "_id": { "b": "$basket_id", "p": { "$cond": [readable(), product, nothing()] } },
        "e": { "$push": { "v": "$version", "q": "$data.qty", "r": is("ItemRemoved"), "at": "$recorded_at" } },
    } }
}

/// The list `e` in the order of its versions; one alone is in order.
pub(crate) fn in_order() -> Document {
    doc! { "$cond": [{ "$gt": [{ "$size": "$e" }, 1] }, { "$sortArray": { "input": "$e", "sortBy": { "v": 1 } } }, "$e"] }
}

/// Whether a document can be read as an event, by itself.
pub(crate) fn readable() -> Document {
    let schema = doc! { "$or": [{ "$eq": [kind("$schema"), "missing"] }, whole("$schema", Baskets::SCHEMA.into())] };
    let quantity = doc! { "$and": [is("ItemAdded"), whole("$data.qty", u32::MAX.into())] };
    let of_product = doc! { "$and": [
        { "$eq": [kind("$data.product"), "string"] },
        { "$regexMatch": { "input": "$data.product", "regex": NAME } },
        { "$or": [is("ItemRemoved"), quantity] },
    ] };
    doc! { "$and": [
        { "$eq": [kind("$basket_id"), "objectId"] },
        whole("$version", i64::MAX),
        { "$eq": [kind("$recorded_at"), "date"] },
        // A calendar's years, 1 to 9999: the server reckons with no others.
        { "$gte": ["$recorded_at", DateTime::from_millis(-62_135_596_800_000)] },
        { "$lt": ["$recorded_at", DateTime::from_millis(253_402_300_800_000)] },
        schema,
        { "$eq": [kind("$data"), "object"] },
        { "$or": [is("BasketCreated"), of_product] },
    ] }
}

/// Whether a field holds a whole number from 1 to `most`, however it is stored.
fn whole(field: &str, most: i64) -> Document {
    doc! { "$and": [
        { "$in": [kind(field), ["int", "long", "double"]] },
        { "$gte": [field, 1] },
        { "$lte": [field, most] },
        { "$eq": [field, { "$trunc": field }] },
    ] }
}

fn is(name: &str) -> Document {
    doc! { "$eq": ["$type", name] }
}

fn kind(field: &str) -> Document {
    doc! { "$type": field }
}

/// An expression's null.
pub(crate) fn nothing() -> Document {
    doc! { "$literal": Bson::Null }
}

/// A number that the server reckoned; 0 where there is none.
pub(crate) fn number(row: &RawDocument, field: &str) -> u64 {
    let value = row.get(field).ok().flatten().and_then(reckoned);
    value.and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}

/// Sums and means may come as doubles.
pub(crate) fn reckoned(value: RawBsonRef<'_>) -> Option<i64> {
    match value {
        RawBsonRef::Double(number) => Some(number as i64),
        other => integral(other),
    }
}
