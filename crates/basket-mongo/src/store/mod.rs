//! The contract: what any store of events does. It knows the shape of an event document, and no driver.
//!
//! Read it in this order; each file uses only those before it:
//!
//! 1. [`codec`]: how the events of an aggregate become documents and back
//! 2. [`entry`]: an event, and what is stored beside it; [`error`]: everything that can go wrong
//! 3. [`json`]: documents as text and back; [`document`]: the shape of an event document, and how one that can't be read is named
//! 4. [`event_store`]: `get`, `append` and `save`; [`command`]: load, decide, append, and again if another writer came first
//! 5. [`log`]: reading what was kept, and the past; [`tail`]: events as they happen; [`undo`]: what if, and undo
//! 6. [`together`]: decisions across streams; [`query`]: the events that such a decision depends on
//! 7. [`feed`]: what is kept of a reader, so that it goes on where it was; [`batch`] and [`subscription`]: each event
//!    once; [`projection`]: read models
//! 8. [`verify`], [`exchange`] and [`maintenance`]: whether all can be read, and carrying it from one store to another;
//!    [`setup`]: what a store needs before its first event; [`archive`]: streams that were moved to a file
//! 9. [`keys`]: the keys of sealed texts; [`snapshot`] and [`snapshotted`]: loads of long streams that begin at a state that was
//!    kept
//! 10. [`until`]: a deadline for the calls of any store; [`retry`]: how often something is tried; [`lines`]: who waits for whom in one
//!     process; [`holders`]: a store behind a pointer; `observed` (features `tracing` and `metrics`): what a store does, for whoever listens

pub mod archive;
pub mod batch;
pub mod by_serde;
pub mod codec;
pub mod command;
pub mod corpus;
pub mod document;
pub mod entry;
pub mod error;
pub mod event_store;
pub mod exchange;
pub mod feed;
pub mod holders;
pub mod json;
pub mod keys;
pub mod lines;
pub mod log;
pub mod maintenance;
#[cfg(any(feature = "metrics", feature = "tracing"))]
pub mod observed;
pub mod projection;
pub mod query;
pub mod retry;
pub mod setup;
pub mod snapshot;
pub mod snapshotted;
pub mod subscription;
pub mod tail;
pub mod together;
pub mod undo;
pub mod until;
pub mod upcaster;
pub mod verify;
