//! The counter-examples of the model on the real store: each way through the model is walked step by step, once without the
//! safeguard, and the law is broken as the story says; and once with it, and the law holds. What judges is the law of the model.
//!
//! The library's sources know nothing of it. A safeguard is taken away from outside: an index is dropped, a caller forgets its
//! commit, a store stands around the store.

mod actor;
mod appends;
mod feeds;
mod gate;
mod sets;
mod without;
