//! A stream that goes on by itself. The driver's calls wait for each other at locks that are given in turn: one that has got its turn
//! and is not polled any more keeps it, and every other call of the client waits for ever. A reader between two of its calls would be
//! such a one, in the middle of whatever it waits for. So what it waits for runs in a task.
//!
//! The trap is known as futurelock (Oxide's RFD 609, 2025).

use futures_util::{Stream, StreamExt, stream, stream::BoxStream};
use tokio::{sync::mpsc, task::JoinSet};

use super::store::MongoStore;
use crate::store::codec::Codec;

/// How many items are handed over at once, if so many are there, and how many times that may wait: to wake a reader for each item
/// takes as long as to read it.
const TOGETHER: usize = 500;
const WAITING: usize = 1;

/// What a stream of this store shows, out of a task that ends when this is dropped.
pub(super) fn driven<C: Codec + 'static, T: Send + 'static>(
    store: &MongoStore<C>,
    items: impl FnOnce(&MongoStore<C>) -> BoxStream<'_, T> + Send + 'static,
) -> impl Stream<Item = T> + Send {
    let store = store.clone();
    stream::once(async move {
        let (send, receive) = mpsc::channel(WAITING);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut items = items(&store).ready_chunks(TOGETHER);
            while let Some(chunk) = items.next().await {
                if send.send(stream::iter(chunk)).await.is_err() {
                    return;
                }
            }
        });
        stream::unfold((receive, task), async |(mut receive, task)| Some((receive.recv().await?, (receive, task))))
    })
    .flatten()
    .flatten()
}
