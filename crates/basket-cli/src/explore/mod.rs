//! `explore`: the streams of a store on a full screen, and a slider through the events of each.
//!
//! - [`keys`]: the one table of keys, which handles them and which the help shows
//! - [`model`]: what is on the screen and what a key does to it; [`list`] and [`timeline`] are its two halves. Pure
//! - [`question`]: asks before something is undone
//! - [`view`]: draws a model; it reads no store and decides nothing
//! - [`reader`]: reads the store, and follows it
//! - [`undo`]: plans and does what is undone here
//! - `screen`: takes the terminal and always restores it; `run` is the loop that connects all of these

pub mod keys;
pub mod list;
pub mod model;
pub mod question;
pub mod reader;
pub(crate) mod run;
mod screen;
pub mod timeline;
pub mod undo;
pub mod view;

pub use model::Model;
pub use timeline::Timeline;
