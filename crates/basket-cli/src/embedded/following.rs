//! What comes after a position in the embedded file: the rows behind it, in the order of the commits. `feeds` has what is kept
//! of a reader.

use std::{collections::VecDeque, time::Duration};

use basket_mongo::{
    Codec, StoreError,
    store::feed::{Passed, Position, Shown},
};
use bson::RawDocumentBuf;
use futures_util::{Stream, stream};
use tokio::time::sleep;

use super::store::EmbeddedStore;

/// The time between two looks, while there is nothing new.
const INTERVAL: Duration = Duration::from_millis(50);

/// What comes after a position, for ever.
pub(super) fn after<C: Codec>(
    store: &EmbeddedStore<C>,
    position: Option<Position>,
) -> impl Stream<Item = Result<Passed<C>, StoreError>> + Send {
    let row = match position {
        None => Ok(0),
        Some(Position::Row(row)) => Ok(row),
        Some(_) => Err(store.file.other("its position is of another kind of store")),
    };
    let reader = row.map(|row| Reader { store, row, shown: VecDeque::new(), idle: false });
    stream::try_unfold(Some(reader), |reader| async move {
        let Some(reader) = reader else { return Ok(None) };
        let mut reader = reader?;
        Ok(Some((reader.next().await?, Some(Ok(reader)))))
    })
}

struct Reader<'a, C> {
    store: &'a EmbeddedStore<C>,
    row: i64,
    shown: VecDeque<(RawDocumentBuf, i64)>,
    /// Whether the last read has found nothing.
    idle: bool,
}

impl<C: Codec> Reader<'_, C> {
    async fn next(&mut self) -> Result<Passed<C>, StoreError> {
        if let Some((document, row)) = self.shown.pop_front() {
            self.row = row;
            return Ok(Passed { shown: Some(Shown::read(&document)), position: Position::Row(row), is_last: false });
        }
        if self.idle {
            sleep(INTERVAL).await;
        }
        let after = self.row;
        let page = self.store.on_thread(move |file| {
            let Some(connection) = file.open_existing()? else { return Ok(VecDeque::new()) };
            file.table.behind(&connection, after).map_err(|error| file.failed(error))
        });
        self.shown = page.await?;
        self.idle = self.shown.is_empty();
        Ok(Passed { shown: None, position: Position::Row(self.row), is_last: self.idle })
    }
}
