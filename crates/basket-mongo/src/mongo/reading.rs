//! One pass over documents, in batches. A server forgets a cursor that is not read from for half an hour, as in a pager, and
//! loses it when it steps down; then the pass goes on after the last document that it has returned.

use bson::{Bson, RawDocument, RawDocumentBuf, doc};
use mongodb::{error::Error, raw_batch_cursor::RawBatch};

use super::{
    events::{Batches, Search},
    failure::can_go_on,
    store::{BATCH, MongoStore},
};
use crate::store::{
    codec::{Codec, Id},
    document::as_stored,
    log::Scope,
};

/// A pass over the documents of a scope.
pub(super) struct Reading<'a, C: Codec> {
    store: &'a MongoStore<C>,
    scope: Scope<Id<C>>,
    cursor: Option<Batches>,
    /// What was returned already.
    returned: Returned,
    /// Whether the cursor has returned anything, so that a new one is worth trying.
    moved: bool,
}

/// How far a pass has come.
#[derive(Default)]
struct Returned {
    documents: u64,
    /// The version of the first document, if that is a number.
    first: Option<Bson>,
    /// The stream of the last document; null if it has none.
    key: Bson,
    /// How many of the documents are of this stream.
    of_key: u64,
}

impl<'a, C: Codec> Reading<'a, C> {
    pub(super) fn new(store: &'a MongoStore<C>, scope: Scope<Id<C>>) -> Self {
        Self { store, scope, cursor: None, returned: Returned::default(), moved: false }
    }

    /// The next documents; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<RawDocumentBuf>>, Error> {
        loop {
            let batch = async {
                if self.cursor.is_none() {
                    self.cursor = Some(self.find().on_disk().batch().await?);
                }
                let Some(cursor) = &mut self.cursor else { return Ok(None) };
                cursor.try_next().await?.map(|batch| owned(&batch)).transpose()
            };
            match batch.await {
                Err(error) if self.moved && can_go_on(&error) => (self.cursor, self.moved) = (None, false),
                Ok(Some(batch)) => {
                    self.moved = true;
                    self.returned.add(&batch, C::key_field());
                    return Ok(Some(batch));
                }
                end => return end,
            }
        }
    }

    /// The search for what was not returned yet.
    fn find(&self) -> Search<'_> {
        let (events, Returned { documents, first, key, of_key }) = (&self.store.events, &self.returned);
        let oldest_first = doc! { C::key_field(): 1, "version": 1 };
        match &self.scope {
            // Without a condition on the version, so that an invalid one is found as well.
            Scope::From(id, ..=1) => {
                events.find(doc! { C::key_field(): C::key(id) }).sort(oldest_first).skip(*documents).batches_of(BATCH)
            }
            Scope::From(id, version) => {
                let filter = doc! { C::key_field(): C::key(id), "version": { "$gte": as_stored(*version) } };
                events.find(filter).sort(oldest_first).skip(*documents).batches_of(BATCH)
            }
            // What was appended meanwhile is newer than the first.
            Scope::NewestFirst(id) => {
                let mut filter = doc! { C::key_field(): C::key(id) };
                filter.extend(first.iter().map(|first| ("version".into(), doc! { "$not": { "$gt": first } }.into())));
                events.find(filter).sort(doc! { "version": -1 }).skip(*documents)
            }
            Scope::Matching(query) => events.find(query.filter()).sort(oldest_first).skip(*documents),
            Scope::All if *documents == 0 => events.find(doc! {}).sort(oldest_first).batch_size(BATCH),
            // Other streams may have grown meanwhile, so only this one is counted. The bound is a place in the index, which
            // has ids of any type in the order of the sort.
            Scope::All => {
                let from = doc! { C::key_field(): key, "version": Bson::MinKey };
                let all = events.find(doc! {}).sort(oldest_first.clone()).batch_size(BATCH);
                all.from(oldest_first, from).skip(*of_key)
            }
        }
    }
}

impl Returned {
    fn add(&mut self, batch: &[RawDocumentBuf], key: &str) {
        if self.documents == 0 {
            self.first = batch.first().map(|first| field(first, "version")).filter(is_number);
        }
        self.documents += batch.len() as u64;
        let Some(last) = batch.last() else { return };
        let is_of_last = |document: &&RawDocumentBuf| document.get(key).ok() == last.get(key).ok();
        let (of_last, last) = (batch.iter().rev().take_while(is_of_last).count(), field(last, key));
        let goes_on = of_last == batch.len() && last == self.key;
        self.of_key = of_last as u64 + if goes_on { self.of_key } else { 0 };
        self.key = last;
    }
}

/// The value of a field; null if it is missing, as the index has it.
fn field(document: &RawDocument, name: &str) -> Bson {
    document.get(name).ok().flatten().and_then(|value| value.try_into().ok()).unwrap_or(Bson::Null)
}

fn is_number(value: &Bson) -> bool {
    matches!(value, Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_))
}

/// The documents of a batch.
pub(super) fn owned(batch: &RawBatch) -> Result<Vec<RawDocumentBuf>, Error> {
    let documents = batch.doc_slices()?.into_iter().map(|document| {
        let document = document?.as_document().ok_or_else(|| Error::custom("an answer holds no document"))?;
        Ok(document.to_owned())
    });
    documents.collect()
}
