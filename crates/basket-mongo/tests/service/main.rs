//! The example of a web service, as its clients see it: over a socket, on a real MongoDB.
//!
//! - [`client`]: a service of one test, and a client that talks to it
//! - [`commands`], [`repeated`], [`refused`]: commands, with their conditions, keys and errors
//! - [`events`], [`report`]: what happens, and the read model
//! - [`ends`]: MongoDB is away, and the service ends

#[path = "../../examples/service/app/mod.rs"]
mod app;
mod client;
mod commands;
mod ends;
mod events;
mod refused;
mod repeated;
mod report;
mod traces;
