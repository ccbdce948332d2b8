//! What a subscription writes: what was read, with what was made of it, and its lease.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep};

use super::{
    super::{
        batch::Batch,
        codec::Codec,
        error::StoreError,
        feed::{Change, Claimed, Feeds, Shape, Totals},
        retry::Retries,
    },
    Subscription,
};

/// The shortest time that a rate is measured over.
const LATELY: Duration = Duration::from_secs(1);

impl<C: Codec + 'static, S: Feeds<C> + Sync> Subscription<'_, C, S> {
    /// Keeps what was made of a batch, with the fact that it was read: both, or neither. After an error, and after a store that did
    /// not answer, what was not kept comes again.
    pub async fn keep(&mut self, batch: Batch<C>, totals: Totals) -> Result<(), StoreError> {
        self.try_keep(batch, totals).await.map(drop)
    }

    /// Keeps a batch; false if it may not have been.
    pub(crate) async fn try_keep(&mut self, batch: Batch<C>, totals: Totals) -> Result<bool, StoreError> {
        let (known, is_partial) = (batch.known, batch.position.is_none());
        let change = Change {
            position: batch.position.clone().or_else(|| self.position.clone()),
            is_last: batch.is_last,
            totals,
            marks: batch.moved(),
            ..Change::default()
        };
        if change.marks.is_empty() {
            return Ok(true);
        }
        let position = change.position.clone();
        let written = self.write(change).await;
        self.is_open = written.is_err() || is_partial;
        if written.is_ok() {
            self.found(known);
        }
        match written {
            Err(error) if error.is_transient() => {
                self.retries += 1;
                self.claim_again().await?;
                Ok(position.is_some() && self.claim.position == position)
            }
            written => written.map(|()| true),
        }
    }

    /// Renews the lease if that is due, while a batch is worked on for long.
    ///
    /// # Errors
    /// Those of [`keep`](Self::keep).
    pub async fn stay(&mut self) -> Result<(), StoreError> {
        if self.written.elapsed() >= self.options.lease / 3 {
            self.write(Change { position: self.position.clone(), ..Change::default() }).await?;
        }
        Ok(())
    }

    /// Waits for some work on a batch, and renews the lease before it, where that is due, and meanwhile: who was frozen for long
    /// does not even begin.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if another reader has taken over; the work is dropped then. Where the store does not answer, the
    /// work goes on as long as the lease lasts, and rests then.
    pub async fn stay_during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, StoreError> {
        let mut work = pin!(work);
        self.stay_or_rest().await?;
        loop {
            let due = pin!(sleep(self.options.lease / 3));
            if let Either::Left((done, _)) = select(work.as_mut(), due).await {
                return Ok(done);
            }
            // Meanwhile the work goes on: where it waits for a lock of the same store, a renewal that it waits for would wait for it.
            let (done, stayed) = match select(work.as_mut(), pin!(self.stay())).await {
                Either::Left((done, stay)) => (Some(done), stay.await),
                Either::Right((stayed, _)) => (None, stayed),
            };
            match (done, stayed) {
                (_, Err(error)) if !error.is_transient() => return Err(error),
                (Some(done), _) => return Ok(done),
                (None, Err(_)) => self.stay_or_rest().await?,
                (None, Ok(())) => {}
            }
        }
    }

    /// Renews the lease where that is due. Without an answer, it waits for one from the end of the lease on: another reader may have
    /// taken over.
    async fn stay_or_rest(&mut self) -> Result<(), StoreError> {
        loop {
            match self.stay().await {
                Err(error) if !error.is_transient() => return Err(error),
                Err(_) if self.written.elapsed() >= self.options.lease => sleep(self.options.lease / 10).await,
                _ => return Ok(()),
            }
        }
    }

    /// Counts something that is tried again: it is one of the feed's numbers.
    pub fn count_retry(&mut self) {
        self.retries += 1;
    }

    pub(super) async fn write(&mut self, change: Change) -> Result<(), StoreError> {
        if self.is_claimed_anew {
            self.claim_again().await?;
        }
        let (position, healing) = (change.position.clone(), self.healing.is_some());
        let (since, events) = (self.lately.0.elapsed(), self.lately.1 + change.events());
        let rate = (since >= LATELY).then(|| events as f64 / since.as_secs_f64());
        let mut change = Change { retries: self.retries, healed: self.healed, rate, ..change };
        if healing {
            // It heals from the beginning, or it would not know what it has not found.
            change.position = None;
        }
        // Written with the marks that are no longer parked, or a kill would lose what they stand for.
        change.again = self.reads_again && !change.marks.is_empty();
        let written = self.store.keep(&self.claim, &change).await;
        if written.is_err() {
            (self.source, self.shown) = (None, Default::default());
        }
        written?;
        (self.retries, self.healed, self.written) = (0, 0, Instant::now());
        self.reads_again &= !change.again;
        self.lately = if rate.is_some() { (Instant::now(), 0) } else { (self.lately.0, events) };
        self.was_last = change.is_last;
        self.position.clone_from(&position);
        if !healing {
            self.claim.position = position;
        }
        Ok(())
    }

    /// After a write whose answer was lost: reads the position again, which says whether it was kept. The new fence refuses that
    /// write if it comes later.
    pub(super) async fn claim_again(&mut self) -> Result<(), StoreError> {
        let (lease, feed) = (self.options.lease, self.claim.rows.feed.clone());
        let shape = Shape { number: self.claim.shape, indexes: &[] };
        self.is_claimed_anew = true;
        for attempt in 1.. {
            match self.store.claim(&feed, &self.options.holder, shape, lease, false).await {
                Ok(Claimed::Ours(claim)) => {
                    (self.claim, self.is_claimed_anew) = (*claim, false);
                    self.start_again(self.claim.position.clone());
                    return Ok(());
                }
                Ok(Claimed::Held { .. }) => {
                    return Err(StoreError::Fenced { store: self.store.name().to_owned(), feed });
                }
                Err(error) if error.is_transient() => sleep(Retries::SEND.pause(attempt)).await,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends it, so that another process need not wait for its lease.
    pub async fn close(self) -> Result<(), StoreError> {
        self.store.release(&self.claim).await
    }
}
