//! A stream that goes on by itself. The driver's calls wait for each other at locks that are given in turn: one that has got its turn
//! and is not polled any more keeps it, and every other call of the client waits for ever. A reader between two of its calls would be
//! such a one, in the middle of whatever it waits for. So what it waits for runs in a task.
//!
//! The trap is known as futurelock (Oxide's RFD 609, 2025).

use std::panic::resume_unwind;

use futures_util::{Stream, StreamExt, stream, stream::BoxStream};
use tokio::{sync::mpsc, task::JoinSet};

/// How many items are handed over at once, if so many are there, and how many times that may wait: to wake a reader for each item
/// takes as long as to read it.
const TOGETHER: usize = 500;
const WAITING: usize = 1;

/// What a stream of this store shows, out of a task that ends when this is dropped. If the task panics, so does the one that reads.
pub(super) fn driven<S: Send + Sync + 'static, T: Send + 'static>(
    store: S,
    items: impl FnOnce(&S) -> BoxStream<'_, T> + Send + 'static,
) -> impl Stream<Item = T> + Send {
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
        stream::unfold((receive, task), async |(mut receive, mut task)| {
            if let Some(chunk) = receive.recv().await {
                return Some((chunk, (receive, task)));
            }
            // The last chunk, or a panic, which must not look like the end.
            match task.join_next().await {
                Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
                _ => None,
            }
        })
    })
    .flatten()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_items_come_and_then_the_end() {
        let items = driven((), |()| stream::iter(0..3 * TOGETHER).boxed());
        assert!(items.collect::<Vec<_>>().await.into_iter().eq(0..3 * TOGETHER));
    }

    #[tokio::test]
    #[should_panic(expected = "a fault")]
    async fn a_panic_is_no_end() {
        let items = driven((), |()| stream::iter([()]).inspect(|()| resume_unwind(Box::new("a fault"))).boxed());
        items.count().await;
    }
}
