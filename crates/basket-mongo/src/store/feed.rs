//! Feeds: what a store keeps of each named reader of its events, so that a reader that ends, or is killed, goes on where it was.
//! [`subscription`](super::subscription) reads by it and [`projection`](super::projection) builds read models on it.
//!
//! Of each feed a store keeps a *checkpoint* (its [`Position`], and numbers), a *lease* (which process reads it now, and a fence
//! that grows with each of them, as in Martin Kleppmann's "How to do distributed locking", 2016) and a *mark* for each stream:
//! the version up to which it was read, with the row that was made of it. All that is written is written in one transaction that
//! checks the fence.
//!
//! Marks make a feed exact. A store may show an event twice, where what was stored meets what comes live; it may have lost its
//! history; a document may have been restored: by its mark an event is known to be seen, next, or beyond some that were missed.

use std::{collections::BTreeMap, fmt, future::Future, str::FromStr, time::Duration};

use bson::{Bson, DateTime, Document, RawDocument, Timestamp, doc};
use futures_util::Stream;
use tokio::time::{Instant, sleep};

use super::{
    codec::{Codec, Id, what},
    document::{read_entry, stream_of},
    entry::Entry,
    error::{StoreError, Unreadable},
    log::EventLog,
};

/// How far a feed has come in a store. As text it can be kept anywhere; only the store that it is of understands it.
///
/// ```
/// # use basket_mongo::store::feed::Position;
/// let kept = Position::Row(7).to_string();
/// assert_eq!(kept, r#"1:{"row":{"$numberLong":"7"}}"#);
/// assert_eq!(kept.parse(), Ok(Position::Row(7)));
/// assert!("2:{}".parse::<Position>().is_err(), "of a newer program");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Position {
    /// The stored events are being read, one stream after the other; all up to this key and version were. What is appended from
    /// the time `since` on is read after them.
    Stored {
        /// A time that the majority of the servers has reached.
        since: Timestamp,
        /// The place of the last document; none at the beginning.
        after: Option<(Bson, Bson)>,
    },
    /// All up to this time was read.
    Time(Timestamp),
    /// All up to this token of a change stream was read.
    Token(Document),
    /// All up to this row was read.
    Row(i64),
}

/// What a position begins with as text; another one is of another program.
const FORM: &str = "1:";

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let document = match self.clone() {
            Self::Stored { since, after } => {
                let after = after.map(|(key, version)| Bson::Array(vec![key, version]));
                doc! { "stored": since, "after": after }
            }
            Self::Time(time) => doc! { "time": time },
            Self::Token(token) => doc! { "token": token },
            Self::Row(row) => doc! { "row": row },
        };
        write!(f, "{FORM}{}", Bson::Document(document).into_canonical_extjson())
    }
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let other = || format!("'{text}' is no position that this program understands");
        let json = text.strip_prefix(FORM).ok_or_else(other)?;
        let Ok(Bson::Document(document)) = serde_json::from_str(json) else { return Err(other()) };
        let position = match ["stored", "time", "token", "row"].map(|name| document.get(name)) {
            [Some(Bson::Timestamp(since)), ..] => {
                let after = match document.get_array("after").ok().map(Vec::as_slice) {
                    Some([key, version]) => Some((key.clone(), version.clone())),
                    _ => None,
                };
                Self::Stored { since: *since, after }
            }
            [_, Some(Bson::Timestamp(time)), ..] => Self::Time(*time),
            [_, _, Some(Bson::Document(token)), _] => Self::Token(token.clone()),
            [.., Some(Bson::Int64(row))] => Self::Row(*row),
            _ => return Err(other()),
        };
        Ok(position)
    }
}

/// What a store shows after a position.
pub struct Passed<C: Codec> {
    /// What it shows; none where only time has passed.
    pub shown: Option<Shown<C>>,
    /// The position behind it.
    pub position: Position,
    /// Whether there was nothing more to read at that moment.
    pub is_last: bool,
}

/// A document as a feed has it.
pub enum Shown<C: Codec> {
    /// It is an event.
    Event(Entry<C>),
    /// It can't be read as one; the key of its stream, if that is known.
    Unreadable(Option<Bson>, Unreadable),
}

impl<C: Codec> Shown<C> {
    /// Reads a document.
    pub fn read(document: &RawDocument) -> Self {
        match read_entry::<C>(document) {
            Ok(entry) => Self::Event(entry),
            Err(unreadable) => Self::Unreadable(stream_of::<C>(document).ok().map(|id| C::key(&id)), unreadable),
        }
    }

    /// The key of its stream; one of its own, if it names no stream.
    pub(crate) fn key(&self) -> Bson {
        match self {
            Self::Event(entry) => C::key(&entry.stream),
            Self::Unreadable(Some(key), _) => key.clone(),
            Self::Unreadable(None, unreadable) => Bson::String(format!("unreadable {}", unreadable.document)),
        }
    }
}

/// What a feed needs to be kept: a read model's rows, and how they are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Grows whenever the rows change their form or their meaning, from 1.
    pub number: i32,
    /// Fields of the rows by which they are sorted or found.
    pub indexes: &'static [&'static str],
}

/// Which rows: those of a feed, in one of its generations, since a rebuild makes new ones beside the old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The feed's name.
    pub feed: String,
    /// Counts rebuilds, from 1.
    pub generation: i64,
}

impl Rows {
    /// The collection (or table) of the rows beside that of the events.
    pub fn name<C: Codec + ?Sized>(&self, collection: &str) -> String {
        format!("{collection}_{}_{}", self.feed, self.generation)
    }
}

/// The right to write for a feed, until another reader has taken over.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Where it writes.
    pub rows: Rows,
    /// Another one for each reader; a write with an older one is refused.
    pub fence: i64,
    /// The shape that the rows were made in.
    pub shape: i32,
    /// Where to go on; none at the beginning.
    pub position: Option<Position>,
    /// How long it lasts from each write on.
    pub lease: Duration,
}

/// The fence of a feed before its first reader, which grows with each of them. It begins somewhere, so that a feed that was
/// forgotten, and made again, refuses the claims of the old one.
pub fn first_fence() -> i64 {
    fastrand::i64(1..1 << 52)
}

/// The answer to a claim.
#[derive(Debug, Clone)]
pub enum Claimed {
    /// It was free, or its reader has not written for longer than its lease.
    Ours(Box<Claim>),
    /// Another reader has it.
    Held {
        /// What it called itself.
        by: String,
    },
}

/// What is kept of a stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mark {
    /// The version up to which it was read; 0 if nothing was.
    pub version: u64,
    /// What was made of it.
    pub row: Option<Document>,
    /// Why it is read no further.
    pub parked: Option<Parked>,
}

/// A document that stopped a feed, which went on without the document's stream.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Parked {
    /// Its `_id`, as mongosh writes it.
    pub document: String,
    /// Its version, if that is known.
    pub version: Option<i64>,
    /// What is wrong with it.
    pub why: String,
}

impl From<Unreadable> for Parked {
    fn from(Unreadable { document, version, why }: Unreadable) -> Self {
        Self { document, version, why }
    }
}

/// The mark of a stream moves.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// The stream's key.
    pub key: Bson,
    /// The version that it has.
    pub from: u64,
    /// What it becomes.
    pub to: Mark,
}

/// Sums over all rows: of each key, some numbers by name.
pub type Totals = BTreeMap<String, BTreeMap<String, i64>>;

/// Which totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Those whose key begins so.
    Beginning(String),
    /// Those with these keys.
    Of(Vec<String>),
}

/// All that a reader writes at once.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Where it goes on from after this; none leaves it as it is.
    pub position: Option<Position>,
    /// Whether all is read again, from the beginning: the position is forgotten.
    pub again: bool,
    /// Whether it had read all there was.
    pub is_last: bool,
    /// Marks that move.
    pub marks: Vec<Moved>,
    /// What is added to the totals.
    pub totals: Totals,
    /// How often something was tried again since the last change.
    pub retries: u64,
    /// How often the store's history was lost, and read again, since the last change.
    pub healed: u64,
    /// How many events a second were read lately; none leaves it as it is.
    pub rate: Option<f64>,
}

impl Change {
    /// How many events were read with it.
    pub fn events(&self) -> u64 {
        self.marks.iter().map(|moved| moved.to.version.saturating_sub(moved.from)).sum()
    }
}

/// A feed in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedState {
    /// Its name, and which rows it shows.
    pub rows: Rows,
    /// The shape of its rows.
    pub shape: i32,
    /// The process that reads it, if one does now.
    pub holder: Option<String>,
    /// Its position; none at the beginning.
    pub position: Option<Position>,
    /// How many events were read.
    pub events: u64,
    /// How many events of the store were not: those to come, and those of parked streams.
    pub behind: u64,
    /// How many events a second it has read lately; none if no process reads it.
    pub rate: Option<f64>,
    /// When it had last read all there was.
    pub as_of: Option<DateTime>,
    /// How often something was tried again.
    pub retries: u64,
    /// How often the store's history was lost, and read again.
    pub healed: u64,
    /// How many streams are parked.
    pub parked: u64,
}

/// Which rows of a read model, in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowQuery {
    /// The field that they are sorted by, and then by their keys; none is by their keys.
    pub sort: Option<&'static str>,
    /// The other way round, both.
    pub descending: bool,
    /// At most so many.
    pub limit: Option<usize>,
    /// Only those whose field is not below this number.
    pub at_least: Option<(&'static str, i64)>,
    /// Only those whose field, a list of texts, has this one.
    pub has: Option<(&'static str, String)>,
    /// Only those that are parked.
    pub is_parked: bool,
}

/// A store that keeps feeds. Read models stand in the store's own database, so that they are written in one transaction with the
/// checkpoint. Of MongoDB, a replica set does; a server by itself has no transactions.
pub trait Feeds<C: Codec>: EventLog<C> {
    /// What comes after a position: from nothing, all stored events, each stream in the order of its versions; then what is
    /// appended, in the order of the commits, for ever. Nothing is missed. An event may come again where the two meet: within a
    /// stream, versions only grow, so (stream, version) tells.
    ///
    /// Ends with its first error; [`StoreError::HistoryLost`] says that the store can't go on from this position.
    fn after(&self, position: Option<Position>) -> impl Stream<Item = Result<Passed<C>, StoreError>> + Send;

    /// Takes a feed for a reader, and makes it if it is new. One that another reader has is only taken with `by_force`: what
    /// that one still writes is refused.
    fn claim(
        &self,
        feed: &str,
        holder: &str,
        shape: Shape,
        lease: Duration,
        by_force: bool,
    ) -> impl Future<Output = Result<Claimed, StoreError>> + Send;

    /// Writes all of it or nothing, and renews the lease. Fails with [`StoreError::Fenced`] if another reader has taken over, and
    /// with [`StoreError::Busy`] if a mark is not where it should be: an earlier write of this reader, whose answer it did not
    /// wait for, has come through.
    fn keep(&self, claim: &Claim, change: &Change) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives the lease back.
    fn release(&self, claim: &Claim) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The marks of some streams; those that have none are left out.
    fn marks(&self, rows: &Rows, keys: Vec<Bson>)
    -> impl Future<Output = Result<Vec<(Bson, Mark)>, StoreError>> + Send;

    /// The rows that a query asks for, in its order.
    fn rows(&self, rows: Rows, query: RowQuery) -> impl Stream<Item = Result<(Bson, Mark), StoreError>> + Send;

    /// Totals of a feed; numbers that are 0 are left out.
    fn totals(&self, rows: &Rows, which: &Which) -> impl Future<Output = Result<Totals, StoreError>> + Send;

    /// Puts the rows of one feed in the place of another's, and its position with them, at once; and drops the old ones. A reader
    /// of the other is fenced off, and goes on from there.
    fn replace(&self, feed: &str, by: &Claim) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Drops a feed, with all that is kept for it.
    fn forget(&self, feed: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All feeds, by name.
    fn feeds(&self) -> impl Future<Output = Result<Vec<FeedState>, StoreError>> + Send;

    /// One feed; none if it is not there.
    fn feed(&self, name: &str) -> impl Future<Output = Result<Option<FeedState>, StoreError>> + Send {
        async move { Ok(self.feeds().await?.into_iter().find(|feed| feed.rows.feed == name)) }
    }

    /// Waits until a feed has read a version of a stream: read your own writes. `versions` and `root.id()` of a
    /// [`Done`](crate::Done) say what was written.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] if the stream is parked; [`StoreError::Busy`] if it was not read within the time.
    fn wait_for(
        &self,
        feed: &str,
        id: &Id<C>,
        version: u64,
        within: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            let (end, mut pause) = (Instant::now().checked_add(within), Duration::from_millis(2));
            loop {
                if let Some(state) = self.feed(feed).await? {
                    let marks = self.marks(&state.rows, vec![C::key(id)]).await?;
                    let mark = marks.into_iter().next().map(|(_, mark)| mark).unwrap_or_default();
                    match mark.parked {
                        _ if mark.version >= version => return Ok(()),
                        Some(Parked { document, version, why }) => {
                            return Err(Unreadable { document, version, why }.into());
                        }
                        None => {}
                    }
                }
                if end.is_some_and(|end| Instant::now() >= end) {
                    let what = what::<C>();
                    let why = format!("'{feed}' has not read version {version} of {what} '{id}' within {within:?}");
                    return Err(StoreError::Busy { store: self.name().to_owned(), why, source: None });
                }
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(50));
            }
        }
    }
}

/// The error of a change whose marks are not where they should be.
pub fn has_moved(store: &str) -> StoreError {
    let why = "an earlier write for this feed came through meanwhile; read again".into();
    StoreError::Busy { store: store.to_owned(), why, source: None }
}

/// Whether a name is one that a feed can have: it becomes part of a collection's name.
///
/// # Errors
/// Says what a name looks like.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    match name.len() <= 40 && name.starts_with(|first: char| first.is_ascii_lowercase()) && name.chars().all(is_plain) {
        true => Ok(()),
        false => {
            Err(format!("{name:?} is no name of a feed: it is of a-z, 0-9 and -, up to 40, and begins with a letter"))
        }
    }
}
