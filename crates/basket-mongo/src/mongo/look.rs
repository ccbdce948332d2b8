//! The tail of a standalone server, which has no change stream: it counts the documents once a second, and reads all of them
//! if the count has changed. An event is new if its version is above the newest one seen of its stream. This is slow in a
//! large collection; use a replica set there.

use std::{
    collections::{HashMap, HashSet},
    pin::Pin,
    time::Duration,
};

use bson::RawDocumentBuf;
use futures_util::{Stream, TryStreamExt, stream};
use tokio::time::sleep;

use super::{store::MongoStore, tail::id_of};
use crate::store::{
    codec::{Codec, Id},
    document::read_entry,
    error::StoreError,
    log::EventLog,
    maintenance::Maintenance,
    tail::{News, NewsOf, Since},
};

/// The time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

type Documents<'a> = Pin<Box<dyn Stream<Item = Result<RawDocumentBuf, StoreError>> + Send + 'a>>;

/// One reader that looks at a collection.
struct Looker<'a, C: Codec> {
    store: &'a MongoStore<C>,
    since: Since<Id<C>>,
    /// The newest version read of each stream, by its id.
    versions: HashMap<String, u64>,
    /// Documents that can't be read, by their `_id`.
    unreadable: HashSet<String>,
    /// How many documents there were at the last look; `None` if it must be repeated.
    count: Option<u64>,
    /// The current look.
    look: Option<Documents<'a>>,
    /// Whether the first look is over.
    watching: bool,
    lost: bool,
}

/// Events since a moment, from a server that can't report what is appended.
pub(super) fn look<C: Codec>(
    store: &MongoStore<C>,
    since: Since<Id<C>>,
) -> impl Stream<Item = Result<NewsOf<C>, StoreError>> + Send {
    let (versions, unreadable) = (HashMap::new(), HashSet::new());
    let looker = Looker { store, since, versions, unreadable, count: None, look: None, watching: false, lost: false };
    stream::try_unfold(looker, |mut looker| async move { Ok(Some((looker.news().await?, looker))) })
}

impl<C: Codec> Looker<'_, C> {
    async fn news(&mut self) -> Result<NewsOf<C>, StoreError> {
        loop {
            match self.step().await {
                Ok(None) => {}
                Ok(Some(news)) => return Ok(news),
                Err(error @ StoreError::Unreachable { .. }) if self.watching => {
                    (self.look, self.count) = (None, None);
                    if !std::mem::replace(&mut self.lost, true) {
                        return Ok(News::Lost(error));
                    }
                    sleep(INTERVAL).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn step(&mut self) -> Result<Option<NewsOf<C>>, StoreError> {
        let Some(look) = &mut self.look else {
            if self.watching && !self.lost {
                sleep(INTERVAL).await;
            }
            let count = self.store.count().await?;
            if self.count != Some(count) {
                self.count = Some(count);
                self.look = Some(Box::pin(self.store.documents(self.since.scope())));
            }
            return Ok(None);
        };
        match look.try_next().await? {
            Some(document) => {
                let is_asked_for = self.watching || !matches!(self.since, Since::Now(_));
                let entry = match read_entry::<C>(&document) {
                    Ok(entry) => entry,
                    Err(unreadable) => {
                        let is_new = self.unreadable.insert(id_of(&document));
                        return Ok((is_new && is_asked_for).then_some(News::Unreadable(unreadable)));
                    }
                };
                let newest = self.versions.entry(entry.stream.to_string()).or_default();
                let is_new = entry.version > *newest;
                *newest = entry.version.max(*newest);
                Ok((is_new && is_asked_for).then_some(News::Event(entry)))
            }
            None => {
                self.look = None;
                let (first, lost) = (!std::mem::replace(&mut self.watching, true), std::mem::take(&mut self.lost));
                Ok((first || lost).then_some(News::Watching { every: Some(INTERVAL) }))
            }
        }
    }
}
