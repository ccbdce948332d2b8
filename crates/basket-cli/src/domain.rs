//! What the tools need to know about a domain: [`Domain`]. `log`, `diff`, `blame`, `explore` and the others work for any
//! domain that implements it; `baskets.rs` implements it for baskets.

use std::fmt::{Debug, Display};

use basket_domain::{Aggregate, Reversible};
pub use basket_mongo::store::codec::{Event, Id, what};
use basket_mongo::{Codec, Projection, StateCodec};
use serde::Serialize;

use crate::listing::Listing;

/// A domain whose streams can be listed, compared, undone and moved to another store.
///
/// [`Codec`] says how its events are stored and [`Reversible`] how they are undone. This trait adds what people read
/// and type. A state is shown as rows, each with a name and a value: for a basket, its products and their quantities.
///
/// ```
/// # use basket_cli::domain::{Domain, Row};
/// # use basket_domain::{Aggregate, Reversible};
/// # use basket_mongo::store::by_serde::SerdeEvents;
/// # #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
/// # enum MeterEvent { Counted }
/// # use MeterEvent::Counted;
/// # #[derive(Debug, Clone, Default)]
/// # struct Meter { counted: u64 }
/// # impl Aggregate for Meter {
/// #     type Id = String;
/// #     type Event = MeterEvent;
/// #     fn apply(&mut self, _: &MeterEvent) { self.counted += 1 }
/// # }
/// # impl Reversible for Meter {
/// #     type Refusal = String;
/// #     fn decide_again(&self, event: &MeterEvent) -> Result<Vec<MeterEvent>, String> { Ok(vec![event.clone()]) }
/// #     fn lead_to(&self, _: &Self) -> Result<Vec<MeterEvent>, String> { Err("no meter goes back".into()) }
/// # }
/// # #[derive(Debug)]
/// # struct Meters;
/// impl SerdeEvents for Meters {
///     type Aggregate = Meter;
///     const COLLECTION: &'static str = "meters";
///     const KEY: &'static str = "meter_id";
/// }
///
/// impl Domain for Meters {
///     type Value = u64;
///     const TYPES: &'static [&'static str] = &["Counted"];
///     const ROW: &'static str = "fact";
///     const VALUE: &'static str = "value";
///     const EXAMPLE_ID: &'static str = "'ground floor'";
///     fn parse_id(text: &str) -> Result<String, String> { Ok(text.to_owned()) }
///     fn in_words(_: &MeterEvent) -> String { "counted one".to_owned() }
///     fn about(_: &MeterEvent) -> Vec<&str> { vec!["counted"] }
///     fn rows(meter: &Meter) -> Vec<Row<u64>> { vec![Row { name: "counted".into(), value: meter.counted }] }
/// }
///
/// let program = basket_cli::tools::<Meters>();
/// # let _ = program;
/// # let mut meter = Meter::default();
/// # meter.apply(&Counted);
/// # assert_eq!(Meters::rows(&meter)[0].value, 1);
/// ```
pub trait Domain:
    Codec<
        Aggregate: Aggregate<Id: Ord + 'static, Event: Clone + Debug + PartialEq>
                       + Reversible<Refusal: Display + Send + Sync>
                       + Debug,
    > + Debug
    + Send
    + Sync
    + 'static
{
    /// The value of a row. The default stands for a row that is not there.
    type Value: Clone + Debug + Default + Display + PartialEq + Serialize + Send + Sync;

    /// The types of its events, as [`encode`](Codec::encode) names them; none, where any may come.
    const TYPES: &'static [&'static str];
    /// What a row's name is called, in JSON and as an option (`--product`): `product`.
    const ROW: &'static str;
    /// What a row's value is called in JSON: `quantity`.
    const VALUE: &'static str;
    /// An id, for the examples in the help.
    const EXAMPLE_ID: &'static str;

    /// Reads an id from an argument; the error says what an id looks like.
    fn parse_id(text: &str) -> Result<Id<Self>, String>;

    /// Reads the name of a row from an argument; the error says why no row can have this name.
    fn parse_row(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    /// What an event did: `added 2 of 'socks'`.
    fn in_words(event: &Event<Self>) -> String;

    /// The rows that an event is about.
    fn about(event: &Event<Self>) -> Vec<&str>;

    /// The rows of a state, in the order in which they are shown.
    fn rows(state: &Self::Aggregate) -> Vec<Row<Self::Value>>;

    /// The read models that `project` keeps: those that the tools ask, and more of a domain's own.
    fn projections() -> Vec<Box<dyn Projection<Self>>>
    where
        Self: Sized,
    {
        vec![Box::new(Listing)]
    }

    /// How a state is written, for snapshots of long streams; a domain that says nothing has no snapshots.
    fn snapshots() -> Option<StateCodec<Self>>
    where
        Self: Sized,
    {
        None
    }

    /// Decides again the command that an event came from, on the state before it; an error is the refusal in words. None where
    /// that can't be, as for one of several events of a command that has only decided them together.
    fn again(state: &Self::Aggregate, event: &Event<Self>) -> Option<Result<Vec<Event<Self>>, String>> {
        Some(state.decide_again(event).map_err(|refusal| refusal.to_string()))
    }

    /// How many rows a state has.
    fn count(state: &Self::Aggregate) -> usize {
        Self::rows(state).len()
    }

    /// How many units a state holds; the number of its rows, unless a domain counts another way.
    fn units(state: &Self::Aggregate) -> u64 {
        Self::count(state) as u64
    }
}

/// A row of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<V> {
    /// Its name: `socks`.
    pub name: String,
    /// Its value: `2`.
    pub value: V,
}

/// A row that differs between two states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<V> {
    /// The row.
    pub name: String,
    /// Its value before; the default, where there was no such row.
    pub before: V,
    /// Its value after.
    pub after: V,
}

/// What changes from one state to another, row by row: the rows of the first, then those that are new.
pub fn changes<D: Domain>(before: &D::Aggregate, after: &D::Aggregate) -> Vec<Change<D::Value>> {
    let (before, after) = (D::rows(before), D::rows(after));
    let new = after.iter().filter(|row| !before.iter().any(|old| old.name == row.name));
    let changes = before.iter().chain(new).map(|Row { name, .. }| Change {
        name: name.clone(),
        before: value_of::<D>(&before, name),
        after: value_of::<D>(&after, name),
    });
    changes.filter(|change| change.before != change.after).collect()
}

/// The value of the row with this name; the default, where there is none.
pub fn value_of<D: Domain>(rows: &[Row<D::Value>], name: &str) -> D::Value {
    rows.iter().find(|row| row.name == name).map(|row| row.value.clone()).unwrap_or_default()
}
