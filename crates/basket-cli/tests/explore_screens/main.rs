//! What `basket explore` shows and what each key does to it, without a terminal and without a store.

mod keys;
mod screens;
mod story;
