//! `basket explore`: the baskets of a store on a full screen, and a slider through the life of each.
//!
//! - [`keys`]: the one table of keys, which handles them and which the help shows
//! - [`model`]: what is on the screen and what a key does to it; [`list`] and [`timeline`] are its two halves. Pure
//! - [`view`]: draws a model; it reads no store and decides nothing
//! - [`news`]: reads the store and looks once a second whether something is new
//! - [`screen`]: takes the terminal and gives it back, whatever happens; [`run`](mod@run) is the loop around them all

pub mod keys;
pub mod list;
pub mod model;
pub mod news;
pub mod run;
pub mod screen;
pub mod timeline;
pub mod view;

pub use model::Model;
pub use timeline::Timeline;
