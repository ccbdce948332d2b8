//! A command that reads several streams, one after the other: one that is not there stops none of the others.

use anyhow::Result;

use super::archive::or_archived;
use crate::{
    domain::{Domain, Id, what},
    exit::{self, Failure, NOT_FOUND},
    named::{Named, find},
    store::Store,
};

/// Calls `read` for each stream. What was not found is named when its turn comes, and at the end it is a failure; if only one
/// stream is asked for, it is that one's error.
pub(super) async fn each<D: Domain>(
    store: &impl Store<D>,
    asked: &[Named<Id<D>>],
    mut read: impl AsyncFnMut(Id<D>) -> Result<()>,
) -> Result<()> {
    let mut missing = 0;
    for named in asked {
        let done = match find(store, named).await {
            Ok(id) => read(id).await,
            Err(error) => Err(error),
        };
        match or_archived(store, done).await {
            Err(error) if asked.len() > 1 && exit::is_not_found(&error) => {
                exit::report(&error);
                missing += 1;
            }
            done => done?,
        }
    }
    match missing {
        0 => Ok(()),
        _ => {
            let why = format!("{missing} of {} {}s could not be read; the others were", asked.len(), what::<D>());
            Err(Failure(NOT_FOUND, why).into())
        }
    }
}
