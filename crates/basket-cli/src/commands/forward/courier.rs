//! Takes events from a feed to a sink: in order, again where there was no answer, and on only when they were taken.

use std::{
    collections::VecDeque,
    io, mem,
    pin::{Pin, pin},
    time::Duration,
};

use anyhow::Result;
use basket_mongo::{
    Entry, Feeds, Subscription,
    store::{batch::Batch, feed::Totals},
};
use futures_util::future::{Either, select};
use tokio::time::{sleep, timeout};

use super::{
    super::turn,
    sink::{Answer, Sink},
};
use crate::{
    domain::{Domain, what},
    exit::{Failure, REFUSED, STORE, note},
};

/// How often it is tried before it gives up, where it does.
const ATTEMPTS: u32 = 6;

/// How long to wait after so many failures: twice as long each time, up to half a minute, and then some of it at random, so that
/// senders that met once don't meet again.
fn pause(failures: u32) -> Duration {
    let longest = Duration::from_millis(200 << failures.saturating_sub(1).min(16)).min(Duration::from_secs(30));
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// How long a receiver may ask to wait, before one who is to end gives up; and at all.
const LONG: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3_600);

/// The end that the user sets.
pub(super) type Ended = Pin<Box<dyn Future<Output = io::Result<()>>>>;

pub(super) struct Courier<'a> {
    pub(super) sink: Sink,
    /// What the sink is called.
    pub(super) to: &'a str,
    /// The name of the feed.
    pub(super) feed: &'a str,
    /// Whether it goes on without a stream whose event is refused.
    pub(super) goes_on: bool,
    /// Whether it ends when all was taken, or after some attempts.
    pub(super) gives_up: bool,
    /// Whether it begins with what was parked.
    pub(super) retries: bool,
    pub(super) ended: Ended,
    /// How many events were taken.
    pub(super) taken: u64,
}

/// Why it ends, or goes on.
enum Step {
    /// All of a batch was answered.
    Done,
    /// The user has ended it.
    Ended,
    /// It can't go on.
    Failed(Failure),
}

impl Courier<'_> {
    /// Forwards events until the end.
    pub(super) async fn forward<D: Domain, S: Feeds<D> + Sync>(
        &mut self,
        reader: &mut Subscription<'_, D, S>,
    ) -> Result<()> {
        let mut healed = 0;
        loop {
            let retries = self.retries;
            let next = async { if retries { reader.retry_parked().await } else { reader.next().await } };
            let Some(batch) = before_the_end(&mut self.ended, next).await? else { return Ok(()) };
            let mut batch = batch.map_err(|error| turn::in_words(error, self.feed))?;
            if reader.times_healed() > healed {
                healed = reader.times_healed();
                turn::note_healed(reader.store().name(), self.feed);
            }
            let is_last = batch.is_last;
            let step = self.deliver(reader, &mut batch).await?;
            let rest = mem::take(&mut batch.entries);
            batch.put_off(rest);
            let keep = reader.keep(batch, Totals::new());
            match step {
                Step::Done => match before_the_end(&mut self.ended, keep).await? {
                    Some(kept) => kept?,
                    None => return Ok(()),
                },
                // A store that does not answer is not waited for: what was not kept comes again.
                Step::Ended => {
                    timeout(turn::PATIENCE, keep).await.ok();
                    return Ok(());
                }
                Step::Failed(failure) => {
                    timeout(turn::PATIENCE, keep).await.ok();
                    return Err(failure.into());
                }
            }
            self.retries = false;
            if is_last && self.gives_up {
                return Ok(());
            }
        }
    }

    /// Sends the events of a batch; those that were not taken stay in it.
    async fn deliver<D: Domain, S: Feeds<D> + Sync>(
        &mut self,
        reader: &mut Subscription<'_, D, S>,
        batch: &mut Batch<D>,
    ) -> Result<Step> {
        let mut left = VecDeque::from(mem::take(&mut batch.entries));
        let (mut most, mut failures, mut step) = (self.sink.most(), 0, Step::Done);
        while !left.is_empty() && matches!(step, Step::Done) {
            let many = self.sink.group::<D>(left.make_contiguous(), most);
            let group: Vec<_> = left.iter().take(many).cloned().collect();
            let send = reader.stay_during(self.sink.send::<D>(&group));
            let Some(answer) = before_the_end(&mut self.ended, send).await?.transpose()? else {
                step = Step::Ended;
                break;
            };
            match (answer, group.as_slice()) {
                (Answer::Taken, _) => {
                    self.taken += left.drain(..many).len() as u64;
                    if mem::take(&mut failures) > 0 {
                        note(&format!("{} takes events again", self.to));
                    }
                    most = (most * 2).min(self.sink.most());
                }
                // Which of them is it?
                (Answer::Refused { .. }, [_, _, ..]) => most = many / 2,
                (Answer::Refused { why }, [entry, ..]) if self.goes_on => {
                    note(&format!("{}; its {} is parked", self.refused::<D>(entry, &why), what::<D>()));
                    batch.park(entry, why);
                    left.retain(|other| other.stream != entry.stream);
                }
                (Answer::Refused { why }, [entry, ..]) => {
                    let (why, feed, what) = (self.refused::<D>(entry, &why), self.feed, what::<D>());
                    let why = format!("{why}; '{feed}' stands before it; with --park it goes on without this {what}");
                    step = Step::Failed(Failure(REFUSED, why));
                }
                (Answer::Refused { why } | Answer::Unfit { why }, _) => {
                    step = Step::Failed(Failure(STORE, format!("{} takes no events: {why}", self.to)));
                }
                (Answer::Later { why, after }, _) => {
                    failures += 1;
                    reader.count_retry();
                    let why = format!("{} does not take events now: {why}", self.to);
                    if self.gives_up && (failures >= ATTEMPTS || after.is_some_and(|after| after > LONG)) {
                        step = Step::Failed(Failure(STORE, why));
                        break;
                    }
                    if failures == 1 {
                        note(&format!("{why}; trying again"));
                    }
                    let pause = sleep(pause(failures).max(after.unwrap_or_default()).min(LONGEST));
                    let waited = before_the_end(&mut self.ended, reader.stay_during(pause)).await?;
                    if waited.transpose()?.is_none() {
                        step = Step::Ended;
                    }
                }
            }
        }
        batch.entries = left.into();
        Ok(step)
    }

    fn refused<D: Domain>(&self, entry: &Entry<D>, why: &str) -> String {
        let Entry::<D> { stream, version, document, .. } = entry;
        let what = what::<D>();
        format!("{} refuses version {version} of {what} '{stream}', document {document}: {why}", self.to)
    }
}

/// What a future returns; none if the user ends the command before.
pub(super) async fn before_the_end<T>(ended: &mut Ended, work: impl Future<Output = T>) -> io::Result<Option<T>> {
    match select(pin!(work), ended).await {
        Either::Left((done, _)) => Ok(Some(done)),
        Either::Right((ended, _)) => ended.map(|()| None),
    }
}
