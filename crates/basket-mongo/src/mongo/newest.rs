//! The newest time that a store has seen, so that it never shows an older one.
//!
//! A read of the majority is not enough for that: after an election or a restart, a primary may know for a moment only an older
//! state as that of the majority, and would answer with it. So each read asks for the time of the newest write and read before it
//! ([causal consistency](https://www.mongodb.com/docs/manual/core/causal-consistency-read-write-concerns/)), which costs no
//! command more. It is known within one process, by a store and its clones.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bson::Timestamp;
use mongodb::{ClientSession, error::Error};

use super::store::MongoStore;
use crate::store::codec::Codec;

/// A time of the servers' own clock, as one number; 0 for none.
#[derive(Debug, Default)]
pub(super) struct Newest(AtomicU64);

impl<C: Codec> MongoStore<C> {
    /// A session whose reads see all that this store has written and seen.
    pub(super) async fn session(&self) -> Result<ClientSession, Error> {
        let mut session = self.events.client().start_session().await?;
        let newest = self.newest.0.load(Relaxed);
        if newest > 0 {
            session.advance_operation_time(Timestamp { time: (newest >> 32) as u32, increment: newest as u32 });
        }
        Ok(session)
    }

    /// Notes the time of what was read or written in a session, if that went well: of what failed, the majority may know nothing.
    pub(super) fn saw(&self, session: &ClientSession) {
        if let Some(Timestamp { time, increment }) = session.operation_time() {
            self.newest.0.fetch_max(u64::from(time) << 32 | u64::from(increment), Relaxed);
        }
    }
}
