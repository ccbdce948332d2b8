//! Events of the embedded file as they happen. SQLite shows cheaply whether another process has written, and positions are in
//! the order of the commits. So reading ten times a second misses no event and shows none twice.

use std::{
    mem,
    time::{Duration, SystemTime},
};

use basket_mongo::{
    Codec, News, NewsOf, Since, StoreError, Tail,
    store::{codec::Id, document::read_entry},
};
use futures_util::{Stream, stream};
use rusqlite::Connection;
use tokio::time::sleep;

use super::{
    file::{File, Identity, cant_change},
    rows::{self, Page},
    store::EmbeddedStore,
};

const INTERVAL: Duration = Duration::from_millis(100);

impl<C: Codec> Tail<C> for EmbeddedStore<C> {
    fn tail(&self, since: Since<Id<C>>) -> impl Stream<Item = Result<NewsOf<C>, StoreError>> + Send {
        let stream = since.stream().map(|id| (rows::key_text(C::key(id)), since.version()));
        let from_its_end = matches!(since, Since::Now(_));
        let follower = Follower { store: self, stream, from_its_end, open: None, page: Page::new(), watching: false };
        stream::try_unfold(follower, |mut follower| async move { Ok(Some((follower.news().await?, follower))) })
    }
}

struct Follower<'a, C> {
    store: &'a EmbeddedStore<C>,
    /// The one stream that is asked for, and its lowest version.
    stream: Option<(String, u64)>,
    /// Whether to skip the events that are there at the first read.
    from_its_end: bool,
    /// The file, once it is there.
    open: Option<Open>,
    /// What was read and not returned yet.
    page: Page,
    /// Whether [`News::Watching`] was returned.
    watching: bool,
}

struct Open {
    connection: Connection,
    /// Which file it is, so that one that takes its place is noticed.
    identity: Identity,
    /// When the file was written to last, as far as was seen.
    written: Option<SystemTime>,
    position: i64,
    /// The `_id` of the row at this position, so that other rows in the same file are noticed.
    last: Option<String>,
    /// SQLite's number for the last commit of others that was seen; `None` before the first read.
    data_version: Option<i64>,
    /// Whether there may be more rows at this data version.
    more: bool,
}

impl<C: Codec> Follower<'_, C> {
    async fn news(&mut self) -> Result<NewsOf<C>, StoreError> {
        loop {
            if let Some(document) = self.page.pop_front() {
                return Ok(read_entry::<C>(&document).map_or_else(News::Unreadable, News::Event));
            }
            let (open, stream) = (self.open.take(), self.stream.clone());
            // All events of a file that appears later are new.
            let from_its_end = mem::take(&mut self.from_its_end);
            let read = move |file: &File| {
                let (was_open, written) =
                    (open.is_some(), open.as_ref().map_or_else(|| file.written(), |open| open.written));
                read_on(file, open, from_its_end, stream).map_err(|error| match error {
                    // What it reads is half of a copy, or fits no longer to what it remembers of the file. The time of a file is
                    // counted in ticks, so a copy may be written to twice at one time.
                    StoreError::Damaged { .. } if file.written() != written || was_open && file.is_fresh() => {
                        file.was_replaced()
                    }
                    error => error,
                })
            };
            (self.open, self.page) = self.store.on_thread(read).await?;
            if !self.page.is_empty() {
                continue;
            }
            if self.watching {
                sleep(INTERVAL).await;
            } else {
                self.watching = true;
                return Ok(News::Watching { every: None });
            }
        }
    }
}

/// Reads the next rows; none where nothing is new.
fn read_on(
    file: &File,
    open: Option<Open>,
    from_its_end: bool,
    stream: Option<(String, u64)>,
) -> Result<(Option<Open>, Page), StoreError> {
    let failed = |error| file.failed(error);
    let (identity, written) = (file.identity(), file.written());
    let mut open = match open {
        // Only another connection shows what was copied over the file, and what others have written to one that is read-only.
        Some(open) if open.written != written || cant_change(&open.connection) => {
            file.is_there(open.identity)?;
            let Some(connection) = file.open_existing()? else { return Ok((Some(open), Page::new())) };
            Open { connection, written, data_version: None, more: true, ..open }
        }
        Some(open) => open,
        None => {
            let Some(connection) = file.open_existing()? else { return Ok((None, Page::new())) };
            let position = if from_its_end { file.table.last_position(&connection).map_err(failed)? } else { 0 };
            let last = file.table.id_at(&connection, position).map_err(failed)?;
            Open { connection, identity, written, position, last, data_version: None, more: true }
        }
    };
    // Before the rows: a commit in between is then read now and noticed again by the next read, which finds no new row.
    let data_version = open.connection.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(failed)?;
    if !open.more && open.data_version == Some(data_version) {
        return file.is_there(open.identity).map(|()| (Some(open), Page::new()));
    }
    open.data_version = Some(data_version);
    if file.table.id_at(&open.connection, open.position).map_err(failed)? != open.last {
        return Err(file.was_replaced());
    }
    let page;
    (page, open.position) = file.table.since(&open.connection, open.position, stream.as_ref()).map_err(failed)?;
    open.last = file.table.id_at(&open.connection, open.position).map_err(failed)?;
    open.more = !page.is_empty();
    Ok((Some(open), page))
}
