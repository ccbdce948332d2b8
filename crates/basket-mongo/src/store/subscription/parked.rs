//! What a subscription has parked.

use std::pin::pin;

use futures_util::TryStreamExt;

use super::{
    super::{
        batch::{Batch, Touched},
        codec::{Codec, Id, id_of_key, key_bytes},
        error::{StoreError, Unreadable},
        feed::{Feeds, RowQuery},
        log::Scope,
    },
    Subscription,
};

impl<C: Codec + 'static, S: Feeds<C> + Sync> Subscription<'_, C, S> {
    /// Parks a stream of a batch, whose document can't be read; an error if that is not the policy.
    pub fn park(&self, batch: &mut Batch<C>, id: &Id<C>, unreadable: Unreadable) -> Result<(), StoreError> {
        let place = key_bytes(&C::key(id));
        if let Some(stream) = batch.streams.get_mut(&place) {
            // Its row is that of the version before.
            stream.version = stream.before.version;
        }
        let parked = self.poisoned(batch, C::key(id), Unreadable { version: None, ..unreadable.clone() });
        if let Some(parked) = batch.streams.get_mut(&place).and_then(|stream| stream.parked.as_mut()) {
            parked.version = unreadable.version;
        }
        parked.map_err(StoreError::from)
    }

    /// The parked streams once more: those that can be read now are in the batch, to be kept; the others stay parked.
    ///
    /// The batch has no more events than others have. If there are more, or if a document had named no stream, and may name any
    /// now, [`next`](Self::next) reads all events again, and returns those that were not kept. Keep the batch, and call it until
    /// all was read.
    pub async fn retry_parked(&mut self) -> Result<Batch<C>, StoreError> {
        let query = RowQuery { is_parked: true, ..RowQuery::default() };
        let mut parked = pin!(self.store.rows(self.claim.rows.clone(), query));
        let (mut batch, mut reads_again) = (Batch::new(), false);
        while let Some((key, before)) = parked.try_next().await? {
            self.stay().await?;
            let place = key_bytes(&key);
            let id = id_of_key::<C>(&key);
            let mut stream = Touched::new(key, before);
            let Some(id) = id else {
                // If it still can't be read, it is parked again.
                stream.parked = None;
                batch.streams.insert(place, stream);
                reads_again = true;
                continue;
            };
            stream.parked = None;
            let mut log = pin!(self.store.log(Scope::From(id, stream.version + 1)));
            loop {
                match log.try_next().await {
                    Ok(None) => break,
                    Ok(Some(entry)) if entry.version == stream.version + 1 => {
                        if batch.entries.len() >= self.options.batch.max(1) {
                            reads_again = true;
                            break;
                        }
                        stream.version = entry.version;
                        batch.entries.extend(Some(entry).filter(|entry| (self.only)(entry)));
                    }
                    Ok(Some(_)) => {
                        stream.parked = stream.before.parked.clone();
                        break;
                    }
                    Err(StoreError::Unreadable(unreadable)) => {
                        stream.parked = Some(unreadable.into());
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
            batch.streams.insert(place, stream);
        }
        if reads_again {
            self.start_again(None);
            self.reads_again = true;
        }
        Ok(batch)
    }
}
