//! The calls that are about feeds: what they write is observed, and how far they are.

use std::time::Duration;

use bson::Bson;
use futures_util::Stream;

use super::{
    super::{
        codec::{Codec, Id},
        error::StoreError,
        feed::{
            Change, Claim, Claimed, FeedState, Feeds, Mark, Passed, Position, RowQuery, Rows, Shape, Totals, Which,
        },
    },
    Observed,
    call::{About, Seen},
};

/// A call that is about a feed.
fn of_feed<'a>(call: &'static str, command: &'static str, feed: &'a str) -> About<'a> {
    About { call, command, beside: "_feeds", feed: Some(feed), ..About::default() }
}

impl<C: Codec, S: Feeds<C> + Sync> Feeds<C> for Observed<S> {
    fn after(&self, position: Option<Position>) -> impl Stream<Item = Result<Passed<C>, StoreError>> + Send {
        self.store.after(position)
    }

    async fn claim(
        &self,
        feed: &str,
        holder: &str,
        shape: Shape,
        lease: Duration,
        by_force: bool,
    ) -> Result<Claimed, StoreError> {
        let call = self.call(of_feed("claim", "findAndModify", feed));
        call.of(self.store.claim(feed, holder, shape, lease, by_force), |_| Seen::default()).await
    }

    async fn keep(&self, claim: &Claim, change: &Change) -> Result<(), StoreError> {
        let about = About { events: Some(change.events()), ..of_feed("keep", "update", &claim.rows.feed) };
        self.call(about).of(self.store.keep(claim, change), |()| Seen::default()).await?;
        #[cfg(feature = "metrics")]
        {
            let labels = self.labels(&claim.rows.feed);
            metrics::counter!("event_store.feed.events", &labels).increment(change.events());
            metrics::counter!("event_store.feed.retries", &labels).increment(change.retries);
            metrics::counter!("event_store.feed.healed", &labels).increment(change.healed);
        }
        Ok(())
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.store.release(claim).await
    }

    async fn marks(&self, rows: &Rows, keys: Vec<Bson>) -> Result<Vec<(Bson, Mark)>, StoreError> {
        self.store.marks(rows, keys).await
    }

    fn rows(&self, rows: Rows, query: RowQuery) -> impl Stream<Item = Result<(Bson, Mark), StoreError>> + Send {
        self.store.rows(rows, query)
    }

    async fn totals(&self, rows: &Rows, which: &Which) -> Result<Totals, StoreError> {
        self.store.totals(rows, which).await
    }

    async fn replace(&self, feed: &str, by: &Claim) -> Result<(), StoreError> {
        self.store.replace(feed, by).await
    }

    async fn forget(&self, feed: &str) -> Result<(), StoreError> {
        self.store.forget(feed).await
    }

    async fn feeds(&self) -> Result<Vec<FeedState>, StoreError> {
        let feeds = self.store.feeds().await?;
        #[cfg(feature = "metrics")]
        feeds.iter().for_each(|feed| self.measure(feed));
        Ok(feeds)
    }

    async fn wait_for(&self, feed: &str, id: &Id<C>, version: u64, within: Duration) -> Result<(), StoreError> {
        self.store.wait_for(feed, id, version, within).await
    }
}

#[cfg(feature = "metrics")]
impl<S> Observed<S> {
    fn labels(&self, feed: &str) -> [(&'static str, String); 2] {
        [("db.collection.name", self.target.collection.clone()), ("feed", feed.to_owned())]
    }

    fn measure(&self, feed: &FeedState) {
        let labels = self.labels(&feed.rows.feed);
        metrics::gauge!("event_store.feed.lag.events", &labels).set(feed.behind as f64);
        metrics::gauge!("event_store.feed.parked", &labels).set(feed.parked as f64);
        let since = |then: bson::DateTime| then.to_system_time().elapsed().unwrap_or_default();
        let lag = if feed.behind == 0 { Some(Duration::ZERO) } else { feed.as_of.map(since) };
        if let Some(lag) = lag {
            metrics::gauge!("event_store.feed.lag.seconds", &labels).set(lag);
        }
    }
}
