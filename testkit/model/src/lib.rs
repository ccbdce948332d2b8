//! The append and the feeds of the store on MongoDB as models: all that three writers, two readers, a network and a replica set can
//! do, step by step, visited by [`stateright`] in all orders up to a bound. The steps have the names of the functions in
//! `basket-mongo/src/mongo/append.rs` and `store/subscription`.
//!
//! - `safeguards`: what keeps the laws, and can be taken away
//! - `append`: writers of one stream; `append/writer.rs` is one of them, by which the traces of the real code are judged
//! - `feed`: readers of one feed, with its lease, its fence, its marks and its position
//! - `story`: a way through a model in plain English; `cargo run --release -p model` prints them
//! - `trace`: what the real code was seen to do, judged by the model
//!
//! The crate knows no database. Its tests do: they replay each counter-example on the real store, and check what that one does.

pub mod append;
pub mod feed;
pub mod safeguards;
pub mod story;
pub mod trace;
