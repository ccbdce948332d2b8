//! The tail of the embedded file: SQLite tells cheaply whether another process has written, and a row's position is the
//! order of the commits. So a look ten times a second misses nothing and shows nothing twice.

use std::{collections::VecDeque, time::Duration};

use basket_domain::BasketId;
use basket_mongo::{Baskets, News, NewsOf, Since, StoreError, Tail, document::read_entry};
use bson::RawDocumentBuf;
use futures_util::{Stream, stream};
use rusqlite::Connection;
use tokio::{task::yield_now, time::sleep};

use crate::{EmbeddedStore, rows};

/// How long between two looks.
const INTERVAL: Duration = Duration::from_millis(100);

impl Tail<Baskets> for EmbeddedStore {
    fn tail(&self, since: Since<BasketId>) -> impl Stream<Item = Result<NewsOf<Baskets>, StoreError>> + Send {
        let follower =
            Follower { store: self, since, open: None, page: VecDeque::new(), begun: false, watching: false };
        stream::try_unfold(follower, |mut follower| async move { Ok(Some((follower.news().await?, follower))) })
    }
}

/// Whoever follows a file.
struct Follower<'a> {
    store: &'a EmbeddedStore,
    since: Since<BasketId>,
    /// The file, once it is there.
    open: Option<Open>,
    /// What was read and not told yet.
    page: VecDeque<RawDocumentBuf>,
    /// Whether the file was looked for.
    begun: bool,
    /// Whether that was said.
    watching: bool,
}

struct Open {
    connection: Connection,
    /// The last row that was read.
    position: i64,
    /// SQLite's mark of the last commit of others that was seen; `None` before the first look.
    mark: Option<i64>,
    /// Whether there may be more rows at this mark.
    more: bool,
}

impl Follower<'_> {
    async fn news(&mut self) -> Result<NewsOf<Baskets>, StoreError> {
        loop {
            if let Some(document) = self.page.pop_front() {
                return Ok(News::Event(read_entry::<Baskets>(&document)?));
            }
            if self.look()? {
                // A long catch-up must not keep a signal waiting.
                yield_now().await;
            } else if self.watching {
                sleep(INTERVAL).await;
            } else {
                self.watching = true;
                return Ok(News::Watching);
            }
        }
    }

    /// Reads on; `false` where there was nothing new.
    fn look(&mut self) -> Result<bool, StoreError> {
        let failed = |error| self.store.failed(error);
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                // What a file has that was not there before is new.
                let from_its_end = !self.begun && matches!(self.since, Since::Now(_));
                self.begun = true;
                let Some(connection) = self.store.open_existing()? else { return Ok(false) };
                let position = if from_its_end { rows::last_position(&connection).map_err(failed)? } else { 0 };
                self.open.insert(Open { connection, position, mark: None, more: true })
            }
        };
        // The mark before the rows: a commit in between is met twice by a look, and once by a row.
        let mark = rows::mark(&open.connection).map_err(failed)?;
        if !open.more && open.mark == Some(mark) {
            return self.store.is_there().map(|()| false);
        }
        open.mark = Some(mark);
        let stream = self.since.stream().map(|id| (id, self.since.version()));
        (self.page, open.position) = rows::since(&open.connection, open.position, stream).map_err(failed)?;
        open.more = !self.page.is_empty();
        Ok(open.more)
    }
}
