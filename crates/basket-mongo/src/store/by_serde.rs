//! A codec for events that derive serde's traits: [`SerdeEvents`]. A variant's name is the type of the event, its fields are the data.
//!
//! It is for those who want to write no codec, and costs more: `cargo run --release --example codecs` says how much. A
//! [`Codec`] by hand reads the document where it is, takes a number in any form that mongosh writes, and says what is wrong in
//! words of its own; here, serde does.

use std::str::FromStr;

use basket_domain::Aggregate;
use bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    codec::{Codec, Event, Id, Storable},
    upcaster::Upcaster,
};

/// The name of a collection whose events derive `Serialize` and `Deserialize`: a type with this trait is a [`Codec`].
///
/// The events are an enum as serde writes it by default; its variants have fields with names, or none, or hold a struct. A
/// field with `#[serde(default)]` may be missing. An id that is a field of the events is stored twice. Bring only one of the two traits
/// into scope: they have the same names.
///
/// ```
/// # use basket_domain::Aggregate;
/// # use basket_mongo::{EventStore, MemoryStore, store::by_serde::SerdeEvents};
/// #[derive(Debug, serde::Serialize, serde::Deserialize)]
/// enum LoanEvent { Lent { to: String }, GivenBack }
///
/// #[derive(Debug, Default)]
/// struct Loan { to: Option<String> }
///
/// impl Aggregate for Loan {
///     type Id = String;
///     type Event = LoanEvent;
///     fn apply(&mut self, event: &LoanEvent) {
///         match event {
///             LoanEvent::Lent { to } => self.to = Some(to.clone()),
///             LoanEvent::GivenBack => self.to = None,
///         }
///     }
/// }
///
/// /// A type of its own, so that a [`Loan`] need not know of any store.
/// #[derive(Debug)]
/// struct Loans;
///
/// impl SerdeEvents for Loans {
///     type Aggregate = Loan;
///     const COLLECTION: &'static str = "loans";
///     const KEY: &'static str = "loan_id";
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let loans = MemoryStore::<Loans>::default();
/// let id = "book 7".to_owned();
/// loans.command(&id).run(|_| Ok::<_, std::fmt::Error>(vec![LoanEvent::Lent { to: "ann".into() }])).await?;
/// assert_eq!(loans.get(&id).await?.state().to.as_deref(), Some("ann"));
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// [`encode`](Codec::encode), and so an append, before it writes anything: if BSON can't hold an event. That is one that is no enum,
/// that holds a `u64` beyond `i64::MAX`, or a map whose keys are no texts. [`corpus`](super::corpus) finds the first in a test.
pub trait SerdeEvents {
    /// The aggregate whose events these are.
    type Aggregate: Storable<Id: FromStr, Event: Serialize + DeserializeOwned>;

    /// The collection that holds the events of all these streams: `loans`.
    const COLLECTION: &'static str;
    /// The field that holds the stream's id: `loan_id`.
    const KEY: &'static str;
    /// The steps from old shapes of the events to today's.
    const UPCASTERS: &'static [Upcaster] = &[];

    /// The stream's id as it is stored: its text, unless this says otherwise.
    fn key(id: &<Self::Aggregate as Aggregate>::Id) -> Bson {
        Bson::String(id.to_string())
    }

    /// The id that [`key`](Self::key) made this value of; `None` if it is no such value.
    fn id(key: RawBsonRef<'_>) -> Option<<Self::Aggregate as Aggregate>::Id> {
        key.as_str()?.parse().ok()
    }
}

impl<S: SerdeEvents> Codec for S {
    type Aggregate = S::Aggregate;

    const COLLECTION: &'static str = S::COLLECTION;
    const KEY: &'static str = S::KEY;
    const UPCASTERS: &'static [Upcaster] = S::UPCASTERS;

    fn key(id: &Id<Self>) -> Bson {
        S::key(id)
    }

    fn id(key: RawBsonRef<'_>) -> Option<Id<Self>> {
        S::id(key)
    }

    #[allow(clippy::panic, reason = "it is a mistake of the program, and nothing may be written then")]
    fn encode(event: &Event<Self>) -> (&'static str, Document) {
        written(event).unwrap_or_else(|why| panic!("an event of {} can't be stored: {why}", S::COLLECTION))
    }

    fn decode(_: &Id<Self>, kind: &str, data: &RawDocument) -> Result<Event<Self>, String> {
        let read = |event: RawDocumentBuf| bson::deserialize_from_slice(event.as_bytes());
        let mut event = RawDocumentBuf::new();
        let name = <&bson::raw::CStr>::try_from(kind).map_err(|_| "its type has a zero byte".to_owned())?;
        event.append(name, data.to_owned());
        read(event).or_else(|error| match data.is_empty() {
            // A variant without fields is only its name.
            true => bson::deserialize_from_bson(Bson::String(kind.to_owned())).map_err(|_| error.to_string()),
            false => Err(error.to_string()),
        })
    }
}

fn written<E: Serialize>(event: &E) -> Result<(&'static str, Document), String> {
    let kind = serde_variant::to_variant_name(event).map_err(|error| error.to_string())?;
    match bson::serialize_to_bson(event).map_err(|error| error.to_string())? {
        Bson::String(_) => Ok((kind, Document::new())),
        Bson::Document(mut event) => match event.remove(kind) {
            Some(Bson::Document(data)) => Ok((kind, data)),
            _ => Err(format!("the fields of {kind} have no names")),
        },
        _ => Err(format!("{kind} is no variant of an enum")),
    }
}
